import TestSupport
import Testing

@testable import SemanticCache

@Suite struct QuantisedVectorTests {
    private func reason(_ vector: [Float], dimensions: Int? = nil) -> SemanticReason? {
        do throws(SemanticReason) {
            _ = try QuantisedVector(vector.span, dimensions: dimensions ?? vector.count)
            _ = try QueryVector(vector.span, dimensions: dimensions ?? vector.count)
            return nil
        } catch { return error }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, .signalingNaN, Float(1e6).nextUp, -2e6, .greatestFiniteMagnitude])
    func `a component that no model makes is taken in`(component: Float) {
        var random = SplitMix64(seed: 1)
        for place in [0, 63, 64, 127] {
            var vector = random.direction(128)
            vector[place] = component
            #expect(reason(vector) == .notFinite)
        }
    }

    @Test func `the largest component allowed is refused`() {
        #expect(reason([1e6, -1e6, 0, 1]) == nil)
        #expect(reason([Float](repeating: 1e6, count: 2048)) == nil)
    }

    @Test(arguments: [0, -0.0, Float.leastNonzeroMagnitude, .leastNormalMagnitude, 1e-20, 1e-8])
    func `a vector without a direction is taken in`(component: Float) {
        #expect(reason([Float](repeating: component, count: 64)) == .zeroVector)
    }

    @Test func `the shortest vector allowed is refused`() {
        #expect(reason([1.01e-6, 0, 0]) == nil)
        #expect(reason([0.99e-6, 0, 0]) == .zeroVector)
        #expect(reason([1, .leastNonzeroMagnitude]) == nil, "a denormal beside others does no harm")
    }

    @Test(arguments: [0, 1, 127, 129, 256])
    func `a vector of other dimensions is taken in`(count: Int) {
        #expect(reason([Float](repeating: 1, count: count), dimensions: 128) == .wrongDimensions)
        #expect(reason([], dimensions: 0) == .wrongDimensions)
    }

    @Test(arguments: [64, 100, 128, 384, 2048])
    func `rounding to bytes moves a cosine`(dimensions: Int) throws {
        var random = SplitMix64(seed: UInt64(dimensions))
        for step in 0..<12 {
            let first = random.direction(dimensions)
            let second = random.direction(near: first, cosine: Float(step) / 11)
            let exact = exactCosine(first, second)
            let left = try QuantisedVector(of: first)
            let right = try QuantisedVector(of: second.map { $0 * 1000 })
            #expect(abs(Double(left.cosine(right)) - exact) < 0.01)
            #expect(left.cosine(right) == right.cosine(left))
            #expect(abs(left.cosine(left) - 1) < 1e-5)
        }
    }

    @Test func `a stored vector is rebuilt as another`() throws {
        var random = SplitMix64(seed: 3)
        for _ in 0..<20 {
            let vector = try QuantisedVector(of: random.direction(130))
            let again = try #require(QuantisedVector(codes: vector.codes))
            #expect(again.codes == vector.codes && again.norm == vector.norm && again.signs.count == 3)
            // A component that rounds to zero loses its sign.
            for index in 0..<130 where vector.codes[index] != 0 {
                #expect((again.signs[index / 64] ^ vector.signs[index / 64]) >> UInt64(index % 64) & 1 == 0)
            }
        }
        #expect(QuantisedVector(codes: []) == nil && QuantisedVector(codes: [0, 0]) == nil)
        #expect(QuantisedVector(codes: [-128, 127])?.norm.isFinite == true)
    }

    @Test func `vectors of different dimensions are alike`() throws {
        let short = try #require(QuantisedVector(codes: [127]))
        let long = try #require(QuantisedVector(codes: [127, 0]))
        #expect(short.cosine(long) == 0)
    }

    @Test func `a sum over the most dimensions overflows`() throws {
        let ones = [Float](repeating: 1, count: QueryVector.dimensionsMax)
        let query = try QueryVector(of: ones)
        let block = VectorBlock(layout: VectorBlock.Layout(dimensions: ones.count, gateDimensions: ones.count), capacity: 8)
        block.append(IndexEntry(id: 1, answer: 1, owner: 0, gate: query.stored, vector: query.stored))
        #expect(abs(block.cosine(query, 0) - 1) < 1e-3 && abs(block.gateCosine(query, 0) - 1) < 1e-3)
    }
}
