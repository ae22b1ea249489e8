import GatewayModel
import Storage

/// Chooses what to evict; see `EvictionState` for the policy. On the writer thread only.
struct Evictor {
    private let store: CacheStore
    private let hot: HotTable
    private var ghosts: GhostTable
    private let byteCap: Int
    /// Entries looked at for one eviction before the next one is taken whatever its use.
    private static let looksMax = 1000

    init(store: CacheStore, hot: HotTable, ghostSlots: Int, byteCap: Int) {
        self.store = store
        self.hot = hot
        ghosts = GhostTable(slots: ghostSlots)
        self.byteCap = byteCap
    }

    /// A new entry starts unused, whatever its slot counted before; one that came back soon after its eviction starts with two uses, and so
    /// gets into the main queue.
    func noteInsertion(_ digest: Digest256, _ state: EvictionState) {
        hot.set(digest, to: ghosts.contains(digest, window: max(state.entries, 64)) ? 2 : 0)
    }

    /// Evicts until the bytes are at most `target` or `most` entries went. Returns how many went.
    mutating func evict(
        downTo target: Int, most: Int, _ state: inout EvictionState, in transaction: borrowing WriteTransaction
    ) throws(StoreError) -> Int {
        var evicted = 0
        while state.bytes > target, evicted < most, try evictOne(&state, in: transaction) { evicted += 1 }
        return evicted
    }

    private mutating func evictOne(_ state: inout EvictionState, in transaction: borrowing WriteTransaction) throws(StoreError) -> Bool {
        guard state.entries > 0 else { return false }
        for look in 0..<(2 * Self.looksMax) {
            let mustGo = look >= Self.looksMax
            let hasMain = state.bytes > state.smallBytes
            if state.smallBytes * 10 > byteCap || !hasMain {
                if try leaveSmall(mustGo: mustGo, &state, in: transaction) { return true }
            } else if try turnClock(mustGo: mustGo, &state, in: transaction) {
                return true
            }
        }
        return false
    }

    /// The oldest of the small queue goes, or becomes the youngest of the main queue.
    private mutating func leaveSmall(
        mustGo: Bool, _ state: inout EvictionState, in transaction: borrowing WriteTransaction
    ) throws(StoreError) -> Bool {
        guard let entry = try store.place(atOrAfter: state.boundary, in: transaction) else {
            state.boundary = state.next
            state.smallBytes = 0
            return false
        }
        if hot.count(entry.digest) > 1, !mustGo {
            hot.set(entry.digest, to: 0)
            state.boundary = entry.sequence + 1
            state.smallBytes -= entry.cost
            return false
        }
        ghosts.insert(entry.digest)
        try store.evict(entry, &state, in: transaction)
        state.boundary = entry.sequence + 1
        return true
    }

    /// The entry under the hand goes, or loses a use.
    private mutating func turnClock(
        mustGo: Bool, _ state: inout EvictionState, in transaction: borrowing WriteTransaction
    ) throws(StoreError) -> Bool {
        guard let entry = try store.place(atOrAfter: state.hand, in: transaction), entry.sequence < state.boundary else {
            // The end of the main queue. Where even the first round finds nothing, the sums are off: all is small queue then.
            if state.hand == 0 { state.smallBytes = state.bytes }
            state.hand = 0
            return false
        }
        state.hand = entry.sequence + 1
        let uses = hot.count(entry.digest)
        if uses > 0, !mustGo {
            hot.set(entry.digest, to: uses - 1)
            return false
        }
        try store.evict(entry, &state, in: transaction)
        return true
    }
}
