/// A block of addresses in CIDR notation (RFC 4632, RFC 4291): `10.0.0.0/8`, `2001:db8::/32`, or one address.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// The first address of the block.
    public let base: IPAddress
    /// How many leading bits of the 128 must agree; an IPv4 prefix length plus 96.
    public let bits: Int

    /// Reads `ADDRESS` or `ADDRESS/BITS`; `nil` when malformed, or when bits after the prefix are set (a slip that would widen a list unseen).
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let base = IPAddress(String(first)) else { return nil }
        let isV4 = base.v4 != nil && !first.utf8.contains(0x3A)
        var bits = 128
        if parts.count == 2 {
            guard let number = AddressRange.prefixLength(parts[1]), number <= (isV4 ? 32 : 128) else { return nil }
            bits = isV4 ? number + 96 : number
        }
        self.init(base: base, bits: bits)
        guard contains(base), base == AddressRange.masked(base, bits: bits) else { return nil }
    }

    init(base: IPAddress, bits: Int) {
        self.base = base
        self.bits = bits
    }

    /// Whether the address lies in the block.
    public func contains(_ address: IPAddress) -> Bool { AddressRange.masked(address, bits: bits) == base }

    /// The block as it would be written.
    public var description: String {
        if bits == 128 { return base.description }
        return base.v4 != nil && bits >= 96 ? "\(base)/\(bits - 96)" : "\(base)/\(bits)"
    }

    private static func prefixLength(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard text.utf8.count == 1 || text.utf8.first != 0x30 else { return nil }
        return Int(text)
    }

    private static func masked(_ address: IPAddress, bits: Int) -> IPAddress {
        let high = bits >= 64 ? UInt64.max : bits == 0 ? 0 : UInt64.max << UInt64(64 - bits)
        let low = bits >= 128 ? UInt64.max : bits <= 64 ? 0 : UInt64.max << UInt64(128 - bits)
        return IPAddress(high: address.high & high, low: address.low & low)
    }
}
