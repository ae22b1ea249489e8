import JSON
import TestSupport
import Testing

@testable import Providers

@Suite struct EmbeddingsAnswerTests {
    static func parse(_ body: [UInt8], _ lengths: [Int]) -> EmbeddingsAnswer? {
        EmbeddingsAnswer(parsing: body.span, inputLengths: lengths)
    }

    static let answer = """
        {"object":"list","data":[{"object":"embedding","index":1,"embedding":"AAAA"},
        {"embedding": [0.1, -2e-3,3] ,"index":0,"object":"embedding"}],"model":"text-embed \\"x\\"","usage":{"prompt_tokens":10,"total_tokens":10}}
        """

    @Test func `items come back in another order or with other vectors`() throws {
        let answer = try #require(EmbeddingsAnswerTests.parse(Array(EmbeddingsAnswerTests.answer.utf8), [30, 20]))
        #expect(answer.model == "text-embed \"x\"")
        #expect(answer.items.map { String(decoding: $0.embedding, as: UTF8.self) } == ["[0.1, -2e-3,3]", "\"AAAA\""])
        #expect(answer.items.map(\.tokens) == [6, 4])
        var body: [UInt8] = []
        EmbeddingsAnswer(items: [answer.items[1], answer.items[0], answer.items[1]], model: answer.model).append(to: &body)
        let joined = try JSONValue(parsing: body.span)
        #expect(joined["data"]?.arrayValue?.map { $0["index"]?.intValue } == [0, 1, 2])
        #expect(
            joined["data"]?[2]?["embedding"] == "AAAA" && joined["usage"]?["prompt_tokens"] == 14 && joined["usage"]?["total_tokens"] == 14)
        #expect(EmbeddingsAnswerTests.parse(body, [1, 1, 1])?.items.map(\.embedding).first == answer.items[1].embedding)
        #expect(AnswerObserverTests.observe(String(decoding: body, as: UTF8.self), .embeddings, .json).outcome == .complete)
    }

    @Test func `an answer to other inputs is taken apart`() {
        func parse(_ body: String, _ lengths: [Int]) -> EmbeddingsAnswer? {
            EmbeddingsAnswer(parsing: Array(body.utf8).span, inputLengths: lengths)
        }
        for lengths in [[], [1], [1, 1, 1]] { #expect(parse(EmbeddingsAnswerTests.answer, lengths) == nil) }
        for body in [
            "", "{}", "[]", #"{"data":[]}"#, #"{"data":[{"index":0}]}"#, #"{"data":[{"embedding":null,"index":0}]}"#,
            #"{"data":[{"embedding":[1],"index":-1}]}"#, #"{"data":[{"embedding":[1],"index":1}]}"#,
            #"{"data":[{"embedding":[1],"index":1e0}]}"#,
            #"{"data":[{"embedding":[1],"index":0}]"#, #"{"data":[{"embedding":[1],"index":0}]}x"#,
            #"{"error":{},"data":[{"embedding":[1]}]}"#,
            #"{"data":[{"embedding":"\"#, #"{"data":[{"embedding":"#, #"{"data"#,
        ] { #expect(parse(body, [1]) == nil, "\(body)") }
        #expect(parse(#"{"data":[{"embedding":[1]}]}"#, [1])?.items == [EmbeddingItem(embedding: Array("[1]".utf8), tokens: 0)])
        #expect(parse(#"{"data":[{"embedding":[1],"index":0},{"embedding":[2],"index":0}]}"#, [1, 1]) == nil)
    }

    @Test func `shares of the usage do not add up to it`() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<2000 {
            let total = Int64.random(in: 0...1000, using: &random)
            let lengths = (0..<Int.random(in: 1...20, using: &random)).map { _ in Int.random(in: 0...50, using: &random) }
            let shares = EmbeddingsAnswer.shares(of: total, by: lengths)
            #expect(shares.reduce(0, +) == total)
            #expect(shares.allSatisfy { $0 >= 0 })
        }
        #expect(EmbeddingsAnswer.shares(of: .max, by: [.max, .max, .max]).reduce(0, +) == .max)
        #expect(EmbeddingsAnswer.shares(of: 3, by: [0, 0, 0]) == [1, 1, 1])
        #expect(EmbeddingsAnswer.shares(of: 3, by: []) == [])
    }

    @Test func `a cut body makes the reader trap`() {
        let bytes = Array(EmbeddingsAnswerTests.answer.utf8)
        for cut in bytes.indices { #expect(EmbeddingsAnswerTests.parse(Array(bytes[..<cut]), [1, 1]) == nil) }
    }
}
