/// A block of addresses in CIDR notation, or a single address.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// The first address: the bits beyond the prefix are zero.
    public let base: IPAddress
    /// Leading bits that must agree: 0...32 for IPv4, 0...128 for IPv6.
    public let prefixLength: Int

    /// Parses `10.0.0.0/8`, `fd00::/8` or a bare address (one address). Bits set beyond the prefix are refused, being a likely slip.
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
        base = address
        prefixLength = length
    }

    private static func decimal(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        return Int(text)
    }

    /// Whether the address lies in the range. IPv4 inside IPv6-mapped form (`::ffff:a.b.c.d`) is compared as IPv4.
    public func contains(_ address: IPAddress) -> Bool {
        var candidate = address
        if base.isIPv4, !address.isIPv4 {
            guard address.high == 0, address.low >> 32 == 0xffff else { return false }
            candidate = IPAddress(ipv4: UInt32(truncatingIfNeeded: address.low))
        }
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
