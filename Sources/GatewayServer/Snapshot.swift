// What a request is judged by: one immutable object that a reload replaces. Every loop holds its own reference, so reading it takes no lock.

import GatewayConfiguration
import GatewayModel
import HTTP1
import Hashing
import Providers
import RateLimiting
import RequestScan
import Routing
import Tenants
import Upstream

/// A tenant as the request path sees it.
final class TenantState: Sendable {
    let tenant: Tenant
    /// Its `cacheNamespace`; empty where it has none.
    let namespace: [UInt8]
    /// Whose entries it reads and writes: its own scope, or the share the operator put it into.
    let scope: EntryScope
    /// Its own scope, for custom keys, which never go into a share.
    let ownScope: EntryScope
    let load: LoadCell
    let inFlightMax: Int
    /// Its own limits; `nil` where it has none.
    let limits: ScopeLimits?

    init(tenant: Tenant, scope: EntryScope, ownScope: EntryScope, load: LoadCell, inFlightMax: Int, limits: ScopeLimits?) {
        self.tenant = tenant
        namespace = Array((tenant.cacheNamespace ?? "").utf8)
        self.scope = scope
        self.ownScope = ownScope
        self.load = load
        self.inFlightMax = inFlightMax
        self.limits = limits
    }
}

/// A route alias of the unified surface.
final class RouteState: Sendable {
    let definition: RouteDefinition
    let targets: [RouteTarget]
    /// Its limits, shared by all who call it; `nil` where it has none.
    let limits: ScopeLimits?
    /// In which order a request tries the targets. Its leaves name providers by index.
    let plan: RoutePlan
    /// What is known of each leaf.
    let health: [TargetHealth]
    /// Other lists, for requests that a model refused by their content.
    let refusalPlans: [UpstreamRefusal: (plan: RoutePlan, health: [TargetHealth])]

    init(
        definition: RouteDefinition, targets: [RouteTarget], limits: ScopeLimits?, plan: RoutePlan, health: [TargetHealth],
        refusalPlans: [UpstreamRefusal: (plan: RoutePlan, health: [TargetHealth])]
    ) {
        self.definition = definition
        self.targets = targets
        self.limits = limits
        self.plan = plan
        self.health = health
        self.refusalPlans = refusalPlans
    }

    var name: String { definition.name }
    /// Part of the cache key: an alias pointed elsewhere, or configured otherwise, starts afresh.
    var revision: UInt64 { definition.revision }
    var isKeyedByRoute: Bool { definition.cacheBy == .route }
}

/// One target of a route, resolved.
struct RouteTarget: Sendable {
    let provider: Int
    let model: String
}

/// The limits of the data port, in the units the hot path compares.
struct DataLimits: Sendable {
    let headMilliseconds: UInt64
    let bodyMilliseconds: UInt64
    let bodyRateGraceMilliseconds: UInt64
    let bodyBytesPerSecondMin: UInt64
    let keepAliveMilliseconds: UInt64
    let writeStallMilliseconds: UInt64
    let requestsPerConnectionMax: Int
    let bodyBytesMax: Int
    let uploadBytesMax: UInt64
    let connectionsMax: Int
    let connectionsPerAddressMax: Int
    let clientBufferBytes: Int
    let heldBytesMax: Int
    let inFlightMax: Int
    let queuedMax: Int
    let queuedPerTenantMax: Int
    let pipelinedBytesMax: Int
    let queueMilliseconds: UInt64
    let retryAfterSeconds: Int
    let lingerBytesMax: Int
    let lingerMilliseconds: UInt64
    let eventBytesMax: Int
    let authFailuresPerMinuteMax: Int

