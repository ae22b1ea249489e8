public import GatewayModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An IP address and a TCP port.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address.
    public let ip: IPAddress
    /// The port; 0 asks the system to choose one when bound.
    public let port: UInt16

    /// Joins an address and a port.
    public init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// Parses `127.0.0.1:8787` or `[::1]:8787`. Names are not resolved: nil.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let port = UInt16(digits) else {
            return nil
        }
        var host = text[..<colon]
        let bracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if bracketed { host = host.dropFirst().dropLast() }
        guard let ip = IPAddress(String(host)), ip.isIPv4 != bracketed else { return nil }
        self.init(ip: ip, port: port)
    }

    /// 127.0.0.1 with a port of the system's choice.
    public static let anyLoopback = SocketAddress(ip: IPAddress(ipv4: 0x7f00_0001), port: 0)

    /// `127.0.0.1:8787`, `[::1]:8787`.
    public var description: String {
        ip.isIPv4 ? ip.description + ":" + String(port) : "[" + ip.description + "]:" + String(port)
    }

    /// The address the system wrote into `storage`; nil for a family other than IPv4 and IPv6.
    init?(_ storage: sockaddr_storage) {
        var copy = storage
        switch Int32(storage.ss_family) {
        case AF_INET:
            let address = withUnsafeBytes(of: &copy) { $0.loadUnaligned(as: sockaddr_in.self) }
            self.init(ip: IPAddress(ipv4: UInt32(bigEndian: address.sin_addr.s_addr)), port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            let address = withUnsafeBytes(of: &copy) { $0.loadUnaligned(as: sockaddr_in6.self) }
            self.init(ip: IPAddress(address.sin6_addr), port: UInt16(bigEndian: address.sin6_port))
        default:
            return nil
        }
    }

    /// Calls `body` with the system's structure of this address.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
        var storage = sockaddr_storage()
        return withUnsafeMutableBytes(of: &storage) { bytes in
            if ip.isIPv4 {
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                address.sin_addr.s_addr = UInt32(truncatingIfNeeded: ip.low).bigEndian
                bytes.storeBytes(of: address, as: sockaddr_in.self)
            } else {
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = port.bigEndian
                address.sin6_addr = ip.in6
                bytes.storeBytes(of: address, as: sockaddr_in6.self)
            }
            return bytes.withMemoryRebound(to: sockaddr.self) { rebound in
                // The storage above is never empty, so the base address exists.
                guard let base = rebound.baseAddress else { preconditionFailure("no storage") }
                return body(UnsafePointer(base))
            }
        }
    }
}

extension IPAddress {
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
}
