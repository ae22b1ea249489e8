import GatewayModel

/// A vector as the index keeps it: one sign bit and one signed byte a dimension. Lengths do not matter to a cosine, so only the code's own
/// length is kept.
struct QuantisedVector: Equatable {
    /// Components scaled so that the largest is ±127.
    var codes: [Int8]
    /// The Euclidean length of `codes`, in 127...(127 × √dimensions).
    var norm: Float
    /// A bit a dimension, set where the component is negative; the last word is padded with zeros.
    var signs: [UInt64]

    /// A component beyond this is no vector of any embedding model.
    private static let componentMax: Float = 1e6
    /// A vector shorter than this has no direction that means anything.
    private static let lengthMin: Float = 1e-6

    /// Quantises a vector of `dimensions` components, or names why it can't: NaN, infinite, huge, too short (denormals included), or of
    /// another number of dimensions.
    init(_ vector: Span<Float>, dimensions: Int) throws(SemanticReason) {
        guard vector.count == dimensions, dimensions > 0 else { throw .wrongDimensions }
        var largest: Float = 0
        var square: Float = 0
        for index in 0..<dimensions {
            let component = vector[index]
            guard component.isFinite, abs(component) <= Self.componentMax else { throw .notFinite }
            largest = max(largest, abs(component))
            square += component * component
        }
        guard square.squareRoot() >= Self.lengthMin else { throw .zeroVector }
        var codes = [Int8](repeating: 0, count: dimensions)
        var signs = [UInt64](repeating: 0, count: (dimensions + 63) / 64)
        var total: Int64 = 0
        for index in 0..<dimensions {
            let code = Int8((vector[index] / largest * 127).rounded())
            codes[index] = code
            total += Int64(code) * Int64(code)
            if vector[index] < 0 { signs[index / 64] |= 1 << UInt64(index % 64) }
        }
        self.codes = codes
        self.signs = signs
        norm = Float(total).squareRoot()
    }

    /// Rebuilds a stored vector from its codes; `nil` if they are all zero.
    init?(codes: [Int8]) {
        var signs = [UInt64](repeating: 0, count: (codes.count + 63) / 64)
        var total: Int64 = 0
        for (index, code) in codes.enumerated() {
            total += Int64(code) * Int64(code)
            if code < 0 { signs[index / 64] |= 1 << UInt64(index % 64) }
        }
        guard total > 0 else { return nil }
        self.codes = codes
        self.signs = signs
        norm = Float(total).squareRoot()
    }

    /// The cosine of two, 0 if their dimensions differ.
    func cosine(_ other: QuantisedVector) -> Float {
        guard codes.count == other.codes.count else { return 0 }
        var sum: Int32 = 0
        for index in codes.indices { sum &+= Int32(codes[index]) &* Int32(other.codes[index]) }
        return Float(sum) / (norm * other.norm)
    }
}

/// A vector to search with: finer than the stored ones, so that only they are rounded.
struct QueryVector {
    /// Components scaled so that the largest is ±8191: a product with a stored code, summed over `dimensionsMax` dimensions, stays within 32 bits.
    let codes: [Int16]
    /// The Euclidean length of `codes`.
    let norm: Float
    /// See `QuantisedVector.signs`.
    let signs: [UInt64]
    /// The same as it would be stored.
    let stored: QuantisedVector

    /// Dimensions that 32-bit sums allow.
    static let dimensionsMax = 2048
    private static let largestCode: Float = 8191

    /// As `QuantisedVector.init`.
    init(_ vector: Span<Float>, dimensions: Int) throws(SemanticReason) {
        stored = try QuantisedVector(vector, dimensions: dimensions)
        signs = stored.signs
        var largest: Float = 0
        for index in 0..<dimensions { largest = max(largest, abs(vector[index])) }
        var codes = [Int16](repeating: 0, count: dimensions)
        var total: Double = 0
        for index in 0..<dimensions {
            let code = Int16((vector[index] / largest * Self.largestCode).rounded())
            codes[index] = code
            total += Double(code) * Double(code)
        }
        self.codes = codes
        norm = Float(total.squareRoot())
    }
}
