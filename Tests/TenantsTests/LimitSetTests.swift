import GatewayModel
import JSON
import TestSupport
import Testing

@testable import Tenants

@Suite struct LimitSetTests {
    private let minute = LimitWindow.bucket(nanoseconds: 60_000_000_000)

    /// The line with which limits are refused; empty when they are accepted.
    private func refusal(_ json: String, allowsMetadata: Bool = true) -> String {
        do {
            _ = try LimitSet(json, allowsMetadata: allowsMetadata)
            return ""
        } catch {
            return "\(error)"
        }
    }

    // MARK: What is read

    @Test func `every form of a limit is read as what it says`() throws {
        let set = try LimitSet(
            """
            {"requests":"100/1m","hits":"5000/m","tokens":{"rate":20000,"per":"1m","burst":"40_000","shadow":true},
            "input_tokens":["1000/1s","20000/1m"],"output_tokens":"7/2w","cost":"0.25/30d","concurrency":{"max":8,"shadow":true},
            "budgets":[{"cost":50,"per":"month"},{"tokens":1000000,"per":"24h","alert_at":[50,100],"shadow":false},{"requests":"1","per":"day"}],
            "models":{"openai/gpt-4o*":{"requests":"20/1m","budgets":[{"cost":1,"per":"hour","alert_at":[]}]}},
            "metadata":{"user":{"requests":"5/1m","concurrency":1}}}
            """)
        #expect(
            set.limits == [
                Limit(measure: .requests, amount: 100, window: minute), Limit(measure: .hits, amount: 5000, window: minute),
                Limit(measure: .tokens, amount: 20_000, window: minute, burst: 40_000, isShadow: true),
                Limit(measure: .inputTokens, amount: 1000, window: .bucket(nanoseconds: 1_000_000_000)),
                Limit(measure: .inputTokens, amount: 20_000, window: minute),
                Limit(measure: .outputTokens, amount: 7, window: .bucket(nanoseconds: 14 * 86_400_000_000_000)),
                Limit(measure: .cost, amount: 250_000_000, window: .bucket(nanoseconds: 30 * 86_400_000_000_000)),
                Limit(measure: .concurrency, amount: 8, window: .atOnce, isShadow: true),
                Limit(measure: .cost, amount: 50_000_000_000, window: .calendar(.month), alertPercents: [80, 100]),
                Limit(measure: .tokens, amount: 1_000_000, window: .rolling(seconds: 86_400), alertPercents: [50, 100]),
                Limit(measure: .requests, amount: 1, window: .calendar(.day), alertPercents: [80, 100]),
                Limit(measure: .requests, selector: .model("openai/gpt-4o*"), amount: 20, window: minute),
                Limit(measure: .cost, selector: .model("openai/gpt-4o*"), amount: 1_000_000_000, window: .calendar(.hour)),
                Limit(measure: .requests, selector: .metadata("user"), amount: 5, window: minute),
                Limit(measure: .concurrency, selector: .metadata("user"), amount: 1, window: .atOnce),
            ])
    }

    @Test(arguments: [
        "{}", "null", #"{"requests":null}"#, #"{"requests":[]}"#, #"{"models":{}}"#, #"{"models":{"a":null}}"#, #"{"policies":[]}"#,
    ])
    func `what names no limit is no limit`(_ json: String) throws {
        #expect(try LimitSet(json).isEmpty)
        #expect(try LimitSet(json).json == .object(JSONObject()))
    }

    @Test func `a policy of Helicone's grammar is the bucket that it means`() throws {
        #expect(try LimitSet(#"{"policies":"100;w=60"}"#) == LimitSet(#"{"requests":"100/1m"}"#))
        #expect(try LimitSet(#"{"policies":"500;w=86400;u=cents"}"#) == LimitSet(#"{"cost":"5/1d"}"#))
        #expect(try LimitSet(#"{"policies":"9 ; w=1 ; u=token"}"#) == LimitSet(#"{"tokens":"9/1s"}"#))
        #expect(
            try LimitSet(#"{"requests":"1000/1m","policies":["100;w=60;u=request;s=user","7;w=60;s=team"]}"#)
                == LimitSet(#"{"requests":"1000/1m","metadata":{"user":{"requests":"100/1m"},"team":{"requests":"7/1m"}}}"#))
    }

    @Test(arguments: [
        "", "100", "w=60", "100;60", "100;w", "100;w=", "100;w=60;", "100;w=60;w=60", "100;w=60;u=words", "100;w=60;x=1", "0;w=60",
        "-1;w=60",
        "1.5;w=60;u=cents", "100;w=0", "100;w=-1", "100;w=34560001", "100;w=60;s=a b", "100;w=60s", "10000001;w=1",
        "100000001;w=60;u=cents", "9999999999999999999;w=60;u=cents",
    ])
    func `a policy that is none is refused at its place`(_ policy: String) {
        #expect(
            refusal("{\"policies\":[\"1;w=1\",\"\(policy)\"]}").hasPrefix("policies[1]: "), "\(refusal("{\"policies\":[\"\(policy)\"]}"))")
    }

    // MARK: Bounds

    /// What is accepted on the left and refused on the right.
    @Test(arguments: [
        (#"{"requests":"1/1m"}"#, #"{"requests":"0/1m"}"#),
        (#"{"tokens":"1000000000000000/1d"}"#, #"{"tokens":"1000000000000001/1d"}"#),
        (#"{"cost":"1000000/1d"}"#, #"{"cost":"1000000.000000001/1d"}"#),
        (#"{"cost":"0.000000001/1d"}"#, #"{"cost":"0.0000000001/1d"}"#),
        (#"{"cost":"0.1000000000/1d"}"#, #"{"cost":"0.0/1d"}"#),
        (#"{"requests":"10000000/1s"}"#, #"{"requests":"10000001/1s"}"#),
        (#"{"hits":"10000000/1s"}"#, #"{"hits":"10000001/1s"}"#),
        (#"{"requests":"1/400d"}"#, #"{"requests":"1/401d"}"#),
        (#"{"requests":"1/34560000s"}"#, #"{"requests":"1/34560001s"}"#),
        (#"{"requests":"1/1s"}"#, #"{"requests":"1/0s"}"#),
        (#"{"requests":{"rate":1,"per":"1d","burst":400}}"#, #"{"requests":{"rate":1,"per":"1d","burst":401}}"#),
        (#"{"concurrency":1}"#, #"{"concurrency":0}"#),
        (#"{"budgets":{"cost":1,"per":"400d"}}"#, #"{"budgets":{"cost":1,"per":"57w5d"}}"#),
        (#"{"budgets":{"cost":1,"per":"day","alert_at":[1,100]}}"#, #"{"budgets":{"cost":1,"per":"day","alert_at":[0]}}"#),
        (#"{"budgets":{"cost":1,"per":"day","alert_at":100}}"#, #"{"budgets":{"cost":1,"per":"day","alert_at":101}}"#),
        (#"{"budgets":{"cost":1,"per":"day","alert_at":[50,51]}}"#, #"{"budgets":{"cost":1,"per":"day","alert_at":[50,50]}}"#),
        (#"{"policies":"1;w=34560000"}"#, #"{"policies":"1;w=34560001"}"#),
        (#"{"policies":"100000000;w=60;u=cents"}"#, #"{"policies":"100000001;w=60;u=cents"}"#),
    ])
    func `the last value is taken and the next is not`(_ good: String, _ bad: String) {
        #expect(refusal(good) == "")
        #expect(refusal(bad) != "")
    }

    @Test func `32 limits are taken and 33 are not`() throws {
        func set(_ count: Int) -> String {
            let models = (2...count).map { "\"m\($0)\":{\"requests\":\"1/1s\"}" }.joined(separator: ",")
            return "{\"requests\":\"1/1s\",\"models\":{\(models)}}"
        }
        #expect(try LimitSet(set(32)).limits.count == 32)
        #expect(refusal(set(33)) == "33 limits where at most 32 are allowed")
    }

    @Test(arguments: [
        "18446744073709551616/1m", "99999999999999999999999999/1m", "1/9223372036854775807d", "9223372036854775807/400d", "0.5/1m",
        "1e3/1m",
        "-1/1m", "+1/1m", "1/", "/1m", "1/1m/1m", "1/1", "1/60", "1/1x", "1/m1", "1_/1m", "_1/1m", "1./1m", ".5/1m", "٣/1m", "1 /1m",
        "1/ 1m",
        "100", "", "/", "1/month", "1/minute", "1/1M", "1\\u0000/1m",
    ])
    func `what is no rate is refused and never traps`(_ text: String) {
        for measure in ["requests", "tokens"] {
            #expect(refusal("{\"\(measure)\":\"\(text)\"}").hasPrefix(measure + ": "), "\(text)")
        }
    }

    // MARK: Messages

    @Test(arguments: [
        (#"{"request":"1/1m"}"#, "request: is not a known field; did you mean requests?"),
        (#"{"zzz":1}"#, "zzz: is not a known field"),
        (#"{"request":null}"#, "request: is not a known field; did you mean requests?"),
        (#"{"requests":"0/1m"}"#, "requests: 0 would refuse everything; to switch a key or tenant off, set disabled: true"),
        (#"{"requests":100}"#, "requests: \"100\" is not an amount per period, such as 100/1m"),
        (#"{"requests":true}"#, "requests: must be an amount per period, such as 100/1m"),
        (#"{"cost":"5$/1d"}"#, "cost: \"5$\" is not USD with up to 9 decimals, such as 0.25"),
        (
            #"{"tokens":[{"rate":5,"per":"1m"},{"rate":5,"per":"1 m"}]}"#,
            "tokens[1].per: \"1 m\" is not a period such as 1s, 1m, 24h or 30d"
        ),
        (#"{"tokens":{"rate":5}}"#, "tokens: per is missing"), (#"{"tokens":{"per":"1m"}}"#, "tokens: rate is missing"),
        (#"{"tokens":{"rate":5,"per":"1m","shadow":"yes"}}"#, "tokens.shadow: must be true or false"),
        (#"{"tokens":{"rate":5,"per":"1m","brust":9}}"#, "tokens.brust: is not a known field; did you mean burst?"),
        (#"{"concurrency":{"shadow":true}}"#, "concurrency: max is missing"),
        (#"{"budgets":[{"per":"day"}]}"#, "budgets[0]: needs one of cost, tokens, input_tokens, output_tokens, requests"),
        (#"{"budgets":[{"cost":1}]}"#, "budgets[0]: per is missing"),
        (
            #"{"budgets":[{"cost":1,"tokens":2,"per":"day"}]}"#,
            "budgets[0].tokens: a budget has one measure; write a second budget for the other"
        ),
        (
            #"{"budgets":[{"cost":1,"per":"week"}]}"#,
            "budgets[0].per: \"week\" is not hour, day or month of UTC, or a period such as 24h or 30d"
        ),
        (#"{"budgets":[{"hits":1,"per":"day"}]}"#, "budgets[0].hits: is not a known field"),
        (#"{"models":{"a b":{}}}"#, "models.a b: \"a b\" is not a pattern: 1 to 256 bytes without spaces, * as the only wildcard"),
        (#"{"models":{"a":{"models":{}}}}"#, "models.a.models: is not a known field"),
        (#"{"metadata":{"u":{"metadata":{}}}}"#, "metadata.u.metadata: is not a known field"),
        (#"{"models":{"a":{"policies":[]}}}"#, "models.a.policies: is not a known field"),
        (#"{"models":["a"]}"#, "models: must have fields such as \"gpt-4o*\": {requests: 20/1m}"),
        (#"{"metadata":{"a b":{}}}"#, "metadata.a b: a metadata name is \(Identifier.rule(bytesMax: 64))"),
        ("[]", "must have fields such as requests: 100/1m"), ("5", "must have fields such as requests: 100/1m"),
    ])
    func `a slip is told with its place and what to write`(_ json: String, _ line: String) {
        #expect(refusal(json) == line)
    }

    @Test func `a name from outside can't fill a message or steer a terminal`() {
        let line = refusal("{\"\(String(repeating: "x", count: 5000))\\u001b[2J\":1}")
        #expect(line.utf8.count < 200)
        #expect(!refusal(#"{"\u001b[2J":1}"#).unicodeScalars.contains { $0.value < 0x20 })
    }

    // MARK: Limits by metadata

    @Test func `a limit by metadata needs one of the same measure for all values`() {
        let nested = "needs a limit of tokens for all values together beside metadata, since clients choose the values"
        #expect(refusal(#"{"metadata":{"user":{"tokens":"5/1m"}}}"#) == "metadata.user.tokens: " + nested)
        #expect(refusal(#"{"requests":"5/1m","metadata":{"user":{"tokens":"5/1m"}}}"#) == "metadata.user.tokens: " + nested)
        #expect(refusal(#"{"models":{"a":{"tokens":"5/1m"}},"metadata":{"user":{"tokens":"5/1m"}}}"#) == "metadata.user.tokens: " + nested)
        #expect(refusal(#"{"metadata":{"user":{"budgets":{"tokens":5,"per":"day"}}}}"#) == "metadata.user.budgets: " + nested)
        #expect(refusal(#"{"tokens":"9/1m","metadata":{"user":{"tokens":"5/1m"}}}"#) == "")
        #expect(refusal(#"{"budgets":{"tokens":9,"per":"day"},"metadata":{"user":{"tokens":"5/1m"}}}"#) == "")
        #expect(refusal(#"{"policies":"5;w=60;s=user"}"#).hasPrefix("metadata.user.requests: needs a limit of requests"))
    }

    @Test func `where metadata has no place neither it nor a policy by it is taken`() {
        let refused = "metadata: is for limits of keys and tenants only, not of routes"
        #expect(refusal(#"{"requests":"9/1m","metadata":{"user":{"requests":"5/1m"}}}"#, allowsMetadata: false) == refused)
        #expect(refusal(#"{"requests":"9/1m","policies":"5;w=60;s=user"}"#, allowsMetadata: false) == refused)
        #expect(refusal(#"{"requests":"9/1m","models":{"a":{"requests":"5/1m"}}}"#, allowsMetadata: false) == "")
    }

    // MARK: Text and back

    @Test(arguments: [
        (#"{"requests":"100/60s"}"#, #"{"requests":"100/1m"}"#),
        (#"{"concurrency":"8","requests":{"rate":"1_0","per":"d","burst":10}}"#, #"{"requests":"10/1d","concurrency":8}"#),
        (#"{"cost":{"rate":0.250,"per":"1h","burst":1}}"#, #"{"cost":{"rate":0.25,"per":"1h","burst":1}}"#),
        (#"{"budgets":{"cost":5.10,"per":"48h","alert_at":[80,100]}}"#, #"{"budgets":[{"cost":5.1,"per":"2d"}]}"#),
        (#"{"policies":["9;w=60","250;w=3600;u=cents"]}"#, #"{"requests":"9/1m","cost":"2.5/1h"}"#),
    ])
    func `what means the same is written the same`(_ json: String, _ canonical: String) throws {
        #expect(String(decoding: try LimitSet(json).json.bytes, as: UTF8.self) == canonical)
    }

    @Test func `money keeps every nano-USD`() throws {
        for (text, amount) in [
            ("0.1", 100_000_000), ("0.3", 300_000_000), ("999999.999999999", 999_999_999_999_999), ("0.000000001", 1),
            ("4503599.627370497", 4_503_599_627_370_497), ("1_000.5", 1_000_500_000_000), ("007", 7_000_000_000),
        ] {
            #expect(try LimitAmount.nanoUSD(text) == Int64(amount), "\(text)")
        }
        for amount in [Int64.min, -1, 0, 1, 999_999_999, 1_000_000_000, .max] {
            let text = LimitAmount.usdText(nanoUSD: amount)
            if amount >= 0 { #expect(try LimitAmount.nanoUSD(text) == amount, "\(text)") } else { #expect(text.hasPrefix("-")) }
        }
        #expect(throws: LimitAmount.Problem.tooLarge) { try LimitAmount.nanoUSD("9223372036.854775808") }
        #expect(throws: LimitAmount.Problem.malformed) { try LimitAmount.nanoUSD(String(repeating: "0", count: 65)) }
    }

    @Test func `any set is read back as it was written, from its own text and from text in another order`() throws {
        var random = SplitMix64(seed: 31)
        for _ in 0..<2000 {
            let set = LimitSet(limits: randomLimits(&random))
            let again = try LimitSet(json: set.json)
            #expect(again == set)
            #expect(again.json == set.json)
            #expect(LimitSet(limits: set.limits) == set)
            let raw = set.json.bytes
            #expect(try LimitSet(json: try JSONValue(parsing: raw.span)) == set)
        }
    }

    @Test func `random text is no limit or one that is read back`() throws {
        var random = SplitMix64(seed: 32)
        let alphabet = Array("0123456789/.;=_wusmhd \"€-".unicodeScalars)
        var acceptedCount = 0
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...9, using: &random) { text.unicodeScalars.append(alphabet.randomElement(using: &random) ?? "0") }
            for name in ["requests", "cost", "policies"] {
                guard let set = try? LimitSet(json: .object(JSONObject(members: [.init(key: name, value: .string(text))]))) else {
                    continue
                }
                acceptedCount += 1
                #expect(try LimitSet(json: set.json) == set, "\(text)")
            }
        }
        #expect(acceptedCount > 20)
    }

    /// Limits as the grammar allows them, those of metadata beside one for all.
    private func randomLimits(_ random: inout SplitMix64) -> [Limit] {
        var limits: [Limit] = []
        let selectors: [LimitSelector] = [.all, .all, .all, .model("gpt-4o*"), .model("openai/o3"), .metadata("user"), .metadata("team")]
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            let measure = LimitMeasure.allCases.randomElement(using: &random) ?? .requests
            var selector = selectors.randomElement(using: &random) ?? .all
            if case .metadata = selector, !limits.contains(where: { $0.selector == .all && $0.measure == measure }) { selector = .all }
            limits.append(randomLimit(measure, selector, &random))
        }
        return limits
    }

    private func randomLimit(_ measure: LimitMeasure, _ selector: LimitSelector, _ random: inout SplitMix64) -> Limit {
        let isShadow = Bool.random(using: &random)
        let amount = Int64.random(in: 1...(Bool.random(using: &random) ? 9 : 1_000_000), using: &random)
        if measure == .concurrency {
            return Limit(measure: measure, selector: selector, amount: amount, window: .atOnce, isShadow: isShadow)
        }
        let seconds = Int64.random(in: 1...400, using: &random) * ([1, 60, 3600, 86_400].randomElement(using: &random) ?? 1)
        guard measure != .hits, Bool.random(using: &random) else {
            let burst = Bool.random(using: &random) ? amount : Int64.random(in: 1...amount, using: &random)
            return Limit(
                measure: measure, selector: selector, amount: amount, window: .bucket(nanoseconds: seconds * 1_000_000_000), burst: burst,
                isShadow: isShadow)
        }
        let window =
            Bool.random(using: &random) ? .rolling(seconds: seconds) : LimitWindow.calendar(.allCases.randomElement(using: &random) ?? .day)
        let percents = (1...100).filter { _ in Int.random(in: 0..<40, using: &random) == 0 }
        return Limit(measure: measure, selector: selector, amount: amount, window: window, isShadow: isShadow, alertPercents: percents)
    }

    // MARK: Summary

    @Test func `limits are told on one line`() throws {
        #expect(
            try LimitSet(#"{"requests":"100/1m","tokens":"20000/1m","cost":"5/30d","concurrency":8}"#).summary
                == "100/1m requests, 20000/1m tokens, $5/30d, 8 at once")
        #expect(
            try LimitSet(
                """
                {"requests":{"rate":9,"per":"1h","burst":90,"shadow":true},"input_tokens":"7/1s",
                "budgets":[{"cost":0.5,"per":"hour"},{"tokens":9,"per":"24h"}],
                "models":{"a/*":{"concurrency":1}},"metadata":{"user":{"requests":"1/1s"}}}
                """
            ).summary
                == "9/1h requests (burst 90) (shadow), 7/1s input tokens, $0.5 an hour, 9 tokens in any 1d, 1 at once for a/*, 1/1s requests for each user"
        )
        #expect(LimitSet().summary == "")
    }

    // MARK: Changes

    private func changed(_ set: String, _ change: String) throws -> LimitSet {
        let raw = bytes(change)
        return try LimitSetChange(try JSONValue(parsing: raw.span)).applied(to: try LimitSet(set))
    }

    @Test func `a change replaces the members it gives and leaves the others`() throws {
        let old = #"{"requests":["1/1s","9/1m"],"tokens":"5/1m","models":{"a":{"requests":"1/1m"}}}"#
        #expect(try changed(old, "{}") == LimitSet(old))
        #expect(try changed(old, "null").isEmpty)
        #expect(
            try changed(old, #"{"requests":"7/1m"}"#)
                == LimitSet(#"{"requests":"7/1m","tokens":"5/1m","models":{"a":{"requests":"1/1m"}}}"#))
        #expect(try changed(old, #"{"models":null,"requests":null}"#) == LimitSet(#"{"tokens":"5/1m"}"#))
        #expect(try changed(old, #"{"models":{},"requests":[]}"#) == LimitSet(#"{"tokens":"5/1m"}"#))
        #expect(try changed(old, #"{"budgets":{"cost":1,"per":"day"}}"#).limits.count == 5)
        let policy = #"{"policies":["3;w=60","4;w=60;s=user"]}"#
        let once = try changed(old, policy)
        #expect(
            once
                == (try LimitSet(
                    #"{"requests":"3/1m","tokens":"5/1m","models":{"a":{"requests":"1/1m"}},"metadata":{"user":{"requests":"4/1m"}}}"#)))
        #expect(try LimitSetChange(["policies": ["3;w=60", "4;w=60;s=user"]]).applied(to: once) == once)
    }

    @Test func `a change that leaves a limit by metadata alone is refused`() throws {
        let old = #"{"requests":"9/1m","metadata":{"user":{"requests":"1/1m"}}}"#
        #expect(throws: LimitSyntaxError.self) { try changed(old, #"{"requests":null}"#) }
        #expect(try changed(old, #"{"requests":null,"metadata":null}"#).isEmpty)
        #expect(try changed(#"{"tokens":"9/1m"}"#, #"{"metadata":{"user":{"tokens":"1/1m"}}}"#).limits.count == 2)
        #expect(throws: LimitSyntaxError.self) { try changed("{}", #"{"metadata":{"user":{"tokens":"1/1m"}}}"#) }
    }
}
