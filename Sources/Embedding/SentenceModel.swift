// all-MiniLM-L6-v2 (Apache-2.0): a BERT encoder of 6 layers, 384 wide, 12 heads, inner width 1536, GELU with erf; a text's vector is the mean
// over its tokens, [CLS] and [SEP] included, scaled to length 1. Texts are cut at 256 tokens, as its configuration says.

internal import CEmbeddingKernels

/// The judge of similarity: some milliseconds a text.
public final class SentenceModel: EmbeddingModel, @unchecked Sendable {  // @unchecked: constant; pointers into `file` and `layers`
    /// Name, measures, origin.
    public let info: ModelInfo
    /// The tokenizer, for those that only count.
    public let tokenizer: WordPieceTokenizer
    private let file: PackedModel
    private let layers: UnsafeMutablePointer<weir_layer>
    private let transformer: weir_transformer
    private let level: KernelLevel

    /// Opens a packed sentence model.
    /// - Parameters:
    ///   - verifying: whether the whole file is read for its checksum: some tens of milliseconds.
    ///   - level: the instruction set; tests and benchmarks choose another.
    public init(path: String, verifying: Bool = true, level: KernelLevel = .best) throws(EmbeddingModelError) {
        let file = try PackedModel(path: path, verifying: verifying)
        guard file.info.role == .sentence else { throw .wrongModel(path: path, "\(file.info.name) is no sentence model") }
        let reader = SentenceSections(file: file)
        var list: [weir_layer] = []
        for index in 0..<file.info.layers { list.append(try reader.layer(index)) }
        let words = try reader.words()
        let positions = try file.floats("positions", file.info.positions * file.info.dimensions)
        let norm = try file.floats("norm", 2 * file.info.dimensions)
        tokenizer = try file.tokenizer()
        layers = .allocate(capacity: list.count)
        layers.initialize(from: list, count: list.count)
        transformer = weir_transformer(
            layer_count: UInt32(file.info.layers), heads: UInt32(file.info.heads), width: UInt32(file.info.dimensions),
            inner: UInt32(file.info.inner), words: words.words, word_scales: words.scales, positions: positions, norm: norm, epsilon: 1e-12,
            layers: layers)
        info = file.info
        self.file = file
        self.level = level
    }

    deinit { layers.deallocate() }

    /// Makes the vector of a text (see `EmbeddingModel`).
    public func embed(_ text: Span<UInt8>, into vector: inout [Float], scratch: inout EmbeddingScratch) -> EmbeddedText {
        embed(text, limit: info.positions, into: &vector, scratch: &scratch)
    }

    /// As `embed`, with a smaller limit of tokens, [CLS] and [SEP] included: 2...`info.positions`.
    public func embed(
        _ text: Span<UInt8>, limit: Int, into vector: inout [Float], scratch: inout EmbeddingScratch
    ) -> EmbeddedText {
        let isCut = tokenizer.tokenize(text, limit: min(limit, info.positions), scratch: &scratch.tokens)
        let count = scratch.tokens.ids.count
        if vector.count != info.dimensions { vector = [Float](repeating: 0, count: info.dimensions) }
        withUnsafePointer(to: transformer) { model in
            let memory = scratch.workspace(weir_transformer_workspace(model, count))
            vector.withUnsafeMutableBufferPointer { vector in
                scratch.tokens.ids.withUnsafeBufferPointer { ids in
                    guard let target = vector.baseAddress, let first = ids.baseAddress else { return }
                    weir_transformer_embed(model, level.rawValue, first, count, target, memory)
                }
            }
        }
        return EmbeddedText(tokens: count, isCut: isCut, isEmpty: count <= 2)
    }

    /// The number of tokens of a text, up to a limit: cheap, for deciding whether a text is short enough. [CLS] and [SEP] count.
    public func tokenCount(_ text: Span<UInt8>, limit: Int, scratch: inout EmbeddingScratch) -> Int {
        let isCut = tokenizer.tokenize(text, limit: max(2, limit), scratch: &scratch.tokens)
        return isCut ? limit + 1 : scratch.tokens.ids.count
    }
}

/// Reads the sections of a sentence model, each checked for the size that the measures call for.
struct SentenceSections {
    let file: PackedModel

    func words() throws(EmbeddingModelError) -> (words: UnsafeRawPointer, scales: UnsafePointer<Float>?) {
        let count = file.info.tokens * file.info.dimensions
        guard file.info.precision == .int8 else { return (try file.section("words", bytes: 2 * count), nil) }
        return (try file.section("words", bytes: count), try file.floats("word-scales", file.info.tokens))
    }

    func layer(_ index: Int) throws(EmbeddingModelError) -> weir_layer {
        let width = file.info.dimensions
        let inner = file.info.inner
        return weir_layer(
            attention: try matrix("\(index).attention", width, 3 * width), output: try matrix("\(index).output", width, width),
            up: try matrix("\(index).up", width, inner), down: try matrix("\(index).down", inner, width),
            attention_norm: try file.floats("\(index).attention-norm", 2 * width),
            output_norm: try file.floats("\(index).output-norm", 2 * width))
    }

    private func matrix(_ name: String, _ inputs: Int, _ outputs: Int) throws(EmbeddingModelError) -> weir_matrix {
        let bias = try file.floats(name + ".bias", outputs)
        guard file.info.precision == .int8 else {
            let weights = try file.section(name, bytes: 4 * inputs * outputs)
            return weir_matrix(
                weights: weights, bias: bias, scales: nil, sums: nil, inputs: UInt32(inputs), outputs: UInt32(outputs))
        }
        let sums = try file.section(name + ".sums", bytes: 4 * outputs).assumingMemoryBound(to: Int32.self)
        return weir_matrix(
            weights: try file.section(name, bytes: inputs * outputs), bias: bias, scales: try file.floats(name + ".scales", outputs),
            sums: sums,
            inputs: UInt32(inputs), outputs: UInt32(outputs))
    }
}
