public import GatewayModel
public import Routing
public import Tenants

/// An alias that clients use as model: its targets, and how its answers are cached and waited for.
public struct RouteDefinition: Sendable, Equatable {
    /// What a cached answer is kept under.
    public enum CacheBy: String, Sendable, CaseIterable {
        /// The target that gave it, or would be asked now.
        case target
        /// The route as a whole.
        case route
    }

    /// The cache policy where the route sets one; `nil`: as the tenant or the default says.
    public struct Cache: Sendable, Equatable {
        /// Whether answers are cached.
        public let isEnabled: Bool?
        /// Time to live in seconds.
        public let ttlSeconds: Int?
        /// Whether answers with tool calls are kept.
        public let storesToolCalls: Bool?
        /// The highest temperature that is cached.
        public let maxTemperature: Double?
        /// How long past its end an answer may be served when every upstream fails.
        public let staleIfErrorSeconds: Int?
        /// How long past its end an answer may be served while a fresh one is fetched.
        public let staleWhileRevalidateSeconds: Int?
    }

    /// The policy of the semantic cache where the route sets one; `nil`: as the tenant or the default says. The members are those of
    /// `SemanticPolicySettings`.
    public struct Semantic: Sendable, Equatable {
        /// Whether similar questions may be answered alike.
        public let isEnabled: Bool?
        /// What decides that a match is good enough.
        public let rule: SemanticPolicySettings.Rule?
        /// What is served before enough is known for a bound.
        public let cold: SemanticPolicySettings.Cold?
        /// Whether nothing is served and only what would have been is counted.
        public let isShadow: Bool?
        /// The share of matches that get a fresh answer to compare with, 0 to 1.
        public let auditRate: Double?
        /// The share once enough is known, 0 to 1.
        public let auditRateLow: Double?
        /// Audits after which the share falls.
        public let auditsForLowRate: Int?
        /// The guard's rules by name; empty: none.
        public let guardRules: Set<String>?
        /// The highest temperature that takes part.
        public let maxTemperature: Double?
        /// The fewest content words of a question that takes part.
        public let contentWordsMin: Int?
        /// The longest life, in seconds, of answers that depend on when they were asked for.
        public let timeDependentTTLSecondsMax: Int?
        /// Whose learning is pooled.
        public let learnBy: SemanticPolicySettings.LearnBy?
    }

    /// What the event log keeps where the route says so; `nil`: as the tenant or the default says.
    public struct Events: Sendable, Equatable {
        /// Whether requests have rows.
        public let collects: Bool?
        /// Whether bodies are kept with them.
        public let collectsPayloads: Bool?
    }

    /// The alias.
    public let name: String
    /// The targets in the order they are written, each once, at least one; providers by canonical name, other routes already put in.
    public let targets: [Target]
    /// How requests choose among them.
    public let selection: CompiledRoute
    /// What is asked instead after a refusal that says the request does not suit the model; only refusals that the route has a list for.
    public let refusals: [UpstreamRefusal: CompiledRoute]
    /// How often, how fast and for how long; the deadline is that of `timeouts`.
    public let retry: RetryPolicy
    /// When a second target is asked beside the first; `nil`: never.
    public let hedge: HedgePolicy?
    /// Whether the OpenRouter members `models` and `provider` of a request are honoured, within the route's own targets.
    public let allowsHints: Bool
    /// Whether the answer of a fallback is also stored under the key that was looked up, that of the first target.
    public let storesFallbackUnderRoute: Bool
    /// The dialects in which every target can be asked.
    public let dialects: [Dialect]
    /// What a cached answer is kept under.
    public let cacheBy: CacheBy
    /// The cache policy where the route sets one.
    public let cache: Cache
    /// The policy of the semantic cache where the route sets one.
    public let semantic: Semantic
    /// What the event log keeps where the route says so.
    public let events: Events
    /// Timeouts, with the general ones where the route sets none.
    public let timeouts: TimeoutSettings
    /// What all requests of the route together may use; none of them by metadata.
    public let limits: LimitSet
    /// What a request costs where no price is known, in nano-USD; `nil`: such requests are refused under a cost limit.
    public let pricePerRequest: Int64?
    /// Changes whenever answers of the route might be others: part of the cache key.
    public let revision: UInt64

    /// What a request is planned with.
    public var plan: RoutePlan { selection.plan }

    /// The lists for refusals, ready to be planned with.
    public var refusalPlans: [UpstreamRefusal: RoutePlan] { refusals.mapValues(\.plan) }

    /// For which refusals there is a list.
    public var refusalLists: UpstreamRefusal.Lists {
        var lists: UpstreamRefusal.Lists = []
        if refusals[.contextLength] != nil { lists.insert(.contextLength) }
        if refusals[.contentFilter] != nil { lists.insert(.contentFilter) }
        return lists
    }
}
