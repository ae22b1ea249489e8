/// Counts of the whole cache.
public struct SemanticCacheStatistics: Sendable {
    /// Entries in the index.
    public var entries: Int
    /// Partitions that hold any.
    public var partitions: Int
    /// Bytes of memory that entries take.
    public var entryBytes: Int
    /// Lookups with both vectors.
    public var lookups: UInt64
    /// Entries added.
    public var inserts: UInt64
    /// Entries not added, by reason.
    public var refused: [SemanticReason: UInt64]
    /// Entries that made room for others.
    public var evicted: UInt64
    /// Stored records not taken over at start: damaged, or of other models.
    public var dropped: UInt64
    /// Matches whose record or answer was gone.
    public var missing: UInt64
    /// Whether stored vectors are still being read.
    public var isWarming: Bool
}

extension SemanticCache {
    /// Counts now.
    public var statistics: SemanticCacheStatistics {
        SemanticCacheStatistics(
            entries: index.count, partitions: index.partitionCount, entryBytes: index.count * index.layout.entryBytes,
            lookups: counters.lookups.load(ordering: .relaxed), inserts: counters.inserts.load(ordering: .relaxed),
            refused: counters.refusals, evicted: counters.evicted.load(ordering: .relaxed),
            dropped: counters.dropped.load(ordering: .relaxed), missing: counters.missing.load(ordering: .relaxed), isWarming: isWarming)
    }

    /// What a scope has done and learnt; `nil` if it never asked.
    public func report(scope: String) -> SemanticScopeReport? { learners.snapshot(scope)?.report(scope: scope) }

    /// All scopes that learn, by name.
    public var reports: [SemanticScopeReport] { learners.names.compactMap { report(scope: $0) } }
}
