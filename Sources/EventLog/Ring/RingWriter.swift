// The log's writer thread. In one transaction: count what the loops handed over, put rows into blocks, take away what the caps do not let
// stay, write the cells of the rollups that changed. Events are counted before their rows are written and whether or not they are; cells stay
// pending until a transaction that has them is committed. So rollups are exact as long as the process lives, and a second old at most in the
// store.

import GatewayModel
import Storage

/// A wish for a transaction: what there is to write is in the queue.
enum RingWork: Sendable { case flush }

/// What the log's writer thread does with its batches.
final class RingWriter: StoreWork, @unchecked Sendable {  // @unchecked: touched by the writer thread only, and by `init` before it
    let store: RingStore
    private let queue: EventQueue
    private let shared: RingShared
    private let counters: LogCounters
    private let rollups: RollupTable?
    private let tails: TailRegistry
    private let clock: @Sendable () -> WallTime
    private unowned let environment: StoreEnvironment
    private let reader: RingReader
    /// Bytes of rows that the map has room for.
    private let bytesLimit: Int

    private var staged = StagedRows()
    /// The state as of the last commit, and as the transaction under way will leave it; likewise the block that is being filled.
    private var state: RingState
    private var working: RingState
    private var tail: RingBlockBuilder?
    private var workingTail: RingBlockBuilder?
    /// The rows of the transaction under way: place among the staged ones, and sequence.
    private var written: [(place: Int, sequence: UInt64)] = []
    /// How many of the staged rows the transaction under way takes.
    private var taken = 0
    private var rowsMaxApplied = 0
    /// When the cells of the rollups were written last.
    private var cellsWritten: MonotonicTime?
    /// How old they may become: with thousands of tenants they are more work than the rows.
    private static let cellsMilliseconds: UInt64 = 900
    /// Blocks packed in one transaction.
    private static let packedMax = 4
    /// Blocks changed in one transaction of a deletion.
    private static let deletedMax = 64

    init(
        environment: StoreEnvironment, store: RingStore, queue: EventQueue, shared: RingShared, counters: LogCounters,
        rollups: RollupTable?, tails: TailRegistry, bytesLimit: Int, clock: @escaping @Sendable () -> WallTime
    ) throws(StoreError) {
        self.environment = environment
        self.store = store
        self.queue = queue
        self.shared = shared
        self.counters = counters
        self.rollups = rollups
        self.tails = tails
        self.bytesLimit = bytesLimit
        self.clock = clock
        reader = RingReader(environment, store, counters)
        state = RingState()
        working = state
        let now = clock()
        state = try environment.write { transaction throws(StoreError) in
            if let rollups { try store.restore(rollups, in: transaction) }
            return try store.load(in: transaction, now: now)
        }
        // The caps first: what they took away before the last stop is hidden again before anybody reads.
        try environment.write { transaction throws(StoreError) in try self.write(in: transaction) }
        adopt()
    }

    // MARK: - Transactions

    func apply(_ items: [RingWork], in transaction: borrowing WriteTransaction) throws(StoreError) {
        collect()
        try write(in: transaction)
    }

    func committed(_ items: [RingWork]) { adopt() }

    func discarded(_ items: [RingWork], _ error: StoreError) {
        guard error.kind != .queueFull else { return }
        if error.kind == .closed || error.kind == .panicked { counters.isGivenUp.store(true, ordering: .relaxed) }
        collect()
        staged.forEach { _, row in
            counters.drop(row.dropClass)
            return true
        }
        queue.release(staged.removeFirst(staged.ends.count))
    }

    func makeRoom(in transaction: borrowing WriteTransaction) throws(StoreError) {
        working = state
        working.effects = .init()
        workingTail = tail
        written = []
        taken = 0
        for _ in 0..<max(1, working.directory.count / 16) { working.dropFirstBlock() }
        for _ in 0..<64 { working.dropOldestPayload() }
        try store.carryOut(working.effects, in: transaction)
    }

    func madeRoom() { adoptState() }

