import GatewayModel
import Hashing
import TestSupport
import Testing

@testable import SemanticCache

@Suite struct CacheStoreTests {
    private let bound = SemanticPolicy(rule: .maxError(0.05))

    @Test func `entries do not outlive a restart, or their numbers are used twice`() throws {
        let bench = try SemanticBench(onDisk: true)
        for number in 1...300 as ClosedRange<UInt64> {
            #expect(bench.insert(SemanticBench.insertion(number, partition: number % 3)) == nil)
        }
        let last = try #require(bench.look(300, partition: 0).match)
        try bench.reopen()
        #expect(bench.cache.statistics.entries == 300 && bench.cache.statistics.partitions == 3 && bench.cache.statistics.dropped == 0)
        for number in [1, 2, 150, 299] as [UInt64] {
            let decision = bench.look(number, partition: number % 3)
            #expect(decision.action == .serve && decision.match?.answer == named(number))
            #expect(decision.match?.text == Array("question \(number)".utf8) && decision.match?.created == SemanticBench.now)
        }
        #expect(bench.look(300, partition: 0).match == last)
        bench.insert(SemanticBench.insertion(301, partition: 9))
        #expect((bench.look(301, partition: 9).match?.entry ?? 0) > last.entry)
        #expect(bench.cache.answer(ofEntry: last.entry) == named(300) && bench.cache.answer(ofEntry: 99_999) == nil)
    }

