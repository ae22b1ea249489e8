import GatewayModel
import JSON
import Testing

@testable import Providers

@Suite struct ReplayTests {
    static func stream(_ answer: String, _ operation: Operation, usage: Bool = true) -> String? {
        Replay.stream(from: Array(answer.utf8).span, operation: operation, includesUsage: usage).map { String(decoding: $0, as: UTF8.self) }
    }
    static func answer(_ stream: String, _ operation: Operation) -> JSONValue? {
        guard let bytes = Replay.answer(from: Array(stream.utf8).span, operation: operation) else { return nil }
        return try? JSONValue(parsing: bytes.span)
    }
    static func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8).span) }

    static let answers: [(String, Operation)] = [
        (Recording.chatJSON, .chatCompletions), (Recording.responsesJSON, .responses), (Recording.messagesJSON, .messages),
        (Recording.geminiJSON, .generateContent),
        (
            #"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"reasoning_content":"why","reasoning_details":[{"type":"reasoning.text","text":"w","format":"f","index":0}],"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\": 1.0}"}},{"id":"2","type":"function","function":{"name":"g","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"},{"index":1,"message":{"role":"assistant","content":"two","refusal":null},"logprobs":{"content":[{"token":"two","logprob":-0.10,"bytes":[116],"top_logprobs":[]}],"refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"provider":"P","citations":["https://example.org"]}"#,
            .chatCompletions
        ),
        (
            #"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I cannot"},"logprobs":null,"finish_reason":"stop"}]}"#,
            .chatCompletions
        ),
        (
            #"{"id":"c","object":"text_completion","created":1,"model":"m","choices":[{"text":"a","index":0,"logprobs":{"tokens":["a"]},"finish_reason":"stop"},{"text":"b","index":1,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
            .completions
        ),
        (
            #"{"id":"r","object":"response","created_at":1,"status":"completed","error":null,"model":"m","output":[{"id":"fc","type":"function_call","status":"completed","call_id":"c","name":"f","arguments":"{\"a\":1}"},{"id":"ws","type":"web_search_call","status":"completed","action":{"type":"search","query":"q"}},{"id":"m1","type":"message","status":"completed","role":"assistant","content":[{"type":"refusal","refusal":"no"}]},{"id":"rs","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"t"}],"encrypted_content":"e"}],"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}"#,
            .responses
        ),
        (
            #"{"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"redacted_thinking","data":"xx"},{"type":"text","text":"cited","citations":[{"type":"char_location","cited_text":"x","document_index":0,"start_char_index":0,"end_char_index":1}]},{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}},{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","url":"u","title":"t","encrypted_content":"e"}]},{"type":"tool_use","id":"t","name":"f","input":{}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":2,"server_tool_use":{"web_search_requests":1}}}"#,
            .messages
        ),
    ]

    @Test func `an answer that goes through a stream and back is another answer`() throws {
        for (text, operation) in ReplayTests.answers {
            let stream = try #require(ReplayTests.stream(text, operation), "\(operation)")
            let back = try #require(ReplayTests.answer(stream, operation), "\(operation)")
            #expect(
                sorted(back) == sorted(try ReplayTests.value(text)),
                "\(operation)\n\(stream)\n\(String(decoding: back.bytes, as: UTF8.self))")
        }
    }

    @Test func `a replayed stream is not whole by its dialect's rule, or counts other tokens`() throws {
        for (text, operation) in ReplayTests.answers {
            let stream = try #require(ReplayTests.stream(text, operation))
            let json = AnswerObserverTests.observe(text, operation, .json)
            let streamed = AnswerObserverTests.observe(stream, operation)
            #expect(streamed.outcome == .complete, "\(operation)\n\(stream)")
            #expect(streamed.usage == json.usage)
            #expect(Set(streamed.finishReasons) == Set(json.finishReasons))
            #expect(streamed.outputCharacters == json.outputCharacters || operation == .messages, "\(operation) \(text)")
            #expect(streamed.choiceCount == json.choiceCount && streamed.hasToolCalls == json.hasToolCalls)
        }
    }

    @Test func `a recorded stream adds up to another answer than the provider's own`() throws {
        let chat = try #require(ReplayTests.answer(Recording.chatStream, .chatCompletions))
        #expect(chat["object"] == "chat.completion" && chat["system_fingerprint"] == "fp_1" && chat["created"] == 1_700_000_000)
        #expect(chat["choices"]?[0]?["message"]?["content"] == "Hello wörld")
        #expect(chat["choices"]?[0]?["message"]?["reasoning_content"] == "Hmm")
        #expect(chat["choices"]?[0]?["finish_reason"] == "stop")
        #expect(chat["usage"]?["completion_tokens_details"]?["reasoning_tokens"] == 5)
        let tools = try #require(ReplayTests.answer(Recording.chatToolStream, .chatCompletions)?["choices"]?[0]?["message"])
        #expect(tools["content"]?.isNull == true)
        #expect(
            tools["tool_calls"]
                == (try ReplayTests.value(
                    #"[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Bonn\"}"}},{"id":"call_2","type":"function","function":{"name":"clock","arguments":"{}"}}]"#
                )))
        let text = try #require(ReplayTests.answer(Recording.completionsStream, .completions))
        #expect(text["choices"]?[0]?["text"] == "One two")
        #expect(text["choices"]?[0]?["logprobs"] == (try ReplayTests.value(#"{"tokens":["One"," two"],"token_logprobs":[-0.1,-0.20]}"#)))
        let response = try #require(ReplayTests.answer(Recording.responsesStream, .responses))
        #expect(response["output"]?[0]?["content"]?[0]?["text"] == "Hi" && response["usage"]?["total_tokens"] == 5)
        let message = try #require(ReplayTests.answer(Recording.messagesStream, .messages))
        let expected = try ReplayTests.value(Recording.messagesJSON)
        #expect(message["content"]?[0] == expected["content"]?[0] && message["content"]?[2] == expected["content"]?[2])
        #expect(message["usage"] == expected["usage"] && message["stop_reason"] == "tool_use")
        let gemini = try #require(ReplayTests.answer(Recording.geminiStream, .generateContent))
        #expect(sorted(gemini) == sorted(try ReplayTests.value(Recording.geminiJSON)))
    }

    @Test func `a provider that repeats names and ids in every piece gets them doubled`() throws {
        let stream = """
            data: {"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[]}

            data: {"id":"x","object":"chat.completion.chunk","created":9,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"index":0,"id":"i","type":"function","function":{"name":"f","arguments":"{"}}]}}]}

            data: {"id":"x","object":"chat.completion.chunk","created":9,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"i","type":"function","function":{"name":"f","arguments":"}"}}]},"finish_reason":"tool_calls"}]}

            data: [DONE]


            """
        let answer = try #require(ReplayTests.answer(stream, .chatCompletions))
        #expect(answer["id"] == "x" && answer["created"] == 9)
        #expect(
            answer["choices"]?[0]?["message"]?["tool_calls"]?[0]
                == (try ReplayTests.value(#"{"id":"i","type":"function","function":{"name":"f","arguments":"{}"}}"#)))
        #expect(answer["choices"]?[0]?["message"]?["role"] == "assistant")
    }

    @Test func `a stream that is not whole is answered as if it were`() {
        let cuts: [(String, Operation)] = [
            (Recording.chatStream.replacing(#""finish_reason":"stop""#, with: #""finish_reason":null"#), .chatCompletions),
            (Recording.messagesStream.replacing("message_stop", with: "ping"), .messages),
            (Recording.messagesStream.replacing("input_json_delta", with: "unknown_delta"), .messages),
            (Recording.messagesStream.replacing(#"2.50}"#, with: "2.50"), .messages),
            (Recording.responsesStream.replacing("response.completed", with: "response.other"), .responses),
            ("data: {\"error\":{}}\n\n", .generateContent), ("data: x\n\ndata: [DONE]\n\n", .chatCompletions), ("", .generateContent),
            ("", .responses),
        ]
        for (stream, operation) in cuts { #expect(ReplayTests.answer(stream, operation) == nil, "\(operation)") }
        for body in [
            "", "{}", "[]", #"{"error":{"message":"x"}}"#, #"{"choices":[]}"#, #"{"choices":[{}]}"#, #"{"status":"queued","output":[]}"#,
        ] {
            for operation in [Operation.chatCompletions, .completions, .responses, .messages] {
                #expect(ReplayTests.stream(body, operation) == nil, "\(operation) \(body)")
            }
        }
        #expect(ReplayTests.stream(#"{"data":[]}"#, .embeddings) == nil)
    }

    @Test func `the usage chunk comes without being asked for, or not when asked for`() throws {
        let with = try #require(ReplayTests.stream(Recording.chatJSON, .chatCompletions, usage: true))
        let without = try #require(ReplayTests.stream(Recording.chatJSON, .chatCompletions, usage: false))
        #expect(with.contains("\"choices\":[]") && with.contains("\"total_tokens\":21"))
        #expect(!without.contains("usage"))
        let hidden = Replay.convert(
            Array(Recording.chatStream.utf8).span, operation: .chatCompletions, from: .serverSentEvents, to: .serverSentEvents,
            includesUsage: false)
        #expect(hidden.map { String(decoding: $0, as: UTF8.self) } == UsageEventFilterTests.filter(Recording.chatStream))
    }

    @Test func `an array or a stream without a chunk has no other form`() {
        for (body, from, to) in [("[]", AnswerForm.geminiArray, AnswerForm.serverSentEvents), ("", .serverSentEvents, .geminiArray)] {
            let made = Replay.convert(Array(body.utf8).span, operation: .generateContent, from: from, to: to, includesUsage: false)
            #expect(made == nil)
        }
    }

    @Test func `gemini's array form is answered with events`() throws {
        func convert(_ body: String, _ from: AnswerForm, _ to: AnswerForm) -> String? {
            Replay.convert(Array(body.utf8).span, operation: .generateContent, from: from, to: to, includesUsage: false)
                .map { String(decoding: $0, as: UTF8.self) }
        }
        let array = try #require(convert(Recording.geminiStream, .serverSentEvents, .geminiArray))
        #expect(try ReplayTests.value(array).arrayValue?.count == 4)
        #expect(AnswerObserverTests.observe(array, .generateContent, .geminiArray).outcome == .complete)
        let events = try #require(convert(array, .geminiArray, .serverSentEvents))
        #expect(AnswerObserverTests.observe(events, .generateContent).usage?.outputTokens == 8)
        let back = try #require(convert(array, .geminiArray, .json))
        #expect(sorted(try ReplayTests.value(back)) == sorted(try ReplayTests.value(Recording.geminiJSON)))
        #expect(convert(Recording.geminiJSON, .json, .geminiArray) == "[" + Recording.geminiJSON + "]")
    }
}

/// A value with the members of every object sorted by name, to compare regardless of order.
func sorted(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let elements): .array(elements.map { sorted($0) })
    case .object(let object):
        .object(
            JSONObject(
                members: object.members.sorted { $0.key < $1.key }.map { JSONObject.Member(key: $0.key, value: sorted($0.value)) }))
    default: value
    }
}
