import GatewayModel

/// Estimates tokens from text: four characters make one, rounded up. Close for English and generous enough for most else; what an answer
/// reports replaces it. All counts saturate at `Limit.amountMax`; negative ones are 0.
public enum TokenEstimator {
    /// Characters to a token.
    public static let charactersPerToken = 4

    /// The tokens of a text of so many characters: ⌈characters / 4⌉.
    public static func tokens(characters: Int) -> Int64 {
        guard characters > 0 else { return 0 }
        let tokens = characters / charactersPerToken + (characters % charactersPerToken == 0 ? 0 : 1)
        return min(Int64(tokens), Limit.amountMax)
    }

    /// What a request is expected to use: the input and `maxTokens` × `choices`; without `maxTokens`, `defaultMaxTokens` × `choices` as the
    /// soft part.
    /// Fewer than one choice counts as one. Without a price the cost is 0.
    public static func estimate(
        inputCharacters: Int, maxTokens: Int?, choices: Int, defaultMaxTokens: Int, price: ModelPrice?
    ) -> UseEstimate {
        let input = tokens(characters: inputCharacters)
        let output = product(maxTokens ?? defaultMaxTokens, max(1, choices))
        let whole = price?.cost(inputTokens: input, outputTokens: output) ?? 0
        guard maxTokens == nil else {
            return UseEstimate(MeteredUse(inputTokens: input, outputTokens: output, cost: whole))
        }
        // The parts of the cost sum up to the cost of the whole, however each rounds.
        let hardCost = price?.cost(inputTokens: input, outputTokens: 0) ?? 0
        return UseEstimate(MeteredUse(inputTokens: input, cost: hardCost), softOutputTokens: output, softCost: whole - hardCost)
    }

    /// What is charged for an answer without a usage report: the estimate of the input, in tokens, and a quarter of the characters seen.
    public static func unreported(inputEstimate: Int64, outputCharacters: Int, price: ModelPrice?) -> MeteredUse {
        let input = min(max(0, inputEstimate), Limit.amountMax)
        let output = tokens(characters: outputCharacters)
        return MeteredUse(inputTokens: input, outputTokens: output, cost: price?.cost(inputTokens: input, outputTokens: output) ?? 0)
    }

    /// The report of an answer that was cut short, with its output raised to what was seen: Anthropic and Gemini report with every event, and
    /// the last report before the cut can be far behind the text.
    public static func raised(_ usage: Usage, outputCharacters: Int) -> Usage {
        var usage = usage
        usage.outputTokens = max(usage.outputTokens, tokens(characters: outputCharacters))
        return usage
    }

    static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? Limit.amountMax : min(max(0, sum), Limit.amountMax)
    }

    private static func product(_ tokens: Int, _ choices: Int) -> Int64 {
        let (product, overflow) = max(0, tokens).multipliedReportingOverflow(by: choices)
        return overflow ? Limit.amountMax : min(Int64(product), Limit.amountMax)
    }
}
