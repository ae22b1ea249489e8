import GatewayModel

/// What a model costs.
///
/// Token prices are whole pico-USD (10⁻¹² USD) per token: 1 USD per million tokens is 1,000,000. Prices with six decimals in the providers' own
/// unit are therefore exact, and no floating point is involved in money.
public struct ModelPrice: Sendable, Hashable {
    /// Pico-USD in one nano-USD.
    static let picoPerNano: Int128 = 1000
    /// The highest price of a token, in pico-USD: a million USD per million tokens.
    public static let tokenPriceMax: Int64 = 1_000_000_000_000

    /// An input token that is in no cache of the provider, in pico-USD.
    public let input: Int64
    /// An output token, reasoning included, in pico-USD. 0 for embeddings, which have none.
    public let output: Int64
    /// An input token that the provider read from its prompt cache, in pico-USD.
    public let cachedInput: Int64
    /// An input token that the provider wrote to its prompt cache, in pico-USD.
    public let cacheWriteInput: Int64
    /// A request as such, in nano-USD.
    public let perRequest: Int64

    /// Makes a price. Cached input and cache writes cost as much as `input` where they are not given. Clamps token prices to
    /// 0...`tokenPriceMax` and the price of a request to 0...`Limit.amountMax`.
    public init(input: Int64, output: Int64 = 0, cachedInput: Int64? = nil, cacheWriteInput: Int64? = nil, perRequest: Int64 = 0) {
        func clamped(_ price: Int64) -> Int64 { min(max(0, price), ModelPrice.tokenPriceMax) }
        self.input = clamped(input)
        self.output = clamped(output)
        self.cachedInput = clamped(cachedInput ?? input)
        self.cacheWriteInput = clamped(cacheWriteInput ?? input)
        self.perRequest = min(max(0, perRequest), Limit.amountMax)
    }

    /// What an answer cost, in nano-USD, rounded up once at the end: 0...`Limit.amountMax`.
    ///
    /// `Usage.inputTokens` holds cached and cache-written tokens; what is left of it after them, at least 0, costs `input`. Negative counts are 0.
    public func cost(of usage: Usage) -> Int64 {
        let cached = Int128(max(0, usage.cachedInputTokens))
        let written = Int128(max(0, usage.cacheWriteInputTokens))
        let plain = max(0, Int128(usage.inputTokens) - cached - written)
        let made = Int128(max(0, usage.outputTokens))
        // Counts are below 2⁶³ and prices below 2⁴⁰, so four products and their sum stay below 2¹⁰⁶.
        return nano(plain * Int128(input) + cached * Int128(cachedInput) + written * Int128(cacheWriteInput) + made * Int128(output))
    }

    /// What so many tokens would cost with nothing cached, in nano-USD, rounded up: 0...`Limit.amountMax`. For estimates.
    public func cost(inputTokens: Int64, outputTokens: Int64) -> Int64 {
        nano(Int128(max(0, inputTokens)) * Int128(input) + Int128(max(0, outputTokens)) * Int128(output))
    }

    private func nano(_ pico: Int128) -> Int64 {
        let cost = (pico + ModelPrice.picoPerNano - 1) / ModelPrice.picoPerNano + Int128(perRequest)
        return Int64(min(cost, Int128(Limit.amountMax)))
    }
}
