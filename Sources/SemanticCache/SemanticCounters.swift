import Synchronization

/// What the semantic cache counts besides what its learners do.
final class SemanticCounters: Sendable {
    let lookups = Atomic<UInt64>(0)
    let evicted = Atomic<UInt64>(0)
    /// Stored records that were not taken over at start: damaged, or of other models.
    let dropped = Atomic<UInt64>(0)
    /// Matches whose record was gone or damaged.
    let missing = Atomic<UInt64>(0)
    let inserts = Atomic<UInt64>(0)
    private let refused: [SemanticReason: Counter]

    private final class Counter: Sendable {
        let value = Atomic<UInt64>(0)
    }

    init() { refused = Dictionary(uniqueKeysWithValues: SemanticReason.allCases.map { ($0, Counter()) }) }

    /// An insert ended.
    func inserted(_ reason: SemanticReason?) {
        guard let reason else { return _ = inserts.add(1, ordering: .relaxed) }
        refused[reason]?.value.add(1, ordering: .relaxed)
    }

    /// Refused inserts by reason.
    var refusals: [SemanticReason: UInt64] {
        refused.compactMapValues { counter in
            let value = counter.value.load(ordering: .relaxed)
            return value > 0 ? value : nil
        }
    }
}
