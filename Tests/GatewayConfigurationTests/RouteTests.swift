import GatewayModel
import Testing

@testable import GatewayConfiguration

@Suite struct RouteTests {
    @Test func `routes in routes are put in, in order and once`() throws {
        let snapshot = try load(
            """
            routes:
              a: [openai/gpt-4o, b]
              b: [c, openai/gpt-4o, xai/grok-4]
              c: groq/openai/gpt-oss-20b
            """)
        #expect(
            snapshot.route(named: "a")?.targets == [
                Target(provider: "openai", model: "gpt-4o"), Target(provider: "groq", model: "openai/gpt-oss-20b"),
                Target(provider: "grok", model: "grok-4"),
            ])
        #expect(snapshot.routes.map(\.name) == ["a", "b", "c"])
        #expect(snapshot.route(named: "d") == nil)
    }

    @Test func `a route to itself is a loop`() {
        #expect(refusals("routes: {a: a}") == ["weir.yaml:1: routes.a: routes form a loop: a -> a"])
    }

    @Test func `a loop that is reached from outside is told once`() {
        let lines = refusals("routes:\n  in: [x]\n  x: [openai/m, y]\n  y: [z]\n  z: x\n")
        #expect(lines == ["weir.yaml:3: routes.x: routes form a loop: x -> y -> z -> x"])
    }

    @Test func `a lattice of routes does not take exponential time`() throws {
        var yaml = "routes:\n  r0: demo/demo-chat\n"
        for level in 1..<9 {
            for copy in 0..<20 {
                yaml += "  r\(level)x\(copy): [\(level == 1 ? "r0" : (0..<20).map { "r\(level - 1)x\($0)" }.joined(separator: ", "))]\n"
            }
        }
        #expect(try load(yaml).route(named: "r8x0")?.targets.count == 1)
    }

    @Test func `ten levels of routes are read and eleven are not`() throws {
        func chain(_ count: Int) -> String {
            "routes:\n" + (1..<count).map { "  r\($0): r\($0 + 1)\n" }.joined() + "  r\(count): demo/demo-chat\n"
        }
        #expect(try load(chain(10)).route(named: "r1")?.targets.count == 1)
        #expect(refusals(chain(11)) == ["weir.yaml:2: routes.r1: routes stand in routes deeper than 10 levels"])
    }

    @Test func `64 targets are taken and 65 are not, written out or put in`() throws {
        let targets = { (numbers: ClosedRange<Int>) in numbers.map { "openai/m\($0)" }.joined(separator: ", ") }
        #expect(try load("routes: {a: [\(targets(1...64))]}").routes[0].targets.count == 64)
        #expect(refusals("routes: {a: [\(targets(1...65))]}") == ["weir.yaml:1: routes.a: 65 entries where at most 64 are allowed"])
        #expect(try load("routes: {a: [b, c], b: [\(targets(1...33))], c: [\(targets(33...64))]}").routes[0].targets.count == 64)
        let tooMany = "routes: {a: [b, c], b: [\(targets(1...33))], c: [\(targets(34...65))]}"
        #expect(refusals(tooMany) == ["weir.yaml:1: routes.a: more than 64 targets"])
    }

    @Test func `a route can be called in the dialects that all its targets speak`() throws {
        let snapshot = try load(
            """
            routes:
              both: [anthropic/claude-sonnet-4-5, openrouter/anthropic/claude-sonnet-4.5]
              mixed: [anthropic/claude-sonnet-4-5, openai/gpt-4o]
              gemini: google-ai-studio/gemini-2.5-flash
              only: {targets: anthropic/claude-sonnet-4-5, dialects: anthropic}
            """)
        #expect(snapshot.routes.map(\.dialects) == [[.openAI, .anthropic], [.openAI], [.openAI, .gemini], [.anthropic]])
    }

    @Test func `a route that points elsewhere has another revision and one with another ttl has not`() throws {
        func revision(_ yaml: String) throws -> UInt64 { try #require(load("routes: {a: \(yaml)}").route(named: "a")).revision }
        let first = try revision("openai/gpt-4o")
        #expect(try revision("[openai/gpt-4o]") == first)
        #expect(try revision("{targets: openai/gpt-4o, cache: {ttl: 5}}") == first)
        #expect(try revision("{targets: openai/gpt-4o, limits: {requests: 5/1m}, price_per_request: 1}") == first)
        #expect(try revision("{targets: {}}".replacing("{}", with: "[{target: openai/gpt-4o, ttl: 5, timeouts: {idle: 1s}}]")) == first)
        #expect(try revision("{targets: openai/gpt-4o, retry: {attempts: 1}}") == first)
        #expect(try revision("openai/gpt-4o-mini") != first)
        #expect(try revision("azure-openai/gpt-4o") != first)
    }

    @Test func `timeouts of a route are the general ones where it sets none`() throws {
        let snapshot = try load("timeouts: {idle: 9s}\nroutes: {a: {targets: demo/m, timeouts: {connect: 1s}}}")
        let timeouts = try #require(snapshot.route(named: "a")).timeouts
        #expect(timeouts.connectMilliseconds == 1000)
        #expect(timeouts.idleMilliseconds == 9000)
        #expect(timeouts.firstByteMilliseconds == 600_000)
    }

    @Test(arguments: [
        "a: []", "a: {}", "a: {targets: []}", "a: {targets: {x: y}}", "a: openai/", "a: /gpt", "a: ''", "a: 'openai/a b'",
        "'a/b': openai/x", "weir: openai/x",
        "compat: openai/x", "a: [openai/x, 5x]", "a: {targets: openai/x, dialects: klingon}", "a: {targets: openai/x, cache_by: model}",
        "a: [[openai/x]]", "a: [openai/x, openai/x]", "a: [~]", "a: {targets: [{}]}",
        "a: {targets: [{target: openai/x, targets: [openai/y]}]}",
        "a: {targets: openai/x, cache: {ttl: -1}}", "a: {targets: openai/x, cache: {bytes_max: 1}}",
    ])
    func `a broken route is refused with a line`(_ route: String) {
        let lines = refusals("routes:\n  \(route)\n")
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("weir.yaml:2: routes.") == true, "\(lines)")
    }
}