    init(_ configuration: GatewayConfigurationSnapshot, openFilesMax: Int) {
        let limits = configuration.limits
        headMilliseconds = UInt64(limits.headerTimeoutMilliseconds)
        bodyMilliseconds = UInt64(limits.bodyTimeoutMilliseconds)
        bodyRateGraceMilliseconds = UInt64(limits.bodyRateGraceMilliseconds)
        bodyBytesPerSecondMin = UInt64(limits.bodyBytesPerSecondMin)
        keepAliveMilliseconds = UInt64(limits.keepAliveTimeoutMilliseconds)
        writeStallMilliseconds = UInt64(limits.writeStallTimeoutMilliseconds)
        requestsPerConnectionMax = limits.requestsPerConnectionMax
        bodyBytesMax = limits.bodyBytesMax
        uploadBytesMax = UInt64(limits.uploadBytesMax)
        connectionsMax = limits.connectionsMax > 0 ? limits.connectionsMax : max(16, openFilesMax / 2)
        connectionsPerAddressMax = max(1, connectionsMax * limits.connectionsPerAddressPercent / 100)
        clientBufferBytes = limits.streamBufferBytesMax
        heldBytesMax = 1024 * 1024
        let overload = configuration.overload
        // Hits take no place; the reserve is what misses must leave of the machine for them.
        inFlightMax = max(1, overload.inFlightMax - overload.inFlightMax * overload.hitsReservePercent / 100)
        queuedMax = overload.queueMax
        queuedPerTenantMax = overload.queuePerTenantMax
        pipelinedBytesMax = limits.pipelinedBytesMax
        queueMilliseconds = UInt64(configuration.overload.queueWaitMilliseconds)
        retryAfterSeconds = configuration.overload.retryAfterSeconds
        lingerBytesMax = limits.lingerBytesMax
        lingerMilliseconds = UInt64(limits.lingerTimeoutMilliseconds)
        eventBytesMax = limits.eventBytesMax
        authFailuresPerMinuteMax = limits.authFailuresPerMinuteMax
    }
}

/// See the file's header.
final class GatewaySnapshot: Sendable {
    let configuration: GatewayConfigurationSnapshot
    let providers: ProviderTable
    let prices: PriceTable
    let router: PathRouter
    let keys: KeyTable
    /// By tenant index.
    let tenants: [TenantState]
    /// By key index; only keys that have limits.
    let keyLimits: [UInt32: ScopeLimits]
    let limits: DataLimits
    let httpLimits: HTTP1Limits
    let scanLimits: ScanLimits
    /// What the event log keeps where neither route nor tenant says otherwise.
    let eventDefaults: EventPolicy
    /// Whether spans are exported.
    let exportsSpans: Bool
    /// By what `/metrics` tells requests apart.
    let metricLabels: MetricLabels
    let flightLimits: Flight.Limits
    /// Flights of unified embeddings, whose answers are kept item by item and may be large together.
    let batchFlightLimits: Flight.Limits
    let routes: [String: RouteState]
    /// Models by `provider/model` that the configuration names, for the list of models.
    let knownModels: [RouteTarget]
    let upstreamOptions: UpstreamOptions
    /// The semantic cache; `nil` where nobody uses it, or it can't be had.
    let semantic: SemanticService?
    /// By provider index.
    private let providerStates: [ProviderState]
    private let egress: [EgressPolicy]
    private let credentials: [[String]]
    private let pools: [KeyPool]
    private let healthTable: HealthTable
    private let credentialHasher: HMACSHA256

