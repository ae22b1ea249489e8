import GatewayModel

/// One operation that a base offers: where it lies, and whether its answers may be kept.
public struct OfferedOperation: Sendable, Equatable {
    /// What the path does.
    public var operation: Operation
    /// What follows the base's URL, from its `/` on. `{model}` stands for the model's name (Gemini has it in the path; its method name,
    /// such as `generateContent`, is part of this template, and `:streamGenerateContent` is known to be the same operation).
    public var path: String
    /// Whether answers may be kept. Only narrows: operations that are not generate or embed are never kept.
    public var isCacheable: Bool

    /// Makes an entry; cacheable unless said otherwise.
    public init(_ operation: Operation, path: String, isCacheable: Bool = true) {
        self.operation = operation
        self.path = path
        self.isCacheable = isCacheable
    }
}

/// One way into a provider that speaks one dialect: what the unified surface uses. A vendor with an OpenAI-compatible endpoint beside its
/// own API has two.
public struct ProviderBase: Sendable, Equatable {
    /// Whose wire format is spoken here.
    public var dialect: Dialect
    /// The absolute URL before the operation's path, version included, without a trailing slash: `https://api.openai.com/v1`.
    /// `{name}` stands for the first configured value of the parameter of that name.
    public var url: String
    /// The operations that lie here. An operation that is not listed is not reachable on the unified surface through this base.
    public var operations: [OfferedOperation]
    /// How this base takes its key, where that differs from the provider's own form.
    public var credential: CredentialForm?
    /// Header fields (lower-case name, value) that are added to a unified request which does not bring them, such as `anthropic-version`.
    public var defaultHeaders: [HeaderDefault]
    /// Whether `stream_options.include_usage` is understood for streams; only meaningful for the OpenAI dialect.
    public var supportsIncludeUsage: Bool
    /// Whether its chat and completion streams end with `data: [DONE]`, as OpenAI's do. Where they do not, a stream is whole when the
    /// transport ended cleanly after the finish reason of every choice.
    public var sendsDoneMarker: Bool

    /// Makes a base. Nothing is validated here: see `ProviderDefinition.problems()`.
    public init(
        dialect: Dialect, url: String, operations: [OfferedOperation], credential: CredentialForm? = nil,
        defaultHeaders: [HeaderDefault] = [], supportsIncludeUsage: Bool = false, sendsDoneMarker: Bool = true
    ) {
        self.dialect = dialect
        self.url = url
        self.operations = operations
        self.credential = credential
        self.defaultHeaders = defaultHeaders
        self.supportsIncludeUsage = supportsIncludeUsage
        self.sendsDoneMarker = sendsDoneMarker
    }

    /// The entry of an operation, or `nil` where this base does not offer it.
    public func offer(of operation: Operation) -> OfferedOperation? { operations.first { $0.operation == operation } }
}

/// A header field that is sent where the client brought none of that name.
public struct HeaderDefault: Sendable, Equatable {
    /// The name in lower case.
    public var name: String
    /// The value.
    public var value: String

    /// Makes a field.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What the request path asks of a base.
public struct BaseTraits: Sendable, Equatable {
    /// Whose wire format is spoken here.
    public var dialect: Dialect
    /// Whether `stream_options.include_usage` is understood.
    public var supportsIncludeUsage: Bool
    /// Whether chat and completion streams end with `data: [DONE]`.
    public var sendsDoneMarker: Bool
}
