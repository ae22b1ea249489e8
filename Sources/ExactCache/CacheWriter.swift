import GatewayModel
import Storage
import Synchronization

/// One thing for the cache's writer thread to do.
enum CacheWrite: Sendable {
    case store(PendingEntry)
    /// A reader found a bad record under this digest.
    case verify(Digest256)
}

/// What the cache's writer thread does with its batches: records in key order, their places in the order, evictions in the same transaction.
final class CacheWriter: StoreWork, @unchecked Sendable {  // @unchecked: variables are the writer thread's; counters atomics

    private let store: CacheStore
    private let pending: PendingWrites
    private let hot: HotTable
    private let byteCap: Int
    let counters = CacheCounters()
    /// Set once before the thread starts: transactions of its own between batches.
    private unowned let environment: StoreEnvironment

    private var evictor: Evictor
    /// The state as of the last commit, and as the transaction under way will leave it.
    private var state: EvictionState
    private var working: EvictionState
    private var evictedInTransaction = 0
    private var isCrowded = false

    /// Evictions in a transaction that does nothing else.
    private static let evictionsMax = 512
    /// Records looked at in one transaction of a purge.
    private static let purgeStep = 4096

    init(environment: StoreEnvironment, pending: PendingWrites, hot: HotTable, ghostSlots: Int, byteCap: Int) throws(StoreError) {
        self.environment = environment
        self.pending = pending
        self.hot = hot
        self.byteCap = byteCap
        let store = CacheStore(environment)
        self.store = store
        state = try environment.write { transaction throws(StoreError) in try store.loadState(in: transaction) }
        working = state
        evictor = Evictor(store: store, hot: hot, ghostSlots: ghostSlots, byteCap: byteCap)
        counters.publish(state)
    }

    // MARK: - Batches

    func apply(_ items: [CacheWrite], in transaction: borrowing WriteTransaction) throws(StoreError) {
        working = state
        evictedInTransaction = 0
        var inserted = 0
        var pace = WorkPace()
        for entry in entriesToWrite(items) {
            pace.step()
            let isNew = try store.insert(entry, &working, in: transaction)
            if isNew { evictor.noteInsertion(entry.digest, working) }
            inserted += 1
        }
        for case .verify(let digest) in items { try removeIfBad(digest, in: transaction) }
        evictedInTransaction = try evictor.evict(
            downTo: byteCap, most: isCrowded ? max(64, 3 * inserted) : 2 * inserted, &working, in: transaction)
        if working != state { try store.save(working, in: transaction) }
    }

    /// What still stands, each entry once, by rising digest: neighbours share pages.
    private func entriesToWrite(_ items: [CacheWrite]) -> [PendingEntry] {
        var entries: [PendingEntry] = []
        entries.reserveCapacity(items.count)
        for case .store(let entry) in items where pending.contains(entry) { entries.append(entry) }
        entries.sort { left, right in
            let (a, b) = (left.digest.words, right.digest.words)
            return a < b
        }
        return entries
    }

    func committed(_ items: [CacheWrite]) {
        adopt()
        for case .store(let entry) in items {
            if pending.contains(entry) { counters.stored.add(1, ordering: .relaxed) }
            pending.remove(entry)
        }
        trim(to: byteCap, transactionsMax: 64)
    }

    func discarded(_ items: [CacheWrite], _ error: StoreError) {
        for case .store(let entry) in items {
            if pending.contains(entry) { counters.refuse(error.kind == .queueFull ? .queueFull : .storeUnavailable) }
            pending.remove(entry)
        }
    }

    func makeRoom(in transaction: borrowing WriteTransaction) throws(StoreError) {
        working = state
        evictedInTransaction = try evictor.evict(downTo: 0, most: 64, &working, in: transaction)
        try store.save(working, in: transaction)
    }

    func madeRoom() { adopt() }

    /// Watermarks on the pages really used: evict ahead from 80 %, hard from 90 %, take no more from 95 %.
    func housekeep(_ usage: StoreUsage) {
        isCrowded = usage.usedPercent >= 80
        counters.isFull.store(usage.usedPercent >= 95, ordering: .relaxed)
        counters.usedPercent.store(usage.usedPercent, ordering: .relaxed)
        guard usage.usedPercent >= 90 else { return }
        trim(to: state.bytes / 100 * 95, transactionsMax: 4)
    }

