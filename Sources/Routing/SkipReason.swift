/// Why a target of a route is not tried for a request.
public enum SkipReason: Sendable, Equatable {
    /// A feature that a request may need.
    public enum Feature: String, Sendable, CaseIterable {
        case tools, images
        case jsonMode = "json_mode"
    }

    /// A wish of the client that leaves a target out, by its name in the request.
    public enum Hint: String, Sendable, CaseIterable {
        case models, only, ignore
        case maxPrice = "max_price"
        case allowFallbacks = "allow_fallbacks"
    }

    /// A condition of the route, or of the target, chose otherwise.
    case conditionNotMet
    /// Prompt and answer would not fit its context window.
    case contextTooSmall(needed: Int, available: Int)
    /// It lacks what the request needs.
    case lacks(Feature)
    /// The client does not want it.
    case hint(Hint)
    /// The same provider and model stand earlier in the order.
    case duplicate
    /// The key or its tenant may not use it.
    case notPermitted
    /// The provider does not offer the operation.
    case notOffered
    /// There is no key for the provider: none configured, or the client's own is for another.
    case noCredential
    /// One of its own limits is used up.
    case limited
    /// Its breaker is open; it may be asked again after so many nanoseconds.
    case breakerOpen(nanoseconds: UInt64)
    /// Its breaker lets one probe through, and that one is under way.
    case probeUnderWay

    /// The name in logs and dry runs.
    public var name: String {
        switch self {
        case .conditionNotMet: "condition_not_met"
        case .contextTooSmall: "context_too_small"
        case .lacks(let feature): "lacks_" + feature.rawValue
        case .hint(let hint): "hint_" + hint.rawValue
        case .duplicate: "duplicate"
        case .notPermitted: "not_permitted"
        case .notOffered: "not_offered"
        case .noCredential: "no_credential"
        case .limited: "limited"
        case .breakerOpen: "breaker_open"
        case .probeUnderWay: "probe_under_way"
        }
    }

    /// Whether waiting would help: what distinguishes 503 from a request that no target of the route can serve.
    public var isTemporary: Bool {
        switch self {
        case .breakerOpen, .probeUnderWay, .limited: true
        default: false
        }
    }
}

/// Why a target is tried only when no other is left.
public enum SoftReason: String, Sendable, CaseIterable {
    /// Too large a share of its answers are failures.
    case failingShare = "failing_share"
    /// It is much slower than its peers.
    case latency
    /// The health probe fails.
    case healthProbe = "health_probe"
    /// It said with `Retry-After` when to come again.
    case rateLimited = "rate_limited"
    /// All its keys were refused or limited lately.
    case keysBenched = "keys_benched"
    /// It has come back and takes a growing share.
    case ramping
}
