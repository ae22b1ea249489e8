import GatewayModel
import Routing
import Testing

@testable import GatewayConfiguration

@Suite struct RouteConditionTests {
    private func condition(_ when: String) throws -> RouteCondition? {
        let yaml = "providers_file: few.yaml\nroutes:\n  a: {targets: [{target: openai/x, when: \(when)}]}\n"
        return try load(yaml, files: ["few.yaml": fewProviders]).routes[0].plan.targets[0].condition
    }

    @Test func `every form of a condition is read as it is meant`() throws {
        let plan = RouteField.metadata("plan")
        #expect(try condition("{metadata.plan: pro}") == .equals(plan, "pro"))
        #expect(try condition("{metadata.plan: [pro, team]}") == .isIn(plan, ["pro", "team"]))
        #expect(try condition("{metadata.plan: {not: pro}}") == .not(.equals(plan, "pro")))
        #expect(try condition("{metadata.plan: {not: [pro, team]}}") == .not(.isIn(plan, ["pro", "team"])))
        #expect(try condition("{metadata.plan: {exists: true}}") == .exists(plan))
        #expect(try condition("{metadata.plan: {exists: false}}") == .not(.exists(plan)))
        #expect(try condition("{tenant: acme, stream: true}") == .all([.equals(.tenant, "acme"), .equals(.stream, "true")]))
        #expect(
            try condition("{any: [{size: huge}, {tools: true, json: false}]}")
                == .any([.equals(.size, "huge"), .all([.equals(.tools, "true"), .equals(.json, "false")])]))
        #expect(
            try condition("{not: {key: app, operation: messages}}") == .not(.all([.equals(.key, "app"), .equals(.operation, "messages")])))
        #expect(try condition("{metadata.a.b: 5}") == .equals(.metadata("a.b"), "5"))
        #expect(try condition("{model: fast, images: {not: true}}") == .all([.equals(.model, "fast"), .not(.equals(.images, "true"))]))
    }

    @Test(arguments: [
        ("pro", ": must be a mapping from fields to values, not a single value"),
        ("{}", ": 0 fields where 1 to 32 are allowed"),
        ("{tennant: x}", ".tennant: is not a field of a request; did you mean tenant?"),
        (
            "{plan: x}",
            ".plan: is not a field of a request; one of metadata.NAME, tenant, key, model, operation, stream, tools, images, json, size, any or not"
        ),
        ("{metadata.: x}", ".metadata.: is not a field of a request; one of"),
        ("{stream: yes}", ".stream: \"yes\" is not one of true, false"),
        ("{size: hugh}", ".size: \"hugh\" is not one of small, medium, large, huge; did you mean huge?"),
        ("{operation: [messages, chat]}", ".operation: \"chat\" is not one of chat_completions"),
        ("{tenant: []}", ".tenant: 0 values where 1 to 100 are allowed"),
        ("{tenant: [[x]]}", ".tenant: every value must be a text, not a list"),
        ("{tenant: ~}", ".tenant: must be a value, a list of values, {not: value or list} or {exists: true or false}"),
        ("{tenant: {in: [x]}}", ".tenant: must be a value, a list of values"),
        ("{tenant: {exists: maybe}}", ".tenant: must be a value, a list of values"),
        ("{tenant: {not: a, exists: true}}", ".tenant: must be a value, a list of values"),
        ("{tenant: {not: {not: a}}}", ".tenant: must be a value, a list of values"),
        ("{any: {tenant: x}}", ".any: must be a list of 1 to 32 conditions"),
        ("{any: []}", ".any: must be a list of 1 to 32 conditions"),
        ("{any: [x]}", ".any[0]: must be a mapping from fields to values, not a single value"),
        ("{not: x}", ".not: must be a mapping from fields to values, not a single value"),
    ])
    func `a condition that can't be meant is refused`(_ when: String, _ message: String) {
        let yaml = "routes:\n  a: {targets: [{target: openai/x, when: \(when)}]}\nproviders_file: few.yaml\n"
        let lines = refusals(yaml, files: ["few.yaml": fewProviders])
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.hasPrefix("weir.yaml:2: routes.a.targets[0].when" + message) == true, "\(lines)")
    }

    @Test func `values, parts and depth are taken at their bounds and not beyond`() throws {
        func list(_ count: Int) -> String { "[" + (1...count).map { "v\($0)" }.joined(separator: ", ") + "]" }
        #expect(throws: Never.self) { try condition("{tenant: \(list(100))}") }
        #expect(throws: ConfigurationErrors.self) { try condition("{tenant: \(list(101))}") }
        func fields(_ count: Int) -> String { "{" + (1...count).map { "metadata.m\($0): x" }.joined(separator: ", ") + "}" }
        #expect(throws: Never.self) { try condition(fields(32)) }
        #expect(throws: ConfigurationErrors.self) { try condition(fields(33)) }
        func any(_ count: Int) -> String { "{any: [" + (1...count).map { "{tenant: t\($0)}" }.joined(separator: ", ") + "]}" }
        #expect(throws: Never.self) { try condition(any(32)) }
        #expect(throws: ConfigurationErrors.self) { try condition(any(33)) }
        func nots(_ count: Int) -> String {
            String(repeating: "{not: ", count: count) + "{tenant: x}" + String(repeating: "}", count: count)
        }
        #expect(throws: Never.self) { try condition(nots(9)) }
        #expect(throws: ConfigurationErrors.self) { try condition(nots(10)) }
        #expect(throws: Never.self) { try condition("{metadata.\(String(repeating: "n", count: 64)): x}") }
        #expect(throws: ConfigurationErrors.self) { try condition("{metadata.\(String(repeating: "n", count: 65)): x}") }
        #expect(throws: Never.self) { try condition("{tenant: \(String(repeating: "v", count: 256))}") }
        #expect(throws: ConfigurationErrors.self) { try condition("{tenant: \(String(repeating: "v", count: 257))}") }
    }
}
