/// Keys by the prefixes that their makers gave them. A digit must be among the characters behind the prefix: words joined by dashes have none.
enum KeyForm {
    /// Characters behind the prefix, at least; and whether only capitals and digits count.
    private static let prefixes: [(prefix: [UInt8], least: Int, isUpper: Bool)] = [
        ("sk-", 16, false), ("sk_live_", 16, false), ("sk_test_", 16, false), ("rk_live_", 16, false), ("wk_", 20, false),
        ("AKIA", 16, true), ("ASIA", 16, true), ("ghp_", 20, false), ("gho_", 20, false), ("ghu_", 20, false), ("ghs_", 20, false),
        ("ghr_", 20, false), ("github_pat_", 20, false), ("glpat-", 16, false), ("xoxa-", 10, false), ("xoxb-", 10, false),
        ("xoxp-", 10, false), ("xoxr-", 10, false), ("xoxs-", 10, false), ("AIza", 30, false), ("hf_", 20, false), ("gsk_", 20, false),
        ("xai-", 20, false), ("pplx-", 20, false), ("r8_", 20, false),
    ].map { (Array($0.0.utf8), $0.1, $0.2) }

    private static let webTokenStart = Array("eyJ".utf8)
    private static let word = Array("bearer ".utf8)
    private static let firsts: [Bool] = {
        var table = [Bool](repeating: false, count: 256)
        for entry in prefixes { table[Int(entry.prefix[0])] = true }
        for byte in "eBb".utf8 { table[Int(byte)] = true }
        return table
    }()

    /// Up to where it is known that no key begins, so that no run is walked through twice.
    struct Marks {
        var keys = 0
        var webTokens = 0
    }

    /// The key that begins here; for `Bearer`, what stands behind it.
    static func range(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int, _ marks: inout Marks) -> Range<Int>? {
        guard firsts[Int(bytes[at])] else { return nil }
        for entry in prefixes where bytes[at] == entry.prefix[0] && matches(bytes, at, entry.prefix) {
            let start = at + entry.prefix.count
            if entry.isUpper {
                let end = run(bytes, start) { RedactionScan.isCapital($0) || RedactionScan.isDigit($0) }
                guard end - start >= entry.least, hasDigit(bytes, start..<end) else { continue }
                return at..<end
            }
            guard at >= marks.keys else { continue }
            let end = run(bytes, start, isKey)
            guard hasDigit(bytes, start..<end) else {
                marks.keys = end
                continue
            }
            guard end - start >= entry.least else { continue }
            return at..<extended(bytes, end, isKey)
        }
        if bytes[at] == 0x65 { return webToken(bytes, at, &marks) }
        return bearer(bytes, at)
    }

    /// `eyJ….eyJ….…`: a JSON Web Token, whose first two parts are objects in Base64.
    private static func webToken(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int, _ marks: inout Marks) -> Range<Int>? {
        guard at >= marks.webTokens, matches(bytes, at, webTokenStart) else { return nil }
        let end = run(bytes, at, isKey)
        guard end < bytes.count, bytes[end] == 0x2E, matches(bytes, end + 1, webTokenStart) else {
            marks.webTokens = end
            return nil
        }
        return at..<extended(bytes, end) { isKey($0) || $0 == 0x2E }
    }

