// The exact counts behind `/stats`: per minute, hour and day, by tenant, provider, model, route, cache layer and kind of error.
//
// Nothing but the counts of the last seconds is in memory. An event is added to one cell, named by its minute and labels: about 0.3 µs. Each
// write transaction takes the cells counted since the last one as one small journal record. A checkpoint, every 30 s or when memory fills,
// adds all pending cells to the records of their minute, hour and day and removes the journal, in one transaction: whenever the process dies,
// every event of a committed transaction is either in the journal or in all three intervals. A query adds up the intervals in the
// store and the pending cells; the number of the checkpoint in each record tells whether they overlap.

import GatewayModel

/// Exact rollups of all requests. Pure: it does no I/O and reads no clock; whoever owns it writes what `takeChanges` returns.
///
/// Safe to use from every thread; `restore`, `takeChanges`, `didCommit` and `didFail` from one at a time, the writer.
public final class RollupTable: @unchecked Sendable {  // @unchecked: each variable under one of two locks, as told below
    // `fresh`, `freshCounts` and `key` are guarded by `freshLock`. What stands under "writer" is changed by the writer only, while it
    // holds `pendingLock`; others read it while they hold that lock. Who needs both takes `pendingLock` first.

    /// What bounds it.
    public let limits: RollupLimits

    private let freshLock = Lock()
    private var fresh = PendingCells()
    private var freshCounts = RollupCounts()
    private var key: [UInt8] = []

    // Writer
    private let pendingLock = Lock()
    private var pending = PendingCells()
    private var totals = RollupCounts()
    private var generation: UInt64 = 0
    private var sequence: UInt64 = 0
    private var outstanding = Outstanding.nothing
    private var checkpointAt: WallTime?
    private var expiryAt: Int64 = 0
    private var mustCheckpoint = false

    /// What the changes last taken hold.
    private enum Outstanding {
        case nothing
        case journal
        case checkpoint(Checkpoint)
    }

    /// What a checkpoint changes in memory once it is committed.
    private struct Checkpoint {
        var generation: UInt64
        var at: WallTime
        var labelOverflow: UInt64 = 0
        var expired: UInt64 = 0
        var damaged: UInt64 = 0
    }

    /// Makes one with nothing in it.
    public init(limits: RollupLimits = RollupLimits()) { self.limits = limits }

    /// What became of the events so far.
    public var counts: RollupCounts {
        pendingLock.withLock {
            freshLock.withLock {
                var counts = totals
                counts.recorded = freshCounts.recorded
                counts.labelOverflow = counts.labelOverflow.addingSaturating(freshCounts.labelOverflow)
                counts.dropped = counts.dropped.addingSaturating(freshCounts.dropped)
                counts.pendingCells = pending.count + fresh.count
                return counts
            }
        }
    }

    // MARK: Recording

    /// Counts a finished request in the minute, hour and day of its `createdAt`. An operator's action (`audit`) is none.
    public func record(_ event: GatewayEvent) {
        guard !event.flags.contains(.audit) else { return }
        freshLock.withLock {
            let fits = RollupLabels.write(event, bytesMax: limits.labelBytesMax, to: &key)
            switch fresh.add(event, key: &key, fits: fits, max: limits.pendingCellsMax) {
            case .exact: freshCounts.recorded += 1
            case .other:
                freshCounts.recorded += 1
                freshCounts.labelOverflow += 1
            case .none: freshCounts.dropped += 1
            }
        }
    }

    /// Whether something was counted since changes were last taken.
    var hasUntaken: Bool { freshLock.withLock { !fresh.isEmpty } }

    // MARK: Writing

    /// Takes up a record of the store, before the first event: every one from `RollupKey.restoreStart` on until the key is an interval.
    /// - Returns: `false` if it is damaged or no such record; it is counted and must be ignored.
    @discardableResult
    public func restore(key: Span<UInt8>, value: Span<UInt8>) -> Bool {
        let isTaken = value.withUnsafeBufferPointer { restore(RollupKey(bytes: key)?.kind, $0) }
        if !isTaken { pendingLock.withLock { totals.damaged += 1 } }
        return isTaken
    }

