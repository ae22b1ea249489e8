import GatewayModel
import Testing

@testable import Providers

@Suite struct AnswerObserverTests {
    /// The summary of a body that arrives in chunks of `step` bytes.
    static func observe(
        _ body: String, _ operation: Operation, _ form: AnswerForm = .serverSentEvents, step: Int = .max, clean: Bool = true,
        limit: Int = 1 << 20
    ) -> AnswerSummary {
        let bytes = Array(body.utf8)
        var observer = AnswerObserver(operation: operation, form: form, eventBytesMax: limit)
        var start = 0
        while start < bytes.count {
            let end = step == .max ? bytes.count : min(bytes.count, start + step)
            observer.receive(bytes.span.extracting(start..<end))
            start = end
        }
        return observer.finish(transportEndedCleanly: clean)
    }

    static let recordings: [(String, Operation, AnswerForm)] = [
        (Recording.chatStream, .chatCompletions, .serverSentEvents), (Recording.chatJSON, .chatCompletions, .json),
        (Recording.chatToolStream, .chatCompletions, .serverSentEvents), (Recording.completionsStream, .completions, .serverSentEvents),
        (Recording.responsesJSON, .responses, .json), (Recording.responsesStream, .responses, .serverSentEvents),
        (Recording.messagesJSON, .messages, .json), (Recording.messagesStream, .messages, .serverSentEvents),
        (Recording.geminiJSON, .generateContent, .json), (Recording.geminiStream, .generateContent, .serverSentEvents),
        ("[\(Recording.geminiJSON),\r\n\(Recording.geminiJSON)]", .generateContent, .geminiArray),
    ]

    @Test func `an answer is judged differently when it is cut into chunks`() {
        for (body, operation, form) in AnswerObserverTests.recordings {
            let whole = AnswerObserverTests.observe(body, operation, form)
            #expect(whole.outcome == .complete, "\(operation) \(form)")
            for step in [1, 2, 3, 7, 64] {
                #expect(AnswerObserverTests.observe(body, operation, form, step: step) == whole, "\(operation) \(form) by \(step)")
            }
        }
    }

    @Test func `a stream cut anywhere counts as whole`() {
        for (body, operation, form) in AnswerObserverTests.recordings {
            let bytes = Array(body.utf8)
            let marker = form == .json ? 1 : form == .geminiArray ? 1 : 20
            for cut in stride(from: 0, to: bytes.count - marker, by: 1) {
                let part = String(decoding: bytes[..<cut], as: UTF8.self)
                let summary = AnswerObserverTests.observe(part, operation, form)
                #expect(summary.outcome != .complete, "\(operation) \(form) cut at \(cut) of \(bytes.count)")
            }
            #expect(AnswerObserverTests.observe(body, operation, form, clean: false).outcome == .truncated)
        }
    }

    @Test func `tokens are not counted as the provider counts them`() {
        func usage(_ index: Int) -> Usage? {
            let (body, operation, form) = AnswerObserverTests.recordings[index]
            return AnswerObserverTests.observe(body, operation, form).usage
        }
        let openAI = Usage(inputTokens: 9, outputTokens: 12, cachedInputTokens: 4, reasoningTokens: 5)
        #expect(usage(0) == openAI)
        #expect(usage(1) == openAI)
        #expect(usage(2) == nil)
        #expect(usage(4) == Usage(inputTokens: 36, outputTokens: 87, cachedInputTokens: 6, reasoningTokens: 11))
        #expect(usage(5) == Usage(inputTokens: 3, outputTokens: 2))
        let anthropic = Usage(inputTokens: 1110, outputTokens: 25, cachedInputTokens: 1000, cacheWriteInputTokens: 100)
        #expect(usage(6) == anthropic)
        #expect(usage(7) == anthropic)
        let gemini = Usage(inputTokens: 7, outputTokens: 8, cachedInputTokens: 2, reasoningTokens: 3)
        #expect(usage(8) == gemini)
        #expect(usage(9) == gemini)
        func chat(_ usage: String) -> Usage? {
            AnswerObserverTests.observe(
                #"{"choices":[{"finish_reason":"stop","message":{"content":"{\"usage\":{\"prompt_tokens\":999}}"}}],"usage":"# + usage
                    + "}",
                .chatCompletions, .json
            ).usage
        }
        #expect(chat(#"{"prompt_tokens":5,"completion_tokens":2,"total_tokens":17}"#)?.outputTokens == 12)
        #expect(chat(#"{"prompt_tokens":5,"completion_tokens":2,"prompt_cache_hit_tokens":3}"#)?.cachedInputTokens == 3)
        #expect(chat("null") == nil)
        let groq =
            #"{"choices":[{"finish_reason":"stop","message":{}}],"x_groq":{"id":"r","usage":{"prompt_tokens":5,"completion_tokens":2}}}"#
        #expect(AnswerObserverTests.observe(groq, .chatCompletions, .json).usage == Usage(inputTokens: 5, outputTokens: 2))
    }

