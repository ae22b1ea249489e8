import GatewayModel
import RateLimiting
import TestSupport
import Testing

@Suite struct PricesModelPriceTests {
    /// 2.50, 10.00, 1.25 and 3.125 USD per million tokens.
    private let price = ModelPrice(input: 2_500_000, output: 10_000_000, cachedInput: 1_250_000, cacheWriteInput: 3_125_000)

    @Test func `cached and written tokens are charged twice or at the wrong price`() {
        let usage = Usage(inputTokens: 1000, outputTokens: 10, cachedInputTokens: 600, cacheWriteInputTokens: 100)
        // 300 × 2.5 + 600 × 1.25 + 100 × 3.125 + 10 × 10 micro-USD
        #expect(price.cost(of: usage) == 1_912_500)
        #expect(price.cost(of: Usage(inputTokens: 1_000_000)) == 2_500_000_000)
        #expect(price.cost(of: Usage(outputTokens: 1_000_000, reasoningTokens: 900_000)) == 10_000_000_000)
    }

    @Test func `more cached tokens than input make a negative rest`() {
        #expect(price.cost(of: Usage(inputTokens: 5, cachedInputTokens: 8)) == 10_000)
        #expect(price.cost(of: Usage(inputTokens: 5, cachedInputTokens: .max, cacheWriteInputTokens: .max)) == Limit.amountMax)
    }

    @Test func `a fraction of a nano-USD is dropped, or rounded up for each part`() {
        let tiny = ModelPrice(input: 1, output: 1, cachedInput: 1)
        #expect(tiny.cost(of: Usage(inputTokens: 1, outputTokens: 1)) == 1)
        #expect(tiny.cost(of: Usage(inputTokens: 999, outputTokens: 1, cachedInputTokens: 500)) == 1)
        #expect(tiny.cost(of: Usage(inputTokens: 1000, outputTokens: 1)) == 2)
        #expect(tiny.cost(inputTokens: 1000, outputTokens: 1) == 2)
        #expect(tiny.cost(of: Usage()) == 0)
    }

    @Test func `a request's own price is left out`() {
        let search = ModelPrice(input: 1_000_000, output: 1_000_000, perRequest: 5_000_000)
        #expect(search.cost(of: Usage(inputTokens: 1)) == 5_001_000)
        #expect(search.cost(inputTokens: 0, outputTokens: 0) == 5_000_000)
    }

    @Test func `absurd counts and prices trap or go past the largest amount`() {
        let dearest = ModelPrice(input: .max, output: .max, cachedInput: .max, cacheWriteInput: .max, perRequest: .max)
        #expect(dearest.input == ModelPrice.tokenPriceMax)
        #expect(dearest.perRequest == Limit.amountMax)
        let usage = Usage(inputTokens: .max, outputTokens: .max, cachedInputTokens: .max, cacheWriteInputTokens: .max)
        #expect(dearest.cost(of: usage) == Limit.amountMax)
        #expect(dearest.cost(inputTokens: .max, outputTokens: .max) == Limit.amountMax)
        let least = ModelPrice(input: .min, output: .min, cachedInput: .min, cacheWriteInput: .min, perRequest: .min)
        #expect(least == ModelPrice(input: 0))
        let negative = Usage(inputTokens: .min, outputTokens: .min, cachedInputTokens: .min, cacheWriteInputTokens: .min)
        #expect(price.cost(of: negative) == 0)
        #expect(price.cost(inputTokens: .min, outputTokens: .min) == 0)
    }

    @Test func `the largest amount is passed by one`() {
        let price = ModelPrice(input: 1_000_000)
        #expect(price.cost(inputTokens: Limit.amountMax / 1000 - 1, outputTokens: 0) == Limit.amountMax - 1000)
        #expect(price.cost(inputTokens: Limit.amountMax / 1000, outputTokens: 0) == Limit.amountMax)
        #expect(price.cost(inputTokens: Limit.amountMax / 1000 + 1, outputTokens: 0) == Limit.amountMax)
    }

    @Test func `a price left out is free instead of as input`() {
        let price = ModelPrice(input: 7, output: 9)
        #expect(price.cachedInput == 7)
        #expect(price.cacheWriteInput == 7)
        #expect(price.perRequest == 0)
        #expect(ModelPrice(input: 7).output == 0)
    }

    @Test func `an answer costs more when part of its input was cached for less`() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<2000 {
            let input = Int64(random.next() % 1_000_000)
            let cached = input == 0 ? 0 : Int64(random.next() % UInt64(input))
            let whole = price.cost(of: Usage(inputTokens: input, outputTokens: 3))
            let part = price.cost(of: Usage(inputTokens: input, outputTokens: 3, cachedInputTokens: cached))
            #expect(part <= whole && part > 0)
            #expect(whole == price.cost(inputTokens: input, outputTokens: 3))
        }
    }
}
