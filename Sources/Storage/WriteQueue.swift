import GatewayModel

/// The bounded queue between many submitting threads and one writer thread.
///
/// A full queue displaces the oldest droppable entries to let a new one in: under overload the newest answers are worth the most.
/// Entries that are not droppable are never displaced; when nothing can be displaced, the newcomer is refused. Nobody ever waits here
/// but the writer.
final class WriteQueue<Item: Sendable>: @unchecked Sendable {  // @unchecked: every variable is guarded by `mutex`

    /// One submission.
    struct Write: Sendable {
        var item: Item
        var bytes: Int
        var isDurable: Bool
    }

    /// What the writer does next.
    enum Step {
        case batch([Write])
        case task(@Sendable () -> Void)
        case tick
        case end
    }

    private enum Element {
        case write(Write)
        case task(@Sendable () -> Void)

        var isDroppable: Bool { if case .write(let write) = self { !write.isDurable } else { false } }
    }

    private let limits: WriterLimits
    private let mutex = Lock()
    private var elements: [Element] = []
    private var head = 0
    private var bytes = 0
    /// Waiting elements that don't wait for company: tasks and durable writes.
    private var urgent = 0
    /// The part of the queue that a newcomer may displace.
    private var droppable = (entries: 0, bytes: 0)
    private var oldestAt: UInt64 = 0
    private var isClosing = false
    private var isDisabled = false

    init(limits: WriterLimits) { self.limits = limits }

    private var count: Int { elements.count - head }

    /// Entries and bytes that wait.
    var depth: (entries: Int, bytes: Int) { mutex.withLock { (count, bytes) } }

    /// Adds a write. `nil` when it was refused; otherwise the items that had to go for it.
    func push(_ write: Write) -> [Item]? {
        mutex.withLock {
            guard !isClosing, !isDisabled, write.bytes <= limits.queueBytesMax else { return nil }
            guard let displaced = makeRoom(for: 1, write.bytes) else { return nil }
            append(.write(write), bytes: write.bytes)
            return displaced
        }
    }

    /// Adds a task, run by the writer between transactions. Tasks are few (admin calls), so none is refused for a full queue.
    func push(task: @escaping @Sendable () -> Void) -> Bool {
        mutex.withLock {
            guard !isClosing, !isDisabled else { return false }
            append(.task(task), bytes: 0)
            return true
        }
    }

    /// Puts the droppable writes of a failed transaction back to the front. Returns the items that no longer fit.
    func returnToFront(_ writes: [Write]) -> [Item] {
        mutex.withLock {
            guard !isClosing else { return writes.map(\.item) }
            elements.insert(contentsOf: writes.map { .write($0) }, at: head)
            let added = writes.reduce(0) { $0 + $1.bytes }
            bytes += added
            droppable = (droppable.entries + writes.count, droppable.bytes + added)
            oldestAt = MonotonicTime.now().nanoseconds
            return makeRoom(for: 0, 0) ?? []
        }
    }

    /// Lets nothing more in; the writer finishes what waits and then gets `.end`.
    func close() {
        mutex.withLock {
            isClosing = true
            mutex.broadcast()
        }
    }

    /// Whether `close` was called.
    var isClosed: Bool { mutex.withLock { isClosing } }

    /// Lets nothing more in and empties the queue: the store can't be written any more. Returns what waited.
    func disable() -> (items: [Item], tasks: [@Sendable () -> Void]) {
        mutex.withLock {
            isDisabled = true
            var items: [Item] = []
            var tasks: [@Sendable () -> Void] = []
            for element in elements[head...] {
                switch element {
                case .write(let write): items.append(write.item)
                case .task(let task): tasks.append(task)
                }
            }
            elements = []
            head = 0
            bytes = 0
            urgent = 0
            droppable = (0, 0)
            return (items, tasks)
        }
    }

