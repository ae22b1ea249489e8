/// Token counts of one answer as its provider reported them. Absent counts are 0; all saturate at `Int64.max`, none is negative.
public struct Usage: Sendable, Equatable {
    /// Input (prompt) tokens, cached ones included.
    public var inputTokens: Int64
    /// Output (completion) tokens, reasoning included.
    public var outputTokens: Int64
    /// The part of `inputTokens` that the provider read from its own prompt cache.
    public var cachedInputTokens: Int64
    /// The part of `inputTokens` that the provider wrote to its own prompt cache.
    public var cacheWriteInputTokens: Int64
    /// The part of `outputTokens` spent on reasoning.
    public var reasoningTokens: Int64
    /// Whether a count was negative, fractional, textual or beyond range and had to be replaced.
    public var isSuspect: Bool

    /// Makes a usage report.
    public init(
        inputTokens: Int64 = 0, outputTokens: Int64 = 0, cachedInputTokens: Int64 = 0, cacheWriteInputTokens: Int64 = 0,
        reasoningTokens: Int64 = 0, isSuspect: Bool = false
    ) {
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.cachedInputTokens = cachedInputTokens
        self.cacheWriteInputTokens = cacheWriteInputTokens
        self.reasoningTokens = reasoningTokens
        self.isSuspect = isSuspect
    }
}
