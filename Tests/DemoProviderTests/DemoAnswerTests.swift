import GatewayModel
import JSON
import Testing

@testable import DemoProvider

/// An input parsed from JSON text.
func demoInput(_ operation: Operation, _ text: String, pathModel: String? = nil, stream: Bool = false) throws -> DemoInput {
    let body = try JSONValue(parsing: Array(text.utf8).span)
    return try DemoInput(operation: operation, body: body, pathModel: pathModel, isStreamingPath: stream)
}

@Suite struct DemoAnswerTests {
    private func chat(_ text: String, extra: String = "") throws -> DemoInput {
        try demoInput(.chatCompletions, #"{"model":"demo-chat","messages":[{"role":"user","content":"\#(text)"}]\#(extra)}"#)
    }

    @Test func `the same input gives the same answer and another gives another`() throws {
        let first = DemoAnswer(to: try chat("Hello"), behaviour: .normal)
        #expect(first == DemoAnswer(to: try chat("Hello"), behaviour: .normal))
        #expect(first.text.hasPrefix("You said: Hello"))
        #expect(first.text != DemoAnswer(to: try chat("hello"), behaviour: .normal).text)
    }

    @Test func `the fingerprint tells a text cut elsewhere from the same letters`() throws {
        let body = { (a: String, b: String) in
            #"{"model":"m","messages":[{"role":"system","content":"\#(a)"},{"role":"user","content":"\#(b)"}]}"#
        }
        let one = try demoInput(.chatCompletions, body("ab", "c"))
        let other = try demoInput(.chatCompletions, body("a", "bc"))
        #expect(DemoAnswer.fingerprint(of: one) != DemoAnswer.fingerprint(of: other))
    }

    @Test func `tokens are scalars over four rounded up`() throws {
        #expect(DemoAnswer.tokens(in: "") == 0)
        #expect(DemoAnswer.tokens(in: "abcd") == 1)
        #expect(DemoAnswer.tokens(in: "abcde") == 2)
        #expect(DemoAnswer.tokens(in: "äöüß") == 1)
        let answer = DemoAnswer(to: try chat("abcde"), behaviour: .normal)
        #expect(answer.usage.inputTokens == 2)
        #expect(answer.usage.outputTokens == Int64((answer.text.unicodeScalars.count + 3) / 4))
    }

    @Test func `a limit at the answer's length leaves it whole and one below cuts it`() throws {
        let whole = DemoAnswer(to: try chat("Hi"), behaviour: .normal)
        let tokens = Int(whole.usage.outputTokens)
        let atLimit = DemoAnswer(to: try chat("Hi", extra: #","max_tokens":\#(tokens)"#), behaviour: .normal)
        #expect(atLimit.finish == .stop && atLimit.text == whole.text)
        let below = DemoAnswer(to: try chat("Hi", extra: #","max_tokens":\#(tokens - 1)"#), behaviour: .normal)
        #expect(below.finish == .length)
        #expect(below.usage.outputTokens == Int64(tokens - 1))
    }

    @Test func `pieces put together are the text`() throws {
        let answer = DemoAnswer(to: try chat("Grüße aus dem Süden 👋🏽 und noch viel mehr Wörter"), behaviour: .normal)
        #expect(answer.pieces().joined() == answer.text)
        #expect(answer.pieces().count > 3)
        var empty = answer
        empty.text = ""
        #expect(empty.pieces() == [""])
    }

    @Test func `a tool is called only when asked for and with arguments that fit its schema`() throws {
        let tools = #"""
            ,"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":
            {"city":{"type":"string"},"unit":{"type":"string","enum":["C","F"]},"days":{"type":"integer"}}}}}]
            """#
        #expect(DemoAnswer(to: try chat("What is it like?", extra: tools), behaviour: .normal).toolCall == nil)
        let called = DemoAnswer(to: try chat("Please call the tool", extra: tools), behaviour: .normal)
        #expect(called.toolCall?.name == "weather")
        #expect(called.toolCall?.arguments == ["city": "demo", "unit": "C", "days": 1])
        #expect(called.finish == .toolCall)
        #expect(DemoAnswer(to: try chat("Please call the tool"), behaviour: .normal).toolCall == nil)
    }

    @Test func `after the tool's result comes a text`() throws {
        let input = try demoInput(
            .chatCompletions,
            #"""
            {"model":"demo-chat","messages":[{"role":"user","content":"call the tool"},{"role":"assistant","content":null},
            {"role":"tool","tool_call_id":"x","content":"12 degrees"}],"tools":[{"type":"function","function":{"name":"f"}}]}
            """#)
        #expect(DemoAnswer(to: input, behaviour: .normal).toolCall == nil)
    }

    @Test func `a schema that contains itself ends`() {
        var schema: JSONValue = ["type": "string"]
        for _ in 0..<40 { schema = ["type": "object", "properties": ["next": schema]] }
        #expect(DemoAnswer.compact(DemoAnswer.arguments(for: schema)).utf8.count < 200)
    }

    @Test func `a request without what it needs is refused with the field's name`() throws {
        for (operation, body, field) in [
            (Operation.chatCompletions, #"{"messages":[{"role":"user","content":"x"}]}"#, "model"),
            (.chatCompletions, #"{"model":"m"}"#, "messages"),
            (.messages, #"{"model":"m","messages":[{"role":"user","content":"x"}]}"#, "max_tokens"),
            (.embeddings, #"{"model":"m"}"#, "input"), (.embeddings, #"{"model":"m","input":[null]}"#, "input"),
            (.responses, #"{"model":"m"}"#, "input"),
        ] {
            #expect { try demoInput(operation, body) } throws: { ($0 as? GatewayError)?.param == field }
        }
    }

    @Test func `equal texts have equal embeddings of length one and texts that share words are closer`() {
        func cosine(_ a: String, _ b: String) -> Float {
            zip(DemoEmbedding.vector(of: a, dimensions: 64), DemoEmbedding.vector(of: b, dimensions: 64)).reduce(0) { $0 + $1.0 * $1.1 }
        }
        #expect(abs(cosine("reset my password", "reset my password") - 1) < 1e-4)
        #expect(cosine("reset my password", "reset the password") > cosine("reset my password", "cancel an order") + 0.2)
        #expect(abs(cosine("", "") - 1) < 1e-4)
    }

    @Test func `base64 pads as RFC 4648 shows`() {
        for (plain, encoded) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ] { #expect(Base64.text(of: Array(plain.utf8)) == encoded) }
    }

    @Test func `the gzip checksum is that of the standard's check value`() {
        #expect(StoredGzip.crc32(Array("123456789".utf8)) == 0xCBF4_3926)
        let encoded = StoredGzip.encode([UInt8](repeating: 7, count: 65_536))
        // Two blocks: 65,535 bytes and the one that is over.
        #expect(encoded.count == 10 + 5 + 65_535 + 5 + 1 + 8)
        #expect(encoded[10] == 0 && encoded[10 + 5 + 65_535] == 1)
        #expect(StoredGzip.encode([]).count == 10 + 5 + 8)
    }
}
