// The log of finished requests: a capped ring of rows in an LMDB environment of its own, and the cells of the rollups beside it.
//
// Loops hand over batches and never wait; one thread counts, packs and writes. What the queue has no room for is counted by the submitting
// thread itself, so that rollups are exact whatever becomes of the rows. The store is disposable: a damaged one is set aside at open and begun
// anew.

import GatewayModel
import Storage
import Synchronization

/// Rows of finished requests, bounded by rows, bytes, age and quota. Any thread may call it. It must be closed: its writer thread keeps it
/// alive until then.
public final class EventLog: Sendable {
    /// What opening the store had to do; `nil` where there is no store.
    public let opening: StoreOpening?

    let shared: RingShared
    let counters = LogCounters()
    let writer: WriterThread<RingWriter>?
    let reading: GuardedReader?
    let tails = TailRegistry()
    let clock: @Sendable () -> WallTime
    private let environment: StoreEnvironment?
    private let queue: EventQueue
    private let rollups: RollupTable?
    private let bytesLimit: Int
    private let isClosed = Atomic<Bool>(false)

    /// The store's kind and databases, for `StoreCheck` and `weir store check`.
    public static let databases = RingStore.databases

    /// Whether a record of the store holds: for `StoreCheck`.
    public static func verify(database: String, key: Span<UInt8>, value: Span<UInt8>) -> Bool {
        RingStore.verify(database: database, key: key, value: value)
    }

    /// Opens the log in the folder `path` and starts its writer thread. What an earlier run's rollups left is handed to `rollups` before it returns.
    ///
    /// - Parameters:
    ///   - checker: looks at a suspect store before this process maps it; see `StoreOptions.checker`.
    ///   - clock: the civil time that age and quota go by.
    /// - Throws: what `StoreEnvironment.open` throws. A gateway that gets an error goes on with `withoutStore`.
    public static func open(
        path: String, settings: EventLogSettings, rollups: RollupTable? = nil,
        checker: (@Sendable (_ path: String) -> StoreVerdict)? = nil, clock: @escaping @Sendable () -> WallTime = { WallTime.now() }
    ) throws(StoreError) -> EventLog {
        let options = StoreOptions(
            schema: RingStore.schema, databases: RingStore.databases, mapSize: settings.mapSize, durability: .noMetaSync,
            isDisposable: true,
            checker: checker)
        let environment = try StoreEnvironment.open(path: path, options: options)
        return try EventLog(environment, settings, rollups, clock)
    }

    /// A log that counts and keeps no rows: for a gateway whose store could not be opened. Nothing is read from it.
    public static func withoutStore(settings: EventLogSettings, rollups: RollupTable?) -> EventLog {
        EventLog(settings, rollups)
    }

    private init(_ settings: EventLogSettings, _ rollups: RollupTable?) {
        shared = RingShared(settings)
        queue = EventQueue(bytesMax: settings.queueBytesMax)
        self.rollups = rollups
        clock = { WallTime.now() }
        opening = nil
        environment = nil
        writer = nil
        reading = nil
        bytesLimit = 0
        counters.isGivenUp.store(true, ordering: .relaxed)
    }

    private init(
        _ environment: StoreEnvironment, _ settings: EventLogSettings, _ rollups: RollupTable?,
        _ clock: @escaping @Sendable () -> WallTime
    ) throws(StoreError) {
        self.environment = environment
        self.rollups = rollups
        self.clock = clock
        opening = environment.opening
        shared = RingShared(settings)
        queue = EventQueue(bytesMax: settings.queueBytesMax)
        bytesLimit = max(4 << 20, settings.bytesMax)
        let store = RingStore(environment)
        let work = try RingWriter(
            environment: environment, store: store, queue: queue, shared: shared, counters: counters, rollups: rollups, tails: tails,
            bytesLimit: bytesLimit, clock: clock)
        reading = GuardedReader(RingReader(environment, store, counters))
        var limits = WriterLimits()
        limits.delayMilliseconds = settings.delayMilliseconds
        limits.batchBytesMax = EventLog.urgentBytes
        let writer = try WriterThread(environment: environment, work: work, limits: limits, name: "weir-log")
        self.writer = writer
        shared.setFlush { [weak self, weak writer] isUrgent in
            guard writer?.submit(.flush, bytes: isUrgent ? EventLog.urgentBytes : 1) == false else { return }
            self?.giveUp()
        }
    }

