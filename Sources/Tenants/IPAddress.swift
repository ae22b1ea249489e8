/// An IPv4 or IPv6 address as 128 bits; IPv4 is held as its mapped form `::ffff:a.b.c.d`, so that one client is one value however it came.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// The first eight bytes, network order.
    public let high: UInt64
    /// The last eight bytes, network order.
    public let low: UInt64

    /// Makes an address from the halves of its IPv6 form.
    @inlinable public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Makes an IPv4 address from its value in host order, `127.0.0.1` being `0x7F00_0001`.
    @inlinable public init(v4 value: UInt32) { self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(value)) }

    /// Makes an address from 4 or 16 bytes in network order; `nil` for any other count.
    public init?(bytes: Span<UInt8>) {
        var words: (UInt64, UInt64) = (0, 0)
        for index in bytes.indices {
            words = (words.0 << 8 | words.1 >> 56, words.1 << 8 | UInt64(bytes[index]))
        }
        switch bytes.count {
        case 4: self.init(v4: UInt32(truncatingIfNeeded: words.1))
        case 16: self.init(high: words.0, low: words.1)
        default: return nil
        }
    }

    /// Reads the strict text forms: four decimal numbers without leading zeros, or RFC 4291 section 2.2. No zone, no brackets, no shorthand.
    public init?(_ text: String) {
        guard text.utf8.count <= 45 else { return nil }
        if let value = IPAddress.v4(text[...]) {
            self.init(v4: value)
        } else if let groups = IPAddress.v6Groups(text) {
            var words: (UInt64, UInt64) = (0, 0)
            for group in groups { words = (words.0 << 16 | words.1 >> 48, words.1 << 16 | UInt64(group)) }
            self.init(high: words.0, low: words.1)
        } else {
            return nil
        }
    }

    /// The value of a mapped or native IPv4 address, in host order.
    @inlinable public var v4: UInt32? {
        high == 0 && low >> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: low) : nil
    }

    /// Dotted decimal for IPv4, eight hexadecimal groups with the longest run of zeros left out (RFC 5952) otherwise.
    public var description: String {
        if let value = v4 { return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)" }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - 16 * ($0 & 3))) }
        let texts = groups.map { String($0, radix: 16) }
        guard let zeros = IPAddress.longestZeroRun(in: groups) else { return texts.joined(separator: ":") }
        return texts[..<zeros.lowerBound].joined(separator: ":") + "::" + texts[zeros.upperBound...].joined(separator: ":")
    }

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

    private static func v4(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            guard part.utf8.count == 1 || part.utf8.first != 0x30, let number = UInt8(part) else { return nil }
            value = value << 8 | UInt32(number)
        }
        return value
    }

    private static func v6Groups(_ text: String) -> [UInt16]? {
        guard let gap = text.firstRange(of: "::") else {
            guard let groups = groupList(text[...]), groups.count == 8 else { return nil }
            return groups
        }
        guard let front = groupList(text[..<gap.lowerBound], isLast: false), let back = groupList(text[gap.upperBound...]) else {
            return nil
        }
        guard front.count + back.count < 8 else { return nil }
        return front + [UInt16](repeating: 0, count: 8 - front.count - back.count) + back
    }

    /// Colon-separated groups; at the end of the text the last two may be written as an IPv4 address.
    private static func groupList(_ text: Substring, isLast: Bool = true) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isLast, index == parts.count - 1, part.utf8.contains(0x2E) {
                guard let value = v4(part) else { return nil }
                groups += [UInt16(truncatingIfNeeded: value >> 16), UInt16(truncatingIfNeeded: value)]
                continue
            }
            guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ hexDigitValue($0) != nil }) else { return nil }
            guard let group = UInt16(part, radix: 16) else { return nil }
            groups.append(group)
        }
        return groups
    }
}

private func hexDigitValue(_ unit: UInt8) -> UInt8? {
    switch unit {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66: unit
    default: nil
    }
}
