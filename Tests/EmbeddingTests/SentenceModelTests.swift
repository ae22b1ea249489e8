import Glibc
import Testing

@testable import Embedding

@Suite struct SentenceModelTests {
    @Test(arguments: KernelLevel.available.map(\.rawValue))
    func `an instruction set computes another vector than the definition`(level: Int32) throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let model = try SentenceModel(path: try tiny.packed(.sentence), level: KernelLevel(rawValue: level))
        var scratch = EmbeddingScratch()
        var vector: [Float] = []
        for count in 0...38 {
            let text = TinyModel.text(count)
            let result = model.embed(text.span, into: &vector, scratch: &scratch)
            #expect(result == EmbeddedText(tokens: count + 2, isCut: false, isEmpty: count == 0))
            let similarity = cosine(vector, tiny.reference(scratch.tokens.ids))
            #expect(similarity > 1 - 1e-6, "\(count) words: \(1 - similarity)")
            #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
        }
    }

    @Test(arguments: KernelLevel.available.map(\.rawValue))
    func `bytes stand for the floats badly`(level: Int32) throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let model = try SentenceModel(path: try tiny.packed(.sentence, .int8), level: KernelLevel(rawValue: level))
        var scratch = EmbeddingScratch()
        var vector: [Float] = []
        for count in [0, 1, 2, 7, 14, 15, 30, 38] {
            let text = TinyModel.text(count)
            _ = model.embed(text.span, into: &vector, scratch: &scratch)
            #expect(cosine(vector, tiny.reference(scratch.tokens.ids)) > 0.999)
        }
    }

    @Test func `all instruction sets compute the same from bytes`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let path = try tiny.packed(.sentence, .int8)
        var scratch = EmbeddingScratch()
        var vectors: [[Float]] = []
        for level in KernelLevel.available {
            let model = try SentenceModel(path: path, level: level)
            var vector: [Float] = []
            let text = TinyModel.text(21)
            _ = model.embed(text.span, into: &vector, scratch: &scratch)
            vectors.append(vector)
        }
        for vector in vectors { #expect(cosine(vector, vectors[0]) > 1 - 1e-5) }
    }

    @Test func `a text of as many tokens as positions is whole and one more is cut`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let model = try SentenceModel(path: try tiny.packed(.sentence))
        var scratch = EmbeddingScratch()
        var whole: [Float] = []
        var cut: [Float] = []
        let text = TinyModel.text(38)
        let more = text + Array(" a".utf8)
        #expect(model.embed(text.span, into: &whole, scratch: &scratch).isCut == false)
        let result = model.embed(more.span, into: &cut, scratch: &scratch)
        #expect(result == EmbeddedText(tokens: 40, isCut: true, isEmpty: false))
        #expect(cut == whole)
        #expect(model.tokenCount(text.span, limit: 40, scratch: &scratch) == 40)
        #expect(model.tokenCount(text.span, limit: 39, scratch: &scratch) == 40)
    }

    @Test func `what a scratch held before changes a vector`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let model = try SentenceModel(path: try tiny.packed(.sentence))
        var used = EmbeddingScratch()
        var vector: [Float] = [1, 2, 3]
        let long = TinyModel.text(38)
        let short = TinyModel.text(3)
        _ = model.embed(long.span, into: &vector, scratch: &used)
        _ = model.embed(short.span, into: &vector, scratch: &used)
        var fresh = EmbeddingScratch()
        var expected: [Float] = []
        _ = model.embed(short.span, into: &expected, scratch: &fresh)
        #expect(vector == expected)
    }

    @Test func `weights that overflow give a vector with elements that are no numbers`() throws {
        var tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        tiny.blowUp()
        for precision in [ModelPrecision.float, .int8] {
            let model = try SentenceModel(path: try tiny.packed(.sentence, precision))
            var scratch = EmbeddingScratch()
            var vector: [Float] = []
            let text = TinyModel.text(5)
            _ = model.embed(text.span, into: &vector, scratch: &scratch)
            #expect(vector.allSatisfy { $0.isFinite })
        }
    }
}

@Suite struct GateModelTests {
    private func embed(_ text: String, _ gate: GateModel) -> ([Float], EmbeddedText) {
        var scratch = EmbeddingScratch()
        var vector: [Float] = []
        let bytes = Array(text.utf8)
        let result = gate.embed(bytes.span, into: &vector, scratch: &scratch)
        return (vector, result)
    }

    @Test func `a gate's vector is not the mean of its words' vectors`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let gate = try GateModel(path: try tiny.packed(.gate))
        let rows = try #require(tiny.tensors["embeddings"]).values
        let (vector, result) = embed("a c a", gate)
        let expected = (0..<128).map { (d: Int) -> Float in 2 * rows[5 * 160 + d] + rows[7 * 160 + d] }
        #expect(cosine(vector, expected) > 0.9999)
        #expect(vector.count == 128)
        #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
        #expect(result == EmbeddedText(tokens: 3, isCut: false, isEmpty: false))
    }

    @Test func `unknown words move a gate's vector`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let gate = try GateModel(path: try tiny.packed(.gate))
        #expect(embed("a zzzz b", gate).0 == embed("a b", gate).0)
    }

    @Test func `nothing known gives anything but zeros`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let gate = try GateModel(path: try tiny.packed(.gate))
        for text in ["", "  ", "\u{1F600}"] {
            let (vector, result) = embed(text, gate)
            #expect(vector == [Float](repeating: 0, count: 128))
            #expect(result == EmbeddedText(tokens: 0, isCut: false, isEmpty: true))
        }
    }

    @Test func `a text of 512 tokens is whole and one more is cut`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let gate = try GateModel(path: try tiny.packed(.gate))
        #expect(embed(String(repeating: "a ", count: 512), gate).1 == EmbeddedText(tokens: 512, isCut: false, isEmpty: false))
        #expect(embed(String(repeating: "a ", count: 513), gate).1 == EmbeddedText(tokens: 512, isCut: true, isEmpty: false))
    }
}

extension TinyModel {
    /// Makes the first layer's outputs overflow.
    mutating func blowUp() {
        for name in ["encoder.layer.0.output.dense.weight", "encoder.layer.0.intermediate.dense.weight"] {
            multiply(name, by: 3e30)
        }
    }
}
