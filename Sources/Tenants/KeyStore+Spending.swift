import Storage

// Spending is written by the same writer as the keys, so a key made while the disk is slow waits for it; the other way around nobody waits.

extension KeyStore {
    /// The database of spending in the store.
    static let spendingDatabaseName = "spending"

    /// Puts states under their names in one transaction, and returns at once; an empty state deletes the record. Names have 1 to 511 bytes, states at
    /// most `KeyStoreLimits.spendingStateBytesMax`. Where there is no room for new names, those that are there already are written all the same.
    ///
    /// One batch at a time is meant to be under way: the next is given when `done` was called.
    /// - Parameter done: called once: `true` when the batch would survive a power cut, `false` when not all of it was written and it should be
    ///   given again. On the writer's thread, or before this returns when the batch is refused.
    public func recordSpending(_ changes: [(name: [UInt8], state: [UInt8])], done: @escaping @Sendable (Bool) -> Void) {
        guard !changes.isEmpty else { return done(true) }
        guard changes.allSatisfy({ $0.state.count <= limits.spendingStateBytesMax }) else { return done(false) }
        var room = limits.spendingRecordsMax - (reader.count(in: spendingDatabase) ?? 0)
        let hasRoom = room >= changes.count
        var operations: [StoreOperation] = []
        operations.reserveCapacity(changes.count)
        for (name, state) in changes {
            if state.isEmpty {
                operations.append(.delete(spendingDatabase, key: name))
                continue
            }
            // The names are looked up only where it matters which of them are new.
            if !hasRoom, !isRecorded(name) {
                guard room > 0 else { continue }
                room -= 1
            }
            operations.append(.put(spendingDatabase, key: name, value: SpendingRecord.encode(name: name, state: state)))
        }
        let isWhole = operations.count == changes.count
        guard !operations.isEmpty else { return done(false) }
        writer.submit(operations, isDurable: true) { error in done(error == nil && isWhole) }
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

    private func isRecorded(_ name: [UInt8]) -> Bool {
        reader.withValue(for: name.span, in: spendingDatabase) { _ in true } != nil
    }
}
