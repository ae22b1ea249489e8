// Providers agree on a status (400) for "does not fit" and "not allowed", and on little else: some give a code, most only a sentence. The table
// below holds what each says; it is all that there is to change when a provider changes its words. Sources: the error references of OpenAI,
// Azure, Anthropic, Google, Mistral, Groq, xAI, OpenRouter, DeepSeek, Alibaba and AWS, and the messages of vLLM, llama.cpp, TGI and Ollama.
//
// A sentence may quote the request. A client that writes such words into its own request moves it to the list that the operator made for the
// case, and nothing more.

import GatewayModel
import JSON

/// Tells what an upstream's refusal means. Pure.
public enum RefusalDetector {
    /// Bodies longer than this are not read: a refusal is a sentence and some details.
    public static let bodyBytesMax = 65_536
    /// Bytes of a message that are read.
    private static let messageBytesMax = 4096
    private static let limits = JSONLimits(depth: 32, values: 2048)

    /// What a whole answer, or the first event of a stream, says; `nil` when it is no refusal of these kinds, or too long.
    ///
    /// Read are the statuses 400, 403, 413 and 422, and 2xx with an `error` (gateways answer so) or with Gemini's blocked prompt and no candidate. An
    /// answer that was begun and then filtered is an answer. `body` must not be encoded.
    public static func refusal(status: Int, body: Span<UInt8>) -> ProviderRefusal? {
        guard body.count <= bodyBytesMax, body.count > 1 else { return nil }
        switch status {
        case 400, 403, 413, 422: break
        case 200..<300:
            if isBlockedPrompt(body) { return .contentFilter }
            guard hasError(body) else { return nil }
        default: return nil
        }
        guard let document = try? JSONValue(parsing: body, limits: limits) else { return nil }
        return refusal(in: document[0] ?? document)
    }

    // MARK: Answers that are none

    /// Whether the members of an answer (Gemini streams an array of such) say that the prompt was blocked: `promptFeedback.blockReason`
    /// and no `candidates` with an element.
    private static func isBlockedPrompt(_ body: Span<UInt8>) -> Bool {
        var isBlocked = false
        var hasCandidate = false
        readMembers(body) { name, value in
            if name.equals("promptFeedback") || name.equals("prompt_feedback") {
                var reader = RawJSONReader(body, from: value.lowerBound)
                _ = reader.readObject(body) { name, value in
                    guard name.equals("blockReason") || name.equals("block_reason") else { return true }
                    let text = body.extracting(value)
                    isBlocked = text.starts(with: "\"") && !text.equals("\"BLOCK_REASON_UNSPECIFIED\"") && text.count > 2
                    return true
                }
            }
            if name.equals("candidates") { hasCandidate = !isEmptyArray(body.extracting(value)) }
        }
        return isBlocked && !hasCandidate
    }

    private static func hasError(_ body: Span<UInt8>) -> Bool {
        var found = false
        readMembers(body) { name, value in
            if name.equals("error") { found = !body.extracting(value).equals("null") }
        }
        return found
    }

    /// The members of an object, or of the first object of an array.
    private static func readMembers(_ body: Span<UInt8>, _ member: (Span<UInt8>, Range<Int>) -> Void) {
        var start = 0
        var array = RawJSONReader(body)
        _ = array.readArray(body) { element in
            start = element.lowerBound
            return false
        }
        var object = RawJSONReader(body, from: start)
        _ = object.readObject(body) { name, value in
            member(name, value)
            return true
        }
    }

    private static func isEmptyArray(_ text: Span<UInt8>) -> Bool {
        var reader = RawJSONReader(text)
        return reader.readArray(text) { _ in false }
    }

    // MARK: Errors

    private static func refusal(in document: JSONValue) -> ProviderRefusal? {
        var words = ErrorWords()
        words.collect(document)
        for code in words.codes {
            if let refusal = codes[code] { return refusal }
        }
        for message in words.messages {
            for rule in sentences where rule.parts.allSatisfy({ message.contains($0) }) { return rule.refusal }
        }
        return nil
    }

    /// Codes, types and reasons, in lower case.
    private static let codes: [String: ProviderRefusal] = [
        // OpenAI, Azure, Groq, Cerebras, Together
        "context_length_exceeded": .contextLength,
        // llama.cpp
        "exceed_context_size_error": .contextLength,
        // GitHub Models
        "model_max_prompt_tokens_exceeded": .contextLength,
        // Anthropic, 413: in bytes
        "request_too_large": .contextLength,
        // OpenAI's images and its moderation of prompts
        "content_policy_violation": .contentFilter, "moderation_blocked": .contentFilter,
        // Azure, Moonshot
        "content_filter": .contentFilter, "responsibleaipolicyviolation": .contentFilter,
        // Alibaba
        "data_inspection_failed": .contentFilter, "datainspectionfailed": .contentFilter,
    ]

