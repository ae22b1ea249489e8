/// A model in memory that makes vectors of texts. Immutable: any thread may use it with a scratch of its own.
public protocol EmbeddingModel: Sendable {
    /// Name, measures, origin.
    var info: ModelInfo { get }

    /// Makes the vector of a text: `info.dimensions` elements of length 1. Never fails: bytes that are not UTF-8 are skipped, a long text
    /// counts with its beginning. A text without words has a vector that says nothing (`isEmpty`); a gate's is all zero.
    /// - Parameter vector: gets the elements, replacing what was there.
    func embed(_ text: Span<UInt8>, into vector: inout [Float], scratch: inout EmbeddingScratch) -> EmbeddedText
}

extension EmbeddingModel {
    /// Elements of a vector.
    public var dimensions: Int { info.dimensions }
}
