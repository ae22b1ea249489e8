import GatewayModel
@testable import Providers
import RateLimiting
import Tenants
import Testing

@testable import GatewayServer

@Suite struct MeterTests {
    private let now = LimitTime(monotonic: MonotonicTime(nanoseconds: 1_000_000_000), civil: WallTime(milliseconds: 0))
    /// 1 USD per million input tokens, 2 per million output tokens.
    private let price = ModelPrice(input: 1_000_000, output: 2_000_000)

    private func meter(_ price: ModelPrice?, fixed: Int64? = nil) -> Meter {
        Meter(
            tariff: Tariff(price: price),
            estimate: TokenEstimator.estimate(
                inputCharacters: 400, maxTokens: 50, choices: 1, defaultMaxTokens: 256, price: price), fixedPrice: fixed)
    }

    private func summary(_ outcome: AnswerSummary.Outcome, usage: Usage?, characters: Int = 0) -> AnswerSummary {
        AnswerSummary(
            outcome: outcome, usage: usage, finishReasons: [], finishIsNatural: true, hasToolCalls: false, choiceCount: 1,
            reportedModel: nil,
            outputCharacters: characters, usageEventRange: nil, sawDone: false)
    }

    private func use(_ ending: FetchEnding) -> MeterReading {
        meter(price).settle(ending, now: now)
    }

    @Test func `what the provider reports is charged`() {
        let usage = Usage(inputTokens: 80, outputTokens: 20)
        let reading = use(.answered(status: 200, isStream: false, summary: summary(.complete, usage: usage)))
        #expect(reading.use == MeteredUse(inputTokens: 80, outputTokens: 20, cost: 120_000))
        #expect(!reading.isEstimated)
    }

    @Test func `nothing is charged when no byte was sent`() {
        #expect(use(.nothingSent).use == MeteredUse())
    }

    @Test func `a client that leaves before the head has still cost the input`() {
        #expect(use(.noAnswer).use == MeteredUse(inputTokens: 100, cost: 100_000))
        #expect(use(.noAnswer).isEstimated)
    }

    @Test func `a cut stream is charged by the input estimate and the output seen`() {
        let reading = use(.answered(status: 200, isStream: true, summary: summary(.truncated, usage: nil, characters: 41)))
        #expect(reading.use == MeteredUse(inputTokens: 100, outputTokens: 11, cost: 122_000))
    }

    @Test func `a cut stream that reported its start is charged the larger of report and sight`() {
        let partial = Usage(inputTokens: 90, outputTokens: 1)
        let reading = use(.answered(status: 200, isStream: true, summary: summary(.truncated, usage: partial, characters: 400)))
        #expect(reading.use.inputTokens == 90)
        #expect(reading.use.outputTokens == 100)
        #expect(reading.isEstimated)
    }

    @Test func `a plain answer without usage is charged the estimate`() {
        let reading = use(.answered(status: 200, isStream: false, summary: summary(.complete, usage: nil)))
        #expect(reading.use == MeteredUse(inputTokens: 100, outputTokens: 50, cost: 200_000))
        #expect(reading.isEstimated)
    }

    @Test func `a provider's refusal is an actual of zero, a 408 is work that was begun`() {
        for status in [400, 401, 403, 404, 413, 429, 500, 502, 503, 529] {
            #expect(use(.answered(status: status, isStream: false, summary: summary(.errorInBody, usage: nil))).use == MeteredUse())
        }
        #expect(use(.answered(status: 408, isStream: false, summary: nil)).use == MeteredUse(inputTokens: 100, cost: 100_000))
    }

    @Test func `an unpriced answer is flagged and costs the route's fixed price`() {
        let plain = meter(nil)
        let usage = Usage(inputTokens: 5, outputTokens: 5)
        let ending = FetchEnding.answered(status: 200, isStream: false, summary: summary(.complete, usage: usage))
        let reading = plain.settle(ending, now: now)
        #expect(reading.isUnpriced)
        #expect(reading.use == MeteredUse(inputTokens: 5, outputTokens: 5))
        let fixed = meter(nil, fixed: 10_000_000)
        #expect(fixed.settle(ending, now: now).use.cost == 10_000_000)
        let refused = meter(nil, fixed: 10_000_000)
        #expect(refused.settle(.answered(status: 500, isStream: false, summary: nil), now: now).use.cost == 0)
        let unsent = meter(nil, fixed: 10_000_000)
        #expect(unsent.settle(.nothingSent, now: now).use.cost == 0)
    }

