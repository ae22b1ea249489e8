import GatewayModel
import TestSupport
import Testing

@testable import Embedding

@Suite struct PackedModelTests {
    private func error(_ path: String, verifying: Bool = true) -> EmbeddingModelError? {
        do throws(EmbeddingModelError) {
            _ = try SentenceModel(path: path, verifying: verifying)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a packed model does not tell what it is`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let info = try SentenceModel(path: try tiny.packed(.sentence, .int8)).info
        #expect(info.name == "tiny")
        #expect(info.role == .sentence)
        #expect(info.precision == .int8)
        #expect(info.dimensions == 64)
        #expect(info.positions == 40)
        #expect(info.tokens == TinyModel.words.count)
        #expect(info.source == Digest256(words: (1, 2, 3, 4)))
        let other = try SentenceModel(path: try tiny.packed(.sentence, .float)).info
        #expect(info.identity != other.identity)
    }

    @Test func `an absent, empty or foreign file is a model`() throws {
        let folder = TemporaryFolder()
        #expect(error(folder.file("none")) == .notFound(path: folder.file("none")))
        TestFile.write([], to: folder.file("empty"))
        #expect(error(folder.file("empty"))?.name == "model_damaged")
        TestFile.write(Array("PK\u{3}\u{4} something else, longer than the header".utf8), to: folder.file("zip"))
        #expect(error(folder.file("zip")) == .notAModel(path: folder.file("zip")))
        #expect(error(folder.path)?.name == "model_unreadable")
    }

    @Test func `a gate is taken for a judge, or the other way round`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let gate = try tiny.packed(.gate)
        #expect(error(gate)?.name == "wrong_model")
        let path = try tiny.packed(.sentence)
        #expect(throws: EmbeddingModelError.wrongModel(path: path, "tiny is no gate model")) { try GateModel(path: path) }
    }

    @Test func `a file cut anywhere, or a byte too long, is a model`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let path = try tiny.packed(.sentence)
        let size = try #require(TestFile.size(path))
        let whole = TestFile.read(path, count: size)
        let folder = TemporaryFolder()
        for length in [1, 7, 8, 100, 255, 256, 300, 2000, size / 2, size - 1] {
            let cut = folder.file("cut-\(length)")
            TestFile.write(Array(whole[..<length]), to: cut)
            for verifying in [true, false] {
                let name = error(cut, verifying: verifying)?.name
                #expect(name == (length < 8 ? "not_a_model" : "model_damaged"), "\(length)")
            }
        }
        TestFile.write(whole + [0], to: folder.file("long"))
        #expect(error(folder.file("long"))?.name == "model_damaged")
    }

    @Test func `a flipped bit anywhere goes unnoticed`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let path = try tiny.packed(.sentence)
        let size = try #require(TestFile.size(path))
        for offset in Array(stride(from: 0, to: 400, by: 3)) + Array(stride(from: 400, to: size, by: size / 60)) + [size - 1] {
            let byte = TestFile.read(path, at: offset, count: 1)[0]
            TestFile.write([byte ^ 0x10], to: path, at: offset)
            #expect(error(path) != nil, "at \(offset)")
            TestFile.write([byte], to: path, at: offset)
        }
        #expect(error(path) == nil)
    }

    @Test func `another version of the format is called damaged`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let path = try tiny.packed(.sentence)
        TestFile.write([2, 0, 0, 0], to: path, at: 8)
        #expect(error(path) == .unsupportedVersion(path: path, version: 2))
    }

    @Test func `contents that contradict the header reach the kernels`() throws {
        // Written with right checksums, so only the checks of measures stand between it and the kernels.
        var random = SplitMix64(seed: 3)
        for _ in 0..<200 {
            let folder = TemporaryFolder()
            var writer = PackedModelWriter()
            for name in ["vocabulary", "words", "positions", "norm", "0.attention"] {
                writer.add(name, (0..<(random.next() % 3000)).map { _ in UInt8(truncatingIfNeeded: random.next() >> 62) })
            }
            let info = ModelInfo(
                name: "odd", role: .sentence, precision: .float, dimensions: Int(random.next() % 5) * 16,
                positions: Int(random.next() % 50),
                tokens: Int(random.next() % 40), bytes: 0, source: Digest256(words: (0, 0, 0, 0)), layers: Int(random.next() % 3),
                heads: Int(random.next() % 4), inner: 16)
            let path = folder.file("odd.weir")
            try writer.write(info, to: path)
            #expect(error(path)?.name == "model_damaged")
        }
    }

    @Test func `an unfinished installation replaces a model or leaves rubbish`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let path = try tiny.packed(.sentence)
        let before = try #require(TestFile.size(path))
        var broken = tiny
        broken.remove("encoder.layer.1.output.dense.bias")
        #expect(throws: EmbeddingModelError.self) { try broken.packed(.sentence) }
        #expect(TestFile.size(path) == before)
        #expect(error(path) == nil)
        #expect(TemporaryFolder.names(in: tiny.folder.path).sorted() == ["model.safetensors", "sentence-fp32.weir"])
    }
}

@Suite struct ModelSourceTests {
    @Test func `a checkpoint that is not one is packed`() throws {
        let folder = TemporaryFolder()
        for (index, bytes) in [
            [], [1, 2, 3], [UInt8](repeating: 0xFF, count: 64), [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8),
            [9, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\": 1}".utf8),
            [3, 0, 0, 0, 0, 0, 0, 0] + Array("{x}".utf8),
        ].enumerated() {
            let path = folder.file("\(index).safetensors")
            TestFile.write(bytes, to: path)
            #expect(throws: EmbeddingModelError.self) {
                let file = try SafetensorsFile(path: path)
                _ = try file.floats("a", [1])
            }
        }
    }

    @Test func `a tensor outside of its file is read`() throws {
        let folder = TemporaryFolder()
        for offsets in ["[0,8]", "[-4,4]", "[4,0]", "[0,4611686018427387904]", "[0]", "[]"] {
            let header = Array("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":\(offsets)}}".utf8)
            var bytes: [UInt8] = []
            bytes.append(longWord: UInt64(header.count))
            let path = folder.file("x.safetensors")
            TestFile.write(bytes + header + [0, 0, 0, 0], to: path)
            #expect(throws: EmbeddingModelError.unsuitableSource(path: path, "the tensor a lies outside of the file"), "\(offsets)") {
                try SafetensorsFile(path: path)
            }
            TestFile.write([], to: path)
        }
    }

    @Test func `weights that are no numbers are packed`() throws {
        var tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        tiny.multiply("encoder.layer.1.output.dense.bias", by: .nan)
        #expect(throws: EmbeddingModelError.self) { try tiny.packed(.sentence) }
    }

    @Test func `a model of another SHA-256 is installed`() throws {
        let tiny = TinyModel()
        defer { withExtendedLifetime(tiny) {} }
        let path = tiny.checkpoint()
        let found = try ModelPacker.digest(of: path).hex
        let expected = KnownModel.miniLM.source.hex
        #expect(throws: EmbeddingModelError.wrongSource(path: path, expected: expected, found: found)) {
            try ModelPacker(.miniLM, folder: tiny.folder.path).pack(.float, to: tiny.folder.file("out.weir"))
        }
        #expect(TestFile.size(tiny.folder.file("out.weir")) == nil)
    }

    @Test func `a tokenizer file of another shape gives a vocabulary`() {
        for text in [
            "", "[]", "{}", "{\"model\":{\"vocab\":{}}}", "{\"model\":{\"vocab\":{\"a\":1}}}", "{\"model\":{\"vocab\":{\"a\":0,\"b\":0}}}",
            "{\"model\":{\"vocab\":{\"a\":-1}}}", "{\"model\":{\"vocab\":[[\"a\",0.5]]}}",
        ] {
            #expect(throws: EmbeddingModelError.self, "\(text)") { try ModelPacker.tokens(json: Array(text.utf8), path: "t") }
        }
    }

    @Test func `a known model has a digest of zeros`() {
        for model in KnownModel.all {
            #expect(model.source.words.0 != 0)
            #expect(model.vocabulary.words.0 != 0)
        }
    }

    @Test func `an empty or damaged store says nothing`() throws {
        let folder = TemporaryFolder()
        #expect(ModelStore(folder: folder.file("absent")).list().isEmpty)
        let store = ModelStore(folder: folder.path)
        #expect(throws: EmbeddingModelError.notFound(path: store.path(.potion, .int8))) { try store.openGate() }
        #expect(throws: EmbeddingModelError.notFound(path: store.path(.miniLM, .float))) { try store.openSentence() }
        TestFile.write([1, 2, 3], to: store.path(.miniLM, .float))
        let entries = store.list()
        #expect(entries.count == 1)
        #expect(throws: EmbeddingModelError.notAModel(path: store.path(.miniLM, .float))) { try entries[0].result.get() }
        #expect(store.has(.miniLM, .float) == false)
    }
}
