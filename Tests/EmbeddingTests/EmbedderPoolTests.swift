import GatewayModel
import Synchronization
import TestSupport
import Testing

@testable import Embedding

/// What completions said, and a way to wait for them.
private final class Heard: @unchecked Sendable {
    // @unchecked: guarded by `lock`.
    private let lock = Lock()
    private var events: [[EmbeddingEvent]]

    init(_ count: Int) { events = Array(repeating: [], count: count) }

    func hear(_ index: Int, _ event: EmbeddingEvent) {
        lock.withLock {
            events[index].append(event)
            lock.broadcast()
        }
    }

    private static func isLast(_ event: EmbeddingEvent?) -> Bool { if case .late = event { false } else { event != nil } }

    /// Waits until every text has had its last word.
    func all() -> [[EmbeddingEvent]] {
        lock.withLock {
            while !events.allSatisfy({ Self.isLast($0.last) }) { lock.wait() }
            return events
        }
    }

    /// Waits until a text has heard something.
    func first(_ index: Int) -> EmbeddingEvent? {
        lock.withLock {
            while events[index].isEmpty { lock.wait() }
            return events[index].first
        }
    }
}

@Suite struct EmbedderPoolTests {
    private func pool(_ limits: EmbedderLimits) throws -> EmbedderPool {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        return try #require(EmbedderPool(model: try SentenceModel(path: try tiny.packed(.sentence)), limits: limits))
    }

    @Test func `threads of a pool disturb each other`() throws {
        let pool = try pool(EmbedderLimits(threads: 3, queueTextsMax: 500, budgetMilliseconds: 60_000))
        let heard = Heard(300)
        for index in 0..<300 {
            #expect(pool.submit(TinyModel.text(index % 38, seed: UInt64(index))) { heard.hear(index, $0) })
        }
        var scratch = EmbeddingScratch()
        for (index, events) in heard.all().enumerated() {
            var expected: [Float] = []
            let text = TinyModel.text(index % 38, seed: UInt64(index))
            _ = pool.model.embed(text.span, into: &expected, scratch: &scratch)
            guard events.count == 1, case .embedded(let vector, let result) = events[0] else {
                Issue.record("\(index): \(events)")
                continue
            }
            #expect(vector == expected)
            #expect(result.tokens == index % 38 + 2)
        }
        pool.close()
        let statistics = pool.statistics
        #expect(statistics.submitted == 300)
        #expect(statistics.embedded == 300)
        #expect(statistics.late == 0)
        #expect(statistics.waiting == 0)
        #expect(statistics.tokens == (0..<300).reduce(0) { $0 + UInt64($1 % 38 + 2) })
    }

    @Test func `a text past its budget is not told late first, or loses its vector`() throws {
        let pool = try pool(EmbedderLimits(threads: 1, queueTextsMax: 2000, budgetMilliseconds: 0))
        let heard = Heard(500)
        for index in 0..<500 { #expect(pool.submit(TinyModel.text(38)) { heard.hear(index, $0) }) }
        var late = 0
        for events in heard.all() {
            switch (events.count, events.first, events.last) {
            case (1, .embedded, _): break
            case (2, .late, .embeddedLate(let vector, _)):
                late += 1
                #expect(vector.count == TinyModel.width)
            default: Issue.record("\(events)")
            }
        }
        #expect(late > 0)
        pool.close()
        #expect(pool.statistics.late == UInt64(late))
        #expect(pool.statistics.embeddedLate == UInt64(late))
    }

    @Test func `closing leaves a text without an answer, or takes another`() throws {
        let pool = try pool(EmbedderLimits(threads: 1, queueTextsMax: 2000, budgetMilliseconds: 60_000))
        let heard = Heard(400)
        for index in 0..<400 { #expect(pool.submit(TinyModel.text(38)) { heard.hear(index, $0) }) }
        pool.close()
        let events = heard.all()
        #expect(events.allSatisfy { $0.count == 1 })
        let statistics = pool.statistics
        #expect(statistics.embedded + statistics.dropped == 400)
        #expect(pool.submit([0x61]) { _ in Issue.record("a closed pool answered") } == false)
        #expect(pool.statistics.refused == 1)
        pool.close()
    }

    @Test func `tokens beyond the pool's limit count`() throws {
        let pool = try pool(EmbedderLimits(tokensMax: 10, budgetMilliseconds: 60_000))
        let heard = Heard(2)
        for (index, words) in [8, 9].enumerated() { #expect(pool.submit(TinyModel.text(words)) { heard.hear(index, $0) }) }
        let results = heard.all().compactMap { if case .embedded(_, let result) = $0.first { result } else { nil } }
        #expect(results.map(\.isCut) == [false, true])
        #expect(results.map(\.tokens) == [10, 10])
        pool.close()
        #expect(pool.statistics.cut == 1)
    }
}