    @Test func `absurd usage saturates`() {
        let usage = Usage(inputTokens: .max, outputTokens: .max, isSuspect: true)
        let reading = use(.answered(status: 200, isStream: false, summary: summary(.complete, usage: usage)))
        #expect(reading.use.cost <= Limit.amountMax)
        #expect(reading.use.amount(of: .tokens) >= Limit.amountMax)
    }
}

@Suite struct CustomCostTests {
    private func price(_ text: String) -> ModelPrice? { CustomCost.price(Array(text.utf8).span) }

    @Test func `both amounts are read in USD per token`() {
        #expect(price(#"{"per_token_in": 0.000001, "per_token_out": 0.00002}"#) == ModelPrice(input: 1_000_000, output: 20_000_000))
        #expect(price(#"{"per_token_in": 1e-6}"#) == ModelPrice(input: 1_000_000, output: 0))
    }

    @Test func `what is no such object changes nothing`() {
        for text in [
            "", "1", "{}", "[]", #"{"per_token_in": -1}"#, #"{"per_token_in": 1e9}"#, #"{"per_token_in": "x", "per_token_out": 0}"#,
        ] {
            #expect(price(text) == nil)
        }
    }
}

@Suite struct LimitTextTests {
    private func duration(_ nanoseconds: UInt64) -> String {
        var bytes: [UInt8] = []
        LimitFields.append(duration: nanoseconds, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `durations read like OpenAI's and round up`() {
        #expect(duration(0) == "0ms")
        #expect(duration(1) == "1ms")
        #expect(duration(119_000_001) == "120ms")
        #expect(duration(1_000_000_000) == "1s")
        #expect(duration(1_000_000_001) == "2s")
        #expect(duration(360_000_000_000) == "6m0s")
        #expect(duration(86_400_000_000_000) == "24h0m0s")
        #expect(duration(.max).hasSuffix("s"))
    }

    @Test func `money is written exactly`() {
        #expect(LimitText.usd(0) == "0.00")
        #expect(LimitText.usd(5_000_000_000) == "5.00")
        #expect(LimitText.usd(1) == "0.000000001")
        #expect(LimitText.usd(-1_250_000_000) == "-1.25")
        #expect(LimitText.usd(.min) == "-9223372036.854775808")
    }

    @Test func `limits read as sentences do`() {
        #expect(
            LimitText.describe(Limit(measure: .requests, amount: 100, window: .bucket(nanoseconds: 60_000_000_000)))
                == "100 requests per 1m")
        #expect(
            LimitText.describe(Limit(measure: .cost, amount: 5_000_000_000, window: .rolling(seconds: 2_592_000))) == "$5.00 in any 30d")
        #expect(LimitText.describe(Limit(measure: .tokens, amount: 1, window: .calendar(.day))) == "1 token per day")
        #expect(LimitText.describe(Limit(measure: .concurrency, amount: 8, window: .atOnce)) == "8 at once")
    }
}

@Suite struct RequestMetadataTests {
    @Test func `the operator's entries win over the client's`() throws {
        var key = Metadata()
        try key.add("user", .text("from-key"))
        var tenant = Metadata()
        try tenant.add("team", .number("3"))
        let field = Array(#"{"user":"mine","team":4,"plan":true,"nested":{"a":1},"none":null}"#.utf8)
        let metadata = RequestMetadata(key: key, tenant: tenant, field: field.span)
        #expect(metadata["user"] == "from-key")
        #expect(metadata["team"] == "3")
        #expect(metadata["plan"] == "true")
        #expect(metadata["nested"] == nil)
        #expect(metadata["none"] == nil)
        #expect(metadata["absent"] == nil)
    }

    @Test func `the first 16 entries are kept, and what is no flat object counts as absent`() {
        let many = "{" + (0..<17).map { "\"n\($0)\":\($0)" }.joined(separator: ",") + "}"
        let metadata = RequestMetadata(key: Metadata(), tenant: Metadata(), field: Array(many.utf8).span)
        #expect(metadata["n15"] == "15")
        #expect(metadata["n16"] == nil)
        for text in ["", "[1]", "{", "nonsense"] {
            #expect(RequestMetadata(key: Metadata(), tenant: Metadata(), field: Array(text.utf8).span)["a"] == nil)
        }
    }
}
