import Storage

// Spending is written by the same writer as the keys, so a key made while the disk is slow waits for it; the other way around nobody waits.

extension KeyStore {
    /// The database of spending in the store.
    static let spendingDatabaseName = "spending"

    /// Puts states under their names, all or none, and returns at once; an empty state deletes the record. Names have 1 to 511 bytes, states at most
    /// `KeyStoreLimits.spendingStateBytesMax`.
    ///
    /// One batch at a time is meant to be under way: the next is given when `done` was called.
    /// - Parameter done: called once: `true` when the batch would survive a power cut, `false` when it was not written and should be given
    ///   again. On the writer's thread, or before this returns when the batch is refused.
    public func recordSpending(_ changes: [(name: [UInt8], state: [UInt8])], done: @escaping @Sendable (Bool) -> Void) {
        guard !changes.isEmpty else { return done(true) }
        guard changes.allSatisfy({ $0.state.count <= limits.spendingStateBytesMax }), hasRoom(for: changes.map(\.name)) else {
            return done(false)
        }
        let operations = changes.map { change -> StoreOperation in
            if change.state.isEmpty { return .delete(spendingDatabase, key: change.name) }
            return .put(spendingDatabase, key: change.name, value: SpendingRecord.encode(name: change.name, state: change.state))
        }
        writer.submit(operations, isDurable: true) { error in done(error == nil) }
    }

    /// Deletes the records of these names, after what was recorded before. Returns at once; a record that could not be deleted is there again
    /// at the next start.
    public func forgetSpending(_ names: [[UInt8]]) {
        let valid = names.filter { (1...511).contains($0.count) }
        if !valid.isEmpty { writer.submit(valid.map { .delete(spendingDatabase, key: $0) }, isDurable: true) }
    }

    /// All records of spending as they are on disk: for the start. Records that can't be read are left out and counted in
    /// `damagedSpendingCount`.
    public func spending() -> [(name: [UInt8], state: [UInt8])] {
        var found: [(name: [UInt8], state: [UInt8])] = []
        var damagedCount = 0
        let isComplete = reader.forEach(in: spendingDatabase, from: [UInt8]().span) { name, value in
            if let state = SpendingRecord.decode(name: name, value: value) {
                found.append((KeyRecordCodec.bytes(name), state))
            } else {
                damagedCount += 1
            }
            return true
        }
        damagedSpendingCount = damagedCount + (isComplete ? 0 : 1)
        return found
    }

    /// Whether a batch fits: names that are there already always do.
    private func hasRoom(for names: [[UInt8]]) -> Bool {
        let count = reader.count(in: spendingDatabase) ?? 0
        if count + names.count <= limits.spendingRecordsMax { return true }
        let newCount = names.count { reader.withValue(for: $0.span, in: spendingDatabase) { _ in true } == nil }
        return newCount == 0 || count + newCount <= limits.spendingRecordsMax
    }
}
