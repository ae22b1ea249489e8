/// A refusal or failure as the client sees it, before it takes the shape of a dialect.
///
/// `message` may name fields, limits and paths; it never holds a prompt, an answer or a key.
public struct GatewayError: Error, Sendable, Equatable {
    /// Where the trouble lies; decides who is told and whether a retry makes sense.
    public enum Source: String, Sendable { case client, upstream, store, gateway }

    /// The HTTP status: 4xx for the caller's fault, 429 for limits, 502/504 for the upstream, 503 for our own trouble.
    public var status: Int
    /// A stable machine-readable name, `snake_case`: part of the wire contract, documented in `docs/errors.md`.
    public var code: String
    /// One sentence for a person: what is wrong and what to do.
    public var message: String
    /// The JSON field or header at fault, where there is one.
    public var param: String?
    /// Whole seconds for `Retry-After`, where waiting helps.
    public var retryAfterSeconds: Int?
    /// Whether the connection must close after the answer (the framing can't be trusted, or the body isn't drained).
    public var closesConnection: Bool
    /// Where the trouble lies.
    public var source: Source

    /// Makes an error. Nothing is validated: callers are ours.
    public init(
        status: Int, code: String, message: String, param: String? = nil, retryAfterSeconds: Int? = nil, closesConnection: Bool = false,
        source: Source = .client
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retryAfterSeconds = retryAfterSeconds
        self.closesConnection = closesConnection
        self.source = source
    }
}