    private func restore(_ kind: RollupKey.Kind?, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
        switch kind {
        case .generation:
            guard let number = GenerationRecord.read(value) else { return false }
            pendingLock.withLock { generation = max(generation, number) }
            return true
        case .journal(let number):
            pendingLock.withLock { sequence = max(sequence, number.addingSaturating(1)) }
            guard let cells = PendingCells(journalRecord: value, sequence: number) else { return false }
            pendingLock.withLock { takeUp(cells) }
            return true
        case .interval, nil: return false
        }
    }

    /// What to write so that everything recorded so far is in the store. Call it in each write transaction, then `didCommit` or `didFail`;
    /// calling it again before either counts as `didFail`.
    ///
    /// Between two checkpoints it is one small record with the counts since the last call. At a checkpoint (each
    /// `limits.checkpointSeconds`, or when memory fills) the pending counts are added to the stored intervals that `read` gives.
    /// - Parameter read: The value under a key as the transaction sees it; `nil` if there is none. What it throws is passed on, and counts
    ///   as `didFail`.
    public func takeChanges<E: Error>(now: WallTime, read: (_ key: [UInt8]) throws(E) -> [UInt8]?) throws(E) -> RollupChanges {
        didFail()
        let taken = pendingLock.withLock {
            let taken = freshLock.withLock { exchange(&fresh, with: PendingCells()) }
            takeUp(taken)
            return taken
        }
        if isCheckpointDue(now) {
            // Until all is read, so that a failing read leaves a reason to try again.
            pendingLock.withLock { mustCheckpoint = true }
            return try checkpoint(now, read)
        }
        guard !taken.isEmpty else { return RollupChanges() }
        var changes = RollupChanges()
        pendingLock.withLock {
            changes.puts.append((RollupKey(.journal(sequence: sequence)).bytes, taken.journalRecord(sequence: sequence)))
            sequence += 1
            outstanding = .journal
        }
        return changes
    }

    /// The changes last taken are in the store.
    public func didCommit() {
        pendingLock.withLock {
            if case .checkpoint(let checkpoint) = outstanding {
                pending.removeAll()
                generation = checkpoint.generation
                checkpointAt = checkpoint.at
                mustCheckpoint = false
                totals.checkpoints += 1
                totals.labelOverflow = totals.labelOverflow.addingSaturating(checkpoint.labelOverflow)
                totals.expired = totals.expired.addingSaturating(checkpoint.expired)
                totals.damaged = totals.damaged.addingSaturating(checkpoint.damaged)
            }
            outstanding = .nothing
        }
    }

    /// The changes last taken are not in the store. Nothing is lost: the next ones hold them.
    public func didFail() {
        pendingLock.withLock {
            if case .nothing = outstanding { return }
            // The cells of a lost journal record are pending still; only a checkpoint writes them.
            mustCheckpoint = true
            outstanding = .nothing
        }
    }

    private func takeUp(_ cells: PendingCells) {
        var key: [UInt8] = []
        for (place, cell) in cells.cells.enumerated() {
            key.removeAll(keepingCapacity: true)
            key.append(contentsOf: cells.index.key(place))
            let requests = cell.counters[.requests]
            switch pending.merge(cell, key: &key, max: limits.pendingCellsMax) {
            case .exact: break
            case .other: totals.labelOverflow = totals.labelOverflow.addingSaturating(requests - min(cell.counters[.overflowed], requests))
            case .none: totals.dropped = totals.dropped.addingSaturating(requests)
            }
        }
    }

    private func isCheckpointDue(_ now: WallTime) -> Bool {
        guard let last = checkpointAt else {
            // The first call only starts the period.
            pendingLock.withLock { checkpointAt = now }
            return mustCheckpoint
        }
        // A clock set back must not put it off for long.
        let elapsed = (now.milliseconds - last.milliseconds).magnitude
        return mustCheckpoint || elapsed >= UInt64(max(0, limits.checkpointSeconds)) * 1000
            || pending.count >= max(1, limits.pendingCellsMax / 2)
    }

