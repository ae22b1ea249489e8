import TestSupport

/// The seeded corpus of `scripts/generate-embedding-fixtures`, draw for draw.
struct TokenCorpus {
    static let count = 4000
    static let limit = 128

    private var random = SplitMix64(seed: 20_240_501)
    private static let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    private static let words =
        ("how do i reset my password the bank account transfer 42 café naïve Ångström ÅNGSTRÖM résumé don't won't unbelievable "
        + "internationalization ΣΊΣΥΦΟΣ İstanbul ß straße Привет мир שלום नमस्ते ไทย 東京 中文字符 한국어 ひらがな カタカナ x264 C++ "
        + "snake_case camelCase https://example.com/a?b=c e.g. U.S.A. 3.14 $100 50% #tag @name hello").split(separator: " ").map(
            String.init)
    private static let ranges: [(Int, Int)] = [
        (0x20, 0x7E), (0xA0, 0x17F), (0x180, 0x24F), (0x250, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x530, 0x5FF), (0x600, 0x6FF),
        (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x20A0, 0x20CF), (0x2100, 0x214F),
        (0x3000, 0x30FF), (0x302A, 0x3030), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE00, 0xFE0F), (0xFF00, 0xFFEF),
        (0x1D100, 0x1D1FF), (0x1F300, 0x1F6FF), (0x1F900, 0x1F9FF), (0x2F800, 0x2FA1F), (0xE000, 0xE010), (0xE0000, 0xE007F), (0, 0x1F),
        (0x80, 0x9F), (0x10FFF0, 0x10FFFF),
    ]
    private static let spaces = [0x20, 0x09, 0x0A, 0x0D, 0x0B, 0xA0, 0x2003, 0x3000, 0x200B, 0x85, 0x2028, 0xFEFF]
    private static let marks = [0x300, 0x301, 0x308, 0x323, 0x327, 0x302E, 0x302F, 0x1D165, 0x1D16D, 0x345, 0x1BF3, 0xA953, 0x34F]

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    mutating func next() -> [UInt8] {
        var text = String.UnicodeScalarView()
        func add(_ code: Int) { if let scalar = Unicode.Scalar(UInt32(code)) { text.append(scalar) } }
        for _ in 0..<below(30) {
            switch below(16) {
            case 0...6: text.append(contentsOf: (Self.words[below(Self.words.count)] + " ").unicodeScalars)
            case 7: text.append(contentsOf: Self.words[below(Self.words.count)].unicodeScalars)
            case 8: text.append(contentsOf: Self.special[below(5)].unicodeScalars)
            case 9: text.append(contentsOf: String(below(1_000_000)).unicodeScalars)
            case 10: add(0x21 + below(15))
            case 11, 12:
                let (first, last) = Self.ranges[below(Self.ranges.count)]
                for _ in 0..<(1 + below(6)) { add(first + below(last - first + 1)) }
            case 13:
                let code = below(0x110000)
                add((0xD800..<0xE000).contains(code) ? 0x78 : code)
            case 14:
                add(0x61 + below(26))
                for _ in 0..<(1 + below(4)) { add(Self.marks[below(Self.marks.count)]) }
            default:
                if below(8) == 0 {
                    for _ in 0..<(45 + below(10)) { text.append(contentsOf: "ab".unicodeScalars) }
                } else {
                    add(Self.spaces[below(Self.spaces.count)])
                }
            }
        }
        return Array(String(text).utf8)
    }

    /// FNV-1a over the ids, as in the fixture.
    static func hash(_ ids: [UInt32]) -> UInt32 {
        var value: UInt32 = 0x811C_9DC5
        for id in ids {
            for shift in stride(from: UInt32(0), to: 32, by: 8) { value = (value ^ (id >> shift & 0xFF)) &* 0x0100_0193 }
        }
        return value
    }
}
