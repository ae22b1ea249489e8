import GatewayModel
import RateLimiting
import TestSupport
import Testing

@Suite struct PricesTableTests {
    private func table(_ models: [String: Int64], countsCachedInput: Bool = true) -> PriceTable {
        PriceTable(["p": ProviderPrices(countsCachedInput: countsCachedInput, models: models.mapValues { ModelPrice(input: $0) })])
    }

    @Test func `a wildcard wins over the exact name, or a shorter one over a longer`() {
        let table = table(["gpt-4o": 1, "gpt-4o*": 2, "gpt-4o-mini*": 3, "gpt-*": 4, "gpt-4o-2024-*": 5, "gpt-4o-2024-05-13": 6])
        func price(_ model: String) -> Int64? { table.price(provider: "p", model: model)?.input }
        #expect(price("gpt-4o") == 1)
        #expect(price("gpt-4o-audio-preview") == 2)
        #expect(price("gpt-4o-mini") == 3)
        #expect(price("gpt-4o-mini-2024-07-18") == 3)
        #expect(price("gpt-4o-min") == 2)
        #expect(price("gpt-4o-2024-08-06") == 5)
        #expect(price("gpt-4o-2024-05-13") == 6)
        #expect(price("gpt-4o-2024-05-130") == 5)
        #expect(price("gpt-4") == 4)
        #expect(price("gpt-") == 4)
        #expect(price("gpt") == nil)
        #expect(price("GPT-4o") == nil)
        #expect(price("") == nil)
    }

    @Test func `a provider's default is taken for another provider or before a name`() {
        let table = table(["*": 1, "a": 2])
        #expect(table.price(provider: "p", model: "")?.input == 1)
        #expect(table.price(provider: "p", model: "a")?.input == 2)
        #expect(table.price(provider: "p", model: "zz")?.input == 1)
        #expect(table.price(provider: "q", model: "a") == nil)
        #expect(PriceTable.empty.price(provider: "p", model: "a") == nil)
    }

    @Test func `names with slashes, colons and dots are cut`() {
        let table = table(["openai/gpt-4o": 1, "us.anthropic.claude-3-5-sonnet-2024*": 2])
        #expect(table.price(provider: "p", model: "openai/gpt-4o")?.input == 1)
        #expect(table.price(provider: "p", model: "openai/gpt-4o:free") == nil)
        #expect(table.price(provider: "p", model: "us.anthropic.claude-3-5-sonnet-20241022-v2:0")?.input == 2)
        #expect(table.price(provider: "p", model: "anthropic.claude-3-5-sonnet-20241022-v2:0") == nil)
    }

    @Test func `the search misses what a plain comparison finds`() {
        var random = SplitMix64(seed: 3)
        func word(_ length: Int) -> String { (0..<length).reduce("") { text, _ in text + ["a", "b", "é"][Int(random.next() % 3)] } }
        for _ in 0..<200 {
            var models: [String: Int64] = [:]
            for _ in 0..<Int(random.next() % 20) {
                models[word(Int(random.next() % 6)) + (random.next() % 4 == 0 ? "" : "*")] = Int64(random.next() % 1000)
            }
            let table = table(models)
            for _ in 0..<40 {
                let model = word(Int(random.next() % 7))
                let wildcards = models.filter { $0.key.hasSuffix("*") && model.utf8.starts(with: $0.key.utf8.dropLast()) }
                let longest = wildcards.max { $0.key.utf8.count < $1.key.utf8.count }?.value
                #expect(table.price(provider: "p", model: model)?.input == models[model] ?? longest, "\(model) in \(models.keys)")
            }
        }
    }

    @Test func `an unknown model is free without a sign, or its tokens are not counted`() {
        let tariff = table(["a": 1]).tariff(provider: "p", model: "b")
        #expect(tariff.price == nil)
        #expect(tariff.use(of: Usage(inputTokens: 3, outputTokens: 4)) == MeteredUse(inputTokens: 3, outputTokens: 4, cost: 0))
        #expect(PriceTable.empty.tariff(provider: "p", model: "b") == Tariff(price: nil, countsCachedInput: true))
    }

    @Test func `cached tokens are counted where the provider does not count them`() {
        let usage = Usage(inputTokens: 1000, outputTokens: 5, cachedInputTokens: 600, cacheWriteInputTokens: 100)
        let counting = table(["a": 1_000_000]).tariff(provider: "p", model: "a")
        let sparing = table(["a": 1_000_000], countsCachedInput: false).tariff(provider: "p", model: "a")
        #expect(counting.countedInputTokens(of: usage) == 1000)
        #expect(sparing.countedInputTokens(of: usage) == 400)
        #expect(sparing.use(of: usage) == MeteredUse(inputTokens: 400, outputTokens: 5, cost: 1_000_000))
        // An unpriced model of that provider is counted as its others are.
        #expect(table([:], countsCachedInput: false).tariff(provider: "p", model: "b").countedInputTokens(of: usage) == 400)
    }

    @Test func `absurd usage makes a negative or an endless use`() {
        let sparing = Tariff(price: ModelPrice(input: 1_000_000), countsCachedInput: false)
        #expect(sparing.countedInputTokens(of: Usage(inputTokens: 5, cachedInputTokens: .max)) == 0)
        #expect(sparing.countedInputTokens(of: Usage(inputTokens: .min, cachedInputTokens: .min)) == 0)
        #expect(sparing.countedInputTokens(of: Usage(inputTokens: 5, cachedInputTokens: .min)) == 5)
        let use = sparing.use(of: Usage(inputTokens: .max, outputTokens: .max))
        #expect(use == MeteredUse(inputTokens: Limit.amountMax, outputTokens: Limit.amountMax, cost: Limit.amountMax))
        #expect(sparing.use(of: Usage(outputTokens: .min)) == MeteredUse())
    }

    @Test func `a changed price makes an equal table`() {
        #expect(table(["a": 1]) == table(["a": 1]))
        #expect(table(["a": 1]) != table(["a": 2]))
        #expect(table(["a": 1]) != table(["a": 1], countsCachedInput: false))
        #expect(table(["a": 1, "b*": 2]).count == 2)
    }
}