    /// The writer takes nothing any more: what waits for it is counted here, as is everything that comes.
    private func giveUp() {
        counters.isGivenUp.store(true, ordering: .sequentiallyConsistent)
        for batch in queue.takeAll() {
            queue.release(batch.bytes.count)
            batch.forEach { fold($0) }
        }
    }

    private static let urgentBytes = 1 << 20

    // MARK: - Writing

    /// Hands over finished requests. Never waits for the store: takes a short lock, and where the queue is full counts the events itself.
    /// - Returns: `false` if a row or a payload had to be dropped. All events are counted in either case.
    @discardableResult
    public func submit(_ batch: EventBatch) -> Bool {
        guard batch.count > 0 else { return true }
        guard !counters.isGivenUp.load(ordering: .relaxed) else {
            batch.forEach { fold($0) }
            return false
        }
        let capacity = queue.capacity
        let threshold = batch.hasPayloads ? capacity / 2 : capacity / 4 * 3
        guard let wake = queue.push(batch, threshold: threshold) else { return submitPartly(batch, capacity) }
        follow(wake)
        return true
    }

    private func follow(_ wake: EventQueue.Wake) {
        switch wake {
        case .nothing: break
        case .lazily: shared.requestFlush()
        case .atOnce: shared.requestFlush(isUrgent: true)
        }
    }

    /// The queue is filling: payloads go first, then rows of requests that went well, then those of others. Each row that goes is counted here.
    private func submitPartly(_ batch: EventBatch, _ capacity: Int) -> Bool {
        var isWhole = true
        batch.forEach { frame in
            let kind = frame.row.dropClass
            let threshold =
                switch kind {
                case .success: capacity / 4 * 3
                case .error: capacity / 20 * 19
                case .audit: capacity
                }
            var single = EventBatch()
            single.append(frame, keepingPayloads: true)
            if single.hasPayloads {
                if let wake = queue.push(single, threshold: capacity / 2) { return follow(wake) }
                counters.droppedPayloads.add(1, ordering: .relaxed)
                isWhole = false
                single = EventBatch()
                single.append(frame, keepingPayloads: false)
            }
            if let wake = queue.push(single, threshold: threshold) { return follow(wake) }
            isWhole = false
            fold(frame)
        }
        return isWhole
    }

    /// Counts an event whose row is dropped.
    private func fold(_ frame: EventFrame) {
        guard let event = frame.row.event() else { return }
        rollups?.record(event)
        if event.flags.contains(.uncollected) {
            counters.uncollected.add(1, ordering: .relaxed)
        } else {
            counters.drop(frame.row.dropClass)
        }
    }

    /// The settings in force. A change holds from the next transaction on.
    public var settings: EventLogSettings {
        get { shared.settings }
        set {
            shared.settings = newValue
            queue.capacity = newValue.queueBytesMax
            shared.requestFlush()
        }
    }

    /// Blocks until what was handed over so far is written or dropped. For tests and commands.
    public func flush() {
        // Each round is a transaction, which takes a part of what waits. A store that can't be written now ends it.
        for _ in 0..<1024 {
            shared.requestFlush(isUrgent: true)
            writer?.flush()
            guard queue.depth > 0, let writer, !writer.statistics.isBackingOff else { return }
        }
    }

    /// Writes out what waits and the rollups' cells, and closes the store. Waits at most so long; blocks; one thread calls it. Idempotent.
    /// - Returns: `false` if the time was over before all was written: the store is left as it is, as after a crash.
    @discardableResult
    public func close(deadlineMilliseconds: UInt64 = 5000) -> Bool {
        guard !isClosed.exchange(true, ordering: .sequentiallyConsistent) else { return true }
        queue.close()
        defer { for tail in tails.all { tail.end() } }
        guard let writer, let environment else { return true }
        let end = Ending()
        let hasBegun = writer.perform { end.finish((try? writer.work.writeAll()) != nil) }
        if hasBegun, !end.wait(until: MonotonicTime.now().adding(milliseconds: deadlineMilliseconds)) { return false }
        shared.setFlush(nil)
        writer.close()
        environment.close()
        return hasBegun && end.isGood
    }

