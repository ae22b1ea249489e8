import GatewayModel
import TestSupport
import Testing

@testable import SemanticCache

@Suite struct CacheLookupTests {
    private let bound = SemanticPolicy(rule: .maxError(0.05))

    private func verdict(_ outcome: GuardOutcome) -> GuardVerdict {
        var verdict = GuardVerdict.pass
        verdict[.numbers] = outcome
        return verdict
    }

    @Test func `an answer crosses partitions, or is not found in its own`() throws {
        let bench = try SemanticBench()
        #expect(bench.look(1).action == .miss(.empty))
        #expect(bench.insert(SemanticBench.insertion(1, answer: 11, partition: 1)) == nil)
        #expect(bench.insert(SemanticBench.insertion(1, answer: 12, partition: 2)) == nil)
        for partition in 1...2 as ClosedRange<UInt64> {
            let decision = bench.look(1, partition: partition)
            #expect(decision.action == .serve && decision.match?.answer == named(10 + partition) && decision.ticket == nil)
        }
        #expect(bench.look(1, partition: 3).action == .miss(.empty))
        let match = try #require(bench.look(1).match)
        #expect(match.tenant == "t" && match.keyID == "k" && match.created == SemanticBench.now && match.cosine > 0.999)
        #expect(match.text == Array("question 1".utf8))
        #expect(bench.cache.statistics.lookups == 5 && bench.cache.statistics.inserts == 2)
    }

    @Test func `why there is no match is not told`() throws {
        let bench = try SemanticBench()
        bench.insert(SemanticBench.insertion(1))
        let other = SemanticBench.vector(2)
        #expect(bench.look(2).action == .miss(.distant))
        #expect(bench.look(1, guarding: { _ in verdict(.block) }).action == .miss(.guarded))
        #expect(bench.look(1, guarding: { _ in verdict(.explore) }).action == .miss(.explored))
        #expect(bench.look(1, policy: bound, guarding: { _ in verdict(.explore) }).action == .explore(.explored))
        #expect(bench.look(1, vector: [1, 2]).action == .miss(.wrongDimensions))
        #expect(bench.look(1, vector: [Float](repeating: .nan, count: 64)).action == .miss(.notFinite))
        #expect(bench.look(1, vector: [Float](repeating: 0, count: 64)).action == .miss(.zeroVector))
        #expect(bench.look(1, vector: SemanticBench.vector(1, cosine: 0.8)).action == .miss(.unlikely))
        #expect(bench.cache.report(scope: "t")?.requests == 8, "each counts among all requests")
        func gate(_ vector: [Float], _ partition: UInt64 = 1) -> SemanticReason? {
            if case .failure(let reason) = bench.reader.gate(vector.span, in: named(partition)) { reason } else { nil }
        }
        #expect(gate(SemanticBench.vector(1)) == nil && gate(SemanticBench.vector(1, cosine: 0.75)) == nil)
        #expect(gate(other) == .gate && gate(other, 9) == .empty && gate([1]) == .wrongDimensions)
        bench.reader.passed(scope: "t")
        #expect(bench.cache.report(scope: "t")?.requests == 9)
    }

    @Test func `an entry that can't be kept is kept, or not counted`() throws {
        let bench = try SemanticBench {
            $0.textBytesMax = 10; $0.keyInsertsPerMinute = 3
        }
        func with(_ change: (inout SemanticInsertion) -> Void) -> SemanticReason? {
            var insertion = SemanticBench.insertion(1)
            change(&insertion)
            return bench.insert(insertion)
        }
        #expect(with { $0.text = [UInt8](repeating: 0x61, count: 10) } == nil)
        #expect(with { $0.text = [UInt8](repeating: 0x61, count: 11) } == .textTooLong)
        #expect(with { $0.tenant = String(repeating: "t", count: 1025) } == .textTooLong)
        #expect(with { $0.gate = [1] } == .wrongDimensions)
        #expect(with { $0.vector[3] = .infinity } == .notFinite)
        #expect(with { $0.gate = [Float](repeating: 0, count: 64) } == .zeroVector)
        #expect(with { _ in } == nil && with { _ in } == nil && with { _ in } == .keyRate)
        let statistics = bench.cache.statistics
        #expect(statistics.inserts == 3 && statistics.entries == 3 && statistics.entryBytes == 3 * bench.cache.index.layout.entryBytes)
        #expect(statistics.refused == [.textTooLong: 2, .wrongDimensions: 1, .notFinite: 1, .zeroVector: 1, .keyRate: 1])
    }

