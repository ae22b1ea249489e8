/// What the semantic cache says about one request, with everything that led to it.
public struct SemanticDecision: Sendable {
    /// What to do with the request.
    public enum Action: Sendable, Equatable {
        /// Answer with the match's answer. If that is gone from the exact cache, the request is a miss (`SemanticCache.forget`).
        case serve
        /// It would be served, but is drawn for an audit: fetch a fresh answer, then judge and conclude the ticket.
        case audit
        /// A miss to learn from: fetch a fresh answer, then judge and conclude the ticket.
        case explore(SemanticReason)
        /// A miss with nothing to judge.
        case miss(SemanticReason)
    }

    /// What to do.
    public var action: Action
    /// The entry whose answer is served, audited or explored; `nil` where there is none near.
    public var match: SemanticMatch?
    /// What p was computed from; `nil` where there is no match.
    public var features: MatchFeatures?
    /// The guard's word on the match.
    public var guardVerdict: GuardVerdict = .pass
    /// The probability that the match's answer fits; `nil` in threshold mode or while nothing is learnt.
    public var probability: Double?
    /// The smallest probability that is served (λ); `nil` while there is none.
    public var threshold: Double?
    /// The bound asked for; `nil` in threshold mode, where nothing is verified.
    public var maxError: Double?
    /// The upper end of the 95 % interval of the error at `threshold`; `nil` while there is none.
    public var errorBound: Double?
    /// What to hand back once a fresh answer was judged; `nil` where nothing is to be learnt.
    public var ticket: SemanticTicket?
    /// How many requests the scope had seen by then; 0 without a match.
    public var ordinal: UInt64 = 0

    /// A decision without a match.
    public init(action: Action) { self.action = action }

    /// Whether it would be served if neither an audit nor shadow mode stood in the way.
    public var wouldServe: Bool { action == .serve || action == .audit || action == .explore(.shadow) }
}

/// What a decision needs to become a label: kept by the request until its fresh answer was judged, or given up.
public struct SemanticTicket: Sendable, Equatable {
    /// Whose learning it belongs to.
    public var scope: String
    /// What the decision saw.
    public var features: MatchFeatures
    /// One over the chance with which such a request is judged: 1 for misses, more for audits.
    public var weight: Double
    /// Whether it is an audit of a would-be hit.
    public var isAudit: Bool
    /// How many requests the scope had seen by then.
    public var ordinal: UInt64
    /// The answers to compare the fresh one with, nearest group first; the first is the one whose label is learnt.
    public var candidates: [SemanticMatch]

    /// A ticket for a label that comes from elsewhere, as a person's word on an answer that was served.
    public init(
        scope: String, features: MatchFeatures, weight: Double, isAudit: Bool, ordinal: UInt64, candidates: [SemanticMatch]
    ) {
        self.scope = scope
        self.features = features
        self.weight = weight
        self.isAudit = isAudit
        self.ordinal = ordinal
        self.candidates = candidates
    }
}
