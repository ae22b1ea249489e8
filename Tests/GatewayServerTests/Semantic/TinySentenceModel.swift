import GatewayModel
import JSON
import TestSupport

@testable import Embedding

/// A transformer of random weights and one layer whose words are the letters: every longer word is the unknown one.
struct TinySentenceModel {
    static let width = 64
    static let positions = 40

    let folder = TemporaryFolder()

    /// Writes, packs and opens it.
    func open() throws -> SentenceModel {
        let tokens = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + "abcdefghijklmnopqrstuvwxyz".map(String.init)).map { Array($0.utf8) }
        let checkpoint = folder.file("model.safetensors")
        TestFile.write(Self.checkpoint(tokens: tokens.count), to: checkpoint)
        let path = folder.file("sentence.weir")
        try ModelPacker.write(
            SafetensorsFile(path: checkpoint), tokens, name: "tiny", role: .sentence, .float, source: Digest256(words: (1, 2, 3, 4)),
            to: path)
        return try SentenceModel(path: path)
    }

    private static func checkpoint(tokens: Int) -> [UInt8] {
        var random = SplitMix64(seed: 7)
        var tensors: [(name: String, shape: [Int], scale: Float, center: Float)] = [
            ("embeddings.word_embeddings.weight", [tokens, width], 1, 0),
            ("embeddings.position_embeddings.weight", [positions, width], 0.3, 0),
            ("embeddings.token_type_embeddings.weight", [2, width], 0.3, 0),
        ]
        func addNorm(_ name: String) { tensors += [(name + ".weight", [width], 0.3, 1), (name + ".bias", [width], 0.2, 0)] }
        addNorm("embeddings.LayerNorm")
        let layer = "encoder.layer.0."
        for (part, outputs, inputs) in [
            ("attention.self.query", width, width), ("attention.self.key", width, width), ("attention.self.value", width, width),
            ("attention.output.dense", width, width), ("intermediate.dense", 2 * width, width), ("output.dense", width, 2 * width),
        ] {
            tensors += [(layer + part + ".weight", [outputs, inputs], 0.35, 0), (layer + part + ".bias", [outputs], 0.2, 0)]
        }
        addNorm(layer + "attention.output.LayerNorm")
        addNorm(layer + "output.LayerNorm")

        var header = JSONObject()
        var data: [UInt8] = []
        for tensor in tensors {
            let start = data.count
            for _ in 0..<tensor.shape.reduce(1, *) {
                let value = tensor.center + tensor.scale * (Float(random.next() >> 40) / 8_388_608 - 1)
                withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
            }
            header[tensor.name] = [
                "dtype": "F32", "shape": .array(tensor.shape.map { .number($0) }), "data_offsets": [.number(start), .number(data.count)],
            ]
        }
        let text = JSONValue.object(header).bytes
        let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
        return length + text + data
    }
}
