import GatewayModel

/// What a method and a path ask for. Ranges are byte positions in the path that was routed.
public enum RoutedRequest: Sendable, Equatable {
    /// `/healthz` or `/readyz`.
    case health(HealthCheck)
    /// A path of the unified surface: the model names the provider.
    case unified(UnifiedRequest)
    /// A provider's own API, passed through.
    case native(NativeRequest)
    /// Cloudflare's universal endpoint: an array of steps in the body.
    case universal(account: Range<Int>, gateway: Range<Int>)
    /// A tenant's own endpoints below `/weir/`.
    case tenant(TenantEndpoint)
    /// Nothing that can be served: the answer to give.
    case refused(Refusal)

    /// In whose shape an error of the gateway is told.
    public var dialect: Dialect {
        switch self {
        case .unified(let request): request.dialect
        case .native(let request): request.dialect
        case .refused(let refusal): refusal.dialect
        case .health, .universal, .tenant: .openAI
        }
    }
}

/// Which of the two health questions is asked.
public enum HealthCheck: Sendable, Equatable {
    /// Is the process alive?
    case live
    /// Should it get traffic?
    case ready
}

/// What a tenant may ask the gateway itself.
public enum TenantEndpoint: Sendable, Equatable {
    /// `GET /weir/usage`
    case usage
    /// `POST /weir/feedback/{log-id}`; the range is the id's (36 characters of a UUID).
    case feedback(logID: Range<Int>)
}

/// A request on the unified surface.
public struct UnifiedRequest: Sendable, Equatable {
    /// What is asked for.
    public var operation: Operation
    /// Whose wire format the client speaks; for `models`, whose shape the list takes.
    public var dialect: Dialect
    /// The model in the path, percent-decoded: Gemini's operations, and `models/{id}`. `nil` where the body names it.
    public var model: String?
    /// Whether Gemini's method name asks for a stream. Other dialects say so in the body.
    public var isGeminiStream: Bool
    /// Whether `alt=sse` was given: Gemini streams a JSON array otherwise.
    public var wantsServerSentEvents: Bool

    /// Makes a request.
    public init(
        operation: Operation, dialect: Dialect, model: String? = nil, isGeminiStream: Bool = false, wantsServerSentEvents: Bool = false
    ) {
        self.operation = operation
        self.dialect = dialect
        self.model = model
        self.isGeminiStream = isGeminiStream
        self.wantsServerSentEvents = wantsServerSentEvents
    }
}

/// A request on a provider's native path.
public struct NativeRequest: Sendable, Equatable {
    /// The provider's index in the table.
    public var provider: Int
    /// Which of its mounts took the path.
    public var mount: Int
    /// The base of the provider that offers the operation, for its credential's form and its traits; `nil` where none does.
    public var base: Int?
    /// What is asked for; `other` for everything that is not listed.
    public var operation: Operation
    /// Whose wire format this path speaks.
    public var dialect: Dialect
    /// Whether answers may be kept, by the definition.
    public var isCacheable: Bool
    /// Where the mount's leading segments begin in the path (after the provider's `/`).
    public var segmentsStart: Int
    /// What follows the mount's segments in the path, from its `/` on; may be empty.
    public var rest: Range<Int>
    /// Whether the mount's first version is put in front of the rest.
    public var addsVersion: Bool
    /// The model in the path, percent-decoded: Gemini's, or an Azure deployment's name. `nil` where the body names it.
    public var model: String?
    /// Whether Gemini's method name asks for a stream. Other dialects say so in the body.
    public var isGeminiStream: Bool
    /// Whether `alt=sse` was given: Gemini streams a JSON array otherwise.
    public var wantsServerSentEvents: Bool
    /// Whether it came in Cloudflare's `/v1/{account}/{gateway}/…` shape.
    public var isAccountShape: Bool
}

/// Why a path is not served, in full.
public struct Refusal: Sendable, Equatable {
    /// What the client is told.
    public var error: GatewayError
    /// The `Allow` field's value of a 405.
    public var allow: String?
    /// In whose shape it is told.
    public var dialect: Dialect

    /// Makes a refusal.
    public init(_ error: GatewayError, allow: String? = nil, dialect: Dialect = .openAI) {
        self.error = error
        self.allow = allow
        self.dialect = dialect
    }
}
