import GatewayModel
import Testing

@testable import Storage

@Suite struct WriteQueueTests {
    func queue(_ change: (inout WriterLimits) -> Void = { _ in }) -> WriteQueue<Int> {
        var limits = WriterLimits()
        limits.delayMilliseconds = 60_000
        limits.tickMilliseconds = 0
        change(&limits)
        return WriteQueue(limits: limits)
    }

    func batch(_ queue: WriteQueue<Int>, holdUntil: UInt64 = 0) -> [Int]? {
        if case .batch(let writes) = queue.next(holdUntil: holdUntil) { writes.map(\.item) } else { nil }
    }

    func push(_ queue: WriteQueue<Int>, _ items: Range<Int>, bytes: Int = 1, isDurable: Bool = false) -> [[Int]?] {
        items.map { queue.push(.init(item: $0, bytes: bytes, isDurable: isDurable)) }
    }

    @Test func `a full queue displaces the oldest and keeps the newest`() {
        let queue = queue { $0.queueEntriesMax = 3 }
        #expect(push(queue, 0..<3) == [[], [], []])
        #expect(push(queue, 3..<4) == [[0]])
        #expect(queue.depth.entries == 3)
    }

    @Test func `bytes are bounded like entries`() {
        let queue = queue { $0.queueBytesMax = 100 }
        #expect(push(queue, 0..<2, bytes: 50) == [[], []])
        #expect(push(queue, 2..<3, bytes: 1) == [[0]])
        #expect(push(queue, 3..<4, bytes: 100) == [[1, 2]])
        #expect(push(queue, 4..<5, bytes: 101) == [nil], "larger than the queue")
        #expect(queue.depth == (1, 100))
    }

    @Test func `a durable write is never displaced, and refused when nothing else can go`() {
        let queue = queue { $0.queueEntriesMax = 3 }
        #expect(push(queue, 0..<2, isDurable: true) == [[], []])
        #expect(push(queue, 2..<3) == [[]])
        #expect(push(queue, 3..<4) == [[2]])
        #expect(push(queue, 4..<5, isDurable: true) == [[3]])
        #expect(push(queue, 5..<6, isDurable: true) == [nil])
        #expect(push(queue, 6..<7) == [nil])
        #expect(queue.depth.entries == 3)
    }

    @Test func `a batch starts at its target and not before`() {
        let queue = queue { $0.batchEntriesTarget = 4 }
        _ = push(queue, 0..<3)
        #expect(batch(queue) == nil)
        _ = push(queue, 3..<4)
        #expect(batch(queue) == [0, 1, 2, 3])
    }

    @Test func `a batch starts by bytes`() {
        let queue = queue { $0.batchBytesMax = 10 }
        _ = push(queue, 0..<3, bytes: 3)
        #expect(batch(queue) == nil)
        _ = push(queue, 3..<4, bytes: 3)
        #expect(batch(queue) == [0, 1, 2], "12 bytes are more than one transaction takes")
        #expect(queue.depth == (1, 3))
    }

    @Test func `a batch starts when the first write has waited long enough`() {
        let queue = queue {
            $0.delayMilliseconds = 1
            $0.tickMilliseconds = 10_000
        }
        _ = push(queue, 0..<1)
        #expect(batch(queue) == [0])
    }

    @Test func `a batch is bounded by entries`() {
        let queue = queue { $0.batchEntriesMax = 5 }
        _ = push(queue, 0..<64)
        #expect(batch(queue) == [0, 1, 2, 3, 4])
    }

    @Test func `a durable write does not wait for company`() {
        let queue = queue()
        _ = push(queue, 0..<1)
        _ = push(queue, 1..<2, isDurable: true)
        #expect(batch(queue) == [0, 1])
    }

    @Test func `a task runs between the writes around it`() {
        let queue = queue()
        _ = push(queue, 0..<2)
        let isTaken = queue.push(task: {})
        #expect(isTaken)
        _ = push(queue, 2..<3)
        #expect(batch(queue) == [0, 1])
        guard case .task = queue.next(holdUntil: 0) else {
            Issue.record("no task")
            return
        }
        queue.close()
        #expect(batch(queue) == [2])
        guard case .end = queue.next(holdUntil: 0) else {
            Issue.record("no end")
            return
        }
    }

    @Test func `during a pause only tasks and durable writes come out`() {
        let queue = queue()
        let hold = MonotonicTime.now().adding(milliseconds: 60_000).nanoseconds
        _ = push(queue, 0..<100)
        #expect(batch(queue, holdUntil: hold) == nil)
        _ = push(queue, 100..<101, isDurable: true)
        #expect(batch(queue, holdUntil: hold) == [100])
        let isTaken = queue.push(task: {})
        #expect(isTaken)
        guard case .task = queue.next(holdUntil: hold) else {
            Issue.record("no task")
            return
        }
        #expect(batch(queue, holdUntil: hold) == nil)
        queue.close()
        #expect(batch(queue, holdUntil: hold)?.count == 100, "closing ends the pause")
    }

    @Test func `a failed batch returns in order, and what no longer fits is handed back`() {
        let queue = queue { $0.queueEntriesMax = 4 }
        _ = push(queue, 2..<5)
        let failed = (0..<2).map { WriteQueue<Int>.Write(item: $0, bytes: 1, isDurable: false) }
        #expect(queue.returnToFront(failed) == [0])
        queue.close()
        #expect(batch(queue) == [1, 2, 3, 4])
        #expect(queue.returnToFront(failed) == [0, 1], "a closing queue takes nothing back")
        #expect(push(queue, 9..<10) == [nil])
    }

    @Test func `counts stay right through a long life`() {
        let queue = queue {
            $0.batchEntriesTarget = 1
            $0.batchEntriesMax = 7
        }
        var expected = 0
        for round in 0..<2000 {
            _ = push(queue, round * 5..<round * 5 + 5)
            for item in batch(queue) ?? [] {
                #expect(item == expected)
                expected += 1
            }
        }
        #expect(queue.depth.entries == 10_000 - expected)
        #expect(queue.depth.bytes == 10_000 - expected)
    }

    @Test func `a pause doubles up to its limit and ends with success or space`() {
        var backoff = WriterBackoff()
        let now = MonotonicTime(nanoseconds: 0)
        let pauses = (0..<7).map { _ in
            backoff.failed(now: now, freeBytes: 100)
            return backoff.until / 1_000_000_000
        }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30])
        backoff.reconsider { 100 + (1 << 20) - 1 }
        #expect(backoff.until != 0)
        backoff.reconsider { 100 + (1 << 20) }
        #expect(backoff.until == 0)
        backoff.failed(now: now, freeBytes: nil)
        backoff.reconsider { .max }
        #expect(backoff.until == 30_000_000_000)
        backoff.succeeded()
        backoff.failed(now: now, freeBytes: 0)
        #expect(backoff.until == 1_000_000_000)
    }
}
