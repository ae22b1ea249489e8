import Foundation
import GatewayModel
import Hashing
import JSON
import TestSupport

@testable import Embedding

/// A transformer of random weights, small enough for any test: 64 wide, 2 heads, 2 layers; and a gate over the same words.
struct TinyModel {
    static let width = 64
    static let inner = 128
    static let layers = 2
    static let positions = 40
    /// The special tokens and the letters.
    static let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + "abcdefghijklmnopqrstuvwxyz".map(String.init)

    let folder = TemporaryFolder()
    private(set) var tensors: [String: (shape: [Int], values: [Float])] = [:]

    init(seed: UInt64 = 7) {
        var random = SplitMix64(seed: seed)
        func values(_ count: Int, _ scale: Float, around center: Float = 0) -> [Float] {
            (0..<count).map { _ -> Float in
                let unit = Float(random.next() >> 40) / 8_388_608 - 1
                return center + scale * unit
            }
        }
        let (width, inner, count) = (Self.width, Self.inner, Self.words.count)
        tensors["embeddings"] = ([count, 160], values(count * 160, 1))
        tensors["embeddings.word_embeddings.weight"] = ([count, width], values(count * width, 1))
        tensors["embeddings.position_embeddings.weight"] = ([Self.positions, width], values(Self.positions * width, 0.3))
        tensors["embeddings.token_type_embeddings.weight"] = ([2, width], values(2 * width, 0.3))
        func norm(_ name: String) {
            tensors[name + ".weight"] = ([width], values(width, 0.3, around: 1))
            tensors[name + ".bias"] = ([width], values(width, 0.2))
        }
        norm("embeddings.LayerNorm")
        for layer in 0..<Self.layers {
            let name = "encoder.layer.\(layer)."
            for (part, outputs, inputs) in [
                ("attention.self.query", width, width), ("attention.self.key", width, width), ("attention.self.value", width, width),
                ("attention.output.dense", width, width), ("intermediate.dense", inner, width), ("output.dense", width, inner),
            ] {
                tensors[name + part + ".weight"] = ([outputs, inputs], values(outputs * inputs, 0.35))
                tensors[name + part + ".bias"] = ([outputs], values(outputs, 0.2))
            }
            norm(name + "attention.output.LayerNorm")
            norm(name + "output.LayerNorm")
        }
    }

    mutating func multiply(_ name: String, by factor: Float) {
        guard let tensor = tensors[name] else { return }
        tensors[name] = (tensor.shape, tensor.values.map { $0 * factor })
    }

    mutating func remove(_ name: String) { tensors[name] = nil }

    /// Writes the checkpoint and returns its path.
    func checkpoint() -> String {
        var header = JSONObject()
        var data: [UInt8] = []
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let start = data.count
            data += tensor.values.withUnsafeBytes { Array($0) }
            header[name] = [
                "dtype": "F32", "shape": .array(tensor.shape.map { .number($0) }),
                "data_offsets": [.number(start), .number(data.count)],
            ]
        }
        let text = JSONValue.object(header).bytes
        var file: [UInt8] = []
        file.append(longWord: UInt64(text.count))
        let path = folder.file("model.safetensors")
        TestFile.write(file + text + data, to: path)
        return path
    }

    /// Packs it and returns the packed file's path.
    func packed(_ role: ModelRole, _ precision: ModelPrecision = .float) throws -> String {
        let path = folder.file("\(role.name)-\(precision.name).weir")
        let tokens = Self.words.map { Array($0.utf8) }
        try ModelPacker.write(
            SafetensorsFile(path: checkpoint()), tokens, name: "tiny", role: role, precision, source: Digest256(words: (1, 2, 3, 4)),
            to: path)
        return path
    }

    /// A text of so many tokens, framing not counted.
    static func text(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var random = SplitMix64(seed: seed &+ UInt64(count))
        return Array((0..<count).map { _ in words[5 + Int(random.next() % 26)] }.joined(separator: " ").utf8)
    }

    // MARK: - The reference: the same in double precision, step by step

    private func tensor(_ name: String) -> [Float] { tensors[name]?.values ?? [] }

    private func linear(_ x: [[Double]], _ name: String) -> [[Double]] {
        let bias = tensor(name + ".bias")
        let weights = tensor(name + ".weight")
        return x.map { row in
            bias.indices.map { (output: Int) -> Double in
                var sum = Double(bias[output])
                for input in row.indices { sum += row[input] * Double(weights[output * row.count + input]) }
                return sum
            }
        }
    }

    private func normalized(_ x: [[Double]], _ name: String) -> [[Double]] {
        let weights = tensor(name + ".weight")
        let biases = tensor(name + ".bias")
        return x.map { row in
            let mean = row.reduce(0, +) / Double(row.count)
            let variance = row.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
            let deviation = (variance + 1e-12).squareRoot()
            return row.indices.map { (index: Int) -> Double in
                let scaled = (row[index] - mean) / deviation
                return scaled * Double(weights[index]) + Double(biases[index])
            }
        }
    }

    private func attention(_ x: [[Double]], _ name: String) -> [[Double]] {
        let parts = ["query", "key", "value"].map { linear(x, "\(name)attention.self.\($0)") }
        var context = [[Double]](repeating: [Double](repeating: 0, count: Self.width), count: x.count)
        for head in 0..<(Self.width / 32) {
            let range = (head * 32)..<(head * 32 + 32)
            for row in x.indices {
                let scores = x.indices.map { (other: Int) -> Double in
                    let dot = range.reduce(0.0) { $0 + parts[0][row][$1] * parts[1][other][$1] }
                    return dot / 32.0.squareRoot()
                }
                let top = scores.max() ?? 0
                let shares = scores.map { exp($0 - top) }
                let total = shares.reduce(0, +)
                for other in x.indices {
                    for d in range { context[row][d] += shares[other] / total * parts[2][other][d] }
                }
            }
        }
        return context
    }

    private static func sum(_ left: [[Double]], _ right: [[Double]]) -> [[Double]] { zip(left, right).map { zip($0, $1).map { $0 + $1 } } }

    private static func gelu(_ x: Double) -> Double { x * 0.5 * (1 + erf(x / 2.0.squareRoot())) }

    /// The vector of token ids.
    func reference(_ ids: [UInt32]) -> [Float] {
        let words = tensor("embeddings.word_embeddings.weight")
        let positions = tensor("embeddings.position_embeddings.weight")
        let types = tensor("embeddings.token_type_embeddings.weight")
        var x: [[Double]] = []
        for (place, id) in ids.enumerated() {
            let word = words[(Int(id) * Self.width)..<((Int(id) + 1) * Self.width)]
            let position = positions[(place * Self.width)..<((place + 1) * Self.width)]
            x.append(zip(zip(word, position), types).map { Double($0.0) + Double($0.1) + Double($1) })
        }
        x = normalized(x, "embeddings.LayerNorm")
        for layer in 0..<Self.layers {
            let name = "encoder.layer.\(layer)."
            x = normalized(
                Self.sum(x, linear(attention(x, name), name + "attention.output.dense")), name + "attention.output.LayerNorm")
            let up = linear(x, name + "intermediate.dense").map { row in row.map { Self.gelu($0) } }
            x = normalized(Self.sum(x, linear(up, name + "output.dense")), name + "output.LayerNorm")
        }
        var mean = [Double](repeating: 0, count: Self.width)
        for row in x { for d in row.indices { mean[d] += row[d] } }
        let length = mean.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
        return mean.map { Float($0 / length) }
    }
}
