import GatewayModel

/// The buckets of one set of limits during a replay, found for each request as the gateway finds them: key, tenant, models, metadata, route.
final class SimulatedBuckets {
    /// The limits that one request meets, by step.
    struct Met {
        var hits: [BoundLimit] = []
        var requests: [BoundLimit] = []
        var metered: [BoundLimit] = []

        mutating func add(_ limits: BoundLimits) {
            hits += limits.hits
            requests += limits.requests
            metered += limits.metered
        }
    }

    private let limits: SimulatedLimits
    private let registry: LimitRegistry
    private var bound: [LimitScope: BoundLimits] = [:]

    init(_ limits: SimulatedLimits) {
        self.limits = limits
        registry = LimitRegistry(hitsFactor: limits.hitsFactor, valuesMax: limits.valuesMax)
    }

    func met(by request: RecordedRequest, _ now: LimitTime) -> Met {
        var met = Met()
        let own = [LimitScope.key(request.key), .tenant(request.tenant)].map { bind($0, request.tenant, now) }
        let route = request.route.isEmpty ? nil : bind(.route(request.route), nil, now)
        for limits in own { met.add(limits) }
        for scope in own + (route.map { [$0] } ?? []) {
            for model in scope.models where limits.matches(model.pattern, request.model, request.provider) { met.add(model.limits) }
        }
        for scope in own {
            for family in scope.families { met.add(SimulatedBuckets.limits(of: family, request.metadata[family.name], now)) }
        }
        if let route { met.add(route) }
        return met
    }

    private static func limits(of family: MetadataFamily, _ value: String?, _ now: LimitTime) -> BoundLimits {
        guard let value else { return family.limits(for: nil, now) }
        let bytes = Array(value.utf8)
        return family.limits(for: bytes.span, now)
    }

    /// Scopes without limits are not remembered: the log names them, however many.
    private func bind(_ scope: LimitScope, _ tenant: String?, _ now: LimitTime) -> BoundLimits {
        if let known = bound[scope] { return known }
        let own = limits.limits(of: scope)
        guard !own.isEmpty else { return .none }
        let new = registry.bind(own, scope: scope, tenant: tenant, now)
        bound[scope] = new
        return new
    }
}
