import GatewayModel
import GatewayServer
import JSON
import RateLimiting
import Testing

@Suite struct LimitListingTests {
    /// 2026-03-31T23:00:00Z
    private let now = LimitTime(
        monotonic: MonotonicTime(nanoseconds: 1_000_000_000), civil: WallTime(milliseconds: 1_774_998_000_000))

    private func listing(_ limits: [Limit], scope: LimitScope = .tenant("acme")) throws -> [JSONValue] {
        let registry = LimitRegistry()
        _ = registry.bind(limits, scope: scope, now)
        let listed = LimitListing.object(scope, registry.report(scope, now))
        #expect(listed["scope"] == .string(scope.kind))
        #expect(listed["id"] == .string(scope.id))
        return try #require(listed["limits"]?.arrayValue)
    }

    @Test func `money is decimal text in USD and never a number`() throws {
        let limit = Limit(measure: .cost, amount: 1_250_000_001, window: .bucket(nanoseconds: 2_592_000_000_000_000), burst: 2_000_000_000)
        let listed = try #require(try listing([limit]).first)
        #expect(listed["amount"] == "1.250000001")
        #expect(listed["burst"] == "2.00")
        #expect(listed["remaining"] == "2.00")
        #expect(listed["spent"] == "0.00")
        #expect(listed["unit"] == "USD")
        #expect(listed["per"] == "30d")
        #expect(listed["text"] == "$1.250000001 per 30d, burst $2.00")
    }

    @Test func `a window of the calendar says when it ends and a bucket does not`() throws {
        let listed = try listing([
            Limit(measure: .tokens, amount: 5, window: .calendar(.month)),
            Limit(measure: .tokens, amount: 5, window: .rolling(seconds: 3600)),
        ])
        #expect(listed.map { $0["window"]?.stringValue } == ["calendar", "rolling"])
        #expect(listed.map { $0["per"]?.stringValue } == ["month", "1h"])
        #expect(listed.map { $0["resets_at"]?.stringValue } == ["2026-04-01T00:00:00Z", nil])
    }

    @Test func `what a limit holds for is told`() throws {
        let window = LimitWindow.bucket(nanoseconds: 60_000_000_000)
        let listed = try listing([
            Limit(measure: .tokens, amount: 7, window: window),
            Limit(measure: .tokens, selector: .model("gpt*"), amount: 7, window: window, isShadow: true),
        ])
        #expect(listed.map { $0["selector"] } == ["all", ["model": "gpt*"]])
        #expect(listed.map { $0["shadow"] } == [false, true])
        #expect(listed.map { $0["text"] } == ["7 tokens per 1m", "7 tokens per 1m for model gpt*"])
        #expect(listed.map { $0["name"] } == ["tenant-tokens", "tenant-tokens-model"])
    }

    @Test func `places have no period`() throws {
        let listed = try #require(try listing([Limit(measure: .concurrency, amount: 3, window: .atOnce)]).first)
        #expect(listed["per"] == .null)
        #expect(listed["window"] == "at_once")
        #expect(listed["remaining"] == 3)
    }

    @Test func `a scope without limits lists none`() throws { #expect(try listing([]).isEmpty) }
}
