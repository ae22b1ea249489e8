import GatewayModel
import RateLimiting
import TestSupport
import Testing

@Suite struct PricesTokenEstimatorTests {
    private let price = ModelPrice(input: 1_000_000, output: 2_000_000)

    @Test(arguments: [(0, 0), (1, 1), (4, 1), (5, 2), (8, 2), (-1, 0), (Int.min, 0)])
    func `four characters are not one token, rounded up`(characters: Int, tokens: Int) {
        #expect(TokenEstimator.tokens(characters: characters) == Int64(tokens))
    }

    @Test func `a maximum that the request names is soft, or one it does not name is hard`() {
        let named = TokenEstimator.estimate(inputCharacters: 401, maxTokens: 50, choices: 3, defaultMaxTokens: 1000, price: price)
        #expect(named.use == MeteredUse(inputTokens: 101, outputTokens: 150, cost: 101_000 + 300_000))
        #expect(named.softOutputTokens == 0 && named.softCost == 0)
        let silent = TokenEstimator.estimate(inputCharacters: 401, maxTokens: nil, choices: 2, defaultMaxTokens: 1000, price: price)
        #expect(silent.use == MeteredUse(inputTokens: 101, cost: 101_000))
        #expect(silent.softOutputTokens == 2000 && silent.softCost == 4_000_000)
        #expect(silent.whole == MeteredUse(inputTokens: 101, outputTokens: 2000, cost: 4_101_000))
    }

    @Test func `no choices, or a negative maximum, make a negative estimate`() {
        let estimate = TokenEstimator.estimate(inputCharacters: 4, maxTokens: 10, choices: 0, defaultMaxTokens: 1, price: nil)
        #expect(estimate.use == MeteredUse(inputTokens: 1, outputTokens: 10))
        #expect(TokenEstimator.estimate(inputCharacters: 4, maxTokens: 10, choices: -5, defaultMaxTokens: 1, price: nil) == estimate)
        let negative = TokenEstimator.estimate(inputCharacters: -4, maxTokens: -10, choices: 2, defaultMaxTokens: -1, price: price)
        #expect(negative == UseEstimate(MeteredUse()))
    }

    @Test func `the largest numbers overflow`() {
        for maxTokens in [nil, Int.max] {
            let estimate = TokenEstimator.estimate(
                inputCharacters: .max, maxTokens: maxTokens, choices: .max, defaultMaxTokens: .max, price: price)
            let most = MeteredUse(inputTokens: Limit.amountMax, outputTokens: Limit.amountMax, cost: Limit.amountMax)
            #expect(estimate.whole == most)
        }
        let sum = UseEstimate(MeteredUse(inputTokens: .max, outputTokens: .max, cost: .max), softOutputTokens: 1, softCost: 1)
        #expect(sum.whole == MeteredUse(inputTokens: Limit.amountMax, outputTokens: Limit.amountMax, cost: Limit.amountMax))
        let most = TokenEstimator.unreported(inputEstimate: .max, outputCharacters: .max, price: price)
        #expect(most == MeteredUse(inputTokens: Limit.amountMax, outputTokens: Limit.amountMax, cost: Limit.amountMax))
    }

    @Test func `the product's bound is passed by one`() {
        func output(_ maxTokens: Int) -> Int64 {
            TokenEstimator.estimate(inputCharacters: 0, maxTokens: maxTokens, choices: 1, defaultMaxTokens: 1, price: nil).use.outputTokens
        }
        #expect(output(Int(Limit.amountMax) - 1) == Limit.amountMax - 1)
        #expect(output(Int(Limit.amountMax)) == Limit.amountMax)
        #expect(output(Int(Limit.amountMax) + 1) == Limit.amountMax)
    }

    @Test func `the two parts cost more or less than the whole`() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<2000 {
            let price = ModelPrice(
                input: Int64(random.next() % 5000), output: Int64(random.next() % 5000), perRequest: Int64(random.next() % 3))
            let characters = Int(random.next() % 1000)
            let estimate = TokenEstimator.estimate(
                inputCharacters: characters, maxTokens: nil, choices: 1, defaultMaxTokens: Int(random.next() % 1000), price: price)
            let whole = price.cost(inputTokens: estimate.whole.inputTokens, outputTokens: estimate.whole.outputTokens)
            #expect(estimate.use.cost + estimate.softCost == whole)
            #expect(estimate.softCost >= 0)
        }
    }

    @Test func `an answer without a report costs nothing`() {
        let use = TokenEstimator.unreported(inputEstimate: 100, outputCharacters: 41, price: price)
        #expect(use == MeteredUse(inputTokens: 100, outputTokens: 11, cost: 122_000))
        #expect(TokenEstimator.unreported(inputEstimate: 100, outputCharacters: 41, price: nil).cost == 0)
        #expect(TokenEstimator.unreported(inputEstimate: -1, outputCharacters: -1, price: price) == MeteredUse())
    }

    @Test func `a stream cut after its first report is charged by that report alone`() {
        let first = Usage(inputTokens: 50, outputTokens: 1)
        #expect(TokenEstimator.raised(first, outputCharacters: 401) == Usage(inputTokens: 50, outputTokens: 101))
        #expect(TokenEstimator.raised(first, outputCharacters: 4) == first)
        #expect(TokenEstimator.raised(first, outputCharacters: 5).outputTokens == 2)
        #expect(TokenEstimator.raised(first, outputCharacters: .min) == first)
        #expect(TokenEstimator.raised(first, outputCharacters: .max).outputTokens == Limit.amountMax)
    }
}
