// From a checkpoint to a packed file. Runs at installation only.

internal import CEmbeddingKernels
public import GatewayModel
internal import Hashing
internal import JSON

/// Packs a folder with `model.safetensors` and `tokenizer.json` or `vocab.txt`.
public struct ModelPacker {
    private let model: KnownModel
    private let folder: String

    /// Prepares to pack a folder that is said to hold a known model.
    public init(_ model: KnownModel, folder: String) {
        self.model = model
        self.folder = folder
    }

    /// Checks that the folder's files are the known ones, packs them and puts the result in its place by renaming.
    /// - Throws: `.wrongSource` where a SHA-256 differs, `.notFound`, `.unsuitableSource`, `.unreadable`.
    public func pack(_ precision: ModelPrecision, to path: String) throws(EmbeddingModelError) {
        let weights = folder + "/model.safetensors"
        let found = try Self.digest(of: weights)
        guard found == model.source else { throw .wrongSource(path: weights, expected: model.source.hex, found: found.hex) }
        let tokens = try vocabulary()
        var text: [UInt8] = []
        for token in tokens { text += token + [0x0A] }
        let digest = SHA256.digest(of: text.span)
        guard digest == model.vocabulary else {
            throw .wrongSource(path: folder + " (vocabulary)", expected: model.vocabulary.hex, found: digest.hex)
        }
        let file = try SafetensorsFile(path: weights)
        try Self.write(file, tokens, name: model.name, role: model.role, precision, source: found, to: path)
    }

    /// Packs without asking where the files come from.
    static func write(
        _ file: SafetensorsFile, _ tokens: [[UInt8]], name: String, role: ModelRole, _ precision: ModelPrecision, source: Digest256,
        to path: String
    ) throws(EmbeddingModelError) {
        guard let vocabulary = Vocabulary.pack(tokens) else {
            throw .unsuitableSource(path: path, "the vocabulary lacks one of [PAD], [UNK], [CLS], [SEP], [MASK]")
        }
        var writer = PackedModelWriter()
        writer.add("vocabulary", vocabulary)
        var info = ModelInfo(
            name: name, role: role, precision: precision, dimensions: 0, positions: 0, tokens: tokens.count, bytes: 0, source: source)
        switch role {
        case .gate: try GatePacking(file: file).add(to: &writer, &info)
        case .sentence: try SentencePacking(file: file, precision: precision).add(to: &writer, &info)
        }
        try writer.write(info, to: path)
    }

    /// The SHA-256 of a file.
    public static func digest(of path: String) throws(EmbeddingModelError) -> Digest256 {
        let bytes = try ModelBytes(mapping: path)
        var hash = SHA256()
        var offset = 0
        while offset < bytes.count {
            let count = min(1 << 20, bytes.count - offset)
            hash.update(Array(UnsafeRawBufferPointer(start: bytes.base + offset, count: count)).span)
            offset += count
        }
        return hash.finalize()
    }

    /// The tokens in order, from whichever file there is.
    private func vocabulary() throws(EmbeddingModelError) -> [[UInt8]] {
        let list = folder + "/vocab.txt"
        let tokenizer = folder + "/tokenizer.json"
        do throws(EmbeddingModelError) {
            return try Self.tokens(json: try Self.contents(tokenizer), path: tokenizer)
        } catch {
            guard case .notFound = error else { throw error }
        }
        return try Self.contents(list).split(separator: 0x0A).map { $0.last == 0x0D ? Array($0.dropLast()) : Array($0) }
    }

    private static func contents(_ path: String) throws(EmbeddingModelError) -> [UInt8] {
        let bytes = try ModelBytes(mapping: path)
        guard bytes.count <= 64 << 20 else { throw .unsuitableSource(path: path, "it is larger than 64 MiB") }
        return Array(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
    }

    static func tokens(json: [UInt8], path: String) throws(EmbeddingModelError) -> [[UInt8]] {
        let value = try? JSONValue(parsing: json.span, limits: JSONLimits(depth: 64))
        guard let members = value?["model"]?["vocab"]?.objectValue?.members, !members.isEmpty else {
            throw .unsuitableSource(path: path, "it has no model.vocab")
        }
        var tokens = [[UInt8]?](repeating: nil, count: members.count)
        for member in members {
            guard let id = member.value.intValue, tokens.indices.contains(id), tokens[id] == nil else {
                throw .unsuitableSource(path: path, "its token ids are not 0, 1, 2 …")
            }
            tokens[id] = Array(member.key.utf8)
        }
        return tokens.compactMap { $0 }
    }
}

/// What a gate's file holds.
struct GatePacking {
    /// Dimensions that are kept.
    static let dimensions = 128
    /// Tokens that count, as model2vec has it.
    static let tokensMax = 512
    let file: SafetensorsFile

