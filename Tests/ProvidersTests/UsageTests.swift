import GatewayModel
import Testing

@testable import Providers

/// Usage as each provider documents it, and as none does.
@Suite struct UsageTests {
    private func chat(_ usage: String) -> Usage? {
        AnswerObserverTests.observe(
            #"{"choices":[{"finish_reason":"stop","message":{"content":"hi"}}],"usage":\#(usage)}"#, .chatCompletions, .json
        ).usage
    }

    private func messages(_ usage: String) -> Usage? {
        AnswerObserverTests.observe(#"{"type":"message","stop_reason":"end_turn","content":[],"usage":\#(usage)}"#, .messages, .json).usage
    }

    private func gemini(_ usage: String) -> Usage? {
        AnswerObserverTests.observe(
            #"{"candidates":[{"finishReason":"STOP","content":{"parts":[]}}],"usageMetadata":\#(usage)}"#, .generateContent, .json
        ).usage
    }

    // MARK: As documented

    @Test func `OpenAI's cached and reasoning tokens are added to its totals`() {
        let usage = chat(
            #"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},"#
                + #""completion_tokens_details":{"reasoning_tokens":250,"audio_tokens":0,"accepted_prediction_tokens":0}}"#)
        #expect(usage == Usage(inputTokens: 2006, outputTokens: 300, cachedInputTokens: 1920, reasoningTokens: 250))
    }

    @Test func `cached and reasoning tokens of Responses are lost`() {
        let usage =
            #"{"input_tokens":328,"input_tokens_details":{"cached_tokens":128},"output_tokens":52,"#
            + #""output_tokens_details":{"reasoning_tokens":32},"total_tokens":380}"#
        let expected = Usage(inputTokens: 328, outputTokens: 52, cachedInputTokens: 128, reasoningTokens: 32)
        let body = #"{"object":"response","status":"completed","usage":\#(usage)}"#
        #expect(AnswerObserverTests.observe(body, .responses, .json).usage == expected)
        let stream =
            "event: response.completed\ndata: " + #"{"type":"response.completed","response":{"status":"completed","usage":\#(usage)}}"#
            + "\n\n"
        #expect(AnswerObserverTests.observe(stream, .responses).usage == expected)
    }

    @Test func `Anthropic's input leaves out what was read from and written to its cache`() {
        let usage = messages(
            #"{"input_tokens":21,"cache_creation_input_tokens":188086,"cache_read_input_tokens":30,"output_tokens":393,"#
                + #""cache_creation":{"ephemeral_5m_input_tokens":188086,"ephemeral_1h_input_tokens":0},"service_tier":"standard"}"#)
        #expect(usage == Usage(inputTokens: 188_137, outputTokens: 393, cachedInputTokens: 30, cacheWriteInputTokens: 188_086))
        #expect(
            messages(#"{"input_tokens":21,"cache_creation_input_tokens":null,"cache_read_input_tokens":0,"output_tokens":3}"#)
                == Usage(inputTokens: 21, outputTokens: 3))
    }

    @Test func `an Anthropic stream's later report forgets its first one, or adds to it`() {
        let stream = [
            #"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_creation_input_tokens":5,"cache_read_input_tokens":100,"output_tokens":1}}}"#,
            #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":12,"cache_read_input_tokens":100,"output_tokens":40}}"#,
            #"{"type":"message_stop"}"#,
        ].map { "data: \($0)\n\n" }.joined()
        #expect(
            AnswerObserverTests.observe(stream, .messages).usage
                == Usage(inputTokens: 117, outputTokens: 40, cachedInputTokens: 100, cacheWriteInputTokens: 5))
    }

    @Test func `Gemini's thoughts are free, or its cached content is counted twice`() {
        let usage = gemini(
            #"{"promptTokenCount":2000,"candidatesTokenCount":30,"thoughtsTokenCount":500,"cachedContentTokenCount":1500,"#
                + #""toolUsePromptTokenCount":7,"totalTokenCount":2537}"#)
        #expect(usage == Usage(inputTokens: 2007, outputTokens: 530, cachedInputTokens: 1500, reasoningTokens: 500))
        #expect(gemini(#"{"promptTokenCount":9,"thoughtsTokenCount":4}"#) == Usage(inputTokens: 9, outputTokens: 4, reasoningTokens: 4))
    }

    @Test func `DeepSeek's cache hits cost as much as misses`() {
        let usage = chat(
            #"{"prompt_tokens":110,"completion_tokens":30,"total_tokens":140,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":46,"#
                + #""completion_tokens_details":{"reasoning_tokens":20}}"#)
        #expect(usage == Usage(inputTokens: 110, outputTokens: 30, cachedInputTokens: 64, reasoningTokens: 20))
    }

    @Test func `a proxy's repetition of Anthropic's names is counted twice`() {
        let usage = chat(
            #"{"cache_read_input_tokens":1000,"cache_creation_input_tokens":100,"prompt_tokens":1110,"completion_tokens":5,"total_tokens":1115}"#
        )
        #expect(usage == Usage(inputTokens: 1110, outputTokens: 5, cachedInputTokens: 1000, cacheWriteInputTokens: 100))
    }

    @Test func `OpenRouter's cache writes are lost`() {
        let usage = chat(
            #"{"prompt_tokens":100,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},"cost":0.0012}"#
        )
        #expect(usage == Usage(inputTokens: 100, outputTokens: 5, cachedInputTokens: 60, cacheWriteInputTokens: 30))
    }

    @Test func `embeddings that report a total alone are charged as output`() {
        let list = #"{"object":"list","data":[{"embedding":[0.1]}],"usage":"#
        func embeddings(_ usage: String) -> Usage? { AnswerObserverTests.observe(list + usage + "}", .embeddings, .json).usage }
        #expect(embeddings(#"{"total_tokens":12}"#) == Usage(inputTokens: 12))
        #expect(embeddings(#"{"prompt_tokens":12,"total_tokens":12}"#) == Usage(inputTokens: 12))
        #expect(embeddings(#"{"prompt_tokens":12,"total_tokens":15}"#) == Usage(inputTokens: 15))
        #expect(chat(#"{"total_tokens":12}"#) == Usage(outputTokens: 12))
    }

    // MARK: As nobody documents

    /// Each count that a provider reports, in a body of its dialect with one value in the count's place.
    private static let counts = [
        #"{"prompt_tokens":X}"#, #"{"completion_tokens":X}"#, #"{"total_tokens":X}"#, #"{"prompt_tokens_details":{"cached_tokens":X}}"#,
        #"{"prompt_tokens_details":{"cache_write_tokens":X}}"#, #"{"completion_tokens_details":{"reasoning_tokens":X}}"#,
        #"{"prompt_cache_hit_tokens":X}"#, #"{"input_tokens":X}"#, #"{"output_tokens":X}"#, #"{"cache_read_input_tokens":X}"#,
        #"{"cache_creation_input_tokens":X}"#, #"{"promptTokenCount":X}"#, #"{"candidatesTokenCount":X}"#,
        #"{"cachedContentTokenCount":X}"#, #"{"thoughtsTokenCount":X}"#, #"{"toolUsePromptTokenCount":X}"#,
    ]

    @Test(arguments: counts, ["-1", "1e18", "7.5", "\"7\"", "\"many\"", "\"\"", "true", "99999999999999999999", "-1e999"])
    func `an absurd count passes unflagged or is taken for text`(shape: String, value: String) {
        let usage = shape.replacing("X", with: value)
        // Gemini has no objects of details.
        for counted in [chat(usage), messages(usage)] + (shape.contains("details") ? [] : [gemini(usage)]) {
            #expect(counted?.isSuspect == true, "\(usage)")
            for count in [counted?.inputTokens, counted?.outputTokens, counted?.cachedInputTokens, counted?.cacheWriteInputTokens] {
                #expect((count ?? -1) >= 0, "\(usage)")
            }
        }
        let body = #"{"choices":[{"finish_reason":"stop","message":{"content":"four"}}],"usage":\#(usage)}"#
        #expect(AnswerObserverTests.observe(body, .chatCompletions, .json).outputCharacters == 4, "\(usage)")
    }

    @Test(arguments: counts)
    func `a plain count or none is flagged`(shape: String) {
        // With an input large enough for any part of it.
        let usage = #"{"prompt_tokens":7,"# + shape.replacing("X", with: "7").dropFirst()
        #expect(chat(usage)?.isSuspect == false, "\(usage)")
        #expect(chat(shape.replacing("X", with: "null")) == Usage(), "\(shape)")
    }

    @Test func `more cached tokens than input are believed`() {
        #expect(chat(#"{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":5}}"#)?.isSuspect == false)
        #expect(chat(#"{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":6}}"#)?.isSuspect == true)
        #expect(chat(#"{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":3}}"#)?.isSuspect == true)
    }

    @Test func `a count's name elsewhere in the body is a count`() {
        let body =
            #"{"prompt_tokens":"9","choices":[{"finish_reason":"stop","message":{"content":"hi","input_tokens":"3"}}],"usage":{"prompt_tokens":1}}"#
        let summary = AnswerObserverTests.observe(body, .chatCompletions, .json)
        #expect(summary.usage == Usage(inputTokens: 1))
        #expect(summary.outputCharacters == 2)
    }
}
