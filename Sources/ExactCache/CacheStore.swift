import GatewayModel
import Storage

/// The cache's databases and the changes of one write transaction to them.
///
/// Layout: `val` digest → record; `ord` sequence (8 bytes, big-endian) → digest and cost, the order of insertion; `sum` one
/// record of `EvictionState`. Sums follow `ord` alone: an entry there whose record is gone or was replaced costs nothing to keep
/// right and goes when eviction comes to it.
struct CacheStore: Sendable {
    static let databases = ["val", "ord", "sum"]

    let records: StoreDatabase
    let order: StoreDatabase
    private let sums: StoreDatabase
    private static let sumsKey = Array("state".utf8)

    init(_ environment: StoreEnvironment) {
        records = environment.database("val")
        order = environment.database("ord")
        sums = environment.database("sum")
    }

    /// The state as of the last commit; counted anew from the order if it is missing or doesn't fit (some 0.2 s per million entries).
    func loadState(in transaction: borrowing WriteTransaction) throws(StoreError) -> EvictionState {
        let kept = try transaction.withValue(for: Self.sumsKey.span, in: sums) { EvictionState($0) }
        let count = try transaction.count(in: order)
        if let state = kept.flatMap({ $0 }), state.entries == count { return state }
        var state = EvictionState()
        let none: [UInt8] = []
        try transaction.forEach(from: none.span, in: order) { key, value in
            guard let entry = OrderEntry(key: key, value: value) else { return true }
            state.entries += 1
            state.bytes += entry.cost
            state.next = max(state.next, entry.sequence &+ 1)
            return true
        }
        state.boundary = state.next
        return state
    }

    func save(_ state: EvictionState, in transaction: borrowing WriteTransaction) throws(StoreError) {
        try transaction.put(state.encoded.span, for: Self.sumsKey.span, in: sums)
    }

    /// Puts a record in place of an older one. `true` if there was none.
    func insert(
        _ entry: PendingEntry, _ state: inout EvictionState, in transaction: borrowing WriteTransaction
    ) throws(StoreError) -> Bool {
        let isNew = try !removeOrder(of: entry.digest, &state, in: transaction)
        let head = CacheRecordLayout.head(of: entry.bytes, sequence: state.next)
        let bytes = entry.bytes
        try entry.digest.withBytes { key throws(StoreError) in
            let tail = bytes.span.extracting(head.count..<bytes.count)
            try transaction.put(joining: head.span, tail, for: key, in: records)
        }
        let place = OrderEntry(sequence: state.next, digest: entry.digest, cost: EvictionState.cost(of: entry.bytes.count))
        try transaction.append(place.value.span, for: OrderEntry.key(place.sequence).span, in: order)
        state.inserted(cost: place.cost)
        return isNew
    }

    /// Removes a record and its place in the order. `false` if there was none.
    func remove(_ digest: Digest256, _ state: inout EvictionState, in transaction: borrowing WriteTransaction) throws(StoreError) -> Bool {
        try removeOrder(of: digest, &state, in: transaction)
        return try digest.withBytes { key throws(StoreError) in try transaction.delete(key, in: records) }
    }

    /// Removes every entry.
    func removeAll(_ state: inout EvictionState, in transaction: borrowing WriteTransaction) throws(StoreError) {
        try transaction.deleteAll(in: records)
        try transaction.deleteAll(in: order)
        let next = state.next
        state = EvictionState()
        state.next = next
        state.boundary = next
    }

    /// Evicts one entry: its place, and its record unless that belongs to another place by now.
    func evict(_ entry: OrderEntry, _ state: inout EvictionState, in transaction: borrowing WriteTransaction) throws(StoreError) {
        try transaction.delete(OrderEntry.key(entry.sequence).span, in: order)
        state.removed(sequence: entry.sequence, cost: entry.cost)
        try entry.digest.withBytes { key throws(StoreError) in
            let owner = try transaction.withValue(for: key, in: records) { CacheRecordLayout.sequence(of: $0) }
            if owner == .some(entry.sequence) { try transaction.delete(key, in: records) }
        }
    }

    /// The first entry of the order at or after a sequence.
    func place(atOrAfter sequence: UInt64, in transaction: borrowing WriteTransaction) throws(StoreError) -> OrderEntry? {
        let key = OrderEntry.key(sequence)
        return try transaction.withFirst(atOrAfter: key.span, in: order) { OrderEntry(key: $0, value: $1) }.flatMap { $0 }
    }

    /// Removes the place of the record under `digest`. `false` if there is none.
    @discardableResult
    private func removeOrder(
        of digest: Digest256, _ state: inout EvictionState, in transaction: borrowing WriteTransaction
    ) throws(StoreError) -> Bool {
        let sequence = try digest.withBytes { key throws(StoreError) in
            try transaction.withValue(for: key, in: records) { CacheRecordLayout.sequence(of: $0) }
        }
        guard let sequence = sequence.flatMap({ $0 }) else { return false }
        let key = OrderEntry.key(sequence)
        let place = try transaction.withValue(for: key.span, in: order) { OrderEntry(key: key.span, value: $0) }
        // A damaged record may name the place of another entry.
        guard let place = place.flatMap({ $0 }), place.digest == digest else { return false }
        try transaction.delete(key.span, in: order)
        state.removed(sequence: sequence, cost: place.cost)
        return true
    }
}
