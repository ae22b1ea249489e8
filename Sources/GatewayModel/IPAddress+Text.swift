// Reading and printing addresses. Our own rather than inet_pton: that needs a text with an end mark, so a `String` for every look at a field of
// a request, and it takes what stands before a zero byte for the whole.

extension IPAddress {
    /// The longest text that can be an address: `0000:0000:0000:0000:0000:ffff:255.255.255.255`.
    private static let textBytesMax = 45
    private static let colon: UInt8 = 0x3A
    private static let dot: UInt8 = 0x2E

    /// Parses the one strict spelling: dotted quad with four decimal parts without leading zeros, or RFC 4291 section 2.2 text. `127.1`, octal
    /// and hexadecimal parts, scopes (`%eth0`) and brackets are refused.
    public init?(_ text: String) {
        var text = text
        text.makeContiguousUTF8()
        self.init(text.utf8.span)
    }

    /// Parses the same from bytes. Allocates nothing.
    public init?(_ text: Span<UInt8>) {
        guard text.count <= IPAddress.textBytesMax else { return nil }
        if let value = IPAddress.dottedQuad(text) {
            self.init(ipv4: value)
        } else if let value = IPAddress.groups(text) {
            self.init(ipv6High: UInt64(truncatingIfNeeded: value >> 64), low: UInt64(truncatingIfNeeded: value))
        } else {
            return nil
        }
    }

    private static func dottedQuad(_ text: Span<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        var dots = 0
        for index in text.indices {
            let byte = text[index]
            if byte == dot {
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | part
                (part, digits, dots) = (0, 0, dots + 1)
            } else {
                guard (0x30...0x39).contains(byte), digits == 0 || part > 0 else { return nil }
                part = part * 10 + UInt32(byte - 0x30)
                digits += 1
                guard part <= 255 else { return nil }
            }
        }
        return dots == 3 && digits > 0 ? value << 8 | part : nil
    }

    /// Colon-separated groups, one `::` for a run of zeros, the last two groups perhaps as a dotted quad.
    private static func groups(_ text: Span<UInt8>) -> UInt128? {
        guard text.count >= 2 else { return nil }
        var value: UInt128 = 0
        var count = 0
        var gap: Int?
        var index = 0
        if text[0] == colon {
            guard text[1] == colon else { return nil }
            (gap, index) = (0, 2)
        }
        while index < text.count {
            let start = index
            while index < text.count, text[index] != colon { index += 1 }
            let part = text.extracting(start..<index)
            if index == text.count, let quad = dottedQuad(part) {
                value = value << 32 | UInt128(quad)
                count += 2
            } else if let group = hexadecimal(part) {
                value = value << 16 | UInt128(group)
                count += 1
            } else {
                return nil
            }
            guard count <= 8 else { return nil }
            if index == text.count { break }
            index += 1
            guard index < text.count else { return nil }  // One colon at the end.
            if text[index] == colon {
                guard gap == nil else { return nil }
                gap = count
                index += 1
            }
        }
        guard let gap else { return count == 8 ? value : nil }
        guard count < 8 else { return nil }
        let tail = 16 * (count - gap)
        let front = value >> UInt128(tail)
        return front << UInt128(16 * (8 - gap)) | (value & ((1 << UInt128(tail)) - 1))
    }

    private static func hexadecimal(_ part: Span<UInt8>) -> UInt16? {
        guard (1...4).contains(part.count) else { return nil }
        var value: UInt16 = 0
        for index in part.indices {
            let byte = part[index]
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt16(byte - 0x30)
            case 0x41...0x46, 0x61...0x66: value = value << 4 | UInt16((byte | 0x20) - 0x57)
            default: return nil
            }
        }
        return value
    }

    /// Dotted decimal, or the canonical form of RFC 5952, mapped and compatible addresses with a dotted tail; without brackets or port.
    public var description: String {
        if isIPv4 { return IPAddress.dotted(low) }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - 16 * ($0 & 3))) }
        guard let zeros = IPAddress.longestZeroRun(in: groups) else { return IPAddress.joined(groups[...]) }
        let hasDottedTail = high == 0 && (zeros == 0..<6 || zeros == 0..<5 && groups[5] == 0xffff)
        guard !hasDottedTail else { return (zeros.count == 6 ? "::" : "::ffff:") + IPAddress.dotted(low) }
        return IPAddress.joined(groups[..<zeros.lowerBound]) + "::" + IPAddress.joined(groups[zeros.upperBound...])
    }

    private static func dotted(_ value: UInt64) -> String { "\(value >> 24 & 255).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)" }

    private static func joined(_ groups: ArraySlice<UInt16>) -> String { groups.map { String($0, radix: 16) }.joined(separator: ":") }

    /// The first of the longest runs of at least two zero groups.
    private static func longestZeroRun(in groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start > max(best?.count ?? 0, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }
}
