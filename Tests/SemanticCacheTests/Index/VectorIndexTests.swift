import GatewayModel
import TestSupport
import Testing

@testable import SemanticCache

@Suite struct VectorIndexTests {
    @Test func `an entry of one partition is found in another`() throws {
        let bench = IndexBench()
        // Also such as share a shard, and such as share their first word.
        let keys = (0..<30 as Range<UInt64>).map { Digest256(words: ($0 / 10, $0 % 10, 512 * $0, 1)) }
        for (number, key) in keys.enumerated() {
            for copy in 0..<3 as Range<UInt64> {
                let entry = try IndexBench.entry(UInt64(number) * 3 + copy + 1)
                #expect(bench.index.insert(entry, owner: IndexBench.owner("a"), partition: key, minute: 0) { _ in } == nil)
            }
        }
        let query = try QueryVector(of: IndexBench.query)
        for (number, key) in keys.enumerated() {
            let blocks = try #require(bench.index.blocks(of: key, slot: bench.slot))
            let first = UInt64(number) * 3 + 1
            #expect(VectorSearch(blocks).nearest(to: query, count: .max).map(\.id) == [first, first + 1, first + 2])
        }
        #expect(bench.index.blocks(of: named(1), slot: bench.slot) == nil)
        #expect(bench.index.count == 90 && bench.index.partitionCount == 30)
    }

