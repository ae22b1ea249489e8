import Testing

@testable import Providers

@Suite struct RefusalDetectorTests {
    private func refusal(_ status: Int, _ body: String) -> ProviderRefusal? {
        RefusalDetector.refusal(status: status, body: Array(body.utf8).span)
    }

    @Test(
        arguments: [
            // OpenAI, chat and Responses
            (
                400,
                #"{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130004 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#
            ),
            (
                400,
                #"{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","param":"input","code":null}}"#
            ),
            // Anthropic
            (
                400,
                #"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 209514 tokens > 200000 maximum"},"request_id":"req_1"}"#
            ),
            (
                400,
                #"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 198000 + 8192 > 200000, decrease input length or `max_tokens` and try again"}}"#
            ),
            (413, #"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#),
            // Gemini, plain and as the array of a stream; Vertex AI
            (
                400,
                #"{"error":{"code":400,"message":"The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#
            ),
            (
                400,
                "[{\n  \"error\": {\"code\": 400, \"message\": \"The input token count exceeds the maximum number of tokens allowed 1048576.\", \"status\": \"INVALID_ARGUMENT\"}\n}\n]"
            ),
            (
                400,
                #"{"error":{"code":400,"message":"Unable to submit request because the input token count is 33024 but model only supports up to 32768. Reduce the input token count and try again.","status":"INVALID_ARGUMENT"}}"#
            ),
            // Mistral, Groq, Cerebras, xAI
            (
                400,
                #"{"object":"error","message":"Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length","type":"invalid_request_prompt","param":null,"code":"3051"}"#
            ),
            (
                400,
                #"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#
            ),
            (
                400,
                #"{"message":"Please reduce the length of the messages or completion. Current length is 8333 while limit is 8192","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}"#
            ),
            (
                400,
                #"{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 537812 tokens."}"#
            ),
            // OpenRouter: its own words, and its provider's
            (
                400,
                #"{"error":{"message":"This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens.","code":400}}"#
            ),
            (
                400,
                #"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"too long\",\"code\":\"context_length_exceeded\"}}","provider_name":"Groq"}}}"#
            ),
            (200, #"{"error":{"message":"This endpoint's maximum context length is 8192 tokens.","code":400},"user_id":"u"}"#),
            // vLLM, SGLang, llama.cpp, Ollama, TGI, Bedrock, Cohere
            (
                400,
                #"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion).","type":"BadRequestError","param":null,"code":400}"#
            ),
            (
                400,
                #"{"error":{"code":400,"message":"the request exceeds the available context size. try increasing the context size or enable context shift","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}"#
            ),
            (400, #"{"error":"the input length exceeds the context length"}"#),
            (
                422,
                #"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens","error_type":"validation"}"#
            ),
            (400, #"{"message":"The decoder prompt (length 5000) is longer than the maximum model length of 4096."}"#),
            (400, #"{"message":"You passed 5000 input tokens. However, the model's context length is only 4096 tokens."}"#),
            (400, #"{"message":"The input (9000 tokens) is longer than the model's context length (8192 tokens)."}"#),
            (
                400,
                #"{"error":{"code":400,"message":"Request payload size exceeds the limit: 20971520 bytes.","status":"INVALID_ARGUMENT"}}"#
            ),
            (400, #"{"message":"Input is too long for requested model."}"#),
            (400, #"{"id":"x","message":"too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs."}"#),
        ])
    func `a prompt that does not fit is not told apart`(status: Int, body: String) {
        #expect(refusal(status, body) == .contextLength)
    }

    @Test(
        arguments: [
            // OpenAI, Azure
            (
                400,
                #"{"error":{"code":"content_policy_violation","message":"Your request was rejected as a result of our safety system.","param":null,"type":"invalid_request_error"}}"#
            ),
            (
                400,
                #"{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt.","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}"#
            ),
            (
                400,
                #"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}"#
            ),
            (400, #"{"error":{"message":"Refused.","code":"BadRequest","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#),
            (400, #"{"error":{"message":"Your request was rejected as a result of our safety system.","code":null}}"#),
            (400, #"{"error":{"code":400,"message":"The prompt contains words that violate Google's Responsible AI practices."}}"#),
            // Anthropic
            (400, #"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#),
            // Gemini: a 200 without a candidate, plain, in snake case, and in the array of a stream
            (
                200,
                #"{"promptFeedback":{"blockReason":"SAFETY","safetyRatings":[]},"usageMetadata":{"promptTokenCount":9},"modelVersion":"g"}"#
            ),
            (200, #"{"candidates":[],"promptFeedback":{"safetyRatings":[{"a":"}"}],"blockReason":"PROHIBITED_CONTENT"}}"#),
            (200, "[{\n\"promptFeedback\": {\"blockReason\": \"OTHER\"}\n}\n]"),
            (200, #"{"prompt_feedback":{"block_reason":"BLOCKLIST"}}"#),
            // xAI, OpenRouter, DeepSeek, Moonshot, Alibaba
            (
                403,
                #"{"code":"The caller does not have permission to execute the specified operation","error":"Content violates usage guidelines. Team: x, API key ID: y"}"#
            ),
            (
                403,
                #"{"error":{"message":"openai/gpt-4 requires moderation on OpenAI. Your input was flagged for \"violence\".","code":403,"metadata":{"reasons":["violence"],"flagged_input":"…","provider_name":"OpenAI"}}}"#
            ),
            (
                400,
                #"{"error":{"message":"Content Exists Risk","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#
            ),
            (400, #"{"error":{"message":"The request was rejected because it was considered high risk","type":"content_filter"}}"#),
            (
                400,
                #"{"error":{"code":"data_inspection_failed","param":null,"message":"Input data may contain inappropriate content.","type":"data_inspection_failed"},"id":"x"}"#
            ),
        ])
    func `a content filter's refusal is not told apart`(status: Int, body: String) {
        #expect(refusal(status, body) == .contentFilter)
    }

    @Test(
        arguments: [
            (429, #"{"error":{"code":"context_length_exceeded"}}"#), (500, #"{"error":{"code":"content_filter"}}"#),
            (401, #"{"error":{"code":"content_filter"}}"#), (404, #"{"error":{"message":"prompt is too long"}}"#),
            // Groq's limit of tokens per minute is a limit
            (
                413,
                #"{"error":{"message":"Request too large for model `llama` in organization `org` on tokens per minute (TPM): Limit 6000, Requested 8000, please reduce your message size and try again.","type":"tokens","code":"rate_limit_exceeded"}}"#
            ),
            (
                400,
                #"{"error":{"message":"max_tokens is too large: 100000. This model supports at most 16384 completion tokens.","type":"invalid_request_error","param":"max_tokens","code":"invalid_value"}}"#
            ),
            (403, #"{"error":{"message":"Country, region, or territory not supported","code":"unsupported_country_region_territory"}}"#),
            (400, #"{"error":{"message":"The input token count is wrong","status":"INVALID_ARGUMENT"}}"#),
            (422, #"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","x"],"msg":"prompt is too long"}]}}"#),
            (422, #"{"detail":[{"msg":"prompt is too long"}]}"#),
            // No JSON, or an answer
            (400, "prompt is too long"), (400, ""), (400, "{"), (400, "[]"), (400, "[{}]"), (400, "null"), (400, "7"),
            (400, #"{"error":null}"#), (400, #"{"error":{"message":7,"code":["content_filter"]}}"#), (200, ""), (200, "{"),
            (200, "data: x"),
            (200, #"{"error":null,"output":[]}"#), (200, #"{"choices":[{"finish_reason":"content_filter"}]}"#),
            (200, #"{"a":{"error":{"code":"content_filter"}}}"#), (200, #"{"text":"\"error\":{\"code\":\"content_filter\"}"}"#),
            (200, #"{"code":"content_filter","message":"prompt is too long"}"#),
            (200, #"{"candidates":[{"finishReason":"SAFETY"}],"promptFeedback":{"blockReason":"SAFETY"}}"#),
            (200, #"{"candidates":[{}],"promptFeedback":{"safetyRatings":[]}}"#), (200, #"{"promptFeedback":{"blockReason":null}}"#),
            (200, #"{"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"}}"#), (200, #"{"promptFeedback":{}}"#),
            (302, #"{"error":{"code":"content_filter"}}"#),
        ])
    func `another failure, or an answer, is taken for a refusal`(status: Int, body: String) {
        #expect(refusal(status, body) == nil)
    }

    @Test func `the bound of what is read is off by one`() {
        func body(_ count: Int) -> String {
            let frame = #"{"error":{"code":"content_filter","x":""}}"#
            return frame.replacing("\"\"", with: "\"" + String(repeating: "x", count: count - frame.utf8.count) + "\"")
        }
        #expect(body(65_536).utf8.count == 65_536)
        #expect(refusal(400, body(65_536)) == .contentFilter)
        #expect(refusal(400, body(65_537)) == nil)
        func message(_ before: Int) -> String {
            #"{"error":{"message":"\#(String(repeating: "p", count: before))prompt is too long"}}"#
        }
        #expect(refusal(400, message(4096 - 18)) == .contextLength)
        #expect(refusal(400, message(4096 - 17)) == nil)
    }

    @Test func `a refusal in capitals is not read`() {
        #expect(
            RefusalDetector.refusal(status: 400, body: Array(#"{"error":{"message":"PROMPT IS TOO LONG"}}"#.utf8).span) == .contextLength)
        #expect(RefusalDetector.refusal(status: 400, body: Array(#"{"error":{"code":"CONTENT_FILTER"}}"#.utf8).span) == .contentFilter)
    }
}
