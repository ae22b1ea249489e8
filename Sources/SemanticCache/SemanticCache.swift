public import GatewayModel
public import Storage

/// Answers to questions that mean the same: vectors in partitions, and what was learnt about when a near one may be trusted.
public final class SemanticCache: Sendable {
    private let options: SemanticCacheOptions

    /// Opens the store and begins to read it in the background.
    public init(_ options: SemanticCacheOptions) throws(StoreError) { self.options = options }

    /// Whether stored vectors are still being read: every lookup is a miss until then.
    public var isWarming: Bool { true }

    /// A reader for one thread.
    public func makeReader() -> SemanticReader { SemanticReader() }

    /// The moment a request begins, for `insert`.
    public var purgeEpoch: UInt64 { 0 }

    /// Adds an entry; `begun` is `purgeEpoch` as it was when its request began. Any thread but an event loop's hot path. `nil` once it is
    /// found by readers, otherwise why not.
    public func insert(_ insertion: SemanticInsertion, begun: UInt64, now: WallTime) -> SemanticReason? { .storeUnavailable }

    /// The fresh answer was judged against the ticket's candidates (missing verdicts count as unsure): learns, and names the answer group
    /// the fresh question belongs to, `nil` if it founds its own.
    public func conclude(_ ticket: SemanticTicket, verdicts: [AnswerEquality], now: WallTime) -> Digest256? { nil }

    /// No fresh answer came: the ticket's weight goes to the next of its kind.
    public func abandon(_ ticket: SemanticTicket) {}

    /// The answers of these keys are gone from the exact cache.
    public func remove(answers: [Digest256]) {}
    /// Everything that a tenant's requests filled, and what its scopes learnt (`scopes` equal to it or beginning with it and a slash).
    public func removeTenant(_ tenant: String) {}
    /// Everything that a virtual key filled.
    public func removeKey(_ keyID: String) {}
    /// Everything that a model answered.
    public func removeModel(_ model: String) {}
    /// Everything.
    public func removeAll() {}

    /// Blocks until what was accepted so far is written. For tests and commands.
    public func flush() {}
    /// Writes out what is pending and closes the store. Idempotent; blocks.
    public func close() {}
}

/// Looks up: confined to one thread.
public final class SemanticReader {
    /// Whether anything in the partition is near enough by the gate's vectors to ask the large model; the best gate cosine, or why not.
    public func gate(_ vector: Span<Float>, in partition: Digest256) -> Result<Float, SemanticReason> { .failure(.warming) }

    /// Finds the best match and decides. `guarding` is handed the text of a stored entry (UTF-8); it is called for at most `guardedMax`
    /// entries, nearest first. `random` decides on an audit: from a seeded generator where the decision must be repeatable.
    public func lookUp(
        scope: String, partition: Digest256, gate: Span<Float>, vector: Span<Float>, policy: SemanticPolicy, random: UInt64,
        guarding: (Span<UInt8>) -> GuardVerdict
    ) -> SemanticDecision { SemanticDecision(action: .miss(.warming)) }
}

@available(*, unavailable) extension SemanticReader: Sendable {}
