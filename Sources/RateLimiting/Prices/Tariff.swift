import GatewayModel

/// How the use of one model at one provider is counted and priced: looked up once at admission, applied at settlement.
public struct Tariff: Sendable, Hashable {
    /// What the model costs; `nil` where nobody said. Such use is counted in tokens and flagged, never taken as free.
    public let price: ModelPrice?
    /// Whether input tokens that the provider read from its prompt cache count against token limits, as against the provider's own.
    public let countsCachedInput: Bool

    /// Makes a tariff.
    public init(price: ModelPrice?, countsCachedInput: Bool = true) {
        self.price = price
        self.countsCachedInput = countsCachedInput
    }

    /// The input tokens of an answer that count against token limits: 0...`Limit.amountMax`.
    public func countedInputTokens(of usage: Usage) -> Int64 {
        let whole = max(0, usage.inputTokens)
        let counted = countsCachedInput ? whole : max(0, whole - max(0, usage.cachedInputTokens))
        return min(counted, Limit.amountMax)
    }

    /// What an answer uses of all limits, in tokens and nano-USD. The cost of an unpriced model is 0: look at `price`.
    public func use(of usage: Usage) -> MeteredUse {
        MeteredUse(
            inputTokens: countedInputTokens(of: usage), outputTokens: min(max(0, usage.outputTokens), Limit.amountMax),
            cost: price?.cost(of: usage) ?? 0)
    }
}