    @Test func `a partition outgrows its cap`() throws {
        let bench = IndexBench(perPartition: 5)
        for id in 1...5 as ClosedRange<UInt64> { #expect(try bench.insert(id).evicted.isEmpty) }
        try bench.insert(100, 2)
        #expect(try bench.insert(6).evicted == [1])
        #expect(try bench.insert(7).evicted == [2])
        #expect(try bench.ids() == [3, 4, 5, 6, 7])
        #expect(try bench.ids(2) == [100] && bench.index.count == 6)
    }

    @Test func `the whole outgrows its cap, or a flood pushes out small partitions`() throws {
        let bench = IndexBench(entries: 6)
        for id in 1...4 as ClosedRange<UInt64> { #expect(try bench.insert(id, 1).evicted.isEmpty) }
        #expect(try bench.insert(5, 2).evicted.isEmpty)
        #expect(try bench.insert(6, 3).evicted.isEmpty)
        #expect(try bench.insert(7, 4).evicted == [1], "the largest partition pays")
        #expect(try bench.insert(8, 2).evicted == [5], "a partition pays for itself")
        #expect(bench.index.count == 6 && bench.index.partitionCount == 4)
        #expect(try bench.ids(2) == [8] && bench.ids(3) == [6] && bench.ids(4) == [7])
    }

    @Test func `a key holds more than its share, or pays with another's entries`() throws {
        let bench = IndexBench(perKey: 3)
        for id in 1...3 as ClosedRange<UInt64> {
            #expect(try bench.insert(id, 1, key: "a").evicted.isEmpty)
            #expect(try bench.insert(10 + id, 1, key: "b").evicted.isEmpty)
        }
        #expect(try bench.insert(4, 1, key: "a").evicted == [1])
        #expect(try bench.insert(5, 2, key: "a").evicted == [2], "its own elsewhere")
        #expect(try bench.insert(6, 2, key: "a", model: "other").evicted == [5], "the share is the key's, whatever the model")
        #expect(try bench.ids(1) == [3, 4, 11, 12, 13] && bench.ids(2) == [6])
        let twin = EntryOwner(tenant: "other", keyID: "a", model: "m")
        let entry = try IndexBench.entry(20)
        #expect(bench.index.insert(entry, owner: twin, partition: named(1), minute: 0) { _ in } == nil)
        #expect(bench.index.count == 7, "a key of another tenant is another key")
    }

    @Test func `a key inserts more in a minute than it may`() throws {
        let bench = IndexBench(perMinute: 3)
        for id in 1...3 as ClosedRange<UInt64> { #expect(try bench.insert(id, minute: 7).reason == nil) }
        #expect(try bench.insert(4, minute: 7).reason == .keyRate)
        #expect(try bench.insert(5, key: "b", minute: 7).reason == nil, "another key has a share of its own")
        #expect(try bench.insert(6, minute: nil).reason == nil, "what is read back counts for no rate")
        #expect(try bench.insert(7, minute: 8).reason == nil)
        #expect(try bench.insert(8, minute: 6).reason == nil, "a clock that goes back begins anew")
        #expect(try bench.ids() == [1, 2, 3, 5, 6, 7, 8])
        #expect(try IndexBench(perMinute: 0).insert(1).reason == .keyRate)
    }

    @Test func `an entry that was served goes before one that never was`() throws {
        let bench = IndexBench(perPartition: 4)
        for id in 1...4 as ClosedRange<UInt64> { try bench.insert(id) }
        try bench.touch(1)
        try bench.touch(2)
        #expect(try bench.insert(5).evicted == [3])
        #expect(try bench.insert(6).evicted == [4])
        for id in [1, 2, 5, 6] as [UInt64] { try bench.touch(id) }
        #expect(try bench.insert(7).evicted.count == 1, "where all were served, one goes all the same")
        #expect(bench.index.count == 4)
    }

    @Test func `partitions outgrow their cap, or new conversations find no place`() throws {
        let bench = IndexBench(partitions: 3)
        for id in 1...3 as ClosedRange<UInt64> { #expect(try bench.insert(id, id).reason == nil) }
        let first = try bench.insert(4, 4)
        #expect(first.reason == nil && first.evicted == [1], "of those that hold as little, the oldest goes")
        #expect(try bench.insert(5, 2).reason == nil, "those that are there take more")
        let second = try bench.insert(6, 6)
        #expect(second.evicted == [3], "the larger one stays, though it is older")
        #expect(bench.index.partitionCount == 3 && bench.index.count == 4)
        #expect(bench.index.remove { _, _, id in id == 6 } == [6])
        #expect(try bench.insert(7, 7).evicted.isEmpty, "an emptied one leaves its place")
        #expect(try bench.ids(1).isEmpty && bench.ids(2) == [2, 5])
    }

    @Test func `partitions that come and go fill the memory with their names`() throws {
        let bench = IndexBench(partitions: 10)
        for id in 1...5000 as ClosedRange<UInt64> { #expect(try bench.insert(id, id).reason == nil) }
        #expect(bench.index.partitionCount == 10 && bench.index.count == 10)
        #expect(bench.index.rememberedPartitions < 2000)
    }

    @Test func `an entry is removed by another's answer, owner or id`() throws {
        let bench = IndexBench()
        for id in 1...24 as ClosedRange<UInt64> {
            try bench.insert(id, id % 4, key: id % 3 == 0 ? "a" : "b", model: id % 2 == 0 ? "m" : "n", answer: id / 6)
        }
        #expect(bench.index.remove { answer, _, _ in answer == 1 }.sorted() == [6, 7, 8, 9, 10, 11])
        #expect(bench.index.remove { _, _, id in id == 6 || id == 1 } == [1])
        #expect(bench.index.remove(ownedBy: { $0.keyID == "a" && $0.model == "m" }).sorted() == [12, 18, 24])
        #expect(bench.index.remove(ownedBy: { $0.keyID == "nobody" }).isEmpty)
        #expect(bench.index.remove(in: named(1)) { _, _, _ in true }.sorted() == [5, 13, 17, 21])
        #expect(bench.index.remove(in: named(77)) { _, _, _ in true }.isEmpty)
        #expect(
            try bench.ids(0) == [4, 16, 20] && bench.ids(1).isEmpty && bench.ids(2) == [2, 14, 22] && bench.ids(3) == [3, 15, 19, 23])
        #expect(bench.index.count == 10 && bench.index.partitionCount == 3)
    }

    @Test func `an owner's number is given to another while its entries are there`() throws {
        let bench = IndexBench()
        try bench.insert(1, key: "a")
        try bench.insert(2, key: "b")
        #expect(bench.index.remove(ownedBy: { $0.keyID == "a" }) == [1])
        try bench.insert(3, key: "c")
        #expect(bench.index.remove(ownedBy: { $0.keyID == "a" }).isEmpty)
        #expect(bench.index.remove(ownedBy: { $0.keyID == "c" }) == [3])
        #expect(try bench.ids() == [2])
    }

    @Test func `removed entries keep their room`() throws {
        let bench = IndexBench()
        for id in 1...3000 as ClosedRange<UInt64> { try bench.insert(id) }
        #expect(bench.index.remove { _, _, id in id % 20 != 0 }.count == 2850)
        let blocks = try #require(bench.index.blocks(of: named(1), slot: bench.slot)).blocks
        #expect(blocks.reduce(0) { $0 + $1.capacity } <= 2 * 150 + VectorBlock.capacityMax)
        #expect(try bench.ids().count == 64, "and the nearest are still found")
        #expect(bench.index.remove { _, _, _ in true }.count == 150)
        #expect(bench.index.count == 0 && bench.index.partitionCount == 0)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `after many changes a reader finds other entries than there are`(seed: UInt64) throws {
        let bench = IndexBench(entries: 120, perPartition: 40, partitions: 6, perKey: 70)
        var random = SplitMix64(seed: seed)
        var model: [UInt64: (partition: UInt64, key: String)] = [:]
        for id in 1...1500 as ClosedRange<UInt64> {
            let partition = random.next() % 7
            let key = ["a", "b", "c"][Int(random.next() % 3)]
            switch random.next() % 40 {
            case 0:
                let gone = bench.index.remove(ownedBy: { $0.keyID == key })
                #expect(Set(gone) == Set(model.filter { $0.value.key == key }.keys))
                for id in gone { model[id] = nil }
            case 1:
                let gone = bench.index.remove(in: named(partition)) { _, _, id in id % 3 != 0 }
                #expect(Set(gone) == Set(model.filter { $0.value.partition == partition && $0.key % 3 != 0 }.keys))
                for id in gone { model[id] = nil }
            case 2: if let any = model.keys.min() { try bench.touch(any, model[any]?.partition ?? 0) }
            default:
                let (reason, evicted) = try bench.insert(id, partition, key: key)
                for id in evicted { #expect(model.removeValue(forKey: id) != nil) }
                if reason == nil { model[id] = (partition, key) } else { #expect(reason == .full && evicted.isEmpty) }
            }
            #expect(bench.index.count == model.count && model.count <= 120)
            guard id % 50 == 0 else { continue }
            for partition in 0..<7 as Range<UInt64> {
                let expected = model.filter { $0.value.partition == partition }.keys.sorted()
                #expect(try bench.ids(partition) == expected && expected.count <= 40)
            }
            for key in ["a", "b", "c"] { #expect(model.values.count { $0.key == key } <= 70) }
            #expect(bench.index.partitionCount == Set(model.values.map(\.partition)).count)
        }
    }
}
