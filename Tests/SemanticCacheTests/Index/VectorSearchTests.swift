import GatewayModel
import TestSupport
import Testing

@testable import SemanticCache

@Suite struct VectorSearchTests {
    /// Families of ten around seeded centres, all pairs of a family near a cosine of 0.83, in blocks as an index makes them.
    private struct Field {
        var vectors: [[Float]] = []
        var gates: [[Float]] = []
        var list = BlockList([])

        init(families: Int, dimensions: Int, gateDimensions: Int, seed: UInt64) throws {
            var random = SplitMix64(seed: seed)
            let partition = Partition(
                key: named(1), layout: VectorBlock.Layout(dimensions: dimensions, gateDimensions: gateDimensions), fence: ReaderFence())
            for _ in 0..<families {
                let center = random.direction(dimensions)
                let gateCenter = random.direction(gateDimensions)
                for _ in 0..<10 {
                    vectors.append(random.direction(near: center, cosine: 0.91))
                    gates.append(random.direction(near: gateCenter, cosine: 0.91))
                }
            }
            let order = Array(vectors.indices).shuffled(using: &random)
            for number in order {
                partition.append(
                    IndexEntry(
                        id: UInt64(number) + 1, answer: UInt64(number / 10), owner: 0,
                        gate: try QuantisedVector(of: gates[number]),
                        vector: try QuantisedVector(of: vectors[number])))
            }
            list = try #require(partition.published.current)
        }
    }

    @Test(arguments: [(384, 128), (128, 64), (192, 384)])
    func `a neighbour of 0.8 or more is missed`(dimensions: Int, gateDimensions: Int) throws {
        let field = try Field(families: 200, dimensions: dimensions, gateDimensions: gateDimensions, seed: UInt64(dimensions))
        let search = VectorSearch(field.list)
        var random = SplitMix64(seed: 9)
        var expected = 0
        for step in 0..<6 {
            let asked = Int(random.next() % 2000)
            let query = random.direction(near: field.vectors[asked], cosine: 0.85 + 0.025 * Float(step))
            let found = search.nearest(to: try QueryVector(of: query), count: 64)
            let exact = field.vectors.map { exactCosine($0, query) }
            let near = exact.indices.filter { exact[$0] >= 0.8 }
            expected += near.count
            #expect(Set(found.map { Int($0.id) - 1 }).isSuperset(of: near))
            #expect(found.allSatisfy { abs(Double($0.cosine) - exact[Int($0.id) - 1]) < 0.01 })
            #expect(zip(found, found.dropFirst()).allSatisfy { $0.cosine >= $1.cosine })
            #expect(found.allSatisfy { $0.answer == ($0.id - 1) / 10 })
            // The gate: the best of all, whatever the large vectors say.
            let gate = random.direction(near: field.gates[asked], cosine: 0.9)
            let best = try #require(search.bestGateCosine(try QueryVector(of: gate)))
            #expect(abs(Double(best) - (field.gates.map { exactCosine($0, gate) }.max() ?? 0)) < 0.01)
        }
        #expect(expected >= 10, "the queries have neighbours to miss")
    }

    @Test func `removed entries crowd out live ones`() throws {
        var random = SplitMix64(seed: 4)
        let center = random.direction(64)
        let vector = try QuantisedVector(of: center)
        let far = try QuantisedVector(of: random.direction(near: center, cosine: 0.9))
        let block = VectorBlock(layout: VectorBlock.Layout(dimensions: 64, gateDimensions: 64), capacity: 1024)
        for id in 1...1000 as ClosedRange<UInt64> {
            let stored = id == 700 ? far : vector
            block.append(IndexEntry(id: id, answer: id, owner: 0, gate: stored, vector: stored))
        }
        for slot in 0..<1000 where slot != 699 { #expect(block.remove(slot) == UInt64(slot) + 1) }
        let search = VectorSearch(BlockList([block]))
        let query = try QueryVector(of: center)
        #expect(search.nearest(to: query, count: 12).map(\.id) == [700])
        #expect(abs((search.bestGateCosine(query) ?? 0) - far.cosine(vector)) < 0.01)
        #expect(block.remove(699) == 700 && block.remove(699) == 0)
        #expect(search.nearest(to: query, count: 12).isEmpty && search.bestGateCosine(query) == nil)
    }

    @Test func `equal vectors come in another order each time`() throws {
        let vector = try QuantisedVector(of: ([1] + [Float](repeating: 0, count: 63)))
        let layout = VectorBlock.Layout(dimensions: 64, gateDimensions: 64)
        let blocks = (0..<2).map { _ in VectorBlock(layout: layout, capacity: 8) }
        for id in [9, 2, 7, 4] as [UInt64] {
            blocks[id % 2 == 0 ? 1 : 0].append(IndexEntry(id: id, answer: 0, owner: 0, gate: vector, vector: vector))
        }
        let query = try QueryVector(of: ([1] + [Float](repeating: 0, count: 63)))
        #expect(VectorSearch(BlockList(blocks)).nearest(to: query, count: 3).map(\.id) == [2, 4, 7])
        #expect(VectorSearch(BlockList([])).nearest(to: query, count: 3).isEmpty)
        #expect(VectorSearch(BlockList([])).bestGateCosine(query) == nil)
    }

    @Test func `an entry takes more than 600 bytes`() {
        #expect(VectorBlock.Layout(dimensions: 384, gateDimensions: 128).entryBytes <= 600)
    }
}
