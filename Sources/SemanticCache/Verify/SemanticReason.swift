/// Why a request was not answered from the semantic cache although it was eligible. Each is counted, logged and shown.
public enum SemanticReason: String, Sendable, CaseIterable, Error {
    /// The partition holds nothing.
    case empty = "empty"
    /// The stored vectors are still being read after a start.
    case warming = "warming"
    /// The gate's best cosine is below its floor; the large model was not asked.
    case gate = "gate"
    /// No neighbour is near enough to learn from.
    case distant = "distant"
    /// The guard blocks every near neighbour.
    case guarded = "guard"
    /// A guard rule lets the match be learnt from, not served.
    case explored = "guard-explore"
    /// Too little is known yet for a bound, or the data hold none.
    case cold = "cold"
    /// The probability, or the cosine in threshold mode, is below what is served.
    case unlikely = "unlikely"
    /// Nearer than the policy asks, but not than the client does.
    case stricterClient = "client"
    /// Audited precision fell too low: the scope only explores for a while.
    case alarm = "alarm"
    /// It would have been served: shadow mode serves nothing.
    case shadow = "shadow"
    /// The match's record is gone or damaged.
    case missingRecord = "missing-record"
    /// A purge came while it was looked up.
    case purged = "purged"
    /// The vector has another number of dimensions than the index.
    case wrongDimensions = "vector-dimensions"
    /// The vector holds NaN, an infinity or a component out of any sensible range.
    case notFinite = "vector-not-finite"
    /// The vector's length is zero or so small that its direction means nothing.
    case zeroVector = "vector-zero"
    /// The vector was made by another model than the index holds.
    case otherModel = "vector-model"
    /// The entry's text is longer than is kept.
    case textTooLong = "text-too-long"
    /// The virtual key has inserted too much in the last minute.
    case keyRate = "key-rate"
    /// No room: caps are reached and nothing may be evicted for this one.
    case full = "full"
    /// The store is closed or takes no more.
    case storeUnavailable = "store-unavailable"
}
