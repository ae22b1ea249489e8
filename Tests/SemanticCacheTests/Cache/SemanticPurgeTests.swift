import GatewayModel
import TestSupport
import Testing

@testable import SemanticCache

@Suite struct SemanticPurgeTests {
    private let bound = SemanticPolicy(rule: .maxError(0.05))

    /// Ways to purge what `mine` filled and leave what `theirs` did.
    enum Purge: CaseIterable {
        case tenant, key, model, answers, all

        func run(_ cache: SemanticCache) {
            switch self {
            case .tenant: cache.removeTenant("mine")
            case .key: cache.removeKey("mine-key")
            case .model: cache.removeModel("mine-model")
            case .answers: cache.remove(answers: [named(1), named(3), named(77)])
            case .all: cache.removeAll()
            }
        }
    }

    private func mine(_ question: UInt64) -> SemanticInsertion {
        SemanticBench.insertion(question, tenant: "mine", key: "mine-key", model: "mine-model")
    }

    @Test(arguments: Purge.allCases)
    func `a purge leaves what it names, takes more, or is undone by a restart`(purge: Purge) throws {
        let bench = try SemanticBench(onDisk: true)
        for question in [1, 3] as [UInt64] { bench.insert(mine(question)) }
        bench.insert(SemanticBench.insertion(2))
        purge.run(bench.cache)
        func expectPurged() {
            #expect(bench.cache.statistics.entries == (purge == .all ? 0 : 1))
            #expect(bench.look(1).action != .serve && bench.look(3).action != .serve)
            #expect((bench.look(2).action == .serve) == (purge != .all))
        }
        expectPurged()
        try bench.reopen()
        expectPurged()
        #expect(bench.cache.statistics.dropped == 0)
    }

    @Test(arguments: Purge.allCases)
    func `an answer on its way when a purge came is added after it`(purge: Purge) throws {
        let bench = try SemanticBench(onDisk: true)
        let begun = bench.cache.purgeEpoch
        purge.run(bench.cache)
        #expect(bench.insert(mine(1), begun: begun) == .purged)
        #expect(bench.insert(SemanticBench.insertion(2), begun: begun) == (purge == .all ? .purged : nil))
        #expect(bench.insert(mine(3), begun: bench.cache.purgeEpoch) == nil, "what begins after the purge is welcome")
        #expect(bench.look(1).action != .serve && bench.look(3).action == .serve)
        #expect(bench.cache.statistics.refused[.purged] == (purge == .all ? 2 : 1))
        let entries = bench.cache.statistics.entries
        try bench.reopen()
        #expect(bench.cache.statistics.entries == entries && bench.look(1).action != .serve)
    }

    @Test func `purges that nobody remembers are taken as none`() throws {
        let bench = try SemanticBench()
        let begun = bench.cache.purgeEpoch
        for _ in 0..<PurgeRecord.capacity { bench.cache.removeKey("nobody") }
        #expect(bench.insert(mine(1), begun: begun) == nil)
        bench.cache.removeKey("nobody")
        #expect(bench.insert(mine(2), begun: begun) == .purged)
        #expect(bench.insert(mine(2), begun: begun + 1) == nil)
    }

    @Test func `removing no answers is a purge`() throws {
        let bench = try SemanticBench()
        let begun = bench.cache.purgeEpoch
        bench.cache.remove(answers: [])
        #expect(bench.cache.purgeEpoch == begun)
    }

    @Test func `a tenant's learning stays, or another's goes with it`() throws {
        let bench = try SemanticBench(onDisk: true)
        bench.insert(SemanticBench.insertion(1))
        for scope in ["t", "t/route", "tt", "u/t"] { #expect(bench.look(1, scope: scope, policy: bound).action == .explore(.cold)) }
        bench.cache.flush()
        bench.cache.removeTenant("t")
        #expect(bench.cache.reports.map(\.scope) == ["tt", "u/t"])
        try bench.reopen()
        #expect(bench.cache.reports.map(\.scope) == ["tt", "u/t"])
        bench.cache.removeAll()
        #expect(bench.cache.reports.count == 2, "learning holds no answers")
    }
}
