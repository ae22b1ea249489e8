import GatewayModel

/// New rows as they are written, for one listener. Bounded: a listener that is behind misses rows, and is told how many.
public final class LogTail: @unchecked Sendable {  // @unchecked: the variables are guarded by `lock`.
    /// What a listener gets, in order.
    public enum Item: Sendable {
        /// A new row.
        case row(LogRow)
        /// So many rows were missed here.
        case gap(Int)
    }

    /// Rows that may wait.
    public let rowsMax: Int
    private let filter: LogFilter
    private let wake: @Sendable () -> Void
    private let lock = Lock()
    private var items: [Item] = []
    private var dropped = 0
    private var isEnded = false

    /// `wake` is called on the log's writer thread when rows came and none were waiting: it must not wait, and may call `take` from elsewhere.
    init(_ filter: LogFilter, rowsMax: Int, wake: @escaping @Sendable () -> Void) {
        self.filter = filter
        self.rowsMax = max(1, rowsMax)
        self.wake = wake
    }

    /// What waits, oldest first. Any thread.
    public func take(most: Int = 256) -> [Item] {
        lock.withLock {
            let count = min(max(1, most), items.count)
            var taken = Array(items[..<count])
            items.removeFirst(count)
            if items.isEmpty, dropped > 0 {
                taken.append(.gap(dropped))
                dropped = 0
            }
            return taken
        }
    }

    /// Whether the log was closed: nothing more comes.
    public var hasEnded: Bool { lock.withLock { isEnded } }

    /// Offers a new row; returns whether the listener has to be woken.
    func offer(_ context: RowContext) -> Bool {
        guard filter.matches(context) else { return false }
        return lock.withLock {
            guard items.count < rowsMax else {
                dropped += 1
                return false
            }
            let wasEmpty = items.isEmpty
            if dropped > 0 {
                items.append(.gap(dropped))
                dropped = 0
            }
            items.append(.row(RingReader.row(context)))
            return wasEmpty
        }
    }

    func callWake() { wake() }

    func end() {
        lock.withLock { isEnded = true }
        wake()
    }
}

/// The listeners of a log.
final class TailRegistry: @unchecked Sendable {  // @unchecked: `tails` is guarded by `lock`.
    private let lock = Lock()
    private var tails: [LogTail] = []

    /// Listeners at a time.
    static let tailsMax = 64

    func add(_ tail: LogTail) -> Bool {
        lock.withLock {
            guard tails.count < TailRegistry.tailsMax else { return false }
            tails.append(tail)
            return true
        }
    }

    func remove(_ tail: LogTail) { lock.withLock { tails.removeAll { $0 === tail } } }

    var all: [LogTail] { lock.withLock { tails } }
}
