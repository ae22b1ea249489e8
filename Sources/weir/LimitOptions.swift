import ArgumentParser
import JSON
import Tenants

/// What a key or tenant may use, as options. They are the members of the admin API's `limits`, checked there.
struct LimitOptions: ParsableArguments {
    @Option(name: .long, help: "Requests per period: 100/1m. All options of limits can be repeated, and none removes the limit.")
    var requests: [String] = []
    @Option(name: .long, help: "Answers from the cache per period; 50 times the requests when not given.")
    var hits: [String] = []
    @Option(name: .long, help: "Input and output tokens per period: 20000/1m.")
    var tokens: [String] = []
    @Option(name: .long, help: "Input tokens per period.")
    var inputTokens: [String] = []
    @Option(name: .long, help: "Output tokens per period.")
    var outputTokens: [String] = []
    @Option(name: .long, help: "USD per period, flowing back evenly: 5/30d.")
    var cost: [String] = []
    @Option(name: .long, help: "Requests at once.")
    var concurrency: [String] = []
    @Option(name: .long, help: "USD per hour, day or month of UTC, or in any such period: 50/month, 5/24h.")
    var budget: [String] = []
    @Option(name: .long, help: "Tokens per window: 1000000/day. With --budget one list, which replaces all budgets.")
    var tokenBudget: [String] = []
    @Option(
        name: .long,
        help: "Limits as JSON, as in the configuration: {\"models\": {\"gpt-4o*\": {\"requests\": \"20/1m\"}}}; none removes all.")
    var limits: String?

    /// What removes a limit.
    private static let none = "none"

    /// The `limits` member of the admin API; `nil` when no option was given.
    func json() throws -> JSONValue? {
        var object = JSONObject()
        if let limits {
            guard limits != LimitOptions.none else {
                guard try members().isEmpty else { throw LimitOptions.usage("--limits none removes all limits and stands alone") }
                return .null
            }
            object = try LimitOptions.object(limits)
        }
        for (name, value) in try members() {
            guard object[name] == nil else {
                throw LimitOptions.usage("\(name) is given in --limits and by its own option; use one of them")
            }
            object[name] = value
        }
        return object.count == 0 ? nil : .object(object)
    }

    private func members() throws -> [(String, JSONValue)] {
        let rates = [
            ("requests", requests), ("hits", hits), ("tokens", tokens), ("input_tokens", inputTokens), ("output_tokens", outputTokens),
            ("cost", cost), ("concurrency", concurrency),
        ]
        var members: [(String, JSONValue)] = []
        for (name, texts) in rates where !texts.isEmpty {
            members.append((name, try LimitOptions.value(texts.map(JSONValue.string), isNone: texts.contains(LimitOptions.none), of: name)))
        }
        guard !budget.isEmpty || !tokenBudget.isEmpty else { return members }
        let budgets = budget.map { ("budget", "cost", $0) } + tokenBudget.map { ("token-budget", "tokens", $0) }
        let kept = budgets.filter { $0.2 != LimitOptions.none }
        let items = try kept.map { try LimitOptions.budget($0.2, of: $0.1, option: $0.0) }
        members.append(("budgets", try LimitOptions.value(items, isNone: kept.count < budgets.count, of: "budgets")))
        return members
    }

    /// One value as it is, several as a list, `none` alone as `null`.
    private static func value(_ items: [JSONValue], isNone: Bool, of name: String) throws -> JSONValue {
        guard isNone else { return items.count == 1 && name != "budgets" ? items[0] : .array(items) }
        let others = name == "budgets" ? items.count : items.count - 1
        guard others == 0 else { throw usage("none stands alone; it removes all of \(name)") }
        return .null
    }

    private static func budget(_ text: String, of measure: String, option: String) throws -> JSONValue {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { throw usage("--\(option): \"\(text)\" is not an amount per window, such as 50/month") }
        return .object(pairs: [(measure, .string(parts[0])), ("per", .string(parts[1]))])
    }

    private static func object(_ text: String) throws -> JSONObject {
        let bytes = Array(text.utf8)
        do {
            guard let object = try JSONValue(parsing: bytes.span).objectValue else { throw usage("--limits must be a JSON object or none") }
            return object
        } catch let error as JSONError {
            throw usage("--limits is not JSON (\(error.kind), byte \(error.offset))")
        }
    }

    private static func usage(_ message: String) -> CommandError { CommandError(message, exitCode: .usage) }

    /// The limits of a listed key or tenant on one line.
    static func summary(of listed: JSONValue) -> String {
        guard let json = listed["limits"] else { return "none" }
        // A gateway of another release may list limits that this one does not know.
        return (try? LimitSet(json: json))?.summary ?? jsonText(json)
    }
}
