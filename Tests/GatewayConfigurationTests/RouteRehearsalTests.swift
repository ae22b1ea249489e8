import GatewayModel
import JSON
import Routing
import Testing

@testable import GatewayConfiguration

@Suite struct RouteRehearsalTests {
    private let yaml = """
        providers_file: few.yaml
        prices: {openai: {models: {big: {input: 10, output: 30}, small: {input: 1, output: 3}}}}
        routes:
          chat:
            targets:
              - {target: demo/mini, context: 100, tools: false, when: {metadata.plan: {not: pro}}}
              - {target: openai/big, timeouts: {connect: 1s, first_byte: 20s}, ttl: 5m}
              - {target: openai/small, images: false, json: false}
            on_context_length: demo/long
            timeouts: {deadline: 15s}
        tenants:
          acme: {models: [small, mini], metadata: {plan: pro}}
          free: {}
        keys:
          app: {tenant: acme, key: "sha256:\(String(repeating: "a", count: 64))"}
        """

    private func rehearse(
        _ request: JSONValue = [:], keys: [String: String] = ["OPENAI_API_KEY": "k"],
        health: (RouteTarget) -> TargetStatus = { _ in .init() }
    ) throws -> JSONValue {
        let snapshot = try load(yaml, environment: keys, files: ["few.yaml": fewProviders])
        let route = try #require(snapshot.route(named: "chat"))
        let request = try RehearsedRequest(json: request, route: route, configuration: snapshot)
        return RouteRehearsal(of: route, request: request, in: snapshot, health: health).json
    }

    private func targets(_ plan: JSONValue) -> [String] { plan["targets"]?.arrayValue?.compactMap { $0["target"]?.stringValue } ?? [] }

    private func skipped(_ plan: JSONValue) -> [String] {
        plan["skipped"]?.arrayValue?.map { "\($0["target"]?.stringValue ?? "") \($0["reason"]?.stringValue ?? "")" } ?? []
    }

    @Test func `a plain request goes through all targets in order`() throws {
        let plan = try rehearse()
        #expect(targets(plan) == ["demo/mini", "openai/big", "openai/small"])
        #expect(skipped(plan).isEmpty)
        #expect(plan["strategy"]?.stringValue == "fallback" && plan["health_known"]?.boolValue == false)
        #expect(targets(try #require(plan["on_context_length"])) == ["demo/long"])
        #expect(plan["on_content_filter"] == nil)
        #expect(plan["retry"]?["deadline_ms"]?.intValue == 15_000)
    }

    @Test func `timeouts are the target's, then the route's, and never beyond the deadline`() throws {
        let rows = try #require(try rehearse()["targets"]?.arrayValue)
        #expect(["connect_ms", "first_byte_ms", "idle_ms"].map { rows[1][$0]?.intValue } == [1000, 15_000, 300_000])
        #expect(rows[1]["ttl_s"]?.intValue == 300)
        #expect(rows[0]["connect_ms"]?.intValue == 2000 && rows[0]["ttl_s"]?.isNull == true)
        #expect(rows[1]["price"]?["output"]?.doubleValue == 30)
    }

    @Test func `what does not fit is skipped with its reason`() throws {
        let body: JSONValue = [
            "messages": [["role": "user", "content": .string(String(repeating: "x", count: 396))]], "max_tokens": 2, "tools": [[:]],
        ]
        #expect(skipped(try rehearse(["body": body])) == ["demo/mini lacks_tools"])
        let long: JSONValue = ["messages": [["content": .string(String(repeating: "x", count: 396))]], "max_tokens": 2]
        let plan = try rehearse(["body": long])
        #expect(skipped(plan) == ["demo/mini context_too_small"])
        #expect(plan["skipped"]?[0]?["detail"]?.stringValue == "needs about 101 tokens, its context has 100")
        let fitting: JSONValue = ["messages": [["content": .string(String(repeating: "x", count: 396))]], "max_tokens": 1]
        #expect(skipped(try rehearse(["body": fitting])).isEmpty)
        #expect(skipped(try rehearse(["images": true])) == ["openai/small lacks_images"])
        #expect(skipped(try rehearse(["json_mode": true])) == ["openai/small lacks_json_mode"])
        #expect(skipped(try rehearse(["operation": "messages"])).allSatisfy { $0.hasSuffix("not_offered") })
    }

