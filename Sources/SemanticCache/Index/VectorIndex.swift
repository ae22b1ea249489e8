import GatewayModel
import Synchronization

/// All partitions: readers find theirs without a lock, one thread at a time changes any of them.
final class VectorIndex: @unchecked Sendable {  // @unchecked: variables under `writing`; the shards are published references
    /// The part of the table that readers look into: replaced whole when a partition comes or goes, so it is kept small.
    private final class Shard: Sendable {
        let partitions: [Digest256: Partition]
        init(_ partitions: [Digest256: Partition]) { self.partitions = partitions }
    }

    /// Upper limits.
    struct Limits {
        var entries: Int
        var entriesPerPartition: Int
        var partitions: Int
        var entriesPerKey: Int
        var insertsPerMinute: Int
    }

    private static let shardCount = 512
    let layout: VectorBlock.Layout
    private let limits: Limits
    private let fence = ReaderFence()
    private let shards: [PublishedReference<Shard>]
    private let writing = Lock()
    private var partitions: [Digest256: Partition] = [:]
    /// Keys of partitions in the order in which they came, those that are gone among them.
    private var born: [Digest256] = []
    /// Among how many of the oldest the one to go is chosen.
    private static let oldestPartitions = 64
    private var owners = OwnerTable()
    private var live = 0
    private let liveShown = Atomic<Int>(0)
    private let partitionsShown = Atomic<Int>(0)

    init(layout: VectorBlock.Layout, limits: Limits) {
        self.layout = layout
        self.limits = limits
        let fence = fence
        shards = (0..<Self.shardCount).map { _ in PublishedReference(Shard([:]), fence: fence) }
    }

    /// Entries now.
    var count: Int { liveShown.load(ordering: .relaxed) }
    /// Partitions now.
    var partitionCount: Int { partitionsShown.load(ordering: .relaxed) }

    /// Names of partitions kept, those that are gone among them.
    var rememberedPartitions: Int { writing.withLock { born.count } }

    // MARK: - Reading

    func makeSlot() -> ReaderFence.Slot { fence.makeSlot() }
    func retire(_ slot: ReaderFence.Slot) { fence.retire(slot) }

    /// The blocks of a partition, for the thread that owns `slot`.
    func blocks(of partition: Digest256, slot: ReaderFence.Slot) -> BlockList? {
        shard(partition).load(slot)?.partitions[partition]?.published.load(slot)
    }

    private func shard(_ key: Digest256) -> PublishedReference<Shard> { shards[Int(key.words.2 % UInt64(Self.shardCount))] }

    // MARK: - Writing

    /// Adds an entry; what has to go for it is handed to `evicted`. Names why not, if not. `minute` is for the rate of its key; entries that
    /// are read back from the store have none and count for no rate.
    func insert(
        _ entry: IndexEntry, owner: EntryOwner, partition key: Digest256, minute: Int64?, evicted: (UInt64) -> Void
    ) -> SemanticReason? {
        writing.withLock {
            if let minute, !owners.mayInsert(owner.key, minute: minute, perMinute: limits.insertsPerMinute) { return .keyRate }
            if partitions[key] == nil, partitions.count >= limits.partitions { evictPartition(evicted) }
            guard makeRoom(for: owner.key, in: key, evicted: evicted), let partition = partition(key) else { return .full }
            var entry = entry
            entry.owner = owners.retain(owner)
            partition.append(entry)
            live += 1
            show()
            return nil
        }
    }

    /// Evicts until one more entry fits: of the key's own where it has its share, of the partition where that is full, of any if all is full.
    private func makeRoom(for key: EntryOwner.Key, in partitionKey: Digest256, evicted: (UInt64) -> Void) -> Bool {
        while owners.count(of: key) >= limits.entriesPerKey {
            let own = owners.numbers { $0.key == key }
            guard evictOne(near: partitionKey, where: { own.contains($0.owner($1)) }, evicted: evicted) else { return false }
        }
        while let partition = partitions[partitionKey], partition.live >= limits.entriesPerPartition {
            guard evict(in: partition, where: { _, _ in true }, evicted: evicted) else { return false }
        }
        while live >= limits.entries {
            guard evictOne(near: partitionKey, where: { _, _ in true }, evicted: evicted) else { return false }
        }
        return true
    }

