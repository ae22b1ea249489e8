/// How a provider takes its key: a header field and what stands before the key in its value.
public struct CredentialForm: Sendable, Equatable {
    /// The header field's name in lower case, such as `authorization` or `x-api-key`.
    public var header: String
    /// What precedes the key in the value, its trailing space included: `"Bearer "`, or empty.
    public var prefix: String

    /// Makes a form from a lower-case field name and a prefix. Nothing is validated here: see `ProviderDefinition.problems()`.
    public init(header: String, prefix: String = "") {
        self.header = header
        self.prefix = prefix
    }

    /// `Authorization: Bearer KEY` (RFC 6750): OpenAI and everything modelled on it, OAuth tokens everywhere.
    public static let bearer = CredentialForm(header: "authorization", prefix: "Bearer ")
    /// `x-api-key: KEY`: Anthropic.
    public static let xAPIKey = CredentialForm(header: "x-api-key")
    /// `api-key: KEY`: Azure OpenAI.
    public static let apiKey = CredentialForm(header: "api-key")
    /// `x-goog-api-key: KEY`: Google.
    public static let xGoogAPIKey = CredentialForm(header: "x-goog-api-key")

    /// The well-known form of that name in YAML (`bearer`, `x-api-key`, `api-key`, `x-goog-api-key`); `nil` for any other name.
    public init?(name: String) {
        switch name {
        case "bearer": self = .bearer
        case "x-api-key": self = .xAPIKey
        case "api-key": self = .apiKey
        case "x-goog-api-key": self = .xGoogAPIKey
        default: return nil
        }
    }
}
