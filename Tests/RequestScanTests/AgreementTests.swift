import GatewayModel
import JSON
import RequestScan
import Testing

/// The scanner against the JSON module: two parsers, one grammar.
@Suite struct AgreementTests {
    private static let operations: [Operation] = [.chatCompletions, .responses, .embeddings, .messages, .generateContent, .completions]

    @Test func `random bodies are read or edited differently`() {
        var generator = DocumentGenerator(seed: 31)
        for _ in 0..<1_500 {
            var body = generator.body()
            if generator.int(0...2) == 0 { body["input"] = .array((0..<generator.int(0...3)).map { _ in generator.value(1) }) }
            if generator.int(0...2) == 0 {
                body["input"] = generator.pick([["a", "b"], [[1, 2], [3]], [1, 2], ["a", 1], "x", [[1], ["a"]], [[1], []]])
            }
            if generator.int(0...2) == 0 {
                body["stream_options"] = generator.pick([[:], ["include_usage": false], ["a": 1], nil, 7, ["include_usage": true]])
            }
            let bytes = generator.spelling(ofBody: body)
            let operation = generator.pick(Self.operations)
            #expect(scanFault(bytes, operation) == nil, "\(operation) \(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test func `mutated bodies are refused by one parser only`() {
        var generator = DocumentGenerator(seed: 32)
        let tokens = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83d", "\\ude00", "1e308", "1e309", "-", ".", "true", "null", "\u{0}", "é",
            "\u{FEFF}",
        ]
        var accepted = 0
        for round in 0..<8_000 {
            var bytes = generator.spelling(ofBody: generator.body())
            if bytes.count > 600 { continue }
            for _ in 0...generator.int(0...2) where !bytes.isEmpty {
                let index = generator.int(0...bytes.count - 1)
                switch generator.int(0...5) {
                case 0: bytes[index] = UInt8(generator.int(0...255))
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(contentsOf: Array(generator.pick(tokens).utf8), at: index)
                case 3: bytes.swapAt(index, generator.int(0...bytes.count - 1))
                case 4: bytes.removeLast(bytes.count - index)
                default: bytes.insert(contentsOf: bytes[index..<min(index + generator.int(1...9), bytes.count)], at: index)
                }
            }
            let operation = Self.operations[round % Self.operations.count]
            #expect(scanFault(bytes, operation) == nil, "\(operation) \(String(decoding: bytes, as: UTF8.self))")
            if (try? scan(bytes)) != nil { accepted += 1 }
        }
        #expect(accepted > 100, "the corpus must hold both kinds")
    }
}
