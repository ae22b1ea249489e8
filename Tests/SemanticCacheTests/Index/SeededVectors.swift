import GatewayModel
import Glibc
import TestSupport

@testable import SemanticCache

extension SplitMix64 {
    /// Uniform in 0..<1.
    mutating func share() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

    /// A direction that prefers none, of length 1.
    mutating func direction(_ dimensions: Int) -> [Float] {
        scaled((0..<dimensions).map { _ in Float(share() + share() + share() + share() - 2) })
    }

    /// A direction with roughly this cosine to `center`.
    mutating func direction(near center: [Float], cosine: Float) -> [Float] {
        let other = direction(center.count)
        let away = (1 - cosine * cosine).squareRoot()
        return scaled(zip(center, other).map { cosine * $0 + away * $1 })
    }

    /// A digest as good as any.
    mutating func digest() -> Digest256 { Digest256(words: (next(), next(), next(), next())) }
}

private func scaled(_ vector: [Float]) -> [Float] {
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return vector.map { $0 / length }
}

/// The cosine as a textbook computes it.
func exactCosine(_ left: [Float], _ right: [Float]) -> Double {
    var (product, first, second) = (0.0, 0.0, 0.0)
    // By pointer and index: a debug build walks a zipped sequence ten times slower.
    left.withUnsafeBufferPointer { left in
        right.withUnsafeBufferPointer { right in
            var index = 0
            while index < left.count {
                let (a, b) = (Double(left[index]), Double(right[index]))
                product += a * b
                first += a * a
                second += b * b
                index += 1
            }
        }
    }
    return product / (first * second).squareRoot()
}

/// A digest named by a number.
func named(_ number: UInt64) -> Digest256 {
    var random = SplitMix64(seed: number)
    return Digest256(words: (number, random.next(), random.next(), random.next()))
}

extension QuantisedVector {
    /// Of as many dimensions as there are.
    init(of vector: [Float]) throws(SemanticReason) { try self.init(vector.span, dimensions: vector.count) }
}

extension QueryVector {
    /// Of as many dimensions as there are.
    init(of vector: [Float]) throws(SemanticReason) { try self.init(vector.span, dimensions: vector.count) }
}