    @Test(arguments: [
        (#"{"prompt_tokens":-5,"completion_tokens":2}"#, 0, 2),
        (#"{"prompt_tokens":1e18,"completion_tokens":2}"#, 1_000_000_000_000_000_000, 2),
        (#"{"prompt_tokens":99999999999999999999,"completion_tokens":9223372036854775807}"#, Int64.max, Int64.max),
        (#"{"prompt_tokens":"7","completion_tokens":2}"#, 7, 2), (#"{"prompt_tokens":"many","completion_tokens":2}"#, 0, 2),
        (#"{"prompt_tokens":1.9,"completion_tokens":1e999}"#, 1, 0),
        (#"{"prompt_tokens":1000000000001,"completion_tokens":0}"#, 1_000_000_000_001, 0),
        (#"{"input_tokens":9223372036854775807,"cache_read_input_tokens":1,"output_tokens":1}"#, Int64.max, 1),
    ])
    func `an absurd count overflows or passes unflagged`(usage: String, input: Int64, output: Int64) {
        let body = #"{"choices":[{"finish_reason":"stop","message":{}}],"usage":"# + usage + "}"
        let counted = AnswerObserverTests.observe(body, .chatCompletions, .json).usage
        #expect(counted?.isSuspect == true)
        #expect(counted?.inputTokens == input)
        #expect(counted?.outputTokens == (output == 0 && usage.contains("1e999") ? Int64.max : output))
    }

    @Test func `the largest plausible count is flagged`() {
        let body = #"{"choices":[{"finish_reason":"stop","message":{}}],"usage":{"prompt_tokens":1000000000000,"completion_tokens":0}}"#
        #expect(AnswerObserverTests.observe(body, .chatCompletions, .json).usage?.isSuspect == false)
    }

    @Test func `an unnatural finish passes for a natural one`() {
        func chat(_ choices: String) -> AnswerSummary {
            AnswerObserverTests.observe(#"{"id":"x","choices":["# + choices + "]}", .chatCompletions, .json)
        }
        #expect(chat(#"{"index":0,"message":{},"finish_reason":"stop"}"#).finishIsNatural)
        for reason in ["length", "content_filter", "error", "tool_calls"] {
            let summary = chat(#"{"index":0,"message":{},"finish_reason":"stop"},{"index":1,"message":{},"finish_reason":"\#(reason)"}"#)
            #expect(!summary.finishIsNatural && summary.outcome == .complete && summary.choiceCount == 2)
            #expect(summary.finishReasons == ["stop", reason])
        }
        #expect(chat(#"{"index":0,"message":{},"finish_reason":null}"#).outcome == .malformed)
        #expect(chat("").outcome == .malformed)
        #expect(chat(#"{"index":127,"message":{},"finish_reason":"stop"}"#).outcome == .complete)
        #expect(chat(#"{"index":128,"message":{},"finish_reason":"stop"}"#).outcome == .malformed)
        #expect(chat(#"{"index":-1,"message":{},"finish_reason":"stop"}"#).outcome == .malformed)
        #expect(!AnswerObserverTests.observe(Recording.messagesJSON, .messages, .json).finishIsNatural)
        #expect(AnswerObserverTests.observe(Recording.geminiStream, .generateContent).finishIsNatural)
        #expect(AnswerObserverTests.observe(Recording.responsesStream, .responses).finishIsNatural)
        let incomplete = Recording.responsesJSON.replacing(
            #""completed","error":null,"incomplete_details":null"#,
            with: #""incomplete","error":null,"incomplete_details":{"reason":"max_output_tokens"}"#)
        let summary = AnswerObserverTests.observe(incomplete, .responses, .json)
        #expect(summary.outcome == .complete && !summary.finishIsNatural)
        #expect(summary.finishReasons == ["incomplete", "max_output_tokens"])
        let blocked = AnswerObserverTests.observe(#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, .generateContent, .json)
        #expect(blocked.outcome == .complete && !blocked.finishIsNatural && blocked.finishReasons == ["SAFETY"])
    }

    @Test func `a tool call goes unnoticed`() {
        #expect(AnswerObserverTests.observe(Recording.chatToolStream, .chatCompletions).hasToolCalls)
        #expect(AnswerObserverTests.observe(Recording.messagesJSON, .messages, .json).hasToolCalls)
        #expect(AnswerObserverTests.observe(Recording.messagesStream, .messages).hasToolCalls)
        #expect(AnswerObserverTests.observe(Recording.geminiJSON, .generateContent, .json).hasToolCalls)
        #expect(!AnswerObserverTests.observe(Recording.responsesJSON, .responses, .json).hasToolCalls)
        #expect(!AnswerObserverTests.observe(Recording.chatStream, .chatCompletions).hasToolCalls)
        for item in ["function_call", "web_search_call", "mcp_list_tools", "custom_tool_call"] {
            let body = #"{"object":"response","status":"completed","output":[{"type":"\#(item)"}]}"#
            #expect(AnswerObserverTests.observe(body, .responses, .json).hasToolCalls, "\(item)")
        }
        let none = #"{"choices":[{"message":{"content":"a","tool_calls":[],"function_call":null},"finish_reason":"stop"}]}"#
        #expect(!AnswerObserverTests.observe(none, .chatCompletions, .json).hasToolCalls)
    }

    @Test func `an error under a 200 passes for an answer`() {
        for (body, operation, form) in [
            (#"{"error":{"message":"no","type":"server_error"}}"#, Operation.chatCompletions, AnswerForm.json),
            (#"{"error":"no"}"#, .embeddings, .json), (#"{"object":"error","message":"no"}"#, .chatCompletions, .json),
            (#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, .messages, .json),
            ("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n", .messages, .serverSentEvents),
            ("data: {\"error\":{\"code\":503}}\n\n", .generateContent, .serverSentEvents),
            ("[{\"error\":{\"code\":503}}]", .generateContent, .geminiArray),
            ("event: error\ndata: {\"type\":\"error\",\"code\":\"x\",\"message\":\"m\"}\n\n", .responses, .serverSentEvents),
            (
                "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\"}}\n\n", .responses,
                .serverSentEvents
            ),
            (
                Recording.chatStream.replacing("data: [DONE]", with: "data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]"),
                .chatCompletions, .serverSentEvents
            ),
        ] { #expect(AnswerObserverTests.observe(body, operation, form).outcome == .errorInBody, "\(body)") }
        let fine = #"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"error":null}"#
        #expect(AnswerObserverTests.observe(fine, .chatCompletions, .json).outcome == .complete)
    }

    @Test func `a body that is no answer is kept`() {
        for body in [
            "", "   ", "[]", "[1]", "1", "null", "\"x\"", "{", "{}", "{}x", "{\"choices\"}", "{\"choices\":[}", "{\"choices\":[{]}",
            "<html>", "{\"a\":tru}",
        ] {
            let outcome = AnswerObserverTests.observe(body, .chatCompletions, .json).outcome
            #expect(outcome == .malformed || outcome == .truncated, "\(body)")
        }
        #expect(AnswerObserverTests.observe("data: nonsense\n\ndata: [DONE]\n\n", .chatCompletions).outcome == .malformed)
        #expect(AnswerObserverTests.observe("data: [DONE]\n\n", .chatCompletions).outcome == .truncated)
        #expect(AnswerObserverTests.observe(#"{"object":"list","data":[]}"#, .embeddings, .json).outcome == .malformed)
        #expect(
            AnswerObserverTests.observe(
                #"{"object":"list","data":[{"embedding":[0.1,-2e-3]}],"usage":{"prompt_tokens":4,"total_tokens":4}}"#, .embeddings, .json
            ).usage?.inputTokens == 4)
        let deep = String(repeating: "[", count: 63) + String(repeating: "]", count: 63)
        #expect(AnswerObserverTests.observe("{\"data\":\(deep)}", .models, .json).outcome == .complete)
        #expect(AnswerObserverTests.observe("{\"data\":[\(deep)]}", .models, .json).outcome == .malformed)
    }

    @Test func `a provider without an end marker has every stream called cut`() {
        func outcome(_ stream: String, clean: Bool) -> AnswerSummary.Outcome {
            var observer = AnswerObserver(operation: .chatCompletions, form: .serverSentEvents, requiresDoneMarker: false)
            observer.receive(Array(stream.utf8).span)
            return observer.finish(transportEndedCleanly: clean).outcome
        }
        let unmarked = Recording.chatStream.replacing("data: [DONE]", with: "")
        #expect(outcome(unmarked, clean: true) == .complete)
        #expect(outcome(unmarked, clean: false) == .truncated)
        #expect(outcome(unmarked.replacing(#""finish_reason":"stop""#, with: #""finish_reason":null"#), clean: true) == .truncated)
        #expect(AnswerObserverTests.observe(unmarked, .chatCompletions).outcome == .truncated)
    }

    @Test func `an event above the limit goes on`() {
        let event = "data: {\"choices\":[{\"delta\":{\"content\":\"\(String(repeating: "x", count: 100))\"}}]}\n\n"
        var observer = AnswerObserver(operation: .chatCompletions, form: .serverSentEvents, eventBytesMax: event.utf8.count - 1)
        observer.receive(Array(event.utf8).span)
        #expect(observer.isEventTooLarge)
        #expect(observer.finish(transportEndedCleanly: true).outcome == .eventTooLarge)
        #expect(AnswerObserverTests.observe(event, .chatCompletions, limit: event.utf8.count).outcome == .truncated)
    }

    @Test func `text is counted twice or not at all`() {
        #expect(AnswerObserverTests.observe(Recording.chatJSON, .chatCompletions, .json).outputCharacters == 11)
        #expect(AnswerObserverTests.observe(Recording.chatStream, .chatCompletions).outputCharacters == 14)
        #expect(AnswerObserverTests.observe(Recording.chatToolStream, .chatCompletions).outputCharacters == 17)
        #expect(AnswerObserverTests.observe(Recording.completionsStream, .completions).outputCharacters == 7)
        #expect(AnswerObserverTests.observe(Recording.responsesStream, .responses).outputCharacters == 2)
        #expect(AnswerObserverTests.observe(Recording.responsesJSON, .responses, .json).outputCharacters == 16)
        #expect(AnswerObserverTests.observe(Recording.messagesStream, .messages).outputCharacters == 10 + 5 + 30)
        #expect(AnswerObserverTests.observe(Recording.geminiStream, .generateContent).outputCharacters == 17)
        let escaped = #"{"choices":[{"message":{"content":"\u00e9\n\ud83d\ude00a"},"finish_reason":"stop"}]}"#
        #expect(AnswerObserverTests.observe(escaped, .chatCompletions, .json).outputCharacters == 4)
    }

    @Test func `the usage chunk's place in the stream is wrong`() throws {
        for stream in [
            Recording.chatStream, Recording.chatStream.replacing("\n", with: "\r\n"), Recording.chatStream.replacing("\n", with: "\r"),
        ] {
            let bytes = Array(stream.utf8)
            for step in [1, 5, Int.max] {
                let summary = AnswerObserverTests.observe(stream, .chatCompletions, step: step)
                let range = try #require(summary.usageEventRange)
                let event = String(decoding: bytes[range], as: UTF8.self)
                #expect(event.hasPrefix("data: {\"id\"") && event.contains("\"choices\":[]"))
                #expect(bytes[range.upperBound...].starts(with: Array("data: [DONE]".utf8)), "\(step)")
                #expect(summary.sawDone && summary.reportedModel == "gpt-x-2025")
            }
        }
        #expect(AnswerObserverTests.observe(Recording.chatToolStream, .chatCompletions).usageEventRange == nil)
    }
}
