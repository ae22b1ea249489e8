import GatewayConfiguration
import GatewayModel
import Providers
import Upstream

extension EgressPolicy {
    /// Where connections to a provider may lead: what its definition and the operator's `egress` section allow.
    static func make(_ definition: ProviderDefinition, _ settings: EgressSettings) -> EgressPolicy {
        let urls = definition.bases.map(\.url) + definition.native.map(\.url)
        let isNamed = urls.contains { settings.privateHosts.contains(host(of: $0)) }
        return EgressPolicy(
            allowsPlainHTTP: urls.contains { $0.hasPrefix("http://") }, allowsPrivateNetworks: definition.allowsPrivateAddresses || isNamed,
            allowedRanges: settings.privateAddresses.ranges)
    }

    /// Where an alert's connection may lead: public addresses over TLS and what the operator's `egress` section allows besides; loopback,
    /// without TLS too, only when the URL itself names it.
    static func make(alertURL url: String, privateHosts: [String], privateRanges: [AddressRange]) -> EgressPolicy {
        let host = host(of: url)
        let address = IPAddress(host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host)
        let isLoopback = host == "localhost" || address?.kind == .loopback
        return EgressPolicy(
            allowsPlainHTTP: isLoopback && url.hasPrefix("http://"), allowsPrivateNetworks: privateHosts.contains(host),
            allowedRanges: isLoopback ? privateRanges + loopbackRanges : privateRanges)
    }

    private static let loopbackRanges = ["127.0.0.0/8", "::1/128"].compactMap { AddressRange($0) }

    /// The host in an absolute URL, in lower case: the whole of it, so that `llm` never names `llm.other`.
    static func host(of url: String) -> String {
        guard let scheme = url.utf8.firstIndex(of: 0x3A) else { return "" }
        let rest = url[scheme...].drop { $0 == ":" || $0 == "/" }
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") { return rest[rest.startIndex...end].lowercased() }
        return rest.prefix { $0 != ":" && $0 != "/" }.lowercased()
    }
}