    @Test func `vectors of no dimension or too many open a cache`() {
        for dimensions in [0, -1, QueryVector.dimensionsMax + 1] {
            #expect(throws: (any Error).self) { try SemanticBench { $0.dimensions = dimensions } }
            #expect(throws: (any Error).self) { try SemanticBench { $0.gateDimensions = dimensions } }
        }
        #expect(throws: Never.self) { try SemanticBench { $0.dimensions = QueryVector.dimensionsMax } }
    }

    @Test func `what was judged equal is not served when it is asked again`() throws {
        let bench = try SemanticBench()
        bench.insert(SemanticBench.insertion(1, answer: 5))
        let asked = bench.look(1, text: "Say it another way?", policy: bound)
        #expect(asked.action == .explore(.cold) && asked.maxError == 0.05 && asked.threshold == nil && asked.errorBound == nil)
        let ticket = try #require(asked.ticket)
        #expect(ticket.candidates.map(\.answer) == [named(5)] && ticket.weight == 1 && !ticket.isAudit)
        let group = bench.cache.conclude(ticket, verdicts: [.equal])
        #expect(group == named(5))
        let near = SemanticBench.insertion(1, answer: 5, isAlias: true, text: "Say it another way?", cosine: 0.95)
        bench.insert(near)
        for text in ["Say it another way?", "say  it ANOTHER way", " Say it another way ?!"] {
            let again = bench.look(1, text: text, vector: near.vector, policy: bound)
            #expect(again.action == .serve && again.match?.answer == named(5))
        }
        #expect(bench.look(1, text: "Say it one more way?", vector: near.vector, policy: bound).action == .explore(.cold))
        #expect(bench.look(1, policy: bound).action == .explore(.cold), "the entry that founded the group is no alias")
        let audit = bench.look(1, text: "Say it another way?", vector: near.vector, policy: bound, random: 0)
        #expect(audit.action == .audit && audit.ticket?.isAudit == true && abs((audit.ticket?.weight ?? 0) - 10) < 1e-9)
    }