    /// Waits for the next thing to do. Until `holdUntil` (nanoseconds, a pause after a failure) only tasks and durable writes come out,
    /// ahead of what waits before them.
    func next(holdUntil: UInt64) -> Step {
        mutex.lock()
        defer { mutex.unlock() }
        let tickAt = MonotonicTime.now().nanoseconds + limits.tickMilliseconds * 1_000_000
        while true {
            let now = MonotonicTime.now().nanoseconds
            let isHeld = now < holdUntil && !isClosing
            if count == 0, isClosing { return .end }
            if isHeld, urgent > 0 { return takeUrgent() }
            if !isHeld, isReady(now) { return take() }
            if now >= tickAt { return .tick }
            var wakeAt = tickAt
            if isHeld { wakeAt = min(wakeAt, holdUntil) } else if count > 0 { wakeAt = min(wakeAt, oldestAt + delay) }
            mutex.wait(until: MonotonicTime(nanoseconds: wakeAt))
        }
    }

    private var delay: UInt64 { limits.delayMilliseconds * 1_000_000 }

    private func isReady(_ now: UInt64) -> Bool {
        guard count > 0 else { return false }
        return isClosing || urgent > 0 || count >= limits.batchEntriesTarget || bytes >= limits.batchBytesMax || now >= oldestAt + delay
    }

    /// The task at the front, or the writes up to the first task or the limits of a transaction.
    private func take() -> Step {
        if case .task(let task) = elements[head] {
            removeFirst()
            return .task(task)
        }
        var batch: [Write] = []
        var batchBytes = 0
        while count > 0, batch.count < limits.batchEntriesMax, case .write(let write) = elements[head] {
            guard batch.isEmpty || batchBytes + write.bytes <= limits.batchBytesMax else { break }
            batchBytes += write.bytes
            batch.append(write)
            removeFirst()
        }
        oldestAt = MonotonicTime.now().nanoseconds
        return .batch(batch)
    }

    private func takeUrgent() -> Step {
        guard let index = elements[head...].firstIndex(where: { !$0.isDroppable }) else { return .tick }
        switch remove(at: index) {
        case .task(let task): return .task(task)
        case .write(let write): return .batch([write])
        }
    }

    private func append(_ element: Element, bytes added: Int) {
        let isFirst = count == 0
        if isFirst { oldestAt = MonotonicTime.now().nanoseconds }
        elements.append(element)
        bytes += added
        if element.isDroppable { droppable = (droppable.entries + 1, droppable.bytes + added) } else { urgent += 1 }
        let isFull = count == limits.batchEntriesTarget || bytes >= limits.batchBytesMax
        if isFirst || isFull || !element.isDroppable { mutex.signal() }
    }

    /// Displaces the oldest droppable writes until `entries` and `added` bytes more fit. `nil`, and nothing done, if they never would.
    private func makeRoom(for entries: Int, _ added: Int) -> [Item]? {
        let lacking = { self.count + entries > self.limits.queueEntriesMax || self.bytes + added > self.limits.queueBytesMax }
        guard lacking() else { return [] }
        let stayEntries = count - droppable.entries + entries
        let stayBytes = bytes - droppable.bytes + added
        guard stayEntries <= limits.queueEntriesMax, stayBytes <= limits.queueBytesMax else { return nil }
        var displaced: [Item] = []
        while lacking(), let index = elements[head...].firstIndex(where: \.isDroppable) {
            if case .write(let write) = remove(at: index) { displaced.append(write.item) }
        }
        return displaced
    }

    private func remove(at index: Int) -> Element {
        let element = elements[index]
        if index == head { removeFirst() } else { forget(elements.remove(at: index)) }
        return element
    }

    private func removeFirst() {
        forget(elements[head])
        elements[head] = .task({})
        head += 1
        guard head > 1024, head * 2 > elements.count else { return }
        elements.removeFirst(head)
        head = 0
    }

    private func forget(_ element: Element) {
        var freed = 0
        if case .write(let write) = element { freed = write.bytes }
        bytes -= freed
        if element.isDroppable { droppable = (droppable.entries - 1, droppable.bytes - freed) } else { urgent -= 1 }
    }
}