    /// Makes the snapshot of a configuration and a key table. `openFilesMax`: the descriptors this process may have.
    ///
    /// Binds every limit to its bucket: on the control thread only.
    init(
        configuration: GatewayConfigurationSnapshot, keys: KeyTable, loads: LoadRegistry, limiter: LimiterState, health: HealthTable,
        semantic: SemanticService?, openFilesMax: Int
    ) {
        self.semantic = semantic
        self.configuration = configuration
        self.keys = keys
        providers = configuration.providers
        providerStates = configuration.providers.definitions.map { ProviderState($0) }
        prices = configuration.prices
        router = PathRouter(providers: configuration.providers, accounts: configuration.accounts, gateways: configuration.gateways)
        limits = DataLimits(configuration, openFilesMax: openFilesMax)
        httpLimits = HTTP1Limits(
            targetBytesMax: configuration.limits.uriBytesMax, fieldBytesMax: configuration.limits.headerFieldBytesMax,
            headBytesMax: configuration.limits.headerBytesMax, fieldsMax: configuration.limits.headerFieldsMax,
            chunkOverheadBytesMax: configuration.limits.chunkOverheadBytesMax)
        scanLimits = ScanLimits(depth: configuration.limits.jsonDepthMax)
        var labels: MetricLabels = []
        if configuration.events.metricLabels.contains("model") { labels.insert(.model) }
        if configuration.events.metricLabels.contains("tenant") { labels.insert(.tenant) }
        metricLabels = labels
        eventDefaults = configuration.eventPolicy(route: nil, tenant: nil)
        exportsSpans = configuration.events.otlpEndpoint != nil
        loads.capture.setLimit(configuration.overload.captureBytesMax)
        flightLimits = GatewaySnapshot.flightLimits(
            configuration, captureBytesMax: configuration.cache.entryBytesMax, budget: loads.capture)
        batchFlightLimits = GatewaySnapshot.flightLimits(
            configuration, captureBytesMax: configuration.limits.bodyBytesMax, budget: loads.capture)
        var binding = LimitBinding(limiter, configuration.metering)
        tenants = GatewaySnapshot.tenantStates(configuration, keys, loads, &binding)
        keyLimits = GatewaySnapshot.keyLimits(keys, &binding)
        health.use(configuration.breaker)
        let pools = GatewaySnapshot.keyPools(configuration, health)
        routes = GatewaySnapshot.routeStates(configuration, pools, health, &binding)
        binding.finish()
        self.pools = pools
        healthTable = health
        knownModels = configuration.routes.flatMap(\.targets).compactMap { target in
            configuration.providers.index(of: target.provider).map { RouteTarget(provider: $0, model: target.model) }
        }
        upstreamOptions = GatewaySnapshot.upstreamOptions(configuration)
        egress = configuration.providers.definitions.map { EgressPolicy.make($0, configuration.egress) }
        credentials = configuration.credentials.map { $0.prefix(KeyPool.countMax).map { $0.reveal() } }
        credentialHasher = HMACSHA256(key: Array("client credential".utf8).span)
    }

    static func flightLimits(_ configuration: GatewayConfigurationSnapshot, captureBytesMax: Int, budget: CaptureBudget)
        -> Flight.Limits
    {
        var limits = Flight.Limits()
        limits.captureBytesMax = captureBytesMax
        limits.budget = budget
        limits.followersMax = configuration.overload.followersPerFlightMax
        return limits
    }

    private static func tenantStates(
        _ configuration: GatewayConfigurationSnapshot, _ keys: KeyTable, _ loads: LoadRegistry, _ binding: inout LimitBinding
    ) -> [TenantState] {
        zip(keys.tenants, keys.scopes).map { tenant, scope in
            let own = EntryScope.make(id: tenant.id, isShare: false, salt: scope.salt)
            let share = EntryScope.make(id: scope.name, isShare: true, salt: scope.salt)
            return TenantState(
                tenant: tenant, scope: scope.isShared ? share : own, ownScope: own, load: loads.cell(forTenant: tenant.id),
                inFlightMax: tenant.inFlightMax ?? configuration.overload.inFlightPerTenantMax,
                limits: binding.bind(tenant.limits, scope: .tenant(tenant.id), tenant: tenant.id))
        }
    }

    private static func keyLimits(_ keys: KeyTable, _ binding: inout LimitBinding) -> [UInt32: ScopeLimits] {
        var limits: [UInt32: ScopeLimits] = [:]
        for (index, key) in keys.keys.enumerated() where key.revoked == nil {
            limits[UInt32(index)] = binding.bind(key.limits, scope: .key(key.id), tenant: key.tenant)
        }
        return limits
    }

    /// The keys of each provider by number, as breakers know them.
    private static func keyPools(_ configuration: GatewayConfigurationSnapshot, _ health: HealthTable) -> [KeyPool] {
        zip(configuration.providers.definitions, configuration.credentials).map { definition, secrets in
            var names: [UInt8] = []
            for secret in secrets { names += SHA256.digest(of: Array(secret.reveal().utf8).span).bytes }
            return health.pool(of: definition.name, keys: secrets.count, revision: xxh3(names.span))
        }
    }

