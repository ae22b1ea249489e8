/// What a condition or a sticky share may look at.
public enum RouteField: Sendable, Hashable {
    /// A value of the request's metadata, by name; of the key's own metadata where both have it.
    case metadata(String)
    /// The tenant's id.
    case tenant
    /// The virtual key's id.
    case key
    /// The model as the client asked for it.
    case model
    /// The operation's name, such as `chat_completions`.
    case operation
    /// `true` or `false`: whether a stream is asked for.
    case stream
    /// `true` or `false`: whether tools are defined.
    case tools
    /// `true` or `false`: whether images are in it.
    case images
    /// `true` or `false`: whether the answer must be JSON.
    case json
    /// `small`, `medium`, `large` or `huge`: how long the prompt is (see `PromptSize`).
    case size

    /// The field's name in YAML; a metadata name is written `metadata.NAME`.
    public init?(name: String) {
        switch name {
        case "tenant": self = .tenant
        case "key": self = .key
        case "model": self = .model
        case "operation": self = .operation
        case "stream": self = .stream
        case "tools": self = .tools
        case "images": self = .images
        case "json": self = .json
        case "size": self = .size
        default:
            guard name.hasPrefix("metadata."), name.utf8.count > 9 else { return nil }
            self = .metadata(String(name.dropFirst(9)))
        }
    }
}

/// How long a prompt is, in four classes that routes may tell apart.
public enum PromptSize: String, Sendable, CaseIterable {
    /// Up to 4,096 tokens.
    case small
    /// Up to 32,768 tokens.
    case medium
    /// Up to 131,072 tokens.
    case large
    /// More.
    case huge

    /// The class of a prompt of so many tokens.
    public init(tokens: Int) {
        switch tokens {
        case ...4096: self = .small
        case ...32_768: self = .medium
        case ...131_072: self = .large
        default: self = .huge
        }
    }
}

/// A static match on what is known of a request. No scripting: equality, membership, presence, and their combinations.
public indirect enum RouteCondition: Sendable, Equatable {
    /// The field is there and has this value.
    case equals(RouteField, String)
    /// The field is there and has one of these values.
    case isIn(RouteField, [String])
    /// The field is there.
    case exists(RouteField)
    /// The opposite.
    case not(RouteCondition)
    /// All of them; true for none.
    case all([RouteCondition])
    /// One of them at least; false for none.
    case any([RouteCondition])

    /// Whether it holds for a request.
    public func holds(for facts: RequestFacts) -> Bool {
        switch self {
        case .equals(let field, let value): return facts.value(of: field) == value
        case .isIn(let field, let values): return facts.value(of: field).map(values.contains) ?? false
        case .exists(let field): return facts.value(of: field) != nil
        case .not(let condition): return !condition.holds(for: facts)
        case .all(let conditions): return conditions.allSatisfy { $0.holds(for: facts) }
        case .any(let conditions): return conditions.contains { $0.holds(for: facts) }
        }
    }

    /// How deep conditions stand in conditions; 1 for a plain one.
    var depth: Int {
        switch self {
        case .equals, .isIn, .exists: 1
        case .not(let condition): 1 + condition.depth
        case .all(let conditions), .any(let conditions): 1 + (conditions.map(\.depth).max() ?? 0)
        }
    }
}
