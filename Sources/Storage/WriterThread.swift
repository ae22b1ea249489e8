import GatewayModel
import Glibc

/// The one thread that writes a store: takes submissions from a bounded queue, writes them in batches, survives what writing can meet.
///
/// Why a thread and not a task: LMDB's write lock belongs to a thread and dies with it, so this one lives until `close`.
/// On a full map it makes room and tries once more; on a full or failing disk it rolls back, pauses 1, 2, 4 … 30 s (less if space
/// returns) and keeps what fits the queue; on `MDB_PANIC` it reopens the environment once between two good commits, then gives the store
/// up. Readers go on through all of it.
public final class WriterThread<Work: StoreWork>: @unchecked Sendable {  // @unchecked: `statistics` under `mutex`, the rest one thread's

    /// The store it writes.
    public let environment: StoreEnvironment
    /// What is done with the submissions.
    public let work: Work
    private let queue: WriteQueue<Work.Item>
    private let limits: WriterLimits
    private let mutex = Lock()
    private var counted = WriterStatistics()
    private var thread: PosixThread?

    // Writer thread
    private var backoff = WriterBackoff()
    private var mayReopen = true
    private var growthsLeft = 4
    private var housekeepingAt: UInt64 = 0
    private var readersCheckedAt: UInt64 = 0
    private static var readerCheckPeriod: UInt64 { 10_000_000_000 }

    /// Starts the thread.
    /// - Throws: `.other` if the system gives no thread.
    public init(environment: StoreEnvironment, work: Work, limits: WriterLimits = WriterLimits(), name: String = "store") throws(StoreError)
    {
        self.environment = environment
        self.work = work
        self.limits = limits
        queue = WriteQueue(limits: limits)
        backoff.millisecondsMax = limits.backoffMillisecondsMax
        guard let thread = PosixThread.start(name: name, { self.run() }) else {
            throw StoreError(code: EAGAIN, doing: "starting the thread \(name)")
        }
        self.thread = thread
    }

    /// Queues a submission; never waits. A droppable one (`isDurable` false) may displace older ones, or be displaced later, and then
    /// `discarded` is called; a durable one starts a transaction at once and is synced before `committed`.
    /// - Returns: `false` if it was refused: queue full of durable ones, larger than the queue, closed or disabled.
    public func submit(_ item: Work.Item, bytes: Int, isDurable: Bool = false) -> Bool {
        guard let displaced = queue.push(.init(item: item, bytes: bytes, isDurable: isDurable)) else {
            count { $0.discarded[.queueFull, default: 0] += 1 }
            return false
        }
        if !displaced.isEmpty { discard(displaced, StoreError(kind: .queueFull, message: "displaced by newer writes")) }
        return true
    }

    /// Queues a task to run on the writer thread, after what was submitted before (ahead of it during a pause). Not for event loops'
    /// per-request work: tasks are not bounded.
    /// - Returns: `false` if the writer is closed or disabled; the task will not run.
    public func perform(_ task: @escaping @Sendable () -> Void) -> Bool { queue.push(task: task) }

    /// Blocks until everything submitted before has been tried. For control threads and tests.
    public func flush() {
        let done = Latch()
        if perform({ done.open() }) { done.wait() }
    }

    /// Writes out what waits, ends the thread and waits for its end. The environment stays open. Idempotent; one thread calls it.
    public func close() {
        queue.close()
        guard let thread else { return }
        self.thread = nil
        thread.join()
    }

    /// Counters and state now.
    public var statistics: WriterStatistics {
        var result = mutex.withLock { counted }
        let depth = queue.depth
        result.queuedEntries = depth.entries
        result.queuedBytes = depth.bytes
        return result
    }

    // MARK: - The thread

    private func run() {
        housekeep()
        while true {
            switch queue.next(holdUntil: backoff.until) {
            case .batch(let writes): write(writes)
            case .task(let task): task()
            case .tick: break
            case .end: return
            }
            if MonotonicTime.now().nanoseconds >= housekeepingAt { housekeep() }
        }
    }

    private func write(_ writes: [WriteQueue<Work.Item>.Write]) {
        let items = writes.map(\.item)
        if isCrowded(for: writes) { _ = makeRoom() }
        guard let error = persistently(items) else { return commit(writes) }
        switch error.kind {
        case .diskFull, .inputOutput: pause(writes, error)
        case .panicked, .closed: disable(items, error)
        default: discard(items, error)
        }
    }

    /// Tries a batch, and once more after doing what its failure calls for. `nil` is success.
    private func persistently(_ items: [Work.Item]) -> StoreError? {
        guard let error = attempt(items) else { return nil }
        switch error.kind {
        case .mapFull, .transactionFull: return makeRoom() ?? attempt(items)
        case .panicked: return reopen() ?? attempt(items)
        default: return error
        }
    }

