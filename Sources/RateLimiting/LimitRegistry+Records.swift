// Budgets and slow buckets outlive the process: about once a second the control thread takes what changed and hands it to the store.
import GatewayModel
import Synchronization

/// The state of one bucket on its way to the store.
public struct LimitRecord: Sendable {
    /// The key: at most 400 bytes, printable ASCII, the same for the life of the bucket.
    public let name: [UInt8]
    /// The value; empty when the record is to be deleted.
    public let state: [UInt8]
    fileprivate let cell: LimitCell?
}

/// What became of the records of an earlier run.
public struct RestoreResult: Sendable, Equatable {
    /// How many buckets go on where they were.
    public internal(set) var restored = 0
    /// How many records were not understood, or of a bucket that is there already.
    public internal(set) var ignored = 0
    /// The names of the first of them, at most `RestoreResult.namesMax`.
    public internal(set) var ignoredNames: [[UInt8]] = []

    /// How many names are kept.
    public static let namesMax = 20
}

extension LimitRegistry {
    /// The records of all buckets that changed since they were last taken, at most `max`; the next call goes on with the others, so
    /// call until there are fewer. Reservations count as spent. If writing fails, `markDirty` puts them back. About 0.2 µs for each bucket
    /// there is.
    public func takeDirty(max: Int, _ now: LimitTime) -> [LimitRecord] {
        lock.withLock {
            var records = takeRemoved(max)
            if scopes.isEmpty { return records }
            let start = scanStart % scopes.count
            if !takeRecords(from: start, to: scopes.count, max, now, into: &records) {
                _ = takeRecords(from: 0, to: start, max, now, into: &records)
            }
            return records
        }
    }

    /// Goes through the scopes of these places. Returns whether there are enough records; the next call then begins there.
    private func takeRecords(from start: Int, to end: Int, _ max: Int, _ now: LimitTime, into records: inout [LimitRecord]) -> Bool {
        for (place, (scope, cells)) in scopes.enumerated().dropFirst(start) {
            if place >= end { break }
            takeRecords(of: cells, scope, max, now, into: &records)
            if records.count >= max {
                scanStart = place
                return true
            }
        }
        return false
    }

    private func takeRemoved(_ max: Int) -> [LimitRecord] {
        let names = Array(removed.prefix(max))
        if !names.isEmpty { removed.subtract(names) }
        return names.map { LimitRecord(name: $0, state: [], cell: nil) }
    }

    private func takeRecords(
        of cells: ScopeCells, _ scope: LimitScope, _ max: Int, _ now: LimitTime, into records: inout [LimitRecord]
    ) {
        if cells.all.isDirty { takeRecords(of: cells.all, SubjectIdentity(scope: scope, selector: .all), max, now, into: &records) }
        for model in cells.models where model.group.isDirty {
            let identity = SubjectIdentity(scope: scope, selector: .model(model.pattern))
            takeRecords(of: model.group, identity, max, now, into: &records)
        }
        for family in cells.families where records.count < max {
            for name in family.takeRemoved(max - records.count) { records.append(LimitRecord(name: name, state: [], cell: nil)) }
            family.forEachGroup(now) { value, group in
                guard group.isDirty else { return true }
                let identity = SubjectIdentity(scope: scope, selector: .metadata(family.name), value: value)
                takeRecords(of: group, identity, max, now, into: &records)
                return records.count < max
            }
        }
    }

    private func takeRecords(
        of group: CellGroup, _ identity: SubjectIdentity, _ max: Int, _ now: LimitTime, into records: inout [LimitRecord]
    ) {
        group.forEachCell { cell in
            guard cell.isDirty.load(ordering: .relaxed), records.count < max, cell.isDurable else { return }
            // Before the cell is read: what changes from here on is for the next time.
            cell.isDirty.store(false, ordering: .relaxed)
            atomicMemoryFence(ordering: .sequentiallyConsistent)
            guard let record = CellRecord(of: cell, identity, now) else { return }
            cell.isRecorded.store(true, ordering: .relaxed)
            records.append(LimitRecord(name: identity.recordName(cell), state: record.bytes, cell: cell))
        }
    }

    /// Puts back records that could not be written: the next `takeDirty` has them again, as they are then.
    public func markDirty(_ records: [LimitRecord]) {
        lock.withLock {
            for record in records {
                if let cell = record.cell { cell.markDirty() } else { removed.insert(record.name) }
            }
        }
    }

    /// Takes over the records of an earlier run, before anything is bound. What was spent stays spent; the time in between refills, counted
    /// in civil time, a clock that went back counting as none. Records whose limits are not bound by the next `retain` are let go there.
    public func restore(_ records: [(name: [UInt8], state: [UInt8])], _ now: LimitTime) -> RestoreResult {
        lock.withLock {
            var result = RestoreResult()
            for (name, state) in records {
                if let record = CellRecord(state), restore(record, now) {
                    result.restored += 1
                } else {
                    result.ignored += 1
                    if result.ignoredNames.count < RestoreResult.namesMax { result.ignoredNames.append(name) }
                }
            }
            return result
        }
    }

    private func restore(_ record: CellRecord, _ now: LimitTime) -> Bool {
        let cells = scopes[record.identity.scope] ?? ScopeCells()
        let cell = record.makeCell(now)
        defer { scopes[record.identity.scope] = cells }
        switch record.identity.selector {
        case .all: return cells.all.restore(cell)
        case .model(let pattern):
            if let index = cells.models.firstIndex(where: { $0.pattern == pattern }) { return cells.models[index].group.restore(cell) }
            var group = CellGroup()
            _ = group.restore(cell)
            cells.models.append((pattern, group))
            return true
        case .metadata(let name):
            guard let value = record.identity.value else { return false }
            if let family = cells.families.first(where: { $0.name == name }) { return family.restore(cell, value: value) }
            let family = MetadataFamily(name: name, scope: record.identity.scope)
            cells.families.append(family)
            return family.restore(cell, value: value)
        }
    }
}
