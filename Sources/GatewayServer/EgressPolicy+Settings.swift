import GatewayConfiguration
import Providers
import Upstream

extension EgressPolicy {
    /// Where connections to a provider may lead: what its definition and the operator's `egress` section allow.
    static func make(_ definition: ProviderDefinition, _ settings: EgressSettings) -> EgressPolicy {
        let urls = definition.bases.map(\.url) + definition.native.map(\.url)
        let isNamed = urls.contains { url in settings.privateHosts.contains { url.contains("://\($0)") } }
        return EgressPolicy(
            allowsPlainHTTP: urls.contains { $0.hasPrefix("http://") }, allowsPrivateNetworks: definition.allowsPrivateAddresses || isNamed,
            allowedRanges: settings.privateAddresses.ranges)
    }
}