    /// Whether a batch might use up the map. In a map without a single free page not even deleting works, since it writes copies of the
    /// pages it changes: so room is made before. The free list is walked only once the file has grown to nearly the whole map.
    private func isCrowded(for writes: [WriteQueue<Work.Item>.Write]) -> Bool {
        guard let reached = try? environment.usage(countingFreePages: false), reached.mapSize > 0 else { return false }
        let pages = reached.mapSize / reached.pageSize
        let perhaps = 64 + writes.reduce(0) { $0 + $1.bytes } / reached.pageSize + 3 * writes.count
        let reserve = min(perhaps, pages / 10)
        guard reached.reachedPages + reserve > pages, let exact = try? environment.usage() else { return false }
        return exact.usedPages + reserve > pages
    }

    private func attempt(_ items: [Work.Item]) -> StoreError? {
        let start = MonotonicTime.now()
        do {
            try environment.write { transaction throws(StoreError) in try work.apply(items, in: transaction) }
        } catch {
            return countFailure(error)
        }
        let span = MonotonicTime.now().nanoseconds(since: start)
        count {
            $0.commits += 1
            $0.lastCommitNanoseconds = span
            $0.slowestCommitNanoseconds = max($0.slowestCommitNanoseconds, span)
        }
        return nil
    }

    /// The batch is in. Where commits don't sync wholly, durable submissions wait for a sync before they are acknowledged.
    private func commit(_ writes: [WriteQueue<Work.Item>.Write]) {
        mayReopen = true
        backoff.succeeded()
        var items = writes.map(\.item)
        if environment.options.durability != .durable, writes.contains(where: \.isDurable) {
            do { try environment.synchronize() } catch {
                _ = countFailure(error)
                items = writes.filter { !$0.isDurable }.map(\.item)
                discard(writes.filter(\.isDurable).map(\.item), error)
            }
        }
        count {
            $0.committedItems += UInt64(items.count)
            $0.isBackingOff = false
        }
        work.committed(items)
    }

    private func makeRoom() -> StoreError? {
        count { $0.roomMade += 1 }
        for _ in 0..<2 {
            do {
                try environment.write { transaction throws(StoreError) in try work.makeRoom(in: transaction) }
                work.madeRoom()
            } catch {
                _ = countFailure(error)
                guard error.kind == .mapFull || error.kind == .transactionFull, grow() else { return error }
            }
        }
        return nil
    }

    /// The way out of a map so full that not even deleting works: a map larger by a sixteenth, for this run. A few times only: the next
    /// deletions then have what they need, and a map that fills again is too small for its store.
    private func grow() -> Bool {
        guard growthsLeft > 0 else { return false }
        growthsLeft -= 1
        let size = (try? environment.usage(countingFreePages: false).mapSize) ?? 0
        do { try environment.reopen(growingBy: max(1 << 20, size / 16)) } catch {
            _ = countFailure(error)
            return false
        }
        count { $0.growths += 1 }
        return true
    }

    private func reopen() -> StoreError? {
        guard mayReopen else { return StoreError(kind: .panicked, message: "\(environment.path) failed again after it was reopened") }
        mayReopen = false
        do { try environment.reopen() } catch {
            return StoreError(kind: .closed, code: error.code, message: error.message)
        }
        count { $0.reopens += 1 }
        return nil
    }

    /// A full or failing disk: durable submissions are refused now, droppable ones wait for better times.
    private func pause(_ writes: [WriteQueue<Work.Item>.Write], _ error: StoreError) {
        backoff.failed(now: MonotonicTime.now(), freeBytes: DiskSpace.free(at: environment.path))
        count { $0.isBackingOff = true }
        discard(writes.filter(\.isDurable).map(\.item), error)
        discard(queue.returnToFront(writes.filter { !$0.isDurable }), error)
    }

    private func disable(_ items: [Work.Item], _ error: StoreError) {
        count { $0.isDisabled = true }
        let rest = queue.disable()
        discard(items + rest.items, error)
        for task in rest.tasks { task() }
    }

    private func housekeep() {
        let now = MonotonicTime.now()
        housekeepingAt = now.nanoseconds + limits.tickMilliseconds * 1_000_000
        backoff.reconsider(freeBytes: { DiskSpace.free(at: self.environment.path) })
        var dead = 0
        if now.nanoseconds >= readersCheckedAt + Self.readerCheckPeriod || readersCheckedAt == 0 {
            readersCheckedAt = now.nanoseconds
            dead = environment.checkReaders()
        }
        // The free list is walked only when the file's size alone doesn't show that there is room.
        guard var usage = try? environment.usage(countingFreePages: false) else { return }
        if usage.usedPercent >= 70, let exact = try? environment.usage() { usage = exact }
        let oldestRead = environment.oldestRead(now: now)
        count {
            $0.usage = usage
            $0.oldestReadNanoseconds = oldestRead
            $0.deadReadersFreed += UInt64(dead)
        }
        work.housekeep(usage)
    }

    private func discard(_ items: [Work.Item], _ error: StoreError) {
        guard !items.isEmpty else { return }
        count { $0.discarded[error.kind, default: 0] += UInt64(items.count) }
        work.discarded(items, error)
    }

    private func countFailure(_ error: StoreError) -> StoreError {
        count {
            $0.failures[error.kind, default: 0] += 1
            $0.lastError = error
        }
        return error
    }

    private func count(_ change: (inout WriterStatistics) -> Void) { mutex.withLock { change(&counted) } }
}