    @Test func `verdicts that are missing, unsure or too many are believed`() throws {
        let bench = try SemanticBench()
        bench.insert(SemanticBench.insertion(1, answer: 5))
        func ticket() throws -> SemanticTicket { try #require(bench.look(1, policy: bound).ticket) }
        #expect(bench.cache.conclude(try ticket(), verdicts: []) == nil)
        #expect(bench.cache.conclude(try ticket(), verdicts: [.unsure]) == nil)
        #expect(bench.cache.conclude(try ticket(), verdicts: [.different, .equal, .equal]) == nil)
        #expect(bench.cache.conclude(try ticket(), verdicts: [.equal, .equal]) == named(5))
        bench.cache.abandon(try ticket())
        let report = try #require(bench.cache.report(scope: "t"))
        #expect(report.labels == 4 && report.explored == 5 && bench.cache.reports == [report])
        #expect(bench.cache.report(scope: "nobody") == nil)
    }

    @Test func `texts that differ are a repeat, or those that are the same are none`() {
        func isRepeat(_ left: String, _ right: String) -> Bool {
            SemanticReader.isRepeat(Array(left.utf8).span, Array(right.utf8).span)
        }
        #expect(isRepeat("", " ?! .") && isRepeat("A\t\nb", "a b...") && isRepeat("  x", "X  "))
        #expect(!isRepeat("ab", "a b") && !isRepeat("what?", "what? no") && !isRepeat("3.5", "35") && !isRepeat("Ä", "ä"))
        #expect(!isRepeat("[", "{") && !isRepeat("@", "`"), "folding is for letters only")
    }

    @Test func `the guard sees too many entries, or what it blocked is a rival`() throws {
        let bench = try SemanticBench()
        for number in 1...9 as ClosedRange<UInt64> {
            bench.insert(SemanticBench.insertion(1, answer: number, text: "\(number)", cosine: 1 - 0.01 * Float(number)))
        }
        var seen: [String] = []
        let all = bench.look(1, policy: bound) { text in
            seen.append(String(decoding: text.withUnsafeBufferPointer { Array($0) }, as: UTF8.self))
            return verdict(.block)
        }
        #expect(all.action == .miss(.guarded) && seen == ["1", "2", "3", "4", "5", "6"])
        var asked = 0
        let third = bench.look(1, policy: bound) { _ in
            asked += 1
            return asked < 3 ? verdict(.block) : .pass
        }
        #expect(third.match?.answer == named(3) && third.features?.blocked == 2 && third.features?.isExplored == false)
        #expect(abs((third.features?.margin ?? 0) - 0.01) < 0.008, "the fourth is the nearest rival")
        #expect(third.ticket?.candidates.first?.answer == named(3) && third.ticket?.candidates.count == SemanticReader.candidatesMax)
        asked = 0
        let second = bench.look(1, policy: bound) { _ in
            asked += 1
            return asked == 2 ? verdict(.explore) : verdict(.block)
        }
        #expect(second.action == .explore(.explored) && second.match?.answer == named(2) && second.features?.isExplored == true)
    }

    @Test func `answers known to be the same are rivals`() throws {
        let bench = try SemanticBench()
        bench.insert(SemanticBench.insertion(1, answer: 5))
        bench.insert(SemanticBench.insertion(1, answer: 6, cosine: 0.95))
        let before = bench.look(1, policy: bound)
        #expect((before.features?.margin ?? 1) < 0.06 && before.features?.support == 1 && before.features?.entries == 2)
        #expect(bench.cache.conclude(try #require(before.ticket), verdicts: [.equal, .equal]) == named(5))
        let after = bench.look(1, policy: bound)
        #expect(after.features?.margin == MatchFeatures.marginMax && after.features?.support == 2)
        #expect(bench.look(1, scope: "other", policy: bound).features?.support == 1, "another scope knows nothing of it")
    }

    @Test func `an answer that is gone is offered again`() throws {
        let bench = try SemanticBench()
        bench.insert(SemanticBench.insertion(1, answer: 5))
        bench.insert(SemanticBench.insertion(2, answer: 6))
        bench.reader.forget(try #require(bench.look(1).match))
        #expect(bench.look(1).action != .serve && bench.look(2).action == .serve)
        #expect(bench.cache.statistics.missing == 1 && bench.cache.statistics.entries == 1)
    }

    @Test func `what is purged during a lookup comes out of it`() throws {
        let bench = try SemanticBench()
        bench.insert(SemanticBench.insertion(1))
        let decision = bench.look(1) { _ in
            bench.cache.removeTenant("t")
            return .pass
        }
        #expect(decision.action == .miss(.purged) && decision.match == nil)
    }

    @Test func `what is purged after its block was packed comes out of a lookup`() throws {
        let bench = try SemanticBench()
        bench.insert(SemanticBench.insertion(1))
        for number in 2...8 as ClosedRange<UInt64> { bench.insert(SemanticBench.insertion(number, tenant: "u")) }
        let decision = bench.look(1) { _ in
            bench.cache.removeTenant("u")
            bench.cache.removeTenant("t")
            return .pass
        }
        #expect(bench.cache.statistics.entries == 0)
        #expect(decision.action == .miss(.purged) && decision.match == nil)
    }
}
