/// A block of addresses in CIDR notation, or a single address.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// The first address: the bits beyond the prefix are zero.
    public let base: IPAddress
    /// Leading bits that must agree: 0...32 for IPv4, 0...128 for IPv6.
    public let prefixLength: Int

    /// Parses `10.0.0.0/8`, `fd00::/8` or a bare address (one address). Bits set beyond the prefix are refused, being a likely slip. A block of
    /// IPv6-mapped addresses is the block of IPv4 addresses it maps.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        let width = address.isIPv4 ? 32 : 128
        var length = width
        if parts.count == 2 {
            guard let given = Self.decimal(parts[1]), given <= width else { return nil }
            length = given
        }
        guard Self.masked(address, length) == address else { return nil }
        let isMapped = length >= 96 && address.unmapped != address
        base = isMapped ? address.unmapped : address
        prefixLength = isMapped ? length - 96 : length
    }

    private static func decimal(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        guard text.utf8.count == 1 || text.utf8.first != 48 else { return nil }
        return Int(text)
    }

    /// Whether the address lies in the range. An IPv6-mapped address (`::ffff:a.b.c.d`) is the IPv4 address it maps.
    public func contains(_ address: IPAddress) -> Bool {
        let candidate = base.isIPv4 ? address.unmapped : address
        return candidate.isIPv4 == base.isIPv4 && Self.masked(candidate, prefixLength) == base
    }

    private static func masked(_ address: IPAddress, _ length: Int) -> IPAddress {
        if address.isIPv4 {
            let mask: UInt32 = length == 0 ? 0 : .max << UInt32(32 - length)
            return IPAddress(ipv4: UInt32(truncatingIfNeeded: address.low) & mask)
        }
        let highMask: UInt64 = length == 0 ? 0 : .max << UInt64(64 - min(length, 64))
        let lowMask: UInt64 = length <= 64 ? 0 : .max << UInt64(128 - length)
        return IPAddress(ipv6High: address.high & highMask, low: address.low & lowMask)
    }

    /// `10.0.0.0/8`; a single address without its prefix length.
    public var description: String {
        let width = base.isIPv4 ? 32 : 128
        return prefixLength == width ? base.description : base.description + "/" + String(prefixLength)
    }
}
