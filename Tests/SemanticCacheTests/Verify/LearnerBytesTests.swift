import Hashing
import TestSupport
import Testing

@testable import SemanticCache

@Suite struct LearnerBytesTests {
    private func trained(_ count: Int) -> ScopeLearner {
        var bench = LearnerBench()
        bench.policy.auditRate = 0.4
        bench.train(count)
        bench.policy.rule = .maxError(0.5)
        _ = bench.decide(LearnerBench.match(isGood: true))
        return bench.learner
    }

    @Test(arguments: [0, 1, 100, 700])
    func `what was learnt changes on its way to the disk and back`(count: Int) throws {
        let learner = count == 0 ? ScopeLearner() : trained(count)
        let again = try #require(ScopeLearner(learner.encoded()))
        #expect(again == learner && again.encoded() == learner.encoded())
        #expect(again.report(scope: "s") == learner.report(scope: "s"))
    }

    @Test func `truncated or changed bytes are read, or trap`() {
        let bytes = trained(150).encoded()
        for length in 0..<bytes.count where length < 400 || length % 13 == 0 {
            #expect(ScopeLearner(Array(bytes.prefix(length))) == nil)
        }
        #expect(ScopeLearner(bytes + [0]) == nil)
        var random = SplitMix64(seed: 2)
        for _ in 0..<300 {
            var changed = bytes
            changed[Int(random.next() % UInt64(bytes.count))] ^= UInt8(truncatingIfNeeded: random.next() | 1)
            #expect(ScopeLearner(changed) == nil)
        }
    }

    /// As an old version of ours might have written it, or somebody who knows the checksum.
    @Test func `garbage under a right checksum traps, then or later`() {
        let bytes = trained(150).encoded()
        var random = SplitMix64(seed: 3)
        var read = 0
        for round in 0..<400 {
            var changed = bytes
            // Half of them where the counts and lengths are.
            for _ in 0..<1 + round % 3 {
                let place = 16 + Int(random.next() % UInt64(round % 2 == 0 ? 320 : bytes.count - 16))
                changed[place] = round % 5 == 0 ? 0xFF : UInt8(truncatingIfNeeded: random.next())
            }
            if round % 7 == 0 { changed.removeLast(Int(random.next() % 200)) }
            seal(&changed)
            guard let learner = ScopeLearner(changed) else { continue }
            read += 1
            var bench = LearnerBench()
            bench.learner = learner
            bench.train(3)
            if round % 20 == 0 { bench.learner.apply(bench.learner.fit(prior: .shipped)) }
            _ = bench.learner.report(scope: "s")
            #expect(bench.learner.encoded().count > 16)
        }
        #expect(read > 50)
    }

    @Test func `counters at the end of their range trap at the next request`() throws {
        var bytes = ScopeLearner().encoded()
        for place in 16..<24 { bytes[place] = 0xFF }
        seal(&bytes)
        #expect(ScopeLearner(bytes) == nil)
        bytes[23] = 0x7F
        seal(&bytes)
        var learner = try #require(ScopeLearner(bytes))
        learner.passed()
        #expect(learner.counters.requests == UInt64(Int64.max) + 1)
    }

    private func seal(_ bytes: inout [UInt8]) {
        guard bytes.count > 16 else { return }
        let checksum = xxh3(bytes.span.extracting(16..<bytes.count))
        for index in 0..<8 { bytes[8 + index] = UInt8(truncatingIfNeeded: checksum >> UInt64(8 * index)) }
    }
}
