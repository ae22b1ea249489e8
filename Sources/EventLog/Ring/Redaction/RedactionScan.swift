import GatewayModel

/// One scan for the built-in forms. Each look ahead is bounded, so that the time is linear in the bytes.
struct RedactionScan {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let kinds: Set<Redactor.Kind>
    private let wantsKeys: Bool
    private var output: [UInt8] = []
    /// What is copied or replaced so far.
    private var done = 0
    private var keyMarks = KeyForm.Marks()

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ kinds: Set<Redactor.Kind>) {
        self.bytes = bytes
        self.kinds = kinds
        wantsKeys = kinds.contains(.key)
    }

    mutating func run() -> [UInt8] {
        output.reserveCapacity(bytes.count)
        var at = 0
        while at < bytes.count {
            if let found = look(at) {
                output.append(contentsOf: bytes[done..<found.range.lowerBound])
                output.append(contentsOf: "[redacted:\(found.kind.rawValue)]".utf8)
                done = found.range.upperBound
                at = done
            } else {
                at += 1
            }
        }
        output.append(contentsOf: bytes[done...])
        return output
    }

    /// What begins here, or in the case of an address lies around here.
    private mutating func look(_ at: Int) -> (kind: Redactor.Kind, range: Range<Int>)? {
        let byte = bytes[at]
        switch byte {
        case 0x40:
            if kinds.contains(.email), let range = email(around: at) { return (.email, range) }
        case 0x30...0x39, 0x2B, 0x28:
            guard !hasWordBefore(at) else { return nil }
            if byte >= 0x30, kinds.contains(.card), let end = card(at) { return (.card, at..<end) }
            if kinds.contains(.phone), let end = PhoneForm.end(bytes, at) { return (.phone, at..<end) }
        case 0x41...0x5A, 0x61...0x7A:
            guard at == 0 || !RedactionScan.isWord(bytes[at - 1]) else { return nil }
            if wantsKeys, let range = KeyForm.range(bytes, at, &keyMarks) { return (.key, range) }
            if byte <= 0x5A, kinds.contains(.iban), let end = iban(at) { return (.iban, at..<end) }
        default: break
        }
        return nil
    }

    /// Whether a number would be the rest of a word, of a longer number or of a decimal fraction.
    private func hasWordBefore(_ at: Int) -> Bool {
        guard at > 0 else { return false }
        let before = bytes[at - 1]
        return RedactionScan.isWord(before) || before == 0x2E || before == 0x2B
    }

    // MARK: - Forms

    /// `local@domain.tld`; the local part may have been passed already.
    private func email(around at: Int) -> Range<Int>? {
        var start = at
        while start > done, at - start < 64, RedactionScan.isLocal(bytes[start - 1]) { start -= 1 }
        while start < at, bytes[start] == 0x2E || bytes[start] == 0x2D { start += 1 }
        guard start < at else { return nil }
        var end = at + 1
        var label = end
        var dots = 0
        while end < bytes.count, end - at <= 253 {
            let byte = bytes[end]
            if byte == 0x2E {
                guard end > label else { break }
                // A full stop behind the address is not part of it.
                guard end + 1 < bytes.count, RedactionScan.isAlphanumeric(bytes[end + 1]) else { break }
                dots += 1
                label = end + 1
            } else if !RedactionScan.isAlphanumeric(byte), byte != 0x2D {
                break
            }
            end += 1
        }
        let last = bytes[label..<end]
        guard dots > 0, last.count >= 2, last.allSatisfy({ ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A }) else { return nil }
        return start..<end
    }

    /// 13 to 19 digits in groups; the longest run of groups that holds. Returns its end.
    private func card(_ start: Int) -> Int? {
        var digits = CardForm.Digits()
        var end = start
        var best: Int?
        while end < bytes.count {
            let byte = bytes[end]
            if RedactionScan.isDigit(byte) {
                guard digits.append(byte & 15) else { return best }
                end += 1
                let isEndOfGroup = end == bytes.count || !RedactionScan.isWord(bytes[end])
                let isFraction = end + 1 < bytes.count && bytes[end] == 0x2E && RedactionScan.isDigit(bytes[end + 1])
                if isEndOfGroup, !isFraction, digits.hold { best = end }
            } else if byte == 0x20 || byte == 0x2D, end + 1 < bytes.count, RedactionScan.isDigit(bytes[end + 1]) {
                end += 1
            } else {
                return best
            }
        }
        return best
    }

    /// ISO 13616: country, check digits and account, in groups or not, whose remainder by 97 is 1. Returns its end.
    private func iban(_ start: Int) -> Int? {
        guard start + 15 <= bytes.count, RedactionScan.isCapital(bytes[start + 1]), RedactionScan.isDigit(bytes[start + 2]),
            RedactionScan.isDigit(bytes[start + 3])
        else { return nil }
        // The account comes first in the number that is divided, country and check digits last.
        var remainder = 0
        var count = 4
        var end = start + 4
        var best: Int?
        while end < bytes.count, count < 35 {
            let byte = bytes[end]
            if RedactionScan.isCapital(byte) || RedactionScan.isDigit(byte) {
                remainder = RedactionScan.remainder97(remainder, byte)
                count += 1
                end += 1
                let isEnd = end == bytes.count || !RedactionScan.isWord(bytes[end])
                if isEnd, count >= 15, count <= 34 {
                    let whole = bytes[start..<(start + 4)].reduce(remainder) { RedactionScan.remainder97($0, $1) }
                    if whole == 1 { best = end }
                }
            } else if byte == 0x20, end + 1 < bytes.count, RedactionScan.isCapital(bytes[end + 1]) || RedactionScan.isDigit(bytes[end + 1])
            {
                end += 1
            } else {
                break
            }
        }
        return best
    }

    /// One character more: a digit is itself, a letter two digits, A being 10.
    private static func remainder97(_ remainder: Int, _ byte: UInt8) -> Int {
        isDigit(byte) ? (remainder * 10 + Int(byte & 15)) % 97 : (remainder * 100 + Int(byte) - 0x41 + 10) % 97
    }

    // MARK: - Classes

    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    static func isCapital(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) }
    static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || (0x61...0x7A).contains(byte | 0x20) }
    static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == 0x5F || byte >= 0x80 }
    /// What a token or a key is made of.
    static func isToken(_ byte: UInt8) -> Bool {
        isWord(byte) || byte == 0x2D || byte == 0x2E || byte == 0x2B || byte == 0x2F || byte == 0x3D
    }
    private static func isLocal(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == 0x2E || byte == 0x5F || byte == 0x25 || byte == 0x2B || byte == 0x2D
    }
}
