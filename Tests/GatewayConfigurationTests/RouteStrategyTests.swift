import GatewayModel
import Routing
import Testing

@testable import GatewayConfiguration

@Suite struct RouteStrategyTests {
    /// The route `a` of the routes given.
    private func route(_ yaml: String) throws -> RouteDefinition {
        try #require(load("routes:\n\(yaml)\nproviders_file: few.yaml\n", files: ["few.yaml": fewProviders]).route(named: "a"))
    }

    private func refusals(_ yaml: String) -> [String] {
        GatewayConfigurationTests.refusals(yaml + "\nproviders_file: few.yaml\n", files: ["few.yaml": fewProviders])
    }

    private func leaf(_ name: String, _ change: (inout RouteTarget) -> Void = { _ in }) throws -> RouteNode {
        let slash = try #require(name.firstIndex(of: "/"))
        let target = Target(provider: String(name[..<slash]), model: String(name[name.index(after: slash)...]))
        let providers = try load("providers_file: few.yaml", files: ["few.yaml": fewProviders]).providers
        var leaf = RouteTarget(provider: try #require(providers.index(of: target.provider)), target: target)
        change(&leaf)
        return .target(leaf)
    }

    // MARK: Trees

    @Test func `every strategy becomes its node`() throws {
        let (x, y) = (try leaf("openai/x"), try leaf("openai/y"))
        #expect(try route("  a: openai/x\n").selection.tree == x)
        #expect(try route("  a: [openai/x, openai/y]\n").selection.tree == .fallback([x, y]))
        let weighted = try route("  a: {strategy: weighted, targets: [{target: openai/x, weight: 3}, openai/y]}\n")
        #expect(weighted.selection.tree == .weighted([WeightedChild(weight: 3, node: x), WeightedChild(weight: 1, node: y)]))
        #expect(try route("  a: {strategy: lowest_latency, targets: [openai/x, openai/y]}\n").selection.tree == .lowestLatency([x, y]))
        #expect(try route("  a: {strategy: cheapest, targets: [openai/x, openai/y]}\n").selection.tree == .cheapest([x, y]))
        let canary = try route("  a: {strategy: percentage, key: metadata.user, targets: [{target: openai/x, percent: 0.25}, openai/y]}\n")
        let shares = [PercentageShare(basisPoints: 25, node: x), PercentageShare(basisPoints: 9975, node: y)]
        #expect(canary.selection.tree == .percentage(key: .metadata("user"), shares))
        let cases = try route("  a: {strategy: conditional, targets: [{target: openai/x, when: {stream: true}}, openai/y]}\n")
        #expect(cases.selection.tree == .conditional([ConditionalCase(when: .equals(.stream, "true"), node: x)], otherwise: y))
    }

    @Test func `an entry with targets of its own and a route by name are the same tree`() throws {
        let inline = try route(
            "  a: {targets: [openai/x, {strategy: weighted, targets: [openai/y, {target: openai/z, weight: 0}]}]}\n")
        let named = try route("  a: [openai/x, b]\n  b: {strategy: weighted, targets: [openai/y, {target: openai/z, weight: 0}]}\n")
        #expect(inline.selection == named.selection)
        #expect(inline.targets.map(\.model) == ["x", "y", "z"])
    }

    @Test func `a target keeps what is set for it and another of the same model does not get it`() throws {
        let found = try route(
            """
              a:
                targets:
                - {target: demo/x, timeouts: {connect: 1s, first_byte: 20s, idle: 60s}, ttl: 10m, context: 200000, tools: false}
                - {target: openai/y, images: false, json: false, when: {metadata.plan: pro}}
                - demo/x
            """)
        let targets = found.plan.targets
        #expect(targets[0].target == Target(provider: "demo", model: "x"))
        let overrides = TargetOverrides(
            connectMilliseconds: 1000, firstByteMilliseconds: 20_000, idleMilliseconds: 60_000, ttlSeconds: 600)
        #expect(targets[0].overrides == overrides)
        #expect(targets[0].capabilities == TargetCapabilities(contextTokens: 200_000, tools: false))
        #expect(targets[1].capabilities == TargetCapabilities(images: false, jsonMode: false))
        #expect(targets[1].condition == .equals(.metadata("plan"), "pro"))
        #expect(targets[2].overrides == TargetOverrides() && targets[2].capabilities == TargetCapabilities())
        #expect(found.targets.count == 2)
    }

    @Test func `a condition before a route holds for each of its targets, beside their own`() throws {
        let single = try route(
            "  a: {targets: [{target: b, when: {stream: true}}]}\n  b: {targets: [{target: openai/x, when: {tools: true}}]}\n")
        #expect(single.plan.targets[0].condition == .all([.equals(.stream, "true"), .equals(.tools, "true")]))
        let several = try route("  a: {targets: [{target: b, when: {stream: true}}, openai/z]}\n  b: [openai/x, openai/y]\n")
        let inner = RouteNode.fallback([try leaf("openai/x"), try leaf("openai/y")])
        let guarded = RouteNode.conditional([ConditionalCase(when: .equals(.stream, "true"), node: inner)], otherwise: nil)
        #expect(several.selection.tree == .fallback([guarded, try leaf("openai/z")]))
    }

    @Test func `prices are in USD per million tokens and unpriced targets have none`() throws {
        let snapshot = try load(
            """
            prices: {openai: {models: {"x*": {input: 2.50, output: 10}}}}
            routes: {a: [openai/x1, openai/y]}
            """)
        let targets = try #require(snapshot.route(named: "a")).plan.targets
        #expect(targets.map(\.price) == [TargetPrice(input: 2.5, output: 10), nil])
    }

    @Test func `answers are kept under the target where it is known beforehand and else under the route`() throws {
        func cacheBy(_ strategy: String) throws -> RouteDefinition.CacheBy {
            let percent = strategy == "percentage" ? ", percent: 5" : strategy == "conditional" ? ", when: {stream: true}" : ""
            return try route("  a: {strategy: \(strategy), targets: [{target: openai/x\(percent)}, openai/y]}\n").cacheBy
        }
        #expect(try RouteStrategy.allCases.map { try cacheBy($0.rawValue) } == [.target, .route, .route, .route, .route, .target])
        #expect(try route("  a: {strategy: weighted, cache_by: target, targets: [openai/x, openai/y]}\n").cacheBy == .target)
        #expect(try route("  a: b\n  b: {strategy: cheapest, targets: [openai/x, openai/y]}\n").cacheBy == .route)
    }

    @Test func `lists for refusals have plans of their own and count for the dialects`() throws {
        let snapshot = try load(
            """
            routes:
              a:
                targets: anthropic/claude-sonnet-4-5
                on_context_length: [google-ai-studio/gemini-2.5-pro, {target: b, when: {stream: true}}]
                on_content_filter: openai/x
                hints: false
                store_fallback_under_route: true
              b: openai/y
            """)
        let found = try #require(snapshot.route(named: "a"))
        #expect(found.refusalPlans[.contextLength]?.targets.map(\.target.model) == ["gemini-2.5-pro", "y"])
        #expect(found.refusalPlans[.contentFilter]?.targets.map(\.target.model) == ["x"])
        #expect(found.refusalLists == [.contextLength, .contentFilter])
        #expect(found.targets.count == 1)
        #expect(found.dialects == [.openAI])
        #expect(!found.allowsHints && found.storesFallbackUnderRoute)
        let plain = try route("  a: openai/x\n")
        #expect(plain.allowsHints && !plain.storesFallbackUnderRoute && plain.refusals.isEmpty && plain.refusalLists.isEmpty)
    }

    @Test func `what may choose another target changes the revision`() throws {
        let texts = [
            "[openai/x, openai/y]", "[openai/y, openai/x]", "{strategy: cheapest, targets: [openai/x, openai/y]}",
            "{strategy: weighted, targets: [openai/x, openai/y]}",
            "{strategy: weighted, targets: [{target: openai/x, weight: 2}, openai/y]}",
            "{strategy: percentage, targets: [{target: openai/x, percent: 5}, openai/y]}",
            "{strategy: percentage, key: tenant, targets: [{target: openai/x, percent: 5}, openai/y]}",
            "{strategy: conditional, targets: [{target: openai/x, when: {stream: true}}, openai/y]}",
            "{strategy: conditional, targets: [{target: openai/x, when: {stream: false}}, openai/y]}",
            "{strategy: conditional, targets: [{target: openai/x, when: {stream: [\"false\"]}}, openai/y]}",
            "{targets: [{target: openai/x, tools: false}, openai/y]}", "{targets: [{target: openai/x, context: 9}, openai/y]}",
            "{targets: [openai/x, openai/y], on_context_length: openai/z}", "{targets: [openai/x, openai/y], on_content_filter: openai/z}",
            "{targets: [openai/x, openai/y], hints: false}", "{targets: [openai/x, openai/y], store_fallback_under_route: true}",
        ]
        let revisions = try texts.map { try route("  a: \($0)\n").revision }
        #expect(Set(revisions).count == texts.count)
    }

    // MARK: Refusals

    @Test(arguments: [
        ("{strategy: random, targets: [openai/x]}", ".strategy: \"random\" is not one of fallback, weighted"),
        ("{targets: [{target: openai/x, weight: 2}]}", ".targets[0].weight: is for the strategy weighted only"),
        ("{targets: [{target: openai/x, percent: 2}]}", ".targets[0].percent: is for the strategy percentage only"),
        ("{key: tenant, targets: [openai/x]}", ".key: is for the strategy percentage only"),
        (
            "{strategy: weighted, targets: [{target: openai/x, weight: 0}]}",
            ".targets: all weights are 0, so nothing would ever be asked first"
        ),
        (
            "{strategy: weighted, targets: [{target: openai/x, weight: 1000001}]}",
            ".targets[0].weight: 1000001 is above the maximum 1000000"
        ),
        (
            "{strategy: percentage, targets: [openai/x, openai/y]}",
            ".targets: needs a percent; only the last target may leave it out and take the rest"
        ),
        (
            "{strategy: percentage, targets: [{target: openai/x, percent: 60}, {target: openai/y, percent: 40.01}]}",
            ".targets: the percentages sum up to 100.01, more than 100"
        ),
        (
            "{strategy: percentage, targets: [{target: openai/x, percent: 5}, {target: openai/y, percent: 90}]}",
            ".targets: the percentages sum up to 95, not 100; leave out the last one to have it take the rest"
        ),
        ("{strategy: percentage, targets: [{target: openai/x, percent: 0.001}]}", ".targets[0].percent: 0.001 has more than 2 decimals"),
        (
            "{strategy: percentage, targets: [{target: openai/x, percent: 101}]}",
            ".targets[0].percent: 101 is above the maximum 100 (percent)"
        ),
        ("{strategy: percentage, targets: [{target: openai/x, percent: -1}]}", ".targets[0].percent: -1 is below the minimum 0 (percent)"),
        (
            "{strategy: percentage, targets: [{target: openai/x, percent: 5%}]}",
            ".targets[0].percent: \"5%\" is not a percentage such as 5 or 0.25"
        ),
        ("{strategy: percentage, key: tenent, targets: [openai/x]}", ".key: \"tenent\" is not a field of a request; did you mean tenant?"),
        (
            "{strategy: conditional, targets: [openai/x, openai/y]}",
            ".targets: needs when; only the last target may leave it out and is taken otherwise"
        ),
        ("{strategy: conditional, targets: [openai/x]}", ".targets: no target has when, so there is nothing to choose by"),
        ("{targets: [{strategy: weighted}]}", ".targets[0].strategy: is for an entry with targets of its own"),
        ("{targets: [{targets: []}]}", ".targets[0].targets: at least one provider/model is needed"),
        ("{targets: [{targets: {x: y}}]}", ".targets[0].targets: must be a list of targets, not a mapping"),
        ("{targets: [{target: b, ttl: 5}]}", ".targets[0].ttl: is for a provider/model, not for a route"),
        ("{targets: [{targets: [openai/x], tools: true}]}", ".targets[0].tools: is for a provider/model, not for a route"),
        ("{targets: [{target: bb}]}", ".targets[0].target: \"bb\" is neither provider/model nor another route; did you mean b?"),
        ("{targets: [{target: opnai/x}]}", ".targets[0].target: \"opnai\" is not a provider; did you mean openai?"),
        ("{targets: [{target: openai/x, contxt: 5}]}", ".targets[0].contxt: is not a known field; did you mean context?"),
        ("{targets: [{target: openai/x, context: 0}]}", ".targets[0].context: 0 is below the minimum 1 (tokens)"),
        ("{targets: [openai/x], on_context_length: [a]}", ".on_context_length: names the route itself, whose targets were asked already"),
        ("{targets: [openai/x], on_content_filter: [opnai/x]}", ".on_content_filter: \"opnai\" is not a provider; did you mean openai?"),
        ("{targets: [openai/x], on_content_filter: []}", ".on_content_filter: at least one provider/model is needed"),
        ("{targets: [openai/x], hedge: {}}", ".hedge: needs a second target to ask"),
        ("{targets: [openai/x, b], hedge: {quantile: 0.4}}", ".hedge.quantile: 0.4 is not between 0.5 and 0.999"),
        ("{targets: [openai/x, b], hedge: {delay_min: 2s, delay_max: 1s}}", ".hedge.delay_min: 2000 is above delay_max (1000)"),
        ("{targets: [openai/x], retry: {attempts: 6}}", ".retry.attempts: 6 is above the maximum 5 (attempts)"),
        ("{targets: [openai/x], retry: {backoff: cubic}}", ".retry.backoff: \"cubic\" is not one of constant, linear, exponential"),
    ])
    func `a slip in a route is told in one line`(_ text: String, _ message: String) {
        let lines = refusals("routes:\n  b: openai/z\n  a: \(text)\n")
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.hasPrefix("weir.yaml:3: routes.a" + message) == true, "\(lines)")
    }

