import GatewayConfiguration
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

    /// The host in an absolute URL, in lower case: the whole of it, so that `llm` never names `llm.other`.
    static func host(of url: String) -> String {
        guard let scheme = url.utf8.firstIndex(of: 0x3A) else { return "" }
        let rest = url[scheme...].drop { $0 == ":" || $0 == "/" }
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") { return rest[rest.startIndex...end].lowercased() }
        return rest.prefix { $0 != ":" && $0 != "/" }.lowercased()
    }
}