    @Test(arguments: [
        #"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:"}}]}]}"#,
        #"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"x"}]}]}"#,
        #"{"messages":[{"content":[{"type":"image","source":{}}]}]}"#,
        #"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png"}}]}]}"#,
    ])
    func `images are seen in every dialect`(_ body: String) throws {
        let plan = try rehearse(["body": try JSONValue(parsing: Array(body.utf8).span)])
        #expect(skipped(plan) == ["openai/small lacks_images"])
    }

    @Test func `flags win over the body`() throws {
        let plan = try rehearse(["body": ["stream": true, "tools": [[:]]], "stream": false])
        #expect(plan["request"]?["stream"]?.boolValue == false)
        #expect(plan["request"]?["tools"]?.boolValue == true)
    }

    @Test func `the operator's metadata wins over the request's`() throws {
        #expect(skipped(try rehearse(["metadata": ["plan": "pro"]])) == ["demo/mini condition_not_met"])
        let plan = try rehearse(["tenant": "acme", "metadata": ["plan": "basic"]])
        #expect(skipped(plan) == ["demo/mini condition_not_met", "openai/big not_permitted"])
        #expect(skipped(try rehearse(["key": "app"])) == skipped(plan))
        #expect(skipped(try rehearse(["tenant": "free"])).isEmpty)
    }

    @Test func `a provider without a key is skipped`() throws {
        let plan = try rehearse(keys: [:])
        #expect(skipped(plan) == ["openai/big no_credential", "openai/small no_credential"])
        #expect(targets(plan) == ["demo/mini"])
    }

    @Test func `the body's wishes reorder within the route`() throws {
        let order = try rehearse(["body": ["models": ["openai/small", "mini", "gpt-9"]]])
        #expect(targets(order) == ["openai/small", "demo/mini"])
        #expect(skipped(order) == ["openai/big hint_models"])
        let wishes = try rehearse(["body": ["provider": ["order": ["OpenAI"], "max_price": ["prompt": 5], "ignore": ["demo", "nobody"]]]])
        #expect(targets(wishes) == ["openai/small"])
        #expect(skipped(wishes).sorted() == ["demo/mini hint_ignore", "openai/big hint_max_price"])
        #expect(targets(try rehearse(["body": ["provider": ["only": ["nobody"]]]])).isEmpty)
    }

    @Test func `live health is told by its reason`() throws {
        let plan = try rehearse { target in
            switch target.target.model {
            case "mini": TargetStatus(.blocked(.breakerOpen(nanoseconds: 3_200_000_000)))
            case "big": TargetStatus(.lastResort(.failingShare))
            default: TargetStatus()
            }
        }
        #expect(targets(plan) == ["openai/small", "openai/big"])
        #expect(plan["targets"]?[1]?["last_resort"]?.stringValue == "failing_share")
        #expect(plan["skipped"]?[0]?["detail"]?.stringValue == "its breaker is open for another 3200 ms")
    }

    @Test func `targets beyond the steps of the policy are not called tried`() throws {
        let snapshot = try load("retry: {steps: 2}\nroutes: {a: [demo/1, demo/2, demo/3]}")
        let request = RehearsedRequest(facts: RequestFacts(operation: .chatCompletions))
        let plan = RouteRehearsal(of: snapshot.routes[0], request: request, in: snapshot).json
        #expect(targets(plan) == ["demo/1", "demo/2"])
        #expect(skipped(plan) == ["demo/3 steps"])
    }

    @Test(arguments: [
        "[]", #"{"boddy":{}}"#, #"{"tenant":5}"#, #"{"tenant":""}"#, #"{"stream":"yes"}"#, #"{"operation":"chat"}"#, #"{"metadata":[]}"#,
        #"{"metadata":{"a":{}}}"#, #"{"seed":"x"}"#,
    ])
    func `a rehearsal that can't be meant is refused`(_ text: String) throws {
        let json = try JSONValue(parsing: Array(text.utf8).span)
        let error = #expect(throws: GatewayError.self) { try rehearse(json) }
        #expect(error?.status == 400)
    }

    @Test func `a route describes itself`() throws {
        let route = try #require(load(yaml, files: ["few.yaml": fewProviders]).route(named: "chat"))
        #expect(route.json["targets"]?.arrayValue?.count == 3)
        #expect(route.json["on_context_length"]?[0]?.stringValue == "demo/long")
        #expect(route.json["hedge"]?.isNull == true)
    }
}