    @Test func `while entries are read they are found, or nothing ever is`() throws {
        let bench = try SemanticBench(onDisk: true)
        for number in 1...600 as ClosedRange<UInt64> { bench.insert(SemanticBench.insertion(number)) }
        try bench.reopen(isWarm: false)
        let gate = SemanticBench.vector(1)
        while bench.cache.isWarming {
            let decision = bench.look(1)
            let gated = bench.reader.gate(gate.span, in: named(1))
            guard bench.cache.isWarming else { break }
            #expect(decision.action == .miss(.warming))
            if case .failure(let reason) = gated { #expect(reason == .warming) } else { Issue.record("found while warming") }
        }
        #expect(bench.look(1).action == .serve && bench.cache.statistics.entries == 600)
    }

    @Test func `learning and families do not outlive a restart`() throws {
        let bench = try SemanticBench(onDisk: true)
        bench.insert(SemanticBench.insertion(1, answer: 5))
        bench.insert(SemanticBench.insertion(1, answer: 6, cosine: 0.95))
        let ticket = try #require(bench.look(1, policy: bound).ticket)
        _ = bench.cache.conclude(ticket, verdicts: [.equal, .equal])
        for _ in 0..<300 { _ = bench.cache.conclude(ticket, verdicts: [.different]) }
        let report = try #require(bench.cache.report(scope: "t"))
        try bench.reopen()
        #expect(bench.cache.report(scope: "t") == report && report.labels == 301)
        #expect(bench.look(1, policy: bound).features?.support == 2)
        bench.cache.forgetLearning { $0 == "t" }
        try bench.reopen()
        #expect(bench.cache.reports.isEmpty)
    }

    @Test func `records of other models are compared with those of these`() throws {
        let bench = try SemanticBench(onDisk: true)
        for number in 1...5 as ClosedRange<UInt64> { bench.insert(SemanticBench.insertion(number)) }
        _ = bench.cache.conclude(try #require(bench.look(1, policy: bound).ticket), verdicts: [.equal])
        try bench.reopen(with: { options in
            options.modelID = "other models"
            options.dimensions = 64
            options.gateDimensions = 64
        })
        #expect(bench.cache.statistics.entries == 0 && bench.cache.statistics.dropped == 5 && bench.cache.reports.isEmpty)
        #expect(bench.look(1).action == .miss(.empty))
        try bench.reopen()
        #expect(bench.cache.statistics.entries == 0 && bench.cache.statistics.dropped == 0, "what was dropped does not come back")
    }

    @Test func `a smaller cache takes over more than it holds`() throws {
        let bench = try SemanticBench(onDisk: true)
        for number in 1...20 as ClosedRange<UInt64> { bench.insert(SemanticBench.insertion(number)) }
        for _ in 0..<2 {
            try bench.reopen(with: { options in
                options.dimensions = 64
                options.gateDimensions = 64
                options.entriesMax = 8
                options.keySharePercent = 100
            })
            #expect(bench.cache.statistics.entries == 8)
        }
        try bench.reopen()
        #expect(bench.cache.statistics.entries == 8)
    }

    /// The record of an entry as it would be stored, changed.
    private func record(_ id: UInt64, dimensions: Int = 64, _ change: (inout EntryRecord) -> Void = { _ in }) throws -> [UInt8] {
        let codes = [Int8](repeating: 3, count: dimensions)
        var record = EntryRecord(
            id: id, created: SemanticBench.now, partition: named(1), answer: named(1), isAlias: true,
            owner: EntryOwner(tenant: "t", keyID: "k", model: "m"), text: [0x61], encoder: xxh3(Array("models\n[64, 64]".utf8).span),
            gate: try #require(QuantisedVector(codes: [Int8](repeating: 3, count: 64))),
            vector: try #require(QuantisedVector(codes: codes)))
        change(&record)
        return try #require(record.encoded())
    }

    @Test func `damaged records harm others, or stay`() throws {
        let bench = try SemanticBench(onDisk: true)
        for number in 1...3 as ClosedRange<UInt64> { bench.insert(SemanticBench.insertion(number)) }
        var random = SplitMix64(seed: 1)
        var garbage: [(key: [UInt8], value: [UInt8])] = (0..<20).map { number in
            (EntryStore.key(100 + UInt64(number)), (0..<number * 20).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        }
        var flipped = try record(200)
        flipped[130] ^= 1
        garbage.append((EntryStore.key(200), flipped))
        garbage.append((EntryStore.key(201), try record(202)))
        garbage.append((EntryStore.key(203), try record(203, dimensions: 63)))
        garbage.append((EntryStore.key(204), try record(204) { $0.encoder = 1 }))
        let sound = try record(205)
        try bench.reopen(whileClosed: { try bench.write("entries", garbage + [(EntryStore.key(205), sound)]) })
        #expect(bench.cache.statistics.entries == 4 && bench.cache.statistics.dropped == UInt64(garbage.count))
        for number in 1...3 as ClosedRange<UInt64> { #expect(bench.look(number).action == .serve) }
        try bench.reopen()
        #expect(bench.cache.statistics.entries == 4 && bench.cache.statistics.dropped == 0)
    }

    @Test(arguments: [
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 1, 2], [UInt8](repeating: 0xFE, count: 9), [0x80, 0, 0, 0, 0, 0, 0, 0],
    ])
    func `a damaged key at the end of the store makes numbers begin anew`(key: [UInt8]) throws {
        let bench = try SemanticBench(onDisk: true)
        for number in 1...3 as ClosedRange<UInt64> { bench.insert(SemanticBench.insertion(number)) }
        let id = key.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let value = key.count == 8 ? try record(id) : [1, 2, 3]
        try bench.reopen(whileClosed: { try bench.write("entries", [(key, value), ([UInt8](repeating: 0, count: 8), try record(0))]) })
        #expect(bench.cache.statistics.entries == 3)
        bench.insert(SemanticBench.insertion(4))
        #expect(bench.look(4).match?.entry == 4 && bench.look(1).match?.entry == 1)
        try bench.reopen()
        #expect(bench.cache.statistics.entries == 4 && bench.cache.statistics.dropped == 0)
    }

    @Test func `damaged learning is learnt from`() throws {
        let bench = try SemanticBench(onDisk: true)
        bench.insert(SemanticBench.insertion(1))
        _ = bench.cache.conclude(try #require(bench.look(1, policy: bound).ticket), verdicts: [.equal])
        var random = SplitMix64(seed: 3)
        let encoder = xxh3(Array("models\n[64, 64]".utf8).span)
        var values: [(key: [UInt8], value: [UInt8])] = (0..<40).map { number in
            let tail = (0..<number).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            var value: [UInt8] = []
            if number % 2 == 0 { value.add(encoder) }
            return ([3, UInt8(number)], value + tail)
        }
        // Lengths that point past the end.
        var long: [UInt8] = []
        long.add(encoder)
        long.add(UInt16.max)
        values.append(([4], long))
        var name: [UInt8] = []
        name.add(encoder)
        name.add(UInt16(1))
        name += Array("x".utf8)
        name.add(UInt32.max)
        values.append(([2] + SHA256.digest(of: Array("x".utf8).span).bytes, name))
        try bench.reopen(whileClosed: { try bench.write("learning", values) })
        #expect(bench.cache.reports.map(\.scope) == ["t"] && bench.look(1).action == .serve)
    }

    @Test func `an entry whose record is gone stays in everybody's way`() throws {
        let bench = try SemanticBench(onDisk: true)
        bench.insert(SemanticBench.insertion(1, answer: 5))
        bench.insert(SemanticBench.insertion(1, answer: 6, cosine: 0.97))
        bench.insert(SemanticBench.insertion(2))
        bench.cache.flush()
        let gone = try #require(bench.look(1).match?.entry)
        bench.cache.store.delete([gone])
        bench.cache.flush()
        #expect(bench.look(1).match?.answer == named(6), "the next nearest answers")
        #expect(bench.cache.statistics.missing == 1 && bench.cache.statistics.entries == 2)
        // Damaged where it stands.
        let other = try #require(bench.look(1).match?.entry)
        let isTaken = bench.cache.store.put(other, [1, 2, 3], dropped: {})
        #expect(isTaken)
        #expect(bench.look(1).action == .miss(.missingRecord))
        #expect(bench.cache.statistics.missing == 2 && bench.cache.statistics.entries == 1)
        #expect(bench.look(1).action == .miss(.distant) && bench.look(2).action == .serve)
        bench.cache.flush()
        try bench.reopen()
        #expect(bench.cache.statistics.entries == 1 && bench.cache.statistics.dropped == 0)
    }

    @Test func `a closed cache answers, forgets what it could not read, or traps`() throws {
        let bench = try SemanticBench(onDisk: true)
        bench.insert(SemanticBench.insertion(1))
        let ticket = bench.look(1, policy: bound).ticket
        bench.cache.flush()
        bench.cache.close()
        bench.cache.close()
        #expect(bench.look(1).action == .miss(.missingRecord) && bench.cache.statistics.entries == 1)
        #expect(bench.insert(SemanticBench.insertion(2)) == .storeUnavailable)
        bench.cache.removeKey("k")
        bench.cache.flush()
        let late = try #require(ticket)
        #expect(bench.cache.conclude(late, verdicts: [.equal]) == named(1))
        bench.cache.close()
        try bench.reopen()
        #expect(bench.cache.statistics.entries == 1 && bench.look(1).action == .serve)
    }
}