    /// Deletes oldest entries in transactions of their own until the bytes are at most `target`.
    private func trim(to target: Int, transactionsMax: Int) {
        var transactions = 0
        while state.bytes > target, transactions < transactionsMax {
            transactions += 1
            let done: Void? = try? environment.write { transaction throws(StoreError) in
                working = state
                evictedInTransaction = try evictor.evict(downTo: target, most: Self.evictionsMax, &working, in: transaction)
                try store.save(working, in: transaction)
            }
            guard done != nil, evictedInTransaction > 0 else { return }
            adopt()
        }
    }

    private func adopt() {
        state = working
        counters.publish(state)
        counters.evicted.add(UInt64(evictedInTransaction), ordering: .relaxed)
        evictedInTransaction = 0
    }

    private func removeIfBad(_ digest: Digest256, in transaction: borrowing WriteTransaction) throws(StoreError) {
        let isGood = try digest.withBytes { key throws(StoreError) in
            try transaction.withValue(for: key, in: store.records) { CacheRecordView($0, digest: digest) != nil }
        }
        guard isGood == false, try store.remove(digest, &working, in: transaction) else { return }
        counters.removedBad.add(1, ordering: .relaxed)
    }

    // MARK: - Purges (tasks of the writer thread)

    /// Removes what `selector` selects and makes the removal survive a power cut. One entry costs a lookup, all of them a walk over their
    /// pages, anything else a look at the head of every record: about a second per million records that are in memory. Other writes wait.
    ///
    /// `withdrawn` are the digests of pending answers that were selected. What the store has under them was outdated by those and goes as
    /// well: an answer that was replaced must not come back because its replacement is purged.
    func purge(_ selector: PurgeSelector, withdrawn: [Digest256]) -> PurgeResult {
        var removed = 0
        do {
            for start in stride(from: 0, to: withdrawn.count, by: Self.evictionsMax) {
                let digests = withdrawn[start..<min(start + Self.evictionsMax, withdrawn.count)]
                removed += try change { transaction throws(StoreError) in
                    var count = 0
                    for digest in digests where try self.store.remove(digest, &self.working, in: transaction) { count += 1 }
                    return count
                }
            }
            switch selector {
            case .all: removed = try change { transaction throws(StoreError) in try self.dropAll(in: transaction) }
            case .key(let digest):
                removed = try change { transaction throws(StoreError) in
                    try self.store.remove(digest, &self.working, in: transaction) ? 1 : 0
                }
            default:
                var from: [UInt8]? = []
                while let start = from {
                    removed += try change { transaction throws(StoreError) in
                        try self.purgeStep(selector, from: start, next: &from, in: transaction)
                    }
                }
            }
            try environment.synchronize()
            return PurgeResult(removed: removed, error: nil)
        } catch {
            return PurgeResult(removed: removed, error: error.description)
        }
    }

    /// A transaction of its own that changes the working state. A full map gets room made once: even deleting takes pages.
    private func change(_ body: (borrowing WriteTransaction) throws(StoreError) -> Int) throws(StoreError) -> Int {
        do { return try tryToChange(body) } catch {
            guard error.kind == .mapFull || error.kind == .transactionFull else { throw error }
        }
        for _ in 0..<2 {
            try environment.write { transaction throws(StoreError) in try makeRoom(in: transaction) }
            adopt()
        }
        return try tryToChange(body)
    }

    private func tryToChange(_ body: (borrowing WriteTransaction) throws(StoreError) -> Int) throws(StoreError) -> Int {
        let count = try environment.write { transaction throws(StoreError) in
            working = state
            let count = try body(transaction)
            if working != state { try store.save(working, in: transaction) }
            return count
        }
        adopt()
        return count
    }

    private func dropAll(in transaction: borrowing WriteTransaction) throws(StoreError) -> Int {
        let count = try transaction.count(in: store.records)
        try store.removeAll(&working, in: transaction)
        return count
    }

    /// Looks at the next `purgeStep` records. A record that can't be read is removed as well: it might be one.
    private func purgeStep(
        _ selector: PurgeSelector, from start: [UInt8], next: inout [UInt8]?, in transaction: borrowing WriteTransaction
    ) throws(StoreError) -> Int {
        var selected: [Digest256] = []
        var looked = 0
        var following: [UInt8]?
        try transaction.forEach(from: start.span, in: store.records) { key, value in
            guard looked < Self.purgeStep else {
                following = Array(span: key)
                return false
            }
            looked += 1
            if let digest = Digest256(bytes: key), selector.selects(value, digest: digest) { selected.append(digest) }
            return true
        }
        for digest in selected { _ = try store.remove(digest, &working, in: transaction) }
        next = following
        return selected.count
    }
}
