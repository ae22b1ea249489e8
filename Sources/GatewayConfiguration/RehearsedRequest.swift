public import GatewayModel
public import JSON
import RateLimiting
public import Routing
import Tenants

// What a rehearsal is told of a request. A body is read as a whole document here, which the data port never does: a rehearsal is one request by
// the operator's hand, and reads the same fields.

/// A request that is planned and not sent.
public struct RehearsedRequest: Sendable {
    /// What conditions and capabilities are compared with.
    public var facts: RequestFacts
    /// What the body wishes; ignored where the route does.
    public var hints: RoutingHints
    /// Decides draws; another seed is another request.
    public var seed: UInt64

    private static let members = [
        "body", "operation", "tenant", "key", "metadata", "stream", "tools", "images", "json_mode", "seed",
    ]

    /// Makes a request from its parts.
    public init(facts: RequestFacts, hints: RoutingHints = .none, seed: UInt64 = 0) {
        self.facts = facts
        self.hints = hints
        self.seed = seed
    }

    /// Reads `{"body", "operation", "tenant", "key", "metadata", "stream", "tools", "images", "json_mode", "seed"}`, each of which may be left
    /// out; flags win over the body. The operation is by default that of a chat in the route's first dialect.
    public init(
        json: JSONValue, route: RouteDefinition, configuration: GatewayConfigurationSnapshot
    ) throws(GatewayError) {
        guard let object = json.objectValue else { throw RehearsedRequest.refusal("The body must be a JSON object.", nil) }
        if let unknown = object.members.first(where: { !RehearsedRequest.members.contains($0.key) }) {
            let hint = NearestName.of(unknown.key, among: RehearsedRequest.members).map { " Did you mean \($0)?" } ?? ""
            throw GatewayError(
                status: 400, code: "unknown_field", message: "There is no such member." + hint, param: String(unknown.key.prefix(64)))
        }
        let body = object["body"] ?? .object(JSONObject())
        let operation = try RehearsedRequest.operation(object, route)
        let key = try RehearsedRequest.text(object, "key")
        let tenant = try RehearsedRequest.text(object, "tenant") ?? configuration.tenancy.keys.first { $0.id == key }?.tenant
        facts = RequestFacts(
            operation: operation, model: route.name, isStream: try RehearsedRequest.flag(object, "stream") ?? body.isStream,
            hasTools: try RehearsedRequest.flag(object, "tools") ?? body.hasTools,
            hasImages: try RehearsedRequest.flag(object, "images") ?? body.hasImages(),
            wantsJSON: try RehearsedRequest.flag(object, "json_mode") ?? body.wantsJSON, inputTokens: body.inputTokens,
            outputTokens: body.outputTokens, tenant: tenant ?? "", key: key ?? "",
            metadata: try RehearsedRequest.metadata(object, tenant: tenant, key: key, configuration))
        hints = RoutingHints(body: body, providers: configuration.providers)
        guard let number = object["seed"] else {
            seed = 0
            return
        }
        guard let value = number.intValue else { throw RehearsedRequest.refusal("The seed must be a whole number.", "seed") }
        seed = UInt64(bitPattern: Int64(value))
    }

    // MARK: Members

    private static func refusal(_ message: String, _ param: String?) -> GatewayError {
        GatewayError(status: 400, code: "invalid_field", message: message, param: param)
    }

    private static func text(_ object: JSONObject, _ name: String) throws(GatewayError) -> String? {
        guard let value = object[name], !value.isNull else { return nil }
        guard let text = value.stringValue, (1...256).contains(text.utf8.count) else {
            throw refusal("This must be a text of 1 to 256 bytes.", name)
        }
        return text
    }

    private static func flag(_ object: JSONObject, _ name: String) throws(GatewayError) -> Bool? {
        guard let value = object[name], !value.isNull else { return nil }
        guard let flag = value.boolValue else { throw refusal("This must be true or false.", name) }
        return flag
    }

