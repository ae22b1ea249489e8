public import GatewayModel

// The check stands at the last moment: on the address libcurl is about to connect to, after every spelling was parsed and every name resolved.
// A name that resolves to a private address, now or later, is refused there and no packet leaves.

/// Which addresses one upstream may be connected at.
public struct EgressPolicy: Hashable, Sendable {
    /// Whether `http://` URLs are allowed.
    public var allowsPlainHTTP: Bool
    /// Whether loopback, private (RFC 1918, unique local) and shared (100.64/10) addresses are allowed. Link-local ones, where cloud metadata
    /// services live, and all other special ones need to be named in `allowedRanges`.
    public var allowsPrivateNetworks: Bool
    /// Addresses allowed besides public ones. Multicast is never.
    public var allowedRanges: [AddressRange]

    /// Makes a policy; without arguments public addresses over TLS only.
    public init(allowsPlainHTTP: Bool = false, allowsPrivateNetworks: Bool = false, allowedRanges: [AddressRange] = []) {
        self.allowsPlainHTTP = allowsPlainHTTP
        self.allowsPrivateNetworks = allowsPrivateNetworks
        self.allowedRanges = allowedRanges
    }

    /// Public addresses over TLS.
    public static let publicOnly = EgressPolicy()

    /// Whether a connection to this address may be opened.
    public func permits(_ address: IPAddress) -> Bool {
        switch address.kind {
        case .global: return true
        case .multicast: return false
        case .loopback, .privateNetwork, .sharedNetwork: if allowsPrivateNetworks { return true }
        case .linkLocal, .unspecified, .reserved: break
        }
        return isListed(address)
    }

    /// An address is listed under its own spelling, or under the IPv4 address it carries.
    private func isListed(_ address: IPAddress) -> Bool {
        for range in allowedRanges {
            if range.contains(address) { return true }
            if let inner = address.embeddedIPv4, range.contains(inner) { return true }
        }
        return false
    }
}
