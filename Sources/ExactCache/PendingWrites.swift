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
final class PendingWrites: Sendable {
    private final class Shard: @unchecked Sendable {
        // @unchecked: `entries` is guarded by `mutex`.
        let count = Atomic<Int>(0)
        let mutex = ThreadMutex()
        var entries: [Digest256: PendingEntry] = [:]
    }

    private static let shardCount = 64
    private let shards: [Shard]
    private let total = Atomic<Int>(0)
    private let totalBytes = Atomic<Int>(0)

    init() { shards = (0..<Self.shardCount).map { _ in Shard() } }

    /// Entries and bytes.
    var size: (entries: Int, bytes: Int) { (total.load(ordering: .relaxed), totalBytes.load(ordering: .relaxed)) }

    @inline(__always)
    private func shard(_ digest: Digest256) -> Shard { shards[Int(digest.words.3 & UInt64(Self.shardCount - 1))] }

    /// The entry of that digest.
    @inline(__always)
    func entry(_ digest: Digest256) -> PendingEntry? {
        let shard = shard(digest)
        guard shard.count.load(ordering: .acquiring) != 0 else { return nil }
        return shard.mutex.withLock { shard.entries[digest] }
    }

    /// Adds an entry in place of an older one, unless `isPurged` says no. It is asked with the shard locked: a purge first moves its epoch
    /// and then locks each shard, so it either finds the entry here or is seen by `isPurged`.
    func insert(_ entry: PendingEntry, unless isPurged: () -> Bool) -> Bool {
        let shard = shard(entry.digest)
        return shard.mutex.withLock {
            guard !isPurged() else { return false }
            let old = shard.entries.updateValue(entry, forKey: entry.digest)
            count(shard, entries: old == nil ? 1 : 0, bytes: entry.bytes.count - (old?.bytes.count ?? 0))
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
            count(shard, entries: -1, bytes: -entry.bytes.count)
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
                    count(shard, entries: -1, bytes: -entry.bytes.count)
                }
            }
        }
        return removed
    }

    private func count(_ shard: Shard, entries: Int, bytes: Int) {
        shard.count.add(entries, ordering: .releasing)
        total.add(entries, ordering: .relaxed)
        totalBytes.add(bytes, ordering: .relaxed)
    }
}