    /// What stands behind `Bearer `: at least 12 characters with a digit among them.
    private static func bearer(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Range<Int>? {
        guard bytes.count - at > word.count, (0..<word.count).allSatisfy({ bytes[at + $0] | 0x20 == word[$0] }) else { return nil }
        let start = at + word.count
        let end = run(bytes, start, RedactionScan.isToken)
        return end - start >= 12 && hasDigit(bytes, start..<end) ? start..<extended(bytes, end, RedactionScan.isToken) : nil
    }

    private static func isKey(_ byte: UInt8) -> Bool { RedactionScan.isAlphanumeric(byte) || byte == 0x2D || byte == 0x5F }

    private static func matches(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int, _ prefix: [UInt8]) -> Bool {
        bytes.count - at > prefix.count && (0..<prefix.count).allSatisfy { bytes[at + $0] == prefix[$0] }
    }

    /// The end of a run of bytes, at most 512 of them: what looks like a key at every third byte must not cost a walk to the end each time.
    private static func run(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ isPart: (UInt8) -> Bool) -> Int {
        var end = start
        while end < bytes.count, end - start < 512, isPart(bytes[end]) { end += 1 }
        return end
    }

    /// The end of the whole run, once it is known for a key: it is passed over, so this costs nothing twice.
    private static func extended(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ isPart: (UInt8) -> Bool) -> Int {
        var end = start
        while end < bytes.count, isPart(bytes[end]) { end += 1 }
        return end
    }

    private static func hasDigit(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Bool {
        bytes[range].contains { RedactionScan.isDigit($0) }
    }
}

/// Payment cards: ISO/IEC 7812.
enum CardForm {
    /// The digits of a number, at most 19.
    struct Digits {
        private var digits: SIMD32<UInt8> = .zero
        private var count = 0

        /// `false` if there are 19 already.
        mutating func append(_ digit: UInt8) -> Bool {
            guard count < 19 else { return false }
            digits[count] = digit
            count += 1
            return true
        }

        /// Whether an issuer has cards of such a beginning and length, and the check digit holds (Luhn).
        var hold: Bool {
            guard count >= 13 else { return false }
            let two = Int(digits[0]) * 10 + Int(digits[1])
            let four = two * 100 + Int(digits[2]) * 10 + Int(digits[3])
            let isIssued =
                switch digits[0] {
                case 4: count == 13 || count == 16 || count == 19
                case 5: (51...55).contains(two) && count == 16 || two == 50 || two >= 56
                case 2: (2221...2720).contains(four) && count == 16
                case 3:
                    (two == 34 || two == 37) && count == 15 || (two == 30 || two == 36 || two == 38) && count == 14
                        || two == 35 && count >= 16
                case 6: count >= 16
                default: false
                }
            return isIssued && isChecked
        }

        private var isChecked: Bool {
            var sum = 0
            for place in 0..<count {
                let digit = Int(digits[count - 1 - place])
                let value = place % 2 == 0 ? digit : digit * 2
                sum += value > 9 ? value - 9 : value
            }
            return sum % 10 == 0
        }
    }
}

/// Telephone numbers as people write them: `+49 30 1234567`, `(212) 555-0123`, `212-555-0123`, `0171/1234567`. Bare digits are never one.
enum PhoneForm {
    /// The end of the number that begins here. Some groups of a longer row of digits are none.
    static func end(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int? {
        if bytes[at] == 0x2B { return international(bytes, at) }
        if at >= 2, isSeparator(bytes[at - 1]), RedactionScan.isDigit(bytes[at - 2]) { return nil }
        guard let end = bytes[at] == 0x30 ? national(bytes, at) : northAmerican(bytes, at) else { return nil }
        if end + 1 < bytes.count, isSeparator(bytes[end]), RedactionScan.isDigit(bytes[end + 1]) { return nil }
        return end
    }

    private static func isSeparator(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x2D || byte == 0x2E || byte == 0x2F }

    /// `+` and 8 to 15 digits (ITU-T E.164), with single separators.
    private static func international(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int? {
        guard at + 1 < bytes.count, (0x31...0x39).contains(bytes[at + 1]) else { return nil }
        var end = at + 1
        var digits = 0
        var last = end
        var gap = 0
        while end < bytes.count, digits <= 15 {
            if RedactionScan.isDigit(bytes[end]) {
                digits += 1
                gap = 0
                last = end + 1
            } else {
                gap += 1
                guard gap <= 2, [0x20, 0x2D, 0x2E, 0x28, 0x29, 0x2F].contains(bytes[end]) else { break }
            }
            end += 1
        }
        return (8...15).contains(digits) && isEnd(bytes, last) ? last : nil
    }

    /// Ten digits in three groups, the first perhaps in parentheses: the first two begin with 2 to 9.
    private static func northAmerican(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int? {
        var end = at
        let isInParentheses = bytes[at] == 0x28
        if isInParentheses { end += 1 }
        guard group(bytes, &end, 3, from: 0x32) else { return nil }
        if isInParentheses {
            guard end < bytes.count, bytes[end] == 0x29 else { return nil }
            end += 1
            if end < bytes.count, bytes[end] == 0x20 { end += 1 }
        } else {
            guard end < bytes.count, bytes[end] == 0x2D || bytes[end] == 0x2E else { return nil }
            end += 1
        }
        guard group(bytes, &end, 3, from: 0x32), end < bytes.count, bytes[end] == 0x2D || bytes[end] == 0x2E || bytes[end] == 0x20 else {
            return nil
        }
        end += 1
        guard group(bytes, &end, 4, from: 0x30), isEnd(bytes, end) else { return nil }
        return end
    }

    /// `0`, at least two more digits, a separator, and 9 to 12 digits in all in at most three groups.
    private static func national(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int? {
        var end = at
        var digits = 0
        var groups = 1
        var firstGroup = 0
        while end < bytes.count, digits <= 12 {
            if RedactionScan.isDigit(bytes[end]) {
                digits += 1
                if groups == 1 { firstGroup += 1 }
                end += 1
            } else if [0x20, 0x2D, 0x2F].contains(bytes[end]), end + 1 < bytes.count, RedactionScan.isDigit(bytes[end + 1]), groups < 3 {
                groups += 1
                end += 1
            } else {
                break
            }
        }
        return (9...12).contains(digits) && groups > 1 && (3...5).contains(firstGroup) && isEnd(bytes, end) ? end : nil
    }

    private static func group(_ bytes: UnsafeBufferPointer<UInt8>, _ at: inout Int, _ count: Int, from least: UInt8) -> Bool {
        guard at + count <= bytes.count, bytes[at] >= least, (0..<count).allSatisfy({ RedactionScan.isDigit(bytes[at + $0]) }) else {
            return false
        }
        at += count
        return true
    }

    private static func isEnd(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Bool {
        at == bytes.count || !RedactionScan.isWord(bytes[at])
    }
}