    private func checkpoint<E: Error>(_ now: WallTime, _ read: (_ key: [UInt8]) throws(E) -> [UInt8]?) throws(E) -> RollupChanges {
        let second = now.milliseconds / 1000
        var writer = CheckpointWriter(limits: limits, second: second, generation: generation)
        try writer.write(pending, read)
        var changes = RollupChanges()
        let isExpiryDue = RollupResolution.hour.start(of: second) != expiryAt
        guard !pending.isEmpty || isExpiryDue else {
            pendingLock.withLock {
                checkpointAt = now
                mustCheckpoint = false
            }
            return changes
        }
        if isExpiryDue { changes.removals = expired(now) }
        changes.removals.append(
            RollupKeyRange(lower: RollupKey(.journal(sequence: 0)).bytes, upper: RollupKey(.journal(sequence: sequence)).bytes))
        changes.puts = writer.puts
        changes.puts.append((RollupKey(.generation).bytes, GenerationRecord.bytes(writer.generation)))
        pendingLock.withLock {
            expiryAt = RollupResolution.hour.start(of: second)
            outstanding = .checkpoint(
                Checkpoint(
                    generation: writer.generation, at: now, labelOverflow: writer.labelOverflow, expired: writer.expired,
                    damaged: writer.damaged))
        }
        return changes
    }

    /// The keys of intervals that are no longer kept.
    public func expired(_ now: WallTime) -> [RollupKeyRange] {
        RollupResolution.allCases.map { resolution in
            let oldest = limits.oldestStart(of: resolution, now: now.milliseconds / 1000)
            return RollupKeyRange(
                lower: RollupKey(.interval(resolution, start: 0)).bytes, upper: RollupKey(.interval(resolution, start: oldest)).bytes)
        }
    }

    // MARK: Asking

    /// Answers a query from the store and from what is still in memory. A few milliseconds; never blocks a writer for more than the copying
    /// of the pending counts.
    /// - Parameter scan: Hands records from a start key on, by rising keys, to `visit` until it returns `false`; returns `false` itself if
    ///   the store can't be read. It is called several times, and may see a newer state each time.
    /// - Returns: `nil` if the store can't be read.
    public func evaluate(
        _ query: StatsQuery,
        scan: (_ start: [UInt8], _ visit: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool) -> Bool
    ) -> StatsResult? {
        // A checkpoint committed meanwhile would be counted twice. They are seconds apart, so that trying again helps; should a foreign
        // number stand in the records, the last try takes them as they are.
        for attempt in 0..<5 {
            let (generation, cells) = pendingCells(from: query.from, to: query.to)
            var evaluation = StatsEvaluation(query: query, pending: cells, generationMax: attempt < 4 ? generation : .max)
            switch evaluation.run(scan) {
            case .done(let result):
                if result.damaged > 0 { pendingLock.withLock { totals.damaged = totals.damaged.addingSaturating(UInt64(result.damaged)) } }
                return result
            case .unreadable: return nil
            case .superseded: continue
            }
        }
        return nil
    }

    /// Copies of what is in memory of a window, and the checkpoint they come after.
    private func pendingCells(from: Int64, to: Int64) -> (UInt64, [PendingCell]) {
        pendingLock.withLock {
            var cells: [PendingCell] = []
            append(pending, from, to, &cells)
            freshLock.withLock { append(fresh, from, to, &cells) }
            return (generation, cells)
        }
    }

    private func append(_ source: PendingCells, _ from: Int64, _ to: Int64, _ cells: inout [PendingCell]) {
        for (place, cell) in source.cells.enumerated() {
            let key = source.index.key(place)
            var minute: UInt64 = 0
            for byte in key.prefix(8).reversed() { minute = minute << 8 | UInt64(byte) }
            guard Int64(clamping: minute) >= from, Int64(clamping: minute) < to else { continue }
            cells.append(PendingCell(key: Array(key), cell: cell))
        }
    }
}