    /// A message means a refusal when it holds all parts of a rule, in lower case.
    private static let sentences: [(parts: [ASCIIText], refusal: ProviderRefusal)] = [
        // OpenAI, DeepSeek, OpenRouter, vLLM: "This model's maximum context length is 8192 tokens. However, …"
        (["maximum context length is"], .contextLength),
        // OpenAI's Responses: "Your input exceeds the context window of this model."
        (["exceeds the context window"], .contextLength),
        // Anthropic, Fireworks: "prompt is too long: 209514 tokens > 200000 maximum"
        (["prompt is too long"], .contextLength),
        // Anthropic: "input length and `max_tokens` exceed context limit: 198000 + 8192 > 200000"
        (["exceed context limit"], .contextLength),
        // Gemini: "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."
        (["input token count", "exceeds the maximum number of tokens"], .contextLength),
        // Vertex AI: "… the input token count is 33024 but model only supports up to 32768."
        (["input token count is", "only supports up to"], .contextLength),
        // Gemini: "Request payload size exceeds the limit: 20971520 bytes."
        (["payload size exceeds the limit"], .contextLength),
        // Mistral: "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"
        (["too large for model with", "maximum context length"], .contextLength),
        // Groq, Cerebras: "Please reduce the length of the messages or completion."
        (["reduce the length of the messages or completion"], .contextLength),
        // xAI: "This model's maximum prompt length is 131072 but the request contains 537812 tokens."
        (["maximum prompt length is"], .contextLength),
        // vLLM: "… the model's context length is only 4096 tokens", "The decoder prompt (length 5000) is longer than the maximum model length"
        (["context length is only"], .contextLength), (["longer than the maximum model length"], .contextLength),
        // SGLang: "The input (9000 tokens) is longer than the model's context length (8192 tokens)."
        (["longer than the model's context length"], .contextLength),
        // llama.cpp: "the request exceeds the available context size"
        (["exceeds the available context size"], .contextLength),
        // Ollama: "the input length exceeds the context length"
        (["input length exceeds", "context length"], .contextLength),
        // TGI: "`inputs` tokens + `max_new_tokens` must be <= 8193."
        (["tokens + `max_new_tokens` must be <="], .contextLength),
        // Cohere: "too many tokens: size limit exceeded by 11326 tokens."
        (["too many tokens: size limit exceeded"], .contextLength),
        // Bedrock: "Input is too long for requested model."
        (["input is too long for requested model"], .contextLength),

        // OpenAI: "Invalid prompt: your prompt was flagged as potentially violating our usage policy."
        (["flagged as potentially violating"], .contentFilter),
        // OpenAI: "Your request was rejected as a result of our safety system."
        (["rejected as a result of our safety system"], .contentFilter),
        // Azure: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
        (["content management policy"], .contentFilter),
        // Anthropic: "Output blocked by content filtering policy"
        (["blocked by content filtering policy"], .contentFilter),
        // Google: "… contains sensitive words that violate Google's Responsible AI practices."
        (["responsible ai practices"], .contentFilter),
        // xAI: "Content violates usage guidelines."
        (["content violates usage guidelines"], .contentFilter),
        // OpenRouter, 403: "… requires moderation on OpenInference. Your input was flagged for \"violence\"."
        (["your input was flagged"], .contentFilter),
        // DeepSeek
        (["content exists risk"], .contentFilter),
        // Alibaba
        (["data may contain inappropriate content"], .contentFilter),
    ]

    /// What an error document says in words, wherever its provider puts them.
    private struct ErrorWords {
        /// Lower-cased; few.
        var codes: [String] = []
        var messages: [ASCIIText] = []

        /// An error at the top (`{"error": {…}}`), or a document that is one itself (Mistral, vLLM, AWS).
        mutating func collect(_ document: JSONValue) {
            read(document)
            guard let error = document["error"] else { return }
            read(error)
            for inner in ["innererror", "inner_error"] { add(code: error[inner]?["code"]) }
            if let details = error["details"]?.arrayValue {
                for detail in details.prefix(8) { add(code: detail["reason"]) }
            }
            // xAI and Ollama: {"error": "…"}
            add(message: error)
            // OpenRouter: the answer of the provider behind it, as text
            if let raw = error["metadata"]?["raw"]?.stringValue, let inner = try? JSONValue(parsing: Array(raw.utf8).span, limits: limits) {
                read(inner)
                if let innermost = inner["error"] { read(innermost) }
            }
        }

        private mutating func read(_ error: JSONValue) {
            for name in ["code", "type", "status"] { add(code: error[name]) }
            for name in ["message", "detail"] { add(message: error[name]) }
        }

        private mutating func add(code: JSONValue?) {
            guard let text = code?.stringValue, text.utf8.count <= 64 else { return }
            codes.append(text.lowercased())
        }

        private mutating func add(message: JSONValue?) {
            guard let text = message?.stringValue else { return }
            messages.append(ASCIIText(lowercasing: text.utf8.prefix(RefusalDetector.messageBytesMax)))
        }
    }
}

/// Bytes of a text in which bytes are looked for; ASCII letters in lower case.
private struct ASCIIText: ExpressibleByStringLiteral {
    let bytes: [UInt8]

    init(stringLiteral text: StaticString) {
        bytes = unsafe Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    init(lowercasing text: some Sequence<UInt8>) { bytes = text.map(asciiLowercased) }

    func contains(_ part: ASCIIText) -> Bool {
        guard let first = part.bytes.first else { return true }
        var start = 0
        while let index = bytes.span.firstIndex(of: first, from: start), index + part.bytes.count <= bytes.count {
            if bytes[index..<(index + part.bytes.count)] == part.bytes[...] { return true }
            start = index + 1
        }
        return false
    }
}