    func housekeep(_ usage: StoreUsage) {
        collect()
        let settings = effectiveSettings()
        let isOld = settings.ageSecondsMax.map { age in
            state.directory.first.map { $0.newest < clock().adding(seconds: -age).milliseconds } ?? false
        }
        let hasCells = rollups.map { $0.counts.pendingCells > 0 } ?? false
        let mustWrite = !staged.isEmpty || hasCells || isOld ?? false || !state.sparse.isEmpty
        if mustWrite || settings.rowsMax != rowsMaxApplied || state.rows > settings.rowsMax { shared.requestFlush() }
    }

    /// Writes what there is, now. On the writer thread, outside a transaction.
    func writeAll() throws(StoreError) {
        collect()
        repeat {
            try environment.write { transaction throws(StoreError) in try self.write(in: transaction, isLast: true) }
            adopt()
        } while !staged.isEmpty
    }

    private func write(in transaction: borrowing WriteTransaction, isLast: Bool = false) throws(StoreError) {
        let settings = effectiveSettings()
        let now = clock()
        working = state
        working.effects = .init()
        workingTail = tail
        written = []
        try followScope(settings, in: transaction)
        try takeRows(settings, now, in: transaction)
        working.trim(settings, now: now)
        dropDeadTail()
        if let workingTail, !written.isEmpty { try store.put(workingTail, in: transaction) }
        try packSparse(in: transaction)
        try store.carryOut(working.effects, in: transaction)
        if isLast || areCellsDue { try writeCells(now, in: transaction) }
        if working.next != state.next || working.quota != state.quota || state.next == 1 { try store.saveMeta(working, in: transaction) }
    }

    /// Puts in as many rows as one transaction may write: a sixteenth of the cap. Pages that it frees can be used again only two transactions
    /// later, so this is what keeps the file near its cap.
    private func takeRows(_ settings: EventLogSettings, _ now: WallTime, in transaction: borrowing WriteTransaction) throws(StoreError) {
        taken = 0
        var rowBytes = max(256 << 10, settings.bytesMax / 16)
        var bodyBytes = max(256 << 10, settings.payloadsBytesMax / 16)
        var pace = WorkPace()
        taken = try staged.forEach { (place, row) throws(StoreError) in
            try insert(row, place, settings, now, in: transaction)
            pace.step()
            rowBytes -= row.bytes.count
            bodyBytes -= staged.bodies[place]?.count ?? 0
            return rowBytes > 0 && bodyBytes > 0
        }
    }

    private func insert(
        _ row: RowView, _ place: Int, _ settings: EventLogSettings, _ now: WallTime, in transaction: borrowing WriteTransaction
    ) throws(StoreError) {
        let tenant = working.countsTenants ? Array(row.text(.tenant)) : []
        guard working.admit(tenant: tenant, settings, now: now) == nil else { return }
        let sequence = working.next
        dropDeadTail()
        if let full = workingTail, !full.hasRoom(for: sequence, bytes: row.bytes.count) {
            try store.put(full, in: transaction)
            workingTail = nil
        }
        // Changed in place: a copy of the block would be made for each row.
        if workingTail == nil { workingTail = RingBlockBuilder(first: sequence) }
        workingTail?.append(row, sequence: sequence)
        working.appended(
            row, tenant: tenant, sequence: sequence, block: workingTail?.first ?? sequence, length: workingTail?.length ?? 0)
        if let bodies = staged.bodies[place] {
            let record = bodies.encoded
            try transaction.append(record.span, for: RingBlock.key(sequence).span, in: store.bodies)
            working.addedPayload(sequence, cost: RingBlock.cost(ofValue: record.count))
        }
        written.append((place, sequence))
        if working.countsTenants {
            if settings.strategy == .deleteOldest { working.trim(tenant: tenant, to: max(1, settings.rowsMax)) }
        } else if working.bytes > settings.bytesMax || working.rows > 2 * max(1, settings.rowsMax) {
            // A batch larger than the ring must not fill the store before it is trimmed.
            working.trim(settings, now: now)
        }
    }

    /// The block that is being filled may have lost all its rows.
    private func dropDeadTail() {
        guard let block = workingTail, working.directory.last?.first != block.first else { return }
        workingTail = nil
    }

