import Testing

@testable import SemanticCache

struct CompatibilityFoldingTests {
    private func folded(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        bytes.withUnsafeBufferPointer { CompatibilityFolding.fold($0, into: &result) }
        return String(decoding: result, as: UTF8.self)
    }

    @Test(arguments: [
        ("ＡＢＣ１２３！", "ABC123!"), ("café", "cafe"), ("cafe\u{301}", "cafe"), ("Straße", "Strasse"), ("Łódź", "Lodz"),
        ("ﬁne ﬂow", "fine flow"),
        ("x²", "x^2"), ("10²³", "10^23"), ("H₂O", "H2O"), ("½", " 1/2 "), ("①⑩⑪⑳", " 1  10  11  20 "), ("Ⅳ", "IV"),
        ("“a” ‘b’ «c»", "\"a\" 'b' \"c\""),
        ("a\u{A0}b\u{3000}c", "a b c"), ("a\u{200B}b\u{AD}c\u{FEFF}", "abc"), ("5 − 3 – 1", "5 - 3 - 1"), ("a—b", "a - b"), ("𝐀𝒃𝟗", "Ab9"),
        ("٣۴५", "345"),
        ("Tiếng Việt", "Tieng Viet"), ("й ё ά ς", "и е α σ"), ("漢字 한국어 😀", "漢字 한국어 😀"), ("™®", ""), ("3×4÷2", "3*4/2"),
        ("20℃", "20 degrees C"), ("ſ", "s"),
    ]) func `what looks alike is spelled alike`(text: String, expected: String) {
        #expect(folded(Array(text.utf8)) == expected)
    }

    @Test func `bytes that are no UTF-8 become U+FFFD, each where it fits nowhere`() {
        #expect(folded([0xFF, 0x61, 0xC3, 0x28, 0xE2, 0x82]) == "\u{FFFD}a\u{FFFD}(\u{FFFD}\u{FFFD}")
        #expect(folded([0xC0, 0xAF]) == "\u{FFFD}\u{FFFD}")
        #expect(folded([0xED, 0xA0, 0x80]) == "\u{FFFD}\u{FFFD}\u{FFFD}")
        #expect(folded([0xF4, 0x90, 0x80, 0x80]) == "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")
    }

    @Test func `every scalar is folded without a trap, to at most six times its length`() {
        var longest = 0.0
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value), value < 0x30000 || value > 0xDFFFF else { continue }
            let bytes = Array(String(scalar).utf8)
            longest = max(longest, Double(folded(bytes).utf8.count) / Double(bytes.count))
        }
        #expect(longest <= 6)
    }
}
