import GatewayModel

/// What a replay found.
public struct SimulationReport: Sendable, Equatable {
    /// How many requests there were, of one tenant or of all.
    public struct Counts: Sendable, Equatable {
        /// Requests that came.
        public internal(set) var offered = 0
        /// Those of them that the cache answered.
        public internal(set) var hits = 0
        /// Those that these limits would have refused.
        public internal(set) var refused = 0
        /// Those that limits refused when they were recorded.
        public internal(set) var refusedThen = 0
    }

    /// One tenant.
    public struct Tenant: Sendable, Equatable {
        /// Its id.
        public let id: String
        /// Its requests.
        public let counts: Counts
        /// Whether any limit was met.
        public let isLimited: Bool
    }

    /// One limit; of one with a bucket for each metadata value, all buckets together.
    public struct LimitResult: Sendable, Equatable {
        /// Whose it is.
        public let scope: LimitScope
        /// Its name, as in `BoundLimit.policyName`.
        public let policyName: String
        /// The limit.
        public let limit: Limit
        /// Requests that it was asked about. One that an earlier limit refused does not get as far as those of tokens and cost.
        public internal(set) var met = 0
        /// Those that it would have refused; in shadow mode those that it would have, were it in force. Where several limits would have, the
        /// one with the longest wait is blamed, as in the answer to the client.
        public internal(set) var refused = 0
        /// Those of them that needed more than it ever holds, and could not have been told to come back.
        public internal(set) var refusedForGood = 0
        /// When it refused first.
        public internal(set) var firstRefusal: WallTime?
        /// The minute, by its first moment, in which it refused most; the first of several.
        public internal(set) var worstMinute: WallTime?
        /// How many it refused in that minute.
        public internal(set) var worstMinuteRefused = 0
        /// The most that was in use of what it holds, reservations included, in percent rounded down; over 100 in debt.
        public internal(set) var peakPercent = 0
        /// The longest `Retry-After` in seconds; nil where nothing was refused with one.
        public internal(set) var retryAfterSecondsMax: Int64?
        /// The smallest burst (of a budget or of concurrency: amount) that would have refused nothing, were all other limits wide enough too; at
        /// least 1. nil where none that a limit may have would do.
        public internal(set) var enough: Int64? = 1
    }

    /// All requests.
    public internal(set) var total = Counts()
    /// In the order in which they came first; at most `LimitSimulation.tenantsMax`.
    public internal(set) var tenants: [Tenant] = []
    /// Of each scope in the order of its limits, scopes in the order in which they came first.
    public internal(set) var limits: [LimitResult] = []
    /// When the first request came; nil without any.
    public internal(set) var first: WallTime?
    /// When the last request came.
    public internal(set) var last: WallTime?
    /// Requests that came out of order and were taken to begin when the one before did.
    public internal(set) var lateCount = 0
    /// Requests that were charged before they ended, since more were under way than are kept track of.
    public internal(set) var endedEarlyCount = 0
}
