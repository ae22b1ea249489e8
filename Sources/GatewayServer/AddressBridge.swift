// Loop and policies each have their own type of address; this file knows only the loop's.

import EventLoop
import GatewayConfiguration
import Providers
import Upstream

/// The address of a peer as the loop knows it.
typealias PeerAddress = IPAddress

extension EgressPolicy {
    /// Where connections to a provider may lead: what its definition and the operator's `egress` section allow.
    static func make(_ definition: ProviderDefinition, _ settings: EgressSettings) -> EgressPolicy {
        let urls = definition.bases.map(\.url) + definition.native.map(\.url)
        let isNamed = urls.contains { url in settings.privateHosts.contains { isHost($0, of: url) } }
        return EgressPolicy(
            allowsPlainHTTP: urls.contains { $0.hasPrefix("http://") }, allowsPrivateNetworks: definition.allowsPrivateAddresses || isNamed,
            allowedRanges: settings.privateAddresses.texts.compactMap { AddressRange($0) })
    }

    /// Whether a URL's host is this one: the whole host, not the beginning of another's name.
    static func isHost(_ host: String, of url: String) -> Bool {
        let expected = Array(host.utf8)
        let bytes = Array(url.utf8)
        guard let colon = bytes.firstIndex(of: 0x3A), bytes.count >= colon + 3 + expected.count else { return false }
        let rest = bytes[(colon + 3)...]
        guard rest.starts(with: expected, by: { $0 == $1 || $0 | 0x20 == $1 | 0x20 }) else { return false }
        guard let next = rest.dropFirst(expected.count).first else { return true }
        return next == 0x3A || next == 0x2F || next == 0x3F
    }
}