    private static func routeStates(
        _ configuration: GatewayConfigurationSnapshot, _ pools: [KeyPool], _ health: HealthTable, _ binding: inout LimitBinding
    ) -> [String: RouteState] {
        var routes: [String: RouteState] = [:]
        for definition in configuration.routes {
            let plan = definition.plan
            let targets = definition.targets.compactMap { target in
                configuration.providers.index(of: target.provider).map { RouteTarget(provider: $0, model: target.model) }
            }
            routes[definition.name] = RouteState(
                definition: definition, targets: targets, limits: binding.bind(definition.limits, scope: .route(definition.name)),
                plan: plan,
                health: plan.targets.map { health.health(of: $0.target, pool: pools[$0.provider]) },
                refusalPlans: definition.refusalPlans.mapValues { plan in
                    (plan, plan.targets.map { health.health(of: $0.target, pool: pools[$0.provider]) })
                })
        }
        return routes
    }

    private static func upstreamOptions(_ configuration: GatewayConfigurationSnapshot) -> UpstreamOptions {
        var options = UpstreamOptions()
        options.connectionsMax = configuration.upstream.connectionsMax
        options.connectionsPerHostMax = configuration.upstream.connectionsPerHostMax
        options.connectionLifetimeSeconds = configuration.upstream.connectionLifetimeSeconds
        options.connectionIdleSeconds = configuration.upstream.connectionIdleSeconds
        options.dnsCacheSeconds = configuration.upstream.nameLifetimeSeconds
        options.responseHeadBytesMax = configuration.upstream.headerBytesMax
        options.responseFieldsMax = configuration.upstream.headerFieldsMax
        return options
    }

    // MARK: Look-ups

    /// The provider and model that `provider/model` names; `nil` when there is no such provider.
    func target(named name: String) -> RouteTarget? {
        let bytes = name.utf8
        guard let slash = bytes.firstIndex(of: 0x2F) else { return nil }
        let model = String(name[bytes.index(after: slash)...])
        guard !model.isEmpty, let provider = providers.index(of: String(name[..<slash])) else { return nil }
        return RouteTarget(provider: provider, model: model)
    }

    /// The provider at an index.
    func provider(_ index: Int) -> ProviderState { providerStates[index] }

    /// The operator's keys for a provider.
    func credentials(of provider: Int) -> [String] { credentials[provider] }

    /// The operator's key of that number.
    func credential(of provider: Int, key: Int) -> String? {
        credentials[provider].indices.contains(key) ? credentials[provider][key] : nil
    }

    /// What is known of a target that no route names.
    func health(of target: RouteTarget) -> TargetHealth {
        healthTable.health(
            of: Target(provider: providers.providerNames[target.provider], model: target.model), pool: pools[target.provider])
    }

    /// Where connections to a provider may lead.
    func egress(of provider: Int) -> EgressPolicy { egress[provider] }

    /// A keyed hash of a client's own provider key: part of the cache key and of the flight, never the key itself.
    func credentialHash(_ value: [UInt8]) -> Digest256 { credentialHasher.authenticationCode(for: value.span) }

    /// Whether a key may use a target.
    func permits(_ identity: KeyIdentity, target: RouteTarget) -> Bool {
        let provider = Array(providers.providerNames[target.provider].utf8)
        return keys.allowsProvider(provider.span, for: identity)
            && keys.allowsModel(Array(target.model.utf8).span, at: provider.span, for: identity)
    }

    /// Whether neither the key nor its tenant narrows models, providers or paths: most keys, which then cost no matching.
    func isUnrestricted(_ identity: KeyIdentity) -> Bool {
        let tenant = keys.tenants[Int(identity.tenant.rawValue)]
        let key = keys.keys[Int(identity.key)]
        return tenant.models.isEmpty && tenant.providers.isEmpty && key.models.isEmpty && key.providers.isEmpty && key.paths.isEmpty
    }

    /// The timeouts of a request.
    func timeouts(isStream: Bool, route: RouteState?) -> UpstreamTimeouts {
        let settings = route?.definition.timeouts ?? configuration.timeouts
        let first = min(isStream ? settings.firstByteStreamMilliseconds : settings.firstByteMilliseconds, settings.deadlineMilliseconds)
        return UpstreamTimeouts(
            connect: UInt64(settings.connectMilliseconds), firstByte: UInt64(first), idle: UInt64(settings.idleMilliseconds),
            total: UInt64(settings.streamTotalMilliseconds))
    }

    /// The revision that enters the key of a request without a route.
    func revision(of provider: Int) -> UInt64 { configuration.providerRevisions[provider] }
}
