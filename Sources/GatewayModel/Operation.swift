/// Whose wire format a body has: what an error looks like, where usage stands, how a stream ends.
public enum Dialect: UInt8, Sendable, CaseIterable {
    case openAI, anthropic, gemini

    /// The name used in YAML and JSON: `openai`, `anthropic` or `gemini`.
    public var name: String {
        switch self {
        case .openAI: "openai"
        case .anthropic: "anthropic"
        case .gemini: "gemini"
        }
    }

    /// The dialect of that name, or `nil`.
    public init?(name: String) {
        guard let found = Dialect.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}

/// What a request asks for, whichever path it came by. Paths of one operation share cache entries.
///
/// Raw values are part of the cache key's format: append only.
public enum Operation: UInt8, Sendable, CaseIterable {
    // OpenAI
    case chatCompletions = 1
    case responses = 2
    case completions = 3
    case embeddings = 4
    case moderations = 5
    case models = 6
    // Anthropic
    case messages = 7
    case countTokens = 8
    // Gemini
    case generateContent = 9
    case embedContent = 10
    case batchEmbedContents = 11
    case geminiCountTokens = 12
    /// Any other call of a provider's API: forwarded if the policy grants it, never cached.
    case other = 13

    /// What kind of work an operation is; policies and the cache speak of kinds.
    public enum Kind: String, Sendable, CaseIterable {
        case generate, embed, models, count, moderate, other
    }

    /// The kind of work.
    public var kind: Kind {
        switch self {
        case .chatCompletions, .responses, .completions, .messages, .generateContent: .generate
        case .embeddings, .embedContent, .batchEmbedContents: .embed
        case .models: .models
        case .countTokens, .geminiCountTokens: .count
        case .moderations: .moderate
        case .other: .other
        }
    }

    /// Whether the request's body is JSON that must be scanned.
    public var hasJSONBody: Bool { self != .models && self != .other }

    /// Whether answers may be kept at all. Generate and embed operations only.
    public var isCacheable: Bool { kind == .generate || kind == .embed }

    /// The name in logs, metrics and configuration: `chat_completions`, `messages`, …
    public var name: String {
        switch self {
        case .chatCompletions: "chat_completions"
        case .responses: "responses"
        case .completions: "completions"
        case .embeddings: "embeddings"
        case .moderations: "moderations"
        case .models: "models"
        case .messages: "messages"
        case .countTokens: "count_tokens"
        case .generateContent: "generate_content"
        case .embedContent: "embed_content"
        case .batchEmbedContents: "batch_embed_contents"
        case .geminiCountTokens: "gemini_count_tokens"
        case .other: "other"
        }
    }
}
