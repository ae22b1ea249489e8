import GatewayModel
import Tenants
import Testing

@testable import GatewayConfiguration

@Suite struct LimitTests {
    private let minute = LimitWindow.bucket(nanoseconds: 60_000_000_000)

    @Test func `the documented example loads, and every line of it counts`() throws {
        let limits = try load(
            "tenants:\n  acme:\n"
                + ParameterReference.limitsExample.split(separator: "\n").map { "    \($0)\n" }.joined()
        ).tenancy.tenants[0].limits
        #expect(
            limits.summary == """
                100/1m requests, 5000/1m hits, 20000/1m tokens (burst 40000), 1000/1s input tokens, 20000/1m input tokens, \
                8000/1m output tokens (shadow), $5/30d, $5/1d, 8 at once, $50 a month, 1000000 tokens in any 1d (shadow), \
                10000 requests a day, 20/1m requests for openai/gpt-4o*, $10 a day for openai/gpt-4o*, 5/1m requests for each user, \
                1000/1h requests for each user, 2000/1m tokens for each user
                """)
    }

    @Test func `limits of tenants, keys and routes are read, numbers written plainly or in quotes`() throws {
        let snapshot = try load(
            """
            tenants:
              acme: {limits: {requests: "1_00/1m", concurrency: 8, cost: 0.25/1h}, custom_cost: true}
              plain: {limits: }
            keys:
              app:
                key: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
                tenant: acme
                limits: {concurrency: {max: "2", shadow: true}}
            routes:
              fast: {targets: demo/demo-chat, limits: {budgets: {cost: "10", per: day}}, price_per_request: 0.002}
              free: {targets: demo/demo-chat, price_per_request: 0}
              plain: demo/demo-chat
            """)
        #expect(snapshot.tenancy.tenants.map(\.limits.summary) == ["100/1m requests, $0.25/1h, 8 at once", ""])
        #expect(snapshot.tenancy.tenants.map(\.chargesCustomCost) == [true, false])
        #expect(snapshot.tenancy.keys[0].limits.limits == [Limit(measure: .concurrency, amount: 2, window: .atOnce, isShadow: true)])
        #expect(
            snapshot.route(named: "fast")?.limits.limits == [
                Limit(measure: .cost, amount: 10_000_000_000, window: .calendar(.day), alertPercents: [80, 100])
            ])
        #expect(snapshot.route(named: "fast")?.pricePerRequest == 2_000_000)
        #expect(snapshot.route(named: "free")?.pricePerRequest == 0)
        #expect(snapshot.route(named: "plain")?.pricePerRequest == nil)
        #expect(snapshot.route(named: "plain")?.limits.isEmpty == true)
    }

    @Test func `a provider in a pattern is named canonically, and must be one`() throws {
        let limits = try load("tenants: {a: {limits: {models: {gemini/x*: {requests: 5/1m}, \"*\": {tokens: 9/1m}}}}}").tenancy.tenants[0]
            .limits
        #expect(
            limits.limits == [
                Limit(measure: .requests, selector: .model("google-ai-studio/x*"), amount: 5, window: minute),
                Limit(measure: .tokens, selector: .model("*"), amount: 9, window: minute),
            ])
        #expect(
            refusals("tenants:\n  a:\n    limits:\n      models:\n        opnai/x: {requests: 5/1m}") == [
                "weir.yaml:5: tenants.a.limits.models.opnai/x: \"opnai\" is not a provider; did you mean openai?"
            ])
    }

    @Test(arguments: [
        ("limits: 5", 3, "limits: must have fields such as requests: 100/1m"),
        ("limits: [5]", 3, "limits: must have fields such as requests: 100/1m"),
        (
            "limits:\n      tokens:\n        - 5/1m\n        - {rate: 5,\n           per: 1q}", 7,
            "limits.tokens[1].per: \"1q\" is not a period such as 1s, 1m, 24h or 30d"
        ),
        ("limits:\n      tokens: {rate: 5, per: 1m, shadow: \"true\"}", 4, "limits.tokens.shadow: must be true or false"),
        ("limits:\n      requests: yes", 4, "limits.requests: \"yes\" is not an amount per period, such as 100/1m"),
        (
            "limits:\n      policies: 5;w=60;s=user", 3,
            "limits.metadata.user.requests: needs a limit of requests for all values together beside metadata, since clients choose the values"
        ),
        ("limits:\n      models:\n        a: {requests: 5/1m,\n            models: {}}", 6, "limits.models.a.models: is not a known field"),
    ])
    func `a slip in limits is told by line and field`(_ yaml: String, _ line: Int, _ message: String) {
        #expect(refusals("tenants:\n  a:\n    \(yaml)\n") == ["weir.yaml:\(line): tenants.a.\(message)"])
    }

    @Test(arguments: [
        "-1", "1e19", "1e", "1e-10", "0.0000000001", "1000000.000000001", "free", "$1", "1,5", "99999999999999999999", ".5", "[1]",
    ])
    func `a price that is none is refused`(_ price: String) {
        let lines = refusals("routes:\n  fast:\n    targets: demo/demo-chat\n    price_per_request: \(price)\n")
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("weir.yaml:4: routes.fast.price_per_request: ") == true, "\(lines)")
    }

    @Test func `a price of a million USD is taken`() throws {
        let route = try load("routes: {a: {targets: demo/demo-chat, price_per_request: 1000000}}").routes[0]
        #expect(route.pricePerRequest == Limit.amountMax)
    }

    // MARK: Metering

    @Test func `metering has its defaults, and takes what is given`() throws {
        let standard = try load("").metering
        #expect(standard.defaultMaxTokens == 256)
        #expect(standard.hitsFactor == 50)
        #expect(standard.metadataValuesMax == 10_000)
        #expect(standard.alertWebhook == nil)
        #expect(standard.alertWebhookSecret == nil)
        let given = try load(
            """
            metering:
              default_max_tokens: 0
              hits_factor: 1
              metadata_values_max: 5
              alert_webhook: https://hooks.example.com/a/b/?version=2&x=/y
              alert_webhook_secret: env:HOOK
            """, environment: ["HOOK": "hook-canary"])
        #expect(given.metering.defaultMaxTokens == 0)
        #expect(given.metering.hitsFactor == 1)
        #expect(given.metering.metadataValuesMax == 5)
        #expect(given.metering.alertWebhook == "https://hooks.example.com/a/b/?version=2&x=/y")
        #expect(given.metering.alertWebhookSecret == Secret("hook-canary"))
        #expect(!"\(given.metering)".contains("canary"))
    }

    @Test(arguments: [
        ("http://127.0.0.1:9000/hook", ""), ("http://[::1]:9000", ""), ("http://localhost:9000", ""), ("https://127.0.0.2", ""),
        ("https://10.0.0.1/hook", "allow_private: [10.0.0.0/8]"), ("https://alerts.internal", "allow_private: [alerts.internal]"),
    ])
    func `a webhook on loopback needs no leave, one on a private network does`(_ url: String, _ egress: String) throws {
        let yaml = "metering:\n  alert_webhook: \"\(url)\"\n"
        #expect(try load(yaml + "egress: {\(egress)}").metering.alertWebhook != nil)
        if !egress.isEmpty { #expect(refusals(yaml).count == 1) }
    }

    @Test(arguments: [
        "hooks.example.com", "http://hooks.example.com", "ftp://hooks.example.com", "https://user:pw@hooks.example.com", "https://10.0.0.1",
        "https://hooks.example.com/#x", "https://hooks.example.com/?a b", "https://hooks.example.com/../x", "https://hooks.example.com:0",
        "https://hooks.example.com//", "https://", "https://169.254.169.254/latest", "http://0x7f000001.example.com/",
    ])
    func `a webhook that is no URL to send alerts to is refused`(_ url: String) {
        let lines = refusals("metering:\n  alert_webhook: \"\(url)\"\n")
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("weir.yaml:2: metering.alert_webhook: ") == true, "\(lines)")
    }
}
