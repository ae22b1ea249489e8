import GatewayModel
import Synchronization

/// The bounded queue between the submitting threads and the writer. Bytes count until the writer has written or dropped them, so that a
/// store that can't be written fills it and rows are dropped at the door.
final class EventQueue: @unchecked Sendable {  // @unchecked: the variables are guarded by `lock`.
    /// What a submitter has to do after a push.
    enum Wake { case nothing, lazily, atOnce }

    private let lock = Lock()
    private var batches: [EventBatch] = []
    private var bytes = 0
    private var waiting = 0
    private var isAnnounced = false
    private var isUrgent = false
    private var isClosed = false
    private let bytesMax: Atomic<Int>
    /// As many waiting bytes are written at once.
    private static let urgentBytes = 1 << 20

    init(bytesMax: Int) { self.bytesMax = Atomic(max(64 << 10, bytesMax)) }

    /// The bound.
    var capacity: Int {
        get { bytesMax.load(ordering: .relaxed) }
        set { bytesMax.store(max(64 << 10, newValue), ordering: .relaxed) }
    }

    /// Bytes that wait or are being written.
    var depth: Int { lock.withLock { bytes } }

    /// Adds a batch if the queue has at most `threshold` bytes then; `nil` if not, or if the log is closed.
    func push(_ batch: consuming EventBatch, threshold: Int) -> Wake? {
        let size = batch.bytes.count
        lock.lock()
        defer { lock.unlock() }
        guard !isClosed, bytes + size <= threshold else { return nil }
        bytes += size
        waiting += size
        batches.append(batch)
        let mustHurry = !isUrgent && waiting >= EventQueue.urgentBytes
        let mustWake = !isAnnounced
        isAnnounced = true
        if mustHurry { isUrgent = true }
        return mustHurry ? .atOnce : mustWake ? .lazily : .nothing
    }

    /// All that waits; it counts until `release`.
    func takeAll() -> [EventBatch] {
        lock.lock()
        defer { lock.unlock() }
        let taken = batches
        batches = []
        waiting = 0
        isAnnounced = false
        isUrgent = false
        return taken
    }

    /// Bytes that were taken are written or dropped.
    func release(_ count: Int) { lock.withLock { bytes -= count } }

    /// Lets nothing more in.
    func close() { lock.withLock { isClosed = true } }
}

/// What became of events, counted from any thread.
final class LogCounters: Sendable {
    let droppedSuccesses = Atomic<UInt64>(0)
    let droppedErrors = Atomic<UInt64>(0)
    let droppedAudits = Atomic<UInt64>(0)
    let droppedPayloads = Atomic<UInt64>(0)
    let withheldPayloads = Atomic<UInt64>(0)
    let uncollected = Atomic<UInt64>(0)
    let written = Atomic<UInt64>(0)
    let badBlocks = Atomic<UInt64>(0)
    /// Set once the store was given up until the next start.
    let isGivenUp = Atomic<Bool>(false)

    func drop(_ kind: DropClass, _ count: UInt64 = 1) {
        switch kind {
        case .success: droppedSuccesses.add(count, ordering: .relaxed)
        case .error: droppedErrors.add(count, ordering: .relaxed)
        case .audit: droppedAudits.add(count, ordering: .relaxed)
        }
    }
}