    private static func operation(_ object: JSONObject, _ route: RouteDefinition) throws(GatewayError) -> Operation {
        if let name = try text(object, "operation") {
            if let operation = Operation.allCases.first(where: { $0.name == name }) { return operation }
            let names = Operation.allCases.map(\.name).joined(separator: ", ")
            throw refusal("The operation must be one of \(names).", "operation")
        }
        switch route.dialects.first {
        case .anthropic: return .messages
        case .gemini: return .generateContent
        case .openAI, nil: return .chatCompletions
        }
    }

    /// The operator's metadata first, of the key before that of the tenant: of two entries with one name the first counts.
    private static func metadata(
        _ object: JSONObject, tenant: String?, key: String?, _ configuration: GatewayConfigurationSnapshot
    ) throws(GatewayError) -> [(name: String, value: String)] {
        var entries: [(name: String, value: String)] = []
        let known = configuration.tenancy
        let own = [known.keys.first { $0.id == key }?.metadata, known.tenants.first { $0.id == tenant }?.metadata]
        for metadata in own.compactMap({ $0 }) { entries += metadata.entries.map { ($0.name, $0.value.plainText) } }
        guard let value = object["metadata"], !value.isNull else { return entries }
        guard let members = value.objectValue?.members, members.count <= Metadata.entriesMax else {
            throw refusal("The metadata must be an object of at most \(Metadata.entriesMax) texts, numbers and flags.", "metadata")
        }
        for member in members {
            switch member.value {
            case .string(let text), .number(let text): entries.append((member.key, text))
            case .bool(let flag): entries.append((member.key, flag ? "true" : "false"))
            case .null, .array, .object: throw refusal("Metadata values are texts, numbers and flags.", "metadata")
            }
        }
        return entries
    }
}

extension Metadata.Value {
    /// The value as conditions compare it.
    fileprivate var plainText: String {
        switch self {
        case .text(let text), .number(let text): text
        case .flag(let flag): flag ? "true" : "false"
        }
    }
}

/// A request's body in any of the dialects.
extension JSONValue {
    fileprivate var isStream: Bool { self["stream"]?.boolValue ?? false }

    fileprivate var hasTools: Bool {
        ["tools", "functions"].contains { self[$0]?.arrayValue?.isEmpty == false }
    }

    fileprivate var wantsJSON: Bool {
        let type = self["response_format"]?["type"]?.stringValue ?? self["text"]?["format"]?["type"]?.stringValue
        if let type { return type == "json_object" || type == "json_schema" }
        return self["generationConfig"]?["responseMimeType"]?.stringValue == "application/json"
    }

    fileprivate var outputTokens: Int {
        let found =
            ["max_completion_tokens", "max_tokens", "max_output_tokens"].lazy.compactMap { self[$0]?.intValue }.first
            ?? self["generationConfig"]?["maxOutputTokens"]?.intValue
        return max(found ?? 0, 0)
    }

    /// The estimate of the prompt's text, images left out.
    fileprivate var inputTokens: Int {
        let parts = ["messages", "prompt", "input", "system", "instructions", "contents", "systemInstruction"]
        let characters = parts.reduce(0) { $0 + (self[$1]?.characterCount ?? 0) }
        return Int(clamping: TokenEstimator.tokens(characters: characters))
    }

    private var characterCount: Int {
        switch self {
        case .string(let text): text.unicodeScalars.count
        case .array(let elements): elements.reduce(0) { $0 + $1.characterCount }
        case .object(let object):
            object.members.reduce(0) {
                ["role", "type", "image_url", "inlineData", "source"].contains($1.key) ? $0 : $0 + $1.value.characterCount
            }
        case .null, .bool, .number: 0
        }
    }

    /// Whether a part of the messages is an image; the parser bounds the depth.
    fileprivate func hasImages() -> Bool {
        switch self {
        case .array(let elements): return elements.contains { $0.hasImages() }
        case .object(let object):
            if let type = object["type"]?.stringValue, ["image_url", "input_image", "image"].contains(type) { return true }
            let blob = object["inlineData"] ?? object["inline_data"] ?? object["fileData"] ?? object["file_data"]
            if (blob?["mimeType"] ?? blob?["mime_type"])?.stringValue?.hasPrefix("image/") == true { return true }
            return object.members.contains { $0.key != "tools" && $0.value.hasImages() }
        case .null, .bool, .number, .string: return false
        }
    }
}
