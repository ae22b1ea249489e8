import GatewayModel
import Storage
import Synchronization

/// An answer on its way into the store.
@usableFromInline
final class PendingEntry: Sendable {
    let digest: Digest256
    /// The encoded record.
    @usableFromInline let bytes: [UInt8]

    init(digest: Digest256, bytes: [UInt8]) {
        self.digest = digest
        self.bytes = bytes
    }
}

/// Answers that are accepted and not yet in the store, by digest: what makes an entry visible at once.
///
/// It also decides what is written: the writer writes an entry only while it stands here, so that a purge, a newer answer or a full queue
/// removes an entry by removing it here. Sharded by digest; a shard that is empty (the usual case for a hit) costs one atomic load.
final class PendingWrites: @unchecked Sendable {  // @unchecked: `counts` points to atomics; its address never changes

    private final class Shard: @unchecked Sendable {  // @unchecked: `entries` is guarded by `mutex`
        let mutex = Lock()
        var entries: [Digest256: PendingEntry] = [:]
    }

    private static let shardCount = 64
    private let shards: [Shard]
    private let counts: UnsafeMutablePointer<Atomic<Int>>
    private let total = Atomic<Int>(0)
    private let totalBytes = Atomic<Int>(0)

    init() {
        shards = (0..<Self.shardCount).map { _ in Shard() }
        counts = .allocate(capacity: Self.shardCount)
        for index in 0..<Self.shardCount { (counts + index).initialize(to: Atomic(0)) }
    }

    deinit { counts.deallocate() }

    /// Entries and bytes.
    var size: (entries: Int, bytes: Int) { (total.load(ordering: .relaxed), totalBytes.load(ordering: .relaxed)) }

    @inline(__always)
    private static func index(_ digest: Digest256) -> Int { Int(digest.words.3 & UInt64(shardCount - 1)) }

    private func shard(_ digest: Digest256) -> Shard { shards[PendingWrites.index(digest)] }

    /// The entries of each shard, for readers that keep the cache alive: looking costs a load, and no reference count that all loops share.
    struct Probe {
        fileprivate let counts: UnsafeMutablePointer<Atomic<Int>>

        /// Whether the digest's shard has entries.
        @inline(__always)
        func mayContain(_ digest: Digest256) -> Bool { counts[PendingWrites.index(digest)].load(ordering: .acquiring) != 0 }
    }

    /// A probe, valid as long as this.
    var probe: Probe { Probe(counts: counts) }

    /// The entry of that digest.
    func entry(_ digest: Digest256) -> PendingEntry? {
        let shard = shard(digest)
        return shard.mutex.withLock { shard.entries[digest] }
    }

    /// Adds an entry in place of an older one, unless `isPurged` says no. It is asked with the shard locked: a purge first moves its epoch
    /// and then locks each shard, so it either finds the entry here or is seen by `isPurged`.
    func insert(_ entry: PendingEntry, unless isPurged: () -> Bool) -> Bool {
        let shard = shard(entry.digest)
        return shard.mutex.withLock {
            guard !isPurged() else { return false }
            let old = shard.entries.updateValue(entry, forKey: entry.digest)
            count(entry.digest, entries: old == nil ? 1 : 0, bytes: entry.bytes.count - (old?.bytes.count ?? 0))
            return true
        }
    }

    /// Whether this very entry still stands.
    func contains(_ entry: PendingEntry) -> Bool {
        let shard = shard(entry.digest)
        return shard.mutex.withLock { shard.entries[entry.digest] === entry }
    }

    /// Removes this very entry; a newer one of its digest stays.
    func remove(_ entry: PendingEntry) {
        let shard = shard(entry.digest)
        shard.mutex.withLock {
            guard shard.entries[entry.digest] === entry else { return }
            shard.entries[entry.digest] = nil
            count(entry.digest, entries: -1, bytes: -entry.bytes.count)
        }
    }

    /// Removes what a purge selects and returns its digests. Looks at every entry: at most what a full queue holds.
    func removeAll(selectedBy selector: PurgeSelector) -> [Digest256] {
        var removed: [Digest256] = []
        for shard in shards {
            shard.mutex.withLock {
                for (digest, entry) in shard.entries {
                    let bytes = entry.bytes
                    guard selector.selects(bytes.span, digest: digest) else { continue }
                    shard.entries[digest] = nil
                    removed.append(digest)
                    count(digest, entries: -1, bytes: -entry.bytes.count)
                }
            }
        }
        return removed
    }

    private func count(_ digest: Digest256, entries: Int, bytes: Int) {
        counts[PendingWrites.index(digest)].add(entries, ordering: .releasing)
        total.add(entries, ordering: .relaxed)
        totalBytes.add(bytes, ordering: .relaxed)
    }
}
