/// How a route uses the semantic cache.
public struct SemanticPolicy: Sendable, Equatable {
    /// What decides that a match is good enough.
    public enum Rule: Sendable, Equatable {
        /// Serve while wrongly served answers stay below this share of all requests: the upper end of the 95 % interval counts. In 0...1,
        /// such as 0.01.
        case maxError(Double)
        /// Serve above a cosine that somebody guessed. Nothing is promised: marked unverified wherever it is shown.
        case threshold(Float)
    }

    /// What is served before enough is known for a bound.
    public enum Cold: UInt8, Sendable {
        /// Only what repeats the text of an entry whose answer was judged equal to another's.
        case aliasesOnly
        /// Also what lies above a fixed, strict probability under the prior that is shipped.
        case prior
    }

    /// What decides.
    public var rule: Rule
    /// What is served before enough is known.
    public var cold: Cold = .aliasesOnly
    /// Whether nothing is served, and only what would have been is counted. Everything else goes on as usual, audits included.
    public var isShadow = false
    /// The share of would-be hits that get a fresh answer to compare with, until `auditsForLowRate` are labelled. In 0...1.
    public var auditRate = 0.10
    /// The share from then on, reached step by step.
    public var auditRateLow = 0.02
    /// Audits after which the share begins to fall.
    public var auditsForLowRate = 1000
    /// A client's own minimum cosine: it may only be stricter than the policy. 0 asks for nothing.
    public var minimumCosine: Float = 0

    /// A policy with the defaults.
    public init(rule: Rule) { self.rule = rule }

    /// The bound, if there is one.
    public var maxError: Double? {
        if case .maxError(let bound) = rule { bound } else { nil }
    }
}