    @Test func `an entry is told by its own line`() {
        let lines = refusals("routes:\n  a:\n    targets:\n    - openai/x\n    - opnai/y\n    - {target: opnai/z}\n")
        #expect(
            lines == [
                "weir.yaml:5: routes.a.targets: \"opnai\" is not a provider; did you mean openai?",
                "weir.yaml:6: routes.a.targets[2].target: \"opnai\" is not a provider; did you mean openai?",
            ])
    }

    @Test func `ten levels of strategies are read and eleven are not`() throws {
        func nested(_ levels: Int) -> String {
            String(repeating: "{strategy: weighted, targets: [", count: levels) + "openai/x" + String(repeating: "]}", count: levels)
        }
        #expect(try route("  a: \(nested(9))\n").plan.targets.count == 1)
        #expect(
            refusals("routes: {a: \(nested(10))}") == [
                "weir.yaml:1: routes.a.targets: targets, or conditions, stand in one another deeper than 10 levels"
            ])
    }

    @Test func `a lattice of strategies is refused before it is built`() {
        var yaml = "routes:\n  r0: demo/demo-chat\n"
        for level in 1..<9 {
            for copy in 0..<20 {
                let below = level == 1 ? "r0" : (0..<20).map { "r\(level - 1)x\($0)" }.joined(separator: ", ")
                yaml += "  r\(level)x\(copy): {strategy: lowest_latency, targets: [\(below)]}\n"
            }
        }
        #expect(refusals(yaml).first?.hasSuffix("more than 64 targets") == true)
    }

    @Test func `a long chain of routes does not exhaust the stack`() {
        let yaml = "routes:\n" + (1..<9999).map { "  r\($0): r\($0 + 1)\n" }.joined() + "  r9999: demo/demo-chat\n"
        #expect(refusals(yaml).first == "weir.yaml:2: routes.r1: routes stand in routes deeper than 10 levels")
    }

    @Test func `a loop through an entry's own targets is a loop`() {
        let lines = refusals("routes:\n  b: {strategy: weighted, targets: [{targets: [{target: a}]}]}\n  a: [b]\n")
        #expect(lines == ["weir.yaml:2: routes.b.targets: routes form a loop: b -> a -> b"])
    }

    @Test func `the example of the documentation loads`() throws {
        let snapshot = try load(ParameterReference.routesExample)
        #expect(snapshot.routes.map(\.selection.strategy) == [.fallback, .fallback, .fallback, .percentage, .conditional])
        #expect(snapshot.route(named: "smart")?.hedge == HedgePolicy())
    }
}
