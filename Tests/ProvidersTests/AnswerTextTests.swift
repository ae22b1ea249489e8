import GatewayModel
import Testing

@testable import Providers

@Suite struct AnswerTextTests {
    private func read(_ body: String, _ operation: Operation, isStream: Bool = false) -> String? {
        let bytes = Array(body.utf8)
        return AnswerText.read(bytes.span, operation: operation, isStream: isStream).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `an answer's text is not found in its dialect`() {
        #expect(read(#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi \u00e9"}}]}"#, .chatCompletions) == "Hi é")
        #expect(read(#"{"choices":[{"text":"Hi"}]}"#, .completions) == "Hi")
        #expect(read(#"{"content":[{"type":"text","text":"H"},{"type":"text","text":"i"}]}"#, .messages) == "Hi")
        #expect(read(#"{"candidates":[{"content":{"parts":[{"text":"H"},{"text":"i"}]}}]}"#, .generateContent) == "Hi")
        let response =
            #"{"output":[{"type":"reasoning"},{"type":"message","content":[{"type":"output_text","text":"Hi"}]}]}"#
        #expect(read(response, .responses) == "Hi")
    }

    @Test func `a stream's text is not that of the answer it adds up to`() {
        let chunk = { (delta: String, finish: String) in
            #"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":\#(delta),"finish_reason":\#(finish)}]}"#
                + "\n\n"
        }
        let stream =
            chunk(#"{"role":"assistant","content":""}"#, "null") + chunk(#"{"content":"H"}"#, "null") + chunk(#"{"content":"i"}"#, "null")
            + chunk("{}", #""stop""#) + "data: [DONE]\n\n"
        #expect(read(stream, .chatCompletions, isStream: true) == "Hi")
    }

    @Test func `something other than one text is compared as text`() {
        #expect(read(#"{"choices":[{"message":{"content":"a"}},{"message":{"content":"b"}}]}"#, .chatCompletions) == nil)
        #expect(read(#"{"choices":[{"message":{"content":"a","tool_calls":[{"id":"x"}]}}]}"#, .chatCompletions) == nil)
        #expect(read(#"{"choices":[{"message":{"content":null}}]}"#, .chatCompletions) == nil)
        #expect(read(#"{"content":[{"type":"text","text":"a"},{"type":"tool_use","id":"x"}]}"#, .messages) == nil)
        #expect(read(#"{"output":[{"type":"function_call"}]}"#, .responses) == nil)
        #expect(read("no json", .chatCompletions) == nil)
        #expect(read(#"{"data":[]}"#, .embeddings) == nil)
    }

    @Test func `an empty list of tool calls hides a text`() {
        #expect(read(#"{"choices":[{"message":{"content":"a","tool_calls":[]}}]}"#, .chatCompletions) == "a")
    }
}