    /// Begins or ceases to count tenants, and trims to a new cap.
    private func followScope(_ settings: EventLogSettings, in transaction: borrowing WriteTransaction) throws(StoreError) {
        let mustCount = settings.scope == .tenant
        let hasNewCap = settings.rowsMax != rowsMaxApplied
        if mustCount != working.countsTenants {
            working.count(tenants: mustCount ? try store.countTenants(working, in: transaction) : nil)
        } else if !hasNewCap {
            return
        }
        rowsMaxApplied = settings.rowsMax
        working.trimTenants(settings)
    }

    private func packSparse(in transaction: borrowing WriteTransaction) throws(StoreError) {
        guard !working.sparse.isEmpty else { return }
        let last = workingTail?.first
        for first in working.sparse.sorted().filter({ $0 != last }).prefix(Self.packedMax) { try pack(first, in: transaction) }
    }

    private func pack(_ first: UInt64, in transaction: borrowing WriteTransaction) throws(StoreError) {
        working.sparse.remove(first)
        guard let place = working.directory.place(of: first), working.directory[place].first == first else { return }
        let length = try store.pack(working.directory[place], in: transaction)
        if length > 0 { working.packed(first, length: length) }
    }

    private func adopt() {
        adoptState()
        counters.written.add(UInt64(written.count), ordering: .relaxed)
        tell()
        written = []
        rollups?.didCommit()
        queue.release(staged.removeFirst(taken))
        taken = 0
        if !staged.isEmpty {
            shared.requestFlush(isUrgent: true)
        } else if rollups?.hasUntaken == true {
            shared.requestFlush()
        }
    }

    private func adoptState() {
        working.effects = .init()
        state = working
        // A block can have died with the transaction that made room.
        if let block = workingTail, state.directory.last?.first != block.first { workingTail = nil }
        tail = workingTail
        shared.state = state
    }

    private func effectiveSettings() -> EventLogSettings {
        var settings = shared.settings
        settings.bytesMax = min(settings.bytesMax, bytesLimit)
        return settings
    }

    // MARK: - Listeners

    private func tell() {
        let tails = self.tails.all
        guard !tails.isEmpty, !written.isEmpty else { return }
        var sequences: [Int: UInt64] = [:]
        for (place, sequence) in written { sequences[place] = sequence }
        var woken = [Bool](repeating: false, count: tails.count)
        staged.forEach { place, row in
            guard let sequence = sequences[place] else { return place < taken }
            let context = RingReader.context(row, sequence, state)
            for (index, tail) in tails.enumerated() where tail.offer(context) { woken[index] = true }
            return true
        }
        for (index, tail) in tails.enumerated() where woken[index] { tail.callWake() }
    }

    // MARK: - Counting

    /// Takes what the loops handed over: every event is counted, and its row staged unless none is wanted.
    private func collect() {
        let batches = queue.takeAll()
        guard !batches.isEmpty else { return }
        let settings = shared.settings
        var pace = WorkPace()
        for batch in batches {
            let before = staged.queueBytes
            batch.forEach { frame in
                stage(frame, settings)
                pace.step()
            }
            queue.release(batch.bytes.count - (staged.queueBytes - before))
        }
    }

    private func stage(_ frame: EventFrame, _ settings: EventLogSettings) {
        var event = GatewayEvent(id: frame.row.id, createdAt: WallTime(milliseconds: frame.row.createdAt))
        guard frame.row.readCounted(into: &event) else { return }
        rollups?.record(event)
        guard !event.flags.contains(.uncollected) else {
            counters.uncollected.add(1, ordering: .relaxed)
            return
        }
        var bodies: StagedRows.Bodies?
        if frame.request != nil || frame.response != nil {
            bodies = StagedRows.Bodies(
                request: frame.request.map { body($0, settings) }, response: frame.response.map { body($0, settings) })
        }
        if settings.redactsMetadata, let redactor = settings.redactor, !frame.row.text(.metadata).isEmpty, let event = frame.row.event() {
            stageRedacted(event, frame, bodies, redactor)
        } else {
            staged.append(frame.row.bytes, bodies: bodies, queueBytes: frame.whole.count)
        }
    }

