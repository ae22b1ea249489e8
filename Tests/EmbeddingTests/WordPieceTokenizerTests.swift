import TestSupport
import Testing

@testable import Embedding

@Suite struct WordPieceTokenizerTests {
    static func small() throws -> WordPieceTokenizer { try #require(WordPieceTokenizer(tokens: try Fixtures.lines("vocabulary.txt"))) }

    static func pieces(_ text: String, limit: Int = 128, framed: Bool = false) throws -> [String] {
        let tokenizer = try small()
        var scratch = WordPieceScratch()
        tokenizer.tokenize(Array(text.utf8).span, limit: limit, framed: framed, scratch: &scratch)
        return scratch.ids.map { tokenizer.text(of: $0) }
    }

    @Test func `four thousand texts become the token ids of the reference`() throws {
        let expected = try Fixtures.bytes("tokens.bin")
        let tokenizer = try Self.small()
        var corpus = TokenCorpus()
        var scratch = WordPieceScratch()
        var wrong: [Int] = []
        for index in 0..<TokenCorpus.count {
            let text = corpus.next()
            tokenizer.tokenize(text.span, limit: TokenCorpus.limit, scratch: &scratch)
            let hash = expected.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: index * 8, as: UInt32.self)) }
            if TokenCorpus.hash(scratch.ids) != hash { wrong.append(index) }
        }
        #expect(wrong.isEmpty, "\(wrong.count) differ: \(wrong.prefix(10))")
    }

    @Test func `accents and case are dropped, and Chinese characters and punctuation stand alone`() throws {
        #expect(try Self.pieces("Thé, 中中!") == ["the", ",", "中", "中", "!"])
    }

    @Test func `a word with a part that no token has is one unknown token`() throws {
        #expect(try Self.pieces("a\u{1F600}b and") == ["[UNK]", "and"])
    }

    @Test func `a word of 100 scalars is split and one of 101 is unknown`() throws {
        #expect(try Self.pieces(String(repeating: "a", count: 100)).contains("[UNK]") == false)
        #expect(try Self.pieces(String(repeating: "a", count: 101)) == ["[UNK]"])
    }

    @Test func `a text of exactly the limit is whole and one token more is cut`() throws {
        let tokenizer = try Self.small()
        var scratch = WordPieceScratch()
        let six = Array("a b c d e f".utf8)
        #expect(tokenizer.tokenize(six.span, limit: 8, scratch: &scratch) == false)
        #expect(scratch.ids.count == 8)
        #expect(tokenizer.tokenize(six.span, limit: 7, scratch: &scratch) == true)
        #expect(scratch.ids.count == 7)
        #expect(scratch.ids.last.map { tokenizer.text(of: $0) } == "[SEP]")
    }

    @Test func `bytes that are not UTF-8 are skipped and never trap`() throws {
        let tokenizer = try Self.small()
        var scratch = WordPieceScratch()
        for bytes: [UInt8] in [
            [0x61, 0xFF, 0x62], [0x61, 0xC3], [0xE4, 0xB8], [0xF0, 0x9F, 0x98], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0x80],
        ] {
            tokenizer.tokenize(bytes.span, limit: 16, framed: false, scratch: &scratch)
            #expect(scratch.ids.count <= 2)
        }
        tokenizer.tokenize(([0x61, 0xFF, 0x6E] as [UInt8]).span, limit: 16, framed: false, scratch: &scratch)
        #expect(scratch.ids.map { tokenizer.text(of: $0) } == ["an"])
    }

    @Test func `a megabyte of marks or letters takes no memory and little time`() throws {
        let tokenizer = try Self.small()
        var scratch = WordPieceScratch()
        let marks = Array(String(repeating: "\u{302E}\u{1D165}", count: 100_000).utf8)
        tokenizer.tokenize(marks.span, limit: 128, framed: false, scratch: &scratch)
        #expect(scratch.ids == [tokenizer.unknown])
        tokenizer.tokenize([UInt8](repeating: 0x61, count: 1 << 20).span, limit: 128, framed: false, scratch: &scratch)
        #expect(scratch.ids == [tokenizer.unknown])
        #expect(scratch.word.capacity <= 1024)
    }

    @Test func `random bytes break a rule of tokenization`() {
        var random = SplitMix64(seed: 11)
        let alphabet: [UInt8] = Array("ab[CLS] .中\u{302E}\u{AC00}\u{F900}é".utf8) + [0xFF, 0xC3, 0xF0]
        for _ in 0..<3000 {
            let bytes = (0..<(random.next() % 120)).map { _ in
                random.next() % 4 == 0 ? UInt8(truncatingIfNeeded: random.next()) : alphabet[Int(random.next() % UInt64(alphabet.count))]
            }
            #expect(wordPieceFault(bytes) == nil, "\(bytes)")
        }
    }

    @Test func `a vocabulary without the special tokens is refused`() {
        #expect(WordPieceTokenizer(tokens: ["a", "b", "[UNK]"]) == nil)
        #expect(WordPieceTokenizer(tokens: []) == nil)
    }
}