    /// Makes room for one more partition. Every turn of a conversation is one of its own, so that most hold a question or two and are never asked
    /// again: of the oldest, the smallest goes.
    private func evictPartition(_ evicted: (UInt64) -> Void) {
        if born.count > 2 * partitions.count + 1024 { born = born.filter { partitions[$0] != nil } }
        let oldest = born.lazy.compactMap { self.partitions[$0] }.prefix(Self.oldestPartitions)
        guard let smallest = oldest.min(by: { $0.live < $1.live }) else { return }
        smallest.remove(where: { _, _ in true }) { id, owner in
            forget(owner)
            evicted(id)
        }
        drop(smallest)
    }

    private func evictOne(near key: Digest256, where condition: (VectorBlock, Int) -> Bool, evicted: (UInt64) -> Void) -> Bool {
        if let partition = partitions[key], evict(in: partition, where: condition, evicted: evicted) { return true }
        // The largest pays first: small partitions are what a flood must not push out.
        for partition in partitions.values.sorted(by: { $0.live > $1.live }) where partition.key != key {
            if evict(in: partition, where: condition, evicted: evicted) { return true }
        }
        return false
    }

    private func evict(in partition: Partition, where condition: (VectorBlock, Int) -> Bool, evicted: (UInt64) -> Void) -> Bool {
        let found = partition.evictOne(where: condition) { id, owner in
            forget(owner)
            evicted(id)
        }
        if found, partition.live == 0 { drop(partition) }
        return found
    }

    private func forget(_ owner: UInt32) {
        owners.release(owner)
        live -= 1
    }

    /// Removes entries from all partitions, or from one, and returns their ids: the first 8 bytes of the answer, the owner's number and the id
    /// are what `condition` may look at. When this returns, no reader finds them any more.
    @discardableResult
    func remove(in key: Digest256? = nil, where condition: (_ answer: UInt64, _ owner: UInt32, _ id: UInt64) -> Bool) -> [UInt64] {
        writing.withLock { removeLocked(in: key, where: condition) }
    }

    /// Removes what owners filled.
    func remove(ownedBy condition: (EntryOwner) -> Bool) -> [UInt64] {
        // Under one lock: a number may be another owner's a moment later.
        writing.withLock {
            let numbers = owners.numbers(where: condition)
            return numbers.isEmpty ? [] : removeLocked { _, owner, _ in numbers.contains(owner) }
        }
    }

    private func removeLocked(
        in key: Digest256? = nil, where condition: (_ answer: UInt64, _ owner: UInt32, _ id: UInt64) -> Bool
    ) -> [UInt64] {
        var ids: [UInt64] = []
        let chosen = key.map { partitions[$0].map { [$0] } ?? [] } ?? Array(partitions.values)
        for partition in chosen {
            partition.remove(where: { condition($0.answer($1), $0.owner($1), $0.id($1)) }) { id, owner in
                forget(owner)
                ids.append(id)
            }
            if partition.live == 0 { drop(partition) }
        }
        show()
        return ids
    }

    private func partition(_ key: Digest256) -> Partition? {
        if let found = partitions[key] { return found }
        guard partitions.count < limits.partitions else { return nil }
        let new = Partition(key: key, layout: layout, fence: fence)
        partitions[key] = new
        born.append(key)
        publish(key) { $0[key] = new }
        return new
    }

    private func drop(_ partition: Partition) {
        partitions[partition.key] = nil
        publish(partition.key) { $0[partition.key] = nil }
    }

    private func publish(_ key: Digest256, _ change: (inout [Digest256: Partition]) -> Void) {
        let shard = shard(key)
        var table = shard.current?.partitions ?? [:]
        change(&table)
        shard.replace(Shard(table))
    }

    private func show() {
        liveShown.store(live, ordering: .relaxed)
        partitionsShown.store(partitions.count, ordering: .relaxed)
    }
}