    private func stageRedacted(_ event: GatewayEvent, _ frame: EventFrame, _ bodies: StagedRows.Bodies?, _ redactor: Redactor) {
        var event = event
        let redacted = redactor.redact(Array(event.metadata.utf8).span, isCut: false)
        let text = redacted.map { String(decoding: $0, as: UTF8.self) } ?? ""
        event.metadata = FlatObject.isValid(text) ? text : ""
        // Only for the sections that the row says it has.
        if frame.request != nil { event.request = .init(bytes: [], fullLength: 0) }
        if frame.response != nil { event.response = .init(bytes: [], fullLength: 0) }
        var bytes: [UInt8] = []
        event.append(to: &bytes)
        bytes.withUnsafeBytes { bytes in
            var at = 0
            if let redacted = EventFrame(bytes, at: &at) {
                staged.append(redacted.row.bytes, bodies: bodies, queueBytes: frame.whole.count)
            }
        }
    }

    private func body(_ payload: EventFrame.Payload, _ settings: EventLogSettings) -> GatewayEvent.Payload {
        let kept = payload.bytes.prefix(max(0, min(settings.bodyBytesMax, 1 << 20)))
        let whole = GatewayEvent.Payload(bytes: Array(kept), fullLength: payload.fullLength)
        guard let redactor = settings.redactor else { return whole }
        guard let redacted = redactor.redact(whole.bytes.span, isCut: whole.isTruncated) else {
            counters.withheldPayloads.add(1, ordering: .relaxed)
            return GatewayEvent.Payload(bytes: [], fullLength: max(1, payload.fullLength))
        }
        // Redacted bytes may be longer or shorter than what was there; only a cut body is flagged as one.
        let full = whole.isTruncated ? max(payload.fullLength, UInt64(redacted.count) + 1) : UInt64(redacted.count)
        return GatewayEvent.Payload(bytes: redacted, fullLength: full)
    }

    private var areCellsDue: Bool { cellsWritten.map { MonotonicTime.now() >= $0.adding(milliseconds: Self.cellsMilliseconds) } ?? true }

    /// Writes what the rollups have to be written; they take a failed transaction's part back by themselves.
    private func writeCells(_ now: WallTime, in transaction: borrowing WriteTransaction) throws(StoreError) {
        guard let rollups else { return }
        cellsWritten = .now()
        let changes = try store.changes(of: rollups, now: now, in: transaction)
        for range in changes.removals { try store.deleteCells(range, in: transaction) }
        for (key, value) in changes.puts { try transaction.put(value.span, for: key.span, in: store.rollups) }
    }

    // MARK: - Changes asked for by an operator (tasks of the writer thread)

    /// Says something about a row; `nil` if it is gone or there is no more room for such remarks.
    func patch(_ sequence: UInt64, _ change: LogChange) throws(StoreError) -> LogPatch? {
        let patch = change.applied(to: state.patches[sequence] ?? LogPatch())
        var next = state
        guard next.setPatch(patch, sequence, bytesMax: shared.settings.patchesBytesMax) else { return nil }
        try environment.write { transaction throws(StoreError) in
            let key = RingBlock.key(sequence)
            if patch.isEmpty {
                try transaction.delete(key.span, in: self.store.patches)
            } else {
                try transaction.put(patch.encoded.span, for: key.span, in: self.store.patches)
            }
        }
        state = next
        shared.state = state
        return patch
    }

    /// Deletes the rows that a filter lets through, those handed over before included; their bytes are gone from the blocks when it returns.
    /// Costs a look at every row, and a block written anew for each that keeps some.
    func delete(_ filter: LogFilter) throws(StoreError) -> Int {
        try writeAll()
        let walk = RingReader.Walk(filter: filter, isNewest: false, limit: .max)
        var doomed = reader.walk(walk, state).rows.map(\.sequence)[...]
        let count = doomed.count
        while !doomed.isEmpty {
            var touched: Set<UInt64> = []
            var next = state
            while let sequence = doomed.first, touched.count < Self.deletedMax {
                if let place = next.directory.place(of: sequence) { touched.insert(next.directory[place].first) }
                _ = next.hide(sequence)
                doomed.removeFirst()
            }
            try environment.write { transaction throws(StoreError) in
                self.working = next
                self.workingTail = self.tail.flatMap { touched.contains($0.first) ? nil : $0 }
                for first in touched.sorted() { try self.pack(first, in: transaction) }
                try self.store.carryOut(self.working.effects, in: transaction)
            }
            adoptState()
        }
        return count
    }
}
