import GatewayModel
import TestSupport
import Testing

@testable import Embedding

@Suite struct EmbedderQueueTests {
    private func job(_ bytes: Int = 1, deadline: UInt64 = 100) -> EmbedderQueue.Job {
        EmbedderQueue.Job(text: [UInt8](repeating: 0x61, count: bytes), deadline: MonotonicTime(nanoseconds: deadline)) { _ in }
    }

    private let vector = EmbeddingEvent.embeddedLate([1], EmbeddedText(tokens: 3, isCut: false, isEmpty: false))

    @Test func `texts are worked on in another order than they came`() {
        var queue = EmbedderQueue(textsMax: 4, bytesMax: 100)
        let jobs = (0..<3).map { _ in job() }
        for job in jobs { #expect(queue.push(job)?.isEmpty == true) }
        for expected in jobs { #expect(queue.next() === expected) }
        #expect(queue.next() == nil)
    }

    @Test func `a full queue takes one more, or one less`() {
        var queue = EmbedderQueue(textsMax: 2, bytesMax: 10)
        #expect(queue.push(job()) != nil)
        #expect(queue.push(job()) != nil)
        #expect(queue.push(job()) == nil)
        _ = queue.next()
        #expect(queue.push(job()) != nil)

        var small = EmbedderQueue(textsMax: 9, bytesMax: 10)
        #expect(small.push(job(6)) != nil)
        #expect(small.push(job(5)) == nil)
        #expect(small.push(job(4)) != nil)
        #expect(small.push(job(0)) != nil)
        #expect(small.push(job(1)) == nil)
        #expect(EmbedderQueue(textsMax: 1, bytesMax: 10).pushed(job(11)) == nil)
    }

    @Test func `a late text keeps a newcomer out, or one in time makes room`() {
        var queue = EmbedderQueue(textsMax: 2, bytesMax: 10)
        let old = job(deadline: 10)
        let young = job(deadline: 20)
        _ = queue.push(old)
        _ = queue.push(young)
        for late in queue.expire(now: MonotonicTime(nanoseconds: 10)) {
            // Not told yet: it can't be dropped, or `late` would come after `dropped`.
            #expect(queue.push(job()) == nil)
            #expect(queue.hasTold(late) == nil)
        }
        #expect(queue.push(job(deadline: 30))?.map(ObjectIdentifier.init) == [ObjectIdentifier(old)])
        #expect(queue.count == 2)
        #expect(queue.push(job()) == nil)
        #expect(queue.next() === young)
    }

    @Test func `a text is late before its deadline, or twice`() {
        var queue = EmbedderQueue(textsMax: 8, bytesMax: 10)
        _ = queue.push(job(deadline: 10))
        _ = queue.push(job(deadline: 20))
        #expect(queue.nextDeadline == MonotonicTime(nanoseconds: 10))
        #expect(queue.expire(now: MonotonicTime(nanoseconds: 9)).isEmpty)
        #expect(queue.expire(now: MonotonicTime(nanoseconds: 10)).count == 1)
        #expect(queue.expire(now: MonotonicTime(nanoseconds: 19)).isEmpty)
        #expect(queue.nextDeadline == MonotonicTime(nanoseconds: 20))
        #expect(queue.expire(now: MonotonicTime(nanoseconds: 99)).count == 1)
        #expect(queue.nextDeadline == nil)
    }

    @Test func `a text that is done comes late`() {
        var queue = EmbedderQueue(textsMax: 8, bytesMax: 10)
        _ = queue.push(job(deadline: 10))
        let running = queue.next()
        #expect(running.map { queue.finished($0, late: vector) } == .inTime)
        #expect(queue.nextDeadline == nil)
        #expect(queue.expire(now: MonotonicTime(nanoseconds: 99)).isEmpty)
    }

    @Test func `a vector that is ready while late is being told comes before it, or not at all`() throws {
        var queue = EmbedderQueue(textsMax: 8, bytesMax: 10)
        _ = queue.push(job(deadline: 10))
        let next = queue.next()
        let running = try #require(next)
        let late = queue.expire(now: MonotonicTime(nanoseconds: 10))
        #expect(late.first === running)
        #expect(queue.finished(running, late: vector) == .telling)
        guard case .embeddedLate(let elements, _) = queue.hasTold(running) else {
            Issue.record("nothing left")
            return
        }
        #expect(elements == [1])
        #expect(queue.hasTold(running) == nil)
    }

    @Test func `a vector after late is said to be in time`() throws {
        var queue = EmbedderQueue(textsMax: 8, bytesMax: 10)
        _ = queue.push(job(deadline: 10))
        let next = queue.next()
        let running = try #require(next)
        for late in queue.expire(now: MonotonicTime(nanoseconds: 10)) { #expect(queue.hasTold(late) == nil) }
        #expect(queue.finished(running, late: vector) == .told)
    }

    @Test func `closing forgets a text that waits`() {
        var queue = EmbedderQueue(textsMax: 8, bytesMax: 10)
        _ = queue.push(job(deadline: 10))
        _ = queue.push(job(deadline: 20))
        let late = queue.expire(now: MonotonicTime(nanoseconds: 10))
        #expect(queue.close().count == 1)
        guard let told = late.first, case .dropped = queue.hasTold(told) else {
            Issue.record("the one that was being told got nothing")
            return
        }
        #expect(queue.count == 0)
        #expect(queue.nextDeadline == nil)
    }

    @Test func `what the completion of a finished text holds stays until its deadline`() throws {
        final class Held: Sendable {}
        var queue = EmbedderQueue(textsMax: 8, bytesMax: 10)
        weak var held: Held?
        do {
            let new = Held()
            held = new
            _ = queue.push(EmbedderQueue.Job(text: [0x61], deadline: MonotonicTime(nanoseconds: 10)) { _ in _ = new })
            let next = queue.next()
            #expect(queue.finished(try #require(next), late: vector) == .inTime)
        }
        #expect(held == nil)
        _ = queue.push(job(deadline: 20))
        #expect(queue.nextDeadline == MonotonicTime(nanoseconds: 20))
        #expect(queue.expire(now: MonotonicTime(nanoseconds: 15)).isEmpty)
        #expect(queue.expire(now: MonotonicTime(nanoseconds: 20)).count == 1)
    }

    @Test func `a long run leaks finished texts`() {
        var queue = EmbedderQueue(textsMax: 8, bytesMax: 10)
        weak var first: EmbedderQueue.Job?
        for index in 0..<1000 {
            let next = job(deadline: UInt64(index))
            if index == 0 { first = next }
            _ = queue.push(next)
            if let running = queue.next() { _ = queue.finished(running, late: vector) }
            _ = queue.nextDeadline
        }
        #expect(first == nil)
    }
}

extension EmbedderQueue {
    func pushed(_ job: Job) -> [Job]? {
        var copy = self
        return copy.push(job)
    }
}
