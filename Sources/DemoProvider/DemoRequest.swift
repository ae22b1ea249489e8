import GatewayModel
import HTTP1
import JSON

/// One request as it came, taken out of the parser.
struct DemoRequest {
    var method: String
    var target: String
    var path: String
    var query: String
    var fields: [(name: String, value: String)]
    var body: [UInt8] = []
    var keepsAlive: Bool

    init(_ head: RequestHead) {
        func text(_ range: Range<Int>) -> String { String(decoding: head.bytes[range], as: UTF8.self) }
        method = head.method.name.description
        target = text(head.target)
        path = text(head.path)
        query = head.query.map(text) ?? ""
        fields = head.fields.map { (text($0.name).lowercased(), text($0.value)) }
        keepsAlive = head.keepsAlive
    }

    /// The first field of that (lower-case) name.
    func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    var endpoint: DemoEndpoint {
        DemoEndpoint(method: method, path: path, query: query, client: client)
    }

    private var client: Dialect {
        if field("anthropic-version") != nil { return .anthropic }
        return field("x-goog-api-key") != nil ? .gemini : .openAI
    }

    /// Values of the fields in which keys come.
    var credentials: [String] { ["authorization", "x-api-key", "api-key", "x-goog-api-key"].compactMap { field($0) } }

    /// Whether gzip is listed as acceptable.
    var acceptsGzip: Bool {
        (field("accept-encoding") ?? "").lowercased().split(separator: ",").contains { choice in
            let parts = choice.split(separator: ";").map { $0.filter { $0 != " " } }
            return parts.first == "gzip" && !parts.dropFirst().contains("q=0")
        }
    }

    /// The value of a query field as forms encode it (`+` is a space); empty if absent.
    func queryValue(_ name: String) -> String {
        for pair in query.split(separator: "&") where pair.hasPrefix(name + "=") {
            return DemoEndpoint.decode(Substring(pair.dropFirst(name.count + 1).map { $0 == "+" ? " " : String($0) }.joined()))
        }
        return ""
    }

    /// The name a client wants in this answer's ids instead of a number (`x-demo-id`), so that two answers can be equal byte by byte.
    var wantedIdentity: String? {
        guard let name = field("x-demo-id"), (1...64).contains(name.utf8.count) else { return nil }
        return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") } ? name : nil
    }
}

/// Lists of models in the three dialects.
enum DemoModels {
    static let names = [
        "demo-chat", "demo-embed", "demo-reasoning", "demo-slow-2s", "demo-slow-stream", "demo-fail-429", "demo-fail-503",
        "demo-cut-stream",
        "demo-length", "demo-usage-missing",
    ]

    static func list(_ dialect: Dialect) -> JSONValue {
        let items = names.map { one(dialect, id: $0) }
        return switch dialect {
        case .openAI: ["object": "list", "data": .array(items)]
        case .anthropic:
            ["data": .array(items), "has_more": false, "first_id": .string(names[0]), "last_id": .string(names[names.count - 1])]
        case .gemini: ["models": .array(items)]
        }
    }

    static func one(_ dialect: Dialect, id: String) -> JSONValue {
        switch dialect {
        case .openAI: ["id": .string(id), "object": "model", "created": 1_700_000_000, "owned_by": "weir-demo"]
        case .anthropic: ["type": "model", "id": .string(id), "display_name": .string(id), "created_at": "2023-11-14T22:13:20Z"]
        case .gemini:
            [
                "name": .string("models/\(id)"), "version": "1", "displayName": .string(id), "inputTokenLimit": 1_000_000,
                "outputTokenLimit": 100_000, "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
            ]
        }
    }
}
