#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An IPv4 or IPv6 address without port, as two words.
///
/// An IPv4 address and its IPv6-mapped spelling (`::ffff:…`) are different values here; `kind` and `embeddedIPv4` see through the spelling.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// The upper 64 bits of an IPv6 address; 0 for IPv4.
    public let high: UInt64
    /// The lower 64 bits of an IPv6 address; the 32 bits of an IPv4 address.
    public let low: UInt64
    /// Whether this is an IPv4 address.
    public let isIPv4: Bool

    /// An IPv4 address from its 32 bits in host order: `0x7f000001` is 127.0.0.1.
    public init(ipv4 value: UInt32) {
        high = 0
        low = UInt64(value)
        isIPv4 = true
    }

    /// An IPv6 address from its two halves in host order.
    public init(ipv6High high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
        isIPv4 = false
    }

    /// Parses the one strict spelling: dotted quad with four decimal parts, or RFC 4291 text. `127.1`, octal and hexadecimal parts, scopes
    /// (`%eth0`) and brackets are refused.
    public init?(_ text: String) {
        if let address = Self.parseIPv4(text) {
            self = address
        } else if let address = Self.parseIPv6(text) {
            self = address
        } else {
            return nil
        }
    }

    private static func parseIPv4(_ text: String) -> IPAddress? {
        var value = in_addr()
        guard inet_pton(AF_INET, text, &value) == 1 else { return nil }
        return IPAddress(ipv4: UInt32(bigEndian: value.s_addr))
    }

    private static func parseIPv6(_ text: String) -> IPAddress? {
        var value = in6_addr()
        guard inet_pton(AF_INET6, text, &value) == 1 else { return nil }
        return IPAddress(value)
    }

    /// An IPv6 address from the system's structure.
    init(_ value: in6_addr) {
        var words = value
        let halves = withUnsafeBytes(of: &words) { bytes in
            (bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        self.init(ipv6High: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1))
    }

    /// The system's structure of an IPv6 address.
    var in6: in6_addr {
        var value = in6_addr()
        withUnsafeMutableBytes(of: &value) { bytes in
            bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return value
    }

    /// The canonical text (RFC 5952 as the system prints it), without brackets or port.
    public var description: String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        if isIPv4 {
            var value = in_addr(s_addr: UInt32(truncatingIfNeeded: low).bigEndian)
            inet_ntop(AF_INET, &value, &buffer, socklen_t(buffer.count))
        } else {
            var value = in6
            inet_ntop(AF_INET6, &value, &buffer, socklen_t(buffer.count))
        }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
