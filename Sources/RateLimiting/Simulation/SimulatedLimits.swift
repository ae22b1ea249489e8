import GatewayModel

/// The limits that traffic is replayed against.
public struct SimulatedLimits: Sendable {
    /// By tenant's id.
    public var tenants: [String: [Limit]] = [:]
    /// Of tenants that are not in `tenants`.
    public var otherTenants: [Limit] = []
    /// By key's id.
    public var keys: [String: [Limit]] = [:]
    /// By route's name.
    public var routes: [String: [Limit]] = [:]
    /// As in `LimitRegistry`.
    public var hitsFactor = LimitRegistry.hitsFactorDefault
    /// As in `LimitRegistry`.
    public var valuesMax = LimitRegistry.valuesMaxDefault
    /// Whether a model pattern means a model at a provider.
    public var matches: @Sendable (_ pattern: String, _ model: String, _ provider: String) -> Bool

    /// No limits.
    public init(matches: @escaping @Sendable (_ pattern: String, _ model: String, _ provider: String) -> Bool) { self.matches = matches }

    func limits(of scope: LimitScope) -> [Limit] {
        switch scope {
        case .key(let id): keys[id] ?? []
        case .tenant(let id): tenants[id] ?? otherTenants
        case .route(let name): routes[name] ?? []
        }
    }

    /// The same limits with room for everything that could come: what is used of them is what would have been enough.
    var widened: SimulatedLimits {
        var wide = self
        wide.tenants = tenants.mapValues { $0.map(\.widened) }
        wide.otherTenants = otherTenants.map(\.widened)
        wide.keys = keys.mapValues { $0.map(\.widened) }
        wide.routes = routes.mapValues { $0.map(\.widened) }
        return wide
    }
}

extension Limit {
    /// The same rate and window with the largest burst, the largest budget or number at once.
    fileprivate var widened: Limit {
        var limit = self
        limit.isShadow = false
        limit.burst = Limit.amountMax
        if case .bucket = window { return limit }
        limit.amount = Limit.amountMax
        return limit
    }
}
