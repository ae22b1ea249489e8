public import GatewayModel
public import Providers
public import RateLimiting
public import Routing
public import Tenants

/// Everything the files said, checked: one immutable value that each loop holds. A reload makes another one.
public struct GatewayConfigurationSnapshot: Sendable {
    /// The file it was read from, as it was named.
    public let file: String
    /// SHA-256 over the content of the file, of the shipped providers and prices, and of word lists.
    public let digest: Digest256

    /// Where clients are served.
    public let listen: ListenAddress
    /// The admin port.
    public let admin: AdminSettings
    /// The folder of stores, pepper and tokens.
    public let dataDirectory: String
    /// Event loops; 0 is one per core.
    public let loopCount: Int
    /// Account names of Cloudflare-style paths; empty: any free name.
    public let accounts: [String]
    /// Gateway names of Cloudflare-style paths; empty: any free name.
    public let gateways: [String]
    /// Proxies whose `X-Forwarded-For` names the client.
    public let trustedProxies: AddressList
    /// Networks without a per-address connection cap.
    public let trustedNetworks: AddressList

    /// Limits of one connection or request.
    public let limits: LimitSettings
    /// What the whole gateway takes on.
    public let overload: OverloadSettings
    /// How use is counted against limits, and who hears of spent budgets.
    public let metering: MeteringSettings
    /// What is kept of every request.
    public let events: EventSettings
    /// How long an upstream may take.
    public let timeouts: TimeoutSettings
    /// How often, how fast and for how long a request is tried where no route says otherwise, direct calls included.
    public let retry: RetryPolicy
    /// When the breaker of a target opens, and how traffic returns.
    public let breaker: BreakerSettings
    /// The health probes by the provider's index in `providers`; `nil` where there is none.
    public let healthProbes: [HealthProbe?]
    /// Connections to providers.
    public let upstream: UpstreamSettings
    /// The cache's defaults, bounds and sizes.
    public let cache: CacheSettings
    /// The semantic cache's defaults, sizes and word lists.
    public let semantic: SemanticSettings
    /// Where the gateway may connect to.
    public let egress: EgressSettings
    /// Logging.
    public let log: LogSettings
    /// What happens on SIGTERM.
    public let drain: DrainSettings
    /// The demo provider and tenant.
    public let demo: DemoSettings

    /// The providers, shipped and configured.
    public let providers: ProviderTable
    /// The operator's keys by the provider's index in `providers`; empty where there are none.
    public let credentials: [[Secret]]
    /// A revision of each provider by the same index: part of the cache key of calls that name a provider.
    public let providerRevisions: [UInt64]
    /// What models cost: the prices file with the `prices` section laid over it.
    public let prices: PriceTable
    /// The oldest day that prices are of, as `YYYY-MM-DD`; `nil` where none is dated.
    public let pricesAsOf: String?
    /// The routes in the order of the file.
    public let routes: [RouteDefinition]
    /// Tenants, keys and shares that the file manages.
    public let tenancy: ConfiguredTenancy

    let routePositions: [String: Int]

    /// The route of that alias, or `nil`.
    public func route(named name: String) -> RouteDefinition? { routePositions[name].map { routes[$0] } }

    /// Whether the provider at an index can be asked with the operator's means: its parameters are set, and it has a key or needs none.
    public func isReady(providerAt index: Int) -> Bool {
        providers[index].hasRequiredParameters && (providers[index].isLocal || !credentials[index].isEmpty)
    }

    /// Provider names in policies, made canonical.
    public var policyNames: PolicyNames { PolicyNames(providers) }

    /// What the event log keeps of a request: the route before the tenant before the defaults. A tenant that switched payloads off keeps them off.
    public func eventPolicy(route: RouteDefinition?, tenant: Tenant?) -> EventPolicy {
        EventPolicy(
            collects: route?.events.collects ?? tenant?.collectsEvents ?? events.collects,
            collectsPayloads: tenant?.collectsPayloads == false
                ? false : route?.events.collectsPayloads ?? tenant?.collectsPayloads ?? events.collectsPayloads,
            mayCollectPayloads: tenant?.collectsPayloads != false)
    }

    /// The cache policy of a request: the route before the tenant before the defaults. A tenant that switched caching off keeps it off.
    public func cachePolicy(route: RouteDefinition?, tenant: Tenant) -> CachePolicy {
        var policy = cache.standard
        policy.isEnabled = tenant.isCacheEnabled == false ? false : route?.cache.isEnabled ?? tenant.isCacheEnabled ?? policy.isEnabled
        policy.ttlSeconds = route?.cache.ttlSeconds ?? tenant.cacheTTLSeconds ?? policy.ttlSeconds
        policy.storesToolCalls = route?.cache.storesToolCalls ?? policy.storesToolCalls
        policy.maxTemperature = route?.cache.maxTemperature ?? policy.maxTemperature
        policy.staleIfErrorSeconds = route?.cache.staleIfErrorSeconds ?? policy.staleIfErrorSeconds
        policy.staleWhileRevalidateSeconds = route?.cache.staleWhileRevalidateSeconds ?? policy.staleWhileRevalidateSeconds
        return policy
    }

    /// How the semantic cache treats a request: the route before the tenant before the defaults. A tenant that switched it off keeps it off.
    public func semanticPolicy(route: RouteDefinition?, tenant: Tenant) -> SemanticPolicySettings {
        var policy = semantic.standard
        policy.isEnabled = tenant.isSemanticEnabled ?? policy.isEnabled
        if let route { policy = policy.merging(route.semantic) }
        if tenant.isSemanticEnabled == false { policy.isEnabled = false }
        return policy
    }

    /// Whether any request can meet the semantic cache: by the default, by a route, or by a tenant of the file. Tenants of the key store are
    /// not known here.
    public var usesSemanticCache: Bool {
        semantic.standard.isEnabled || routes.contains { $0.semantic.isEnabled == true }
            || tenancy.tenants.contains { $0.isSemanticEnabled == true }
    }
}

extension GatewayConfigurationSnapshot: CustomStringConvertible {
    /// One line for `weir check-config` and the log: counts and addresses, never a secret.
    public var description: String {
        let ready = providers.definitions.indices.filter(isReady(providerAt:)).map { providers[$0].name }
        return """
            \(file): data \(listen), admin \(admin.listen), \(routes.count) routes, \(tenancy.tenants.count) tenants, \
            \(tenancy.keys.count) keys, providers ready: \(ready.isEmpty ? "none" : ready.joined(separator: " ")), \
            \(prices.count) model prices\(pricesAsOf.map { " as of " + $0 } ?? "")
            """
    }
}