    func add(to writer: inout PackedModelWriter, _ info: inout ModelInfo) throws(EmbeddingModelError) {
        let width = file.shape("embeddings")?.last ?? 0
        let rows = try file.floats("embeddings", [info.tokens, width])
        info.dimensions = min(width, Self.dimensions)
        info.positions = Self.tokensMax
        info.precision = .int8
        var bytes = [Int8](repeating: 0, count: info.tokens * info.dimensions)
        var scales = [Float](repeating: 0, count: info.tokens)
        weir_quantize_rows(rows, UInt32(info.tokens), UInt32(width), UInt32(info.dimensions), &bytes, &scales)
        writer.add("words", bytes)
        writer.add("word-scales", scales)
    }
}

/// What a sentence model's file holds: the tensors of a BERT checkpoint, query, key and value joined, and token type 0 added to the
/// positions.
struct SentencePacking {
    /// Tokens of a text, as the model's own configuration has it.
    static let tokensMax = 256
    let file: SafetensorsFile
    let precision: ModelPrecision

    func add(to writer: inout PackedModelWriter, _ info: inout ModelInfo) throws(EmbeddingModelError) {
        let width = file.shape("embeddings.word_embeddings.weight")?.last ?? 0
        let inner = file.shape("encoder.layer.0.intermediate.dense.weight")?.first ?? 0
        let available = file.shape("embeddings.position_embeddings.weight")?.first ?? 0
        info.dimensions = width
        info.heads = width / 32
        info.inner = inner
        info.positions = min(Self.tokensMax, available)
        while file.shape("encoder.layer.\(info.layers).intermediate.dense.weight") != nil { info.layers += 1 }
        try addWords(to: &writer, info, available)
        for layer in 0..<info.layers { try add(layer, to: &writer, width, inner) }
    }

    private func addWords(to writer: inout PackedModelWriter, _ info: ModelInfo, _ available: Int) throws(EmbeddingModelError) {
        let width = info.dimensions
        let words = try file.floats("embeddings.word_embeddings.weight", [info.tokens, width])
        if precision == .int8 {
            var bytes = [Int8](repeating: 0, count: words.count)
            var scales = [Float](repeating: 0, count: info.tokens)
            weir_quantize_rows(words, UInt32(info.tokens), UInt32(width), UInt32(width), &bytes, &scales)
            writer.add("words", bytes)
            writer.add("word-scales", scales)
        } else {
            var halves = [UInt16](repeating: 0, count: words.count)
            weir_half_rows(words, words.count, &halves)
            writer.add("words", halves)
        }
        let positions = try file.floats("embeddings.position_embeddings.weight", [available, width])
        let types = try file.floats("embeddings.token_type_embeddings.weight", [2, width])
        writer.add("positions", (0..<(info.positions * width)).map { positions[$0] + types[$0 % width] })
        writer.add("norm", try norm("embeddings.LayerNorm", width))
    }

    private func add(_ layer: Int, to writer: inout PackedModelWriter, _ width: Int, _ inner: Int) throws(EmbeddingModelError) {
        let name = "encoder.layer.\(layer)."
        var weights: [Float] = []
        var biases: [Float] = []
        for part in ["query", "key", "value"] {
            weights += try file.floats("\(name)attention.self.\(part).weight", [width, width])
            biases += try file.floats("\(name)attention.self.\(part).bias", [width])
        }
        add("\(layer).attention", weights, biases, width, to: &writer)
        for (section, tensor, outputs, inputs) in [
            ("output", "attention.output.dense", width, width), ("up", "intermediate.dense", inner, width),
            ("down", "output.dense", width, inner),
        ] {
            let weights = try file.floats("\(name)\(tensor).weight", [outputs, inputs])
            add("\(layer).\(section)", weights, try file.floats("\(name)\(tensor).bias", [outputs]), inputs, to: &writer)
        }
        writer.add("\(layer).attention-norm", try norm(name + "attention.output.LayerNorm", width))
        writer.add("\(layer).output-norm", try norm(name + "output.LayerNorm", width))
    }

    private func norm(_ name: String, _ width: Int) throws(EmbeddingModelError) -> [Float] {
        try file.floats(name + ".weight", [width]) + file.floats(name + ".bias", [width])
    }

    private func add(_ name: String, _ weights: [Float], _ biases: [Float], _ inputs: Int, to writer: inout PackedModelWriter) {
        let outputs = biases.count
        writer.add(name + ".bias", biases)
        guard precision == .int8 else {
            var packed = [Float](repeating: 0, count: weights.count)
            weir_pack_float(weights, UInt32(outputs), UInt32(inputs), &packed)
            return writer.add(name, packed)
        }
        var packed = [Int8](repeating: 0, count: weights.count)
        var scales = [Float](repeating: 0, count: outputs)
        var sums = [Int32](repeating: 0, count: outputs)
        weir_pack_int8(weights, UInt32(outputs), UInt32(inputs), &packed, &scales, &sums)
        writer.add(name, packed)
        writer.add(name + ".scales", scales)
        writer.add(name + ".sums", sums)
    }
}
