import GatewayModel

@testable import SemanticCache

/// A small index with a reader, and vectors that are as short as blocks allow.
final class IndexBench {
    let index: VectorIndex
    let slot: ReaderFence.Slot
    static let layout = VectorBlock.Layout(dimensions: 64, gateDimensions: 64)
    static let query = ([1] + [Float](repeating: 0, count: 63))

    init(
        entries: Int = 10_000, perPartition: Int = 10_000, partitions: Int = 1000, perKey: Int = 10_000, perMinute: Int = .max
    ) {
        index = VectorIndex(
            layout: Self.layout,
            limits: VectorIndex.Limits(
                entries: entries, entriesPerPartition: perPartition, partitions: partitions, entriesPerKey: perKey,
                insertsPerMinute: perMinute))
        slot = index.makeSlot()
    }

    /// An owner named by a key; the tenant is its first letter.
    static func owner(_ key: String, model: String = "m") -> EntryOwner {
        EntryOwner(tenant: String(key.prefix(1)), keyID: key, model: model)
    }

    static func entry(_ id: UInt64, answer: UInt64 = 0) throws(SemanticReason) -> IndexEntry {
        let vector = try QuantisedVector(of: query)
        return IndexEntry(id: id, answer: answer, owner: 0, gate: vector, vector: vector)
    }

    /// Adds an entry; what went for it, or why it was refused.
    @discardableResult
    func insert(
        _ id: UInt64, _ partition: UInt64 = 1, key: String = "a", model: String = "m", answer: UInt64 = 0, minute: Int64? = 0
    ) throws -> (reason: SemanticReason?, evicted: [UInt64]) {
        var evicted: [UInt64] = []
        let reason = index.insert(
            try Self.entry(id, answer: answer), owner: Self.owner(key, model: model), partition: named(partition), minute: minute
        ) { evicted.append($0) }
        return (reason, evicted)
    }

    /// The ids that a reader finds in a partition.
    func ids(_ partition: UInt64 = 1) throws -> [UInt64] {
        guard let blocks = index.blocks(of: named(partition), slot: slot) else { return [] }
        let query = try QueryVector(of: Self.query)
        return VectorSearch(blocks).nearest(to: query, count: .max).map(\.id).sorted()
    }

    /// Marks an entry as served.
    func touch(_ id: UInt64, _ partition: UInt64 = 1) throws {
        guard let blocks = index.blocks(of: named(partition), slot: slot) else { return }
        let search = VectorSearch(blocks)
        for neighbour in search.nearest(to: try QueryVector(of: Self.query), count: .max) where neighbour.id == id {
            search.touch(neighbour)
        }
    }
}
