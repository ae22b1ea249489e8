import GatewayModel

// Counts as providers report them, before they become one `Usage`. Numbers come from outside: nothing here can overflow or trap.

/// The counts of one answer by the names they came under. Later reports replace earlier ones: in streams every report is cumulative.
struct TokenCounts: Sendable {
    /// More tokens than any answer has. What is above is kept, saturated, and marked as suspect.
    static let plausibleMax: Int64 = 1_000_000_000_000

    var input: Int64?
    /// Whether `input` came under a name whose count holds cached tokens wherever else those are told: OpenAI's and Gemini's.
    var inputHoldsCache = false
    var output: Int64?
    var total: Int64?
    var cached: Int64?
    var cacheWrite: Int64?
    var reasoning: Int64?
    /// Anthropic's parts of the input, which stand beside its `input_tokens` instead of in them.
    var cacheReadBeside: Int64?
    var cacheWriteBeside: Int64?
    /// Gemini's thoughts and tool prompts, which stand beside its other counts.
    var thoughtsBeside: Int64?
    var toolPromptBeside: Int64?
    /// Whether a usage object was there.
    var isReported = false
    var isSuspect = false

    /// Notes the count of a field from a number's text.
    mutating func set(_ field: AnswerField, number text: Span<UInt8>) { store(field, TokenCounts.count(text, &isSuspect)) }

    /// Notes the count of a field that came as text, which no provider documents.
    mutating func set(_ field: AnswerField, textual text: Span<UInt8>) {
        store(field, TokenCounts.count(text, &isSuspect))
        isSuspect = true
    }

    private mutating func store(_ field: AnswerField, _ value: Int64) {
        switch field {
        case .inputTokens, .promptTokens, .promptTokenCount:
            input = value
            inputHoldsCache = field != .inputTokens
        case .outputTokens, .completionTokens, .candidatesTokenCount: output = value
        case .totalTokens: total = value
        case .cachedTokens, .promptCacheHitTokens, .cachedContentTokenCount: cached = value
        case .cacheWriteTokens: cacheWrite = value
        case .reasoningTokens: reasoning = value
        case .cacheReadInputTokens: cacheReadBeside = value
        case .cacheCreationInputTokens: cacheWriteBeside = value
        case .thoughtsTokenCount: thoughtsBeside = value
        case .toolUsePromptTokenCount: toolPromptBeside = value
        default: break
        }
    }

    /// A count from a number's text: negative ones are 0, fractions cut, absurd ones saturated; each of these is suspect.
    static func count(_ text: Span<UInt8>, _ isSuspect: inout Bool) -> Int64 {
        var value: Int64 = 0
        for index in 0..<text.count {
            let byte = text[index]
            guard byte >= 0x30, byte <= 0x39 else { return irregular(text, &isSuspect) }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = scaled.addingReportingOverflow(Int64(byte &- 0x30))
            guard !overflow, !carried else {
                isSuspect = true
                return .max
            }
            value = sum
        }
        if value > plausibleMax || text.count == 0 { isSuspect = true }
        return value
    }

    @inline(never)
    private static func irregular(_ text: Span<UInt8>, _ isSuspect: inout Bool) -> Int64 {
        isSuspect = true
        guard let value = Double(String(decoding: text.copied(), as: UTF8.self)), value > 0 else { return 0 }
        return value < 9.2e18 ? Int64(value) : .max
    }

    /// The counts as one report; `nil` where the answer had none.
    ///
    /// OpenAI's input holds cached tokens and its output reasoning; where a provider's total is larger than both (xAI and Google's compatible
    /// endpoint leave reasoning out of the output), the rest was output too. Anthropic's cached tokens and Gemini's thoughts are added; where
    /// a proxy repeats Anthropic's names beside OpenAI's `prompt_tokens`, they are parts of it. Embeddings make no output, so that a total
    /// without its parts (Voyage's and Jina's form) is input. More cached tokens than input are suspect.
    func usage(isEmbedding: Bool = false) -> Usage? {
        guard isReported else { return nil }
        var suspect = isSuspect
        func sum(_ parts: Int64?...) -> Int64 {
            var sum: Int64 = 0
            for part in parts {
                let (next, overflow) = sum.addingReportingOverflow(part ?? 0)
                if overflow { suspect = true }
                sum = overflow ? .max : next
            }
            return sum
        }
        var whole = inputHoldsCache ? sum(input, toolPromptBeside) : sum(input, cacheReadBeside, cacheWriteBeside, toolPromptBeside)
        var made = sum(output, thoughtsBeside)
        if let total, !suspect, total > sum(whole, made) {
            if isEmbedding { whole = total - made } else { made = total - whole }
        }
        let (read, written) = (cached ?? cacheReadBeside ?? 0, cacheWrite ?? cacheWriteBeside ?? 0)
        if sum(read, written) > whole { suspect = true }
        return Usage(
            inputTokens: whole, outputTokens: made, cachedInputTokens: read, cacheWriteInputTokens: written,
            reasoningTokens: reasoning ?? thoughtsBeside ?? 0, isSuspect: suspect)
    }
}
