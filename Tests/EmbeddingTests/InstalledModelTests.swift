import Foundation
import TestSupport
import Testing

@testable import Embedding

/// Where models are: WEIR_MODELS, or .build/models. Weights are not in the repository, so these tests run where `weir model install` has been.
private let installed: String? = {
    let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path
    let folders = [ProcessInfo.processInfo.environment["WEIR_MODELS"], repository + "/.build/models"].compactMap { $0 }
    return folders.first { FileManager.default.fileExists(atPath: $0 + "/" + KnownModel.miniLM.fileName(.float)) }
}()

@Suite(.enabled(if: installed != nil, "weir model install --directory .build/models"))
struct InstalledModelTests {
    private var store: ModelStore { ModelStore(folder: installed ?? "") }

    /// The cosine with the expected vectors, over every `step`-th of 200 texts.
    private func worst(_ model: some EmbeddingModel, _ expected: [[Float]], step: Int = 1) throws -> (worst: Double, mean: Double) {
        var scratch = EmbeddingScratch()
        var vector: [Float] = []
        var worst = 1.0
        var mean = 0.0
        let texts = try Fixtures.texts()
        #expect(texts.count == 200)
        #expect(expected.count == 200)
        let places = Array(stride(from: 0, to: texts.count, by: step))
        for (text, expected) in places.map({ (texts[$0], expected[$0]) }) {
            let result = model.embed(text.span, into: &vector, scratch: &scratch)
            let similarity = result.isEmpty && model.info.role == .gate ? 1 : cosine(vector, Array(expected.prefix(vector.count)))
            worst = min(worst, similarity)
            mean += similarity / Double(places.count)
        }
        return (worst, mean)
    }

    @Test(arguments: KernelLevel.available.map(\.rawValue))
    func `MiniLM's vectors are not those of the reference`(level: Int32) throws {
        let model = try store.openSentence(precision: .float, level: KernelLevel(rawValue: level))
        // The portable level is right or wrong as a whole, and takes its time.
        let step = level == 0 ? 20 : 1
        let (worst, _) = try worst(model, try Fixtures.vectors("sentence-vectors.bin", dimensions: 384), step: step)
        #expect(worst > 1 - 1e-6)
    }

    @Test func `MiniLM in int8 is further from the reference than promised`() throws {
        guard store.has(.miniLM, .int8) else { return }
        let model = try store.openSentence(precision: .int8)
        let (worst, mean) = try worst(model, try Fixtures.vectors("sentence-vectors.bin", dimensions: 384))
        #expect(worst > 0.99)
        #expect(mean > 0.998)
    }

    @Test func `potion's vectors are not the first half of the reference's`() throws {
        let (worst, _) = try worst(try store.openGate(), try Fixtures.vectors("gate-vectors.bin", dimensions: 256))
        #expect(worst > 0.9995)
    }

    @Test func `four thousand texts become other token ids than the reference's`() throws {
        let expected = try Fixtures.bytes("tokens.bin")
        let tokenizer = try store.openSentence().tokenizer
        var corpus = TokenCorpus()
        var scratch = WordPieceScratch()
        var wrong: [Int] = []
        for index in 0..<TokenCorpus.count {
            let text = corpus.next()
            tokenizer.tokenize(text.span, limit: TokenCorpus.limit, scratch: &scratch)
            let hash = expected.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: index * 8 + 4, as: UInt32.self)) }
            if TokenCorpus.hash(scratch.ids) != hash { wrong.append(index) }
        }
        #expect(wrong.isEmpty, "\(wrong.count) differ: \(wrong.prefix(10))")
    }
}
