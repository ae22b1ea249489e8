/// An IPv4 or IPv6 address without port, as two words.
///
/// An IPv4 address and its IPv6-mapped spelling (`::ffff:…`) are different values here; `unmapped`, `kind` and `embeddedIPv4` see through the
/// spelling.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// The upper 64 bits of an IPv6 address; 0 for IPv4.
    public let high: UInt64
    /// The lower 64 bits of an IPv6 address; the 32 bits of an IPv4 address.
    public let low: UInt64
    /// Whether this is an IPv4 address.
    public let isIPv4: Bool

    /// An IPv4 address from its 32 bits in host order: `0x7f000001` is 127.0.0.1.
    @inlinable public init(ipv4 value: UInt32) {
        high = 0
        low = UInt64(value)
        isIPv4 = true
    }

    /// An IPv6 address from its two halves in host order.
    @inlinable public init(ipv6High high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
        isIPv4 = false
    }

    /// The IPv4 address that an IPv6-mapped one stands for, any other as it is: one client is one value, on whichever socket it came.
    @inlinable public var unmapped: IPAddress {
        !isIPv4 && high == 0 && low >> 32 == 0xffff ? IPAddress(ipv4: UInt32(truncatingIfNeeded: low)) : self
    }
}
