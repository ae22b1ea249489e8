// potion-base-8M (MIT): a static model made by model2vec. A text's vector is the mean of its tokens' vectors, unknown tokens left out,
// scaled to length 1; weights by frequency are already in the vectors. Kept: the first 128 of 256 dimensions (they come out of a principal
// component analysis, most telling first), as bytes with a scale for each token: 3.8 MB, no loss in ranking measured.

internal import CEmbeddingKernels

/// The gate: some microseconds a text.
public final class GateModel: EmbeddingModel, @unchecked Sendable {  // @unchecked: constant; pointers into `file`
    /// Name, measures, origin.
    public let info: ModelInfo
    private let file: PackedModel
    private let tokenizer: WordPieceTokenizer
    private let words: UnsafePointer<Int8>
    private let scales: UnsafePointer<Float>

    /// Opens a packed gate.
    /// - Parameter verifying: whether the whole file is read for its checksum.
    public init(path: String, verifying: Bool = true) throws(EmbeddingModelError) {
        let file = try PackedModel(path: path, verifying: verifying)
        guard file.info.role == .gate else { throw .wrongModel(path: path, "\(file.info.name) is no gate model") }
        let info = file.info
        let words = try file.section("words", bytes: info.tokens * info.dimensions)
        self.words = words.assumingMemoryBound(to: Int8.self)
        scales = try file.floats("word-scales", info.tokens)
        tokenizer = try file.tokenizer()
        self.file = file
        self.info = info
    }

    /// Makes the vector of a text (see `EmbeddingModel`).
    public func embed(_ text: Span<UInt8>, into vector: inout [Float], scratch: inout EmbeddingScratch) -> EmbeddedText {
        let isCut = tokenizer.tokenize(text, limit: info.positions, framed: false, scratch: &scratch.tokens)
        let unknown = tokenizer.unknown
        scratch.tokens.ids.removeAll { $0 == unknown }
        let count = scratch.tokens.ids.count
        if vector.count != info.dimensions { vector = [Float](repeating: 0, count: info.dimensions) }
        vector.withUnsafeMutableBufferPointer { vector in
            scratch.tokens.ids.withUnsafeBufferPointer { ids in
                guard let target = vector.baseAddress else { return }
                // Without ids their address is not looked at.
                let first = ids.baseAddress ?? UnsafePointer(bitPattern: 4)
                weir_static_embed(words, scales, UInt32(info.dimensions), first, count, target)
            }
        }
        return EmbeddedText(tokens: count, isCut: isCut, isEmpty: count == 0)
    }
}
