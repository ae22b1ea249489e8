/// The names that mean something in answers of the three dialects. Names of one meaning share a case: the path around them tells which
/// dialect it is.
enum AnswerField: UInt8, Sendable {
    case type = 1, text, data, item, model, index, delta, usage, error, parts, object, status, output, reason, choices, content
    case message, refusal, response, thinking, function, arguments, reasoning, toolCalls, candidates, embedding, stopReason
    case blockReason, finishReason, functionCall, reasoningContent, partialJSON, contentBlock, promptFeedback, usageMetadata
    case modelVersion, groq, incompleteDetails, inputTokens, outputTokens, promptTokens, completionTokens, totalTokens
    case inputDetails, outputDetails, cachedTokens, cacheWriteTokens, reasoningTokens, cacheReadInputTokens
    case cacheCreationInputTokens, promptCacheHitTokens, promptTokenCount, candidatesTokenCount, cachedContentTokenCount
    case thoughtsTokenCount, toolUsePromptTokenCount, summary
    /// Any other name. Nothing below it is looked at.
    case unknown = 255

    /// The field of a name. Sorted by length, so that most names cost one comparison.
    static func named(_ name: Span<UInt8>) -> AnswerField {
        switch name.count {
        case 4:
            if name.equals("type") { return .type }
            if name.equals("text") { return .text }
            if name.equals("data") { return .data }
            if name.equals("item") { return .item }
        case 5:
            if name.equals("model") { return .model }
            if name.equals("index") { return .index }
            if name.equals("delta") { return .delta }
            if name.equals("usage") { return .usage }
            if name.equals("error") { return .error }
            if name.equals("parts") { return .parts }
        case 6:
            if name.equals("object") { return .object }
            if name.equals("status") { return .status }
            if name.equals("output") { return .output }
            if name.equals("reason") { return .reason }
            if name.equals("x_groq") { return .groq }
        case 7:
            if name.equals("choices") { return .choices }
            if name.equals("summary") { return .summary }
            if name.equals("content") { return .content }
            if name.equals("message") { return .message }
            if name.equals("refusal") { return .refusal }
        case 8:
            if name.equals("response") { return .response }
            if name.equals("thinking") { return .thinking }
            if name.equals("function") { return .function }
        case 9:
            if name.equals("arguments") { return .arguments }
            if name.equals("reasoning") { return .reasoning }
            if name.equals("embedding") { return .embedding }
        case 10:
            if name.equals("tool_calls") { return .toolCalls }
            if name.equals("candidates") { return .candidates }
            if name.equals("embeddings") { return .embedding }
        case 11:
            if name.equals("stop_reason") { return .stopReason }
            if name.equals("blockReason") { return .blockReason }
        case 12:
            if name.equals("finishReason") { return .finishReason }
            if name.equals("functionCall") { return .functionCall }
            if name.equals("partial_json") { return .partialJSON }
            if name.equals("modelVersion") { return .modelVersion }
            if name.equals("input_tokens") { return .inputTokens }
            if name.equals("total_tokens") { return .totalTokens }
        case 13:
            if name.equals("finish_reason") { return .finishReason }
            if name.equals("function_call") { return .functionCall }
            if name.equals("content_block") { return .contentBlock }
            if name.equals("usageMetadata") { return .usageMetadata }
            if name.equals("output_tokens") { return .outputTokens }
            if name.equals("prompt_tokens") { return .promptTokens }
            if name.equals("cached_tokens") { return .cachedTokens }
        case 14:
            if name.equals("promptFeedback") { return .promptFeedback }
        case 16:
            if name.equals("reasoning_tokens") { return .reasoningTokens }
            if name.equals("promptTokenCount") { return .promptTokenCount }
        case 17:
            if name.equals("reasoning_content") { return .reasoningContent }
            if name.equals("completion_tokens") { return .completionTokens }
        case 18:
            if name.equals("incomplete_details") { return .incompleteDetails }
            if name.equals("cache_write_tokens") { return .cacheWriteTokens }
            if name.equals("thoughtsTokenCount") { return .thoughtsTokenCount }
        case 20:
            if name.equals("input_tokens_details") { return .inputDetails }
            if name.equals("candidatesTokenCount") { return .candidatesTokenCount }
        case 21:
            if name.equals("prompt_tokens_details") { return .inputDetails }
            if name.equals("output_tokens_details") { return .outputDetails }
        case 23:
            if name.equals("cache_read_input_tokens") { return .cacheReadInputTokens }
            if name.equals("prompt_cache_hit_tokens") { return .promptCacheHitTokens }
            if name.equals("cachedContentTokenCount") { return .cachedContentTokenCount }
            if name.equals("toolUsePromptTokenCount") { return .toolUsePromptTokenCount }
        case 25:
            if name.equals("completion_tokens_details") { return .outputDetails }
        case 27:
            if name.equals("cache_creation_input_tokens") { return .cacheCreationInputTokens }
        default: break
        }
        return .unknown
    }
}