    // MARK: - Rollups

    /// Answers a query of the rollups, exact to the last event handed over and taken up by the writer, which is a few hundred milliseconds.
    /// `nil` where there are none, or where the store can't be read.
    public func evaluate(_ query: StatsQuery) -> StatsResult? {
        guard let rollups else { return nil }
        guard let reading else { return rollups.evaluate(query) { _, _ in true } }
        return rollups.evaluate(query) { start, visit in reading.with { $0.forEachCell(from: start, visit) } }
    }

    /// What became of the events that the rollups counted.
    public var rollupCounts: RollupCounts { rollups?.counts ?? RollupCounts() }

    // MARK: - State

    /// Counters and state now. Reads at most two blocks.
    public func status() -> LogStatus {
        let settings = shared.settings
        let state = shared.state
        var status = LogStatus()
        status.rows = state.rows
        status.rowsMax = settings.rowsMax
        status.bytes = state.bytes
        status.bytesMax = min(settings.bytesMax, bytesLimit)
        status.payloadsBytes = state.payloads.bytes
        status.payloadsBytesMax = settings.payloadsBytesMax
        status.fileBytes = environment.map { StoreEnvironment.fileBytes(at: $0.path) } ?? 0
        status.oldest = reading?.with { $0.createdAt(ofLast: false, state) }
        status.newest = reading?.with { $0.createdAt(ofLast: true, state) }
        status.nextSequence = state.next
        status.scope = settings.scope
        status.strategy = settings.strategy
        status.quota = settings.quota.map { quota in
            var use = state
            use.turn(quota.per, clock())
            return .init(limit: quota.limit, per: quota.per, used: use.quota.used, resetsAt: WallTime(milliseconds: use.quota.end))
        }
        status.droppedByClass = [
            .success: counters.droppedSuccesses.load(ordering: .relaxed), .error: counters.droppedErrors.load(ordering: .relaxed),
            .audit: counters.droppedAudits.load(ordering: .relaxed),
        ]
        status.droppedPayloads = counters.droppedPayloads.load(ordering: .relaxed)
        status.withheldPayloads = counters.withheldPayloads.load(ordering: .relaxed)
        status.stopped = state.stopped
        status.overQuota = state.overQuota
        status.uncollected = counters.uncollected.load(ordering: .relaxed)
        status.written = counters.written.load(ordering: .relaxed)
        status.badBlocks = counters.badBlocks.load(ordering: .relaxed)
        status.queuedBytes = queue.depth
        let statistics = writer?.statistics
        status.isWriting = !counters.isGivenUp.load(ordering: .relaxed) && !(statistics?.isBackingOff ?? true)
        return status
    }

    /// What the writer thread has done and how its store is; `nil` where there is no store.
    public var writerStatistics: WriterStatistics? { writer?.statistics }
}

/// A reader that several threads take turns with.
final class GuardedReader: @unchecked Sendable {  // @unchecked: `reader` is used under `lock` only.
    private let lock = Lock()
    private let reader: RingReader

    init(_ reader: sending RingReader) { self.reader = reader }

    func with<R>(_ body: (RingReader) -> R) -> R { lock.withLock { body(reader) } }
}

/// Tells a waiting thread how something ended.
private final class Ending: @unchecked Sendable {  // @unchecked: the variables are guarded by `lock`.
    private let lock = Lock()
    private var result: Bool?

    var isGood: Bool { lock.withLock { result ?? false } }

    func finish(_ isGood: Bool) {
        lock.withLock {
            result = isGood
            lock.broadcast()
        }
    }

    /// `false` if time ran out.
    func wait(until deadline: MonotonicTime) -> Bool {
        lock.withLock {
            while result == nil {
                guard MonotonicTime.now() < deadline else { return false }
                lock.wait(until: deadline)
            }
            return true
        }
    }
}
