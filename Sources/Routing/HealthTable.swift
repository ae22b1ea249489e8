public import GatewayModel

/// The health of every target in use, kept across reloads so that a new configuration does not forget an outage. Safe to use from any thread.
public final class HealthTable: Sendable {
    /// The most targets that are remembered; more are served without memory. Clients can name any model, so there must be an end.
    public static let countMax = 4096

    private final class State: @unchecked Sendable {  // @unchecked: touched under `lock` only
        let lock = Lock()
        var pools: [String: (revision: UInt64, pool: KeyPool)] = [:]
        var targets: [Target: TargetHealth] = [:]
        var untracked: UInt64 = 0
        var settings: BreakerSettings
        init(_ settings: BreakerSettings) { self.settings = settings }
    }

    private let state: State
    private let countMax: Int

    /// Makes an empty table.
    public init(settings: BreakerSettings = BreakerSettings(), countMax: Int = HealthTable.countMax) {
        state = State(settings)
        self.countMax = max(countMax, 0)
    }

    /// Changes when breakers open and close, for targets that are remembered too; where each stands is kept.
    public func use(_ settings: BreakerSettings) {
        let state = self.state
        let known: [TargetHealth] = state.lock.withLock {
            guard state.settings != settings else { return [] }
            state.settings = settings
            return Array(state.targets.values)
        }
        for health in known { health.use(settings) }
    }

    /// The key pool of a provider. A new one when its keys changed (`revision`): what was known was about the old ones.
    public func pool(of provider: String, keys: Int, revision: UInt64) -> KeyPool {
        let state = self.state
        return state.lock.withLock {
            if let known = state.pools[provider], known.revision == revision, known.pool.count == keys.clamped(to: 1...KeyPool.countMax) {
                return known.pool
            }
            let pool = KeyPool(count: keys)
            state.pools[provider] = (revision, pool)
            return pool
        }
    }

    /// The health of a target: the known one if its provider's pool is still the same.
    public func health(of target: Target, pool: KeyPool) -> TargetHealth {
        let state = self.state
        return state.lock.withLock {
            let known = state.targets[target]
            if let known, known.pool === pool { return known }
            let health = TargetHealth(pool: pool, settings: state.settings)
            if known != nil || state.targets.count < countMax {
                state.targets[target] = health
            } else {
                state.untracked &+= 1
            }
            return health
        }
    }

    /// How often a target was served without memory, for lack of room.
    public var untracked: UInt64 {
        let state = self.state
        return state.lock.withLock { state.untracked }
    }

    /// All targets that are remembered, for statistics, by provider and model.
    public func all() -> [(target: Target, health: TargetHealth)] {
        let state = self.state
        let found = state.lock.withLock { state.targets.map { (target: $0.key, health: $0.value) } }
        return found.sorted { ($0.target.provider, $0.target.model) < ($1.target.provider, $1.target.model) }
    }
}