extension AnswerField {
    /// The path of names from the outermost in.
    @inline(__always)
    static func path(_ first: AnswerField, _ second: AnswerField? = nil, _ third: AnswerField? = nil, _ fourth: AnswerField? = nil)
        -> FieldPath
    {
        var path = FieldPath(first.rawValue)
        if let second { path = path << 8 | FieldPath(second.rawValue) }
        if let third { path = path << 8 | FieldPath(third.rawValue) }
        if let fourth { path = path << 8 | FieldPath(fourth.rawValue) }
        return path
    }

    /// The innermost name of a path.
    @inline(__always)
    static func leaf(of path: FieldPath) -> AnswerField { AnswerField(rawValue: UInt8(truncatingIfNeeded: path)) ?? .unknown }

    /// Whether the name is that of a count of tokens.
    @inline(__always)
    var isCount: Bool {
        switch self {
        case .inputTokens, .outputTokens, .promptTokens, .completionTokens, .totalTokens, .cachedTokens, .cacheWriteTokens,
            .reasoningTokens, .cacheReadInputTokens, .cacheCreationInputTokens, .promptCacheHitTokens, .promptTokenCount,
            .candidatesTokenCount, .cachedContentTokenCount, .thoughtsTokenCount, .toolUsePromptTokenCount:
            true
        default: false
        }
    }

    /// Whether the text of a string or number at this path is wanted.
    @inline(__always)
    static func isCaptured(_ path: FieldPath) -> Bool {
        let field = leaf(of: path)
        switch field {
        case .type, .model, .object, .status, .index, .stopReason, .finishReason, .blockReason, .reason, .modelVersion, .error: return true
        default: return field.isCount
        }
    }

    /// Whether a string at this path is text of the answer, whose characters are counted.
    static func isText(_ path: FieldPath) -> Bool {
        let parent = path >> 8
        switch leaf(of: path) {
        case .delta: return parent == 0
        case .content, .reasoning, .reasoningContent: return isMessage(parent)
        case .refusal: return isMessage(parent) || parent == self.path(.output, .content)
        case .arguments:
            return parent == self.path(.output) || parent >> 8 == self.path(.choices, .delta, .toolCalls)
                || parent >> 8 == self.path(.choices, .message, .toolCalls) || (leaf(of: parent) == .functionCall && isMessage(parent >> 8))
        case .text:
            return parent == self.path(.choices) || parent == self.path(.delta) || parent == self.path(.content)
                || parent == self.path(.candidates, .content, .parts) || parent == self.path(.output, .content)
                || parent == self.path(.output, .summary)
                || (leaf(of: parent) == .content && isMessage(parent >> 8))
        case .thinking: return parent == self.path(.delta) || parent == self.path(.content)
        case .partialJSON: return parent == self.path(.delta)
        default: return false
        }
    }

    private static func isMessage(_ path: FieldPath) -> Bool {
        path == self.path(.choices, .delta) || path == self.path(.choices, .message)
    }
}
