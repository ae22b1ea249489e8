import GatewayModel

// What one provider is, as data. `config/providers.yaml` holds the shipped ones; a user's file has the same schema:
//
// | YAML, under `providers: NAME:`     | here                       | type, default |
// | ---------------------------------- | -------------------------- | ------------- |
// | (the mapping's key)                | `name`                     | slug: a-z 0-9 `-` `_` `.`, first a letter or digit, at most 64 |
// | `aliases`                          | `aliases`                  | list of slugs, [] |
// | `key_env`                          | `credentialVariable`       | name of an environment variable, none |
// | `auth`                             | `credential`               | `bearer` (default), `x-api-key`, `api-key`, `x-goog-api-key`, or `{header: NAME, prefix: "TEXT "}` |
// | `client_auth`                      | `clientCredentialFields`   | list of `authorization`, `x-api-key`, `api-key`, `x-goog-api-key`; default: the header of `auth` |
// | `bases`                            | `bases`                    | list, at least one |
// | `bases[].dialect`                  | `.dialect`                 | `openai`, `anthropic`, `gemini` |
// | `bases[].url`                      | `.url`                     | absolute URL, version included, no trailing slash |
// | `bases[].operations`               | `.operations`              | mapping: operation name (`Operation.name`) -> path, or `{path: P, cache: false}` |
// | `bases[].auth`                     | `.credential`              | as `auth`, none |
// | `bases[].headers`                  | `.defaultHeaders`          | mapping: lower-case name -> value, {} |
// | `bases[].include_usage`            | `.supportsIncludeUsage`    | bool, false |
// | `bases[].done_marker`              | `.sendsDoneMarker`         | bool, true |
// | `native`                           | `native`                   | list; [] = no native path |
// | `native[].path`                    | `.path`                    | leading segments, "" |
// | `native[].url`                     | `.url`                     | absolute URL, no trailing slash |
// | `native[].versions`                | `.versions`                | list of segments, [] |
// | `native[].operations`              | `.operations`              | as in a base, {} |
// | `allowed`                          | `allowedKinds`             | list of `Operation.Kind` names; default generate, embed, models, count, moderate |
// | `key_query`                        | `answerChangingQuery`      | list of query field names, [] |
// | `key_headers`                      | `answerChangingHeaders`    | list of lower-case header names, [] |
// | `drop_headers`                     | `accountHeaders`           | list of lower-case header names, [] |
// | `drop_query`                       | `credentialQuery`          | list of query field names, [] |
// | `required`                         | `requiredParameters`       | list of parameter names, [] |
// | `parameters`                       | `parameters`               | mapping: name -> value or list of values (`env:NAME` allowed), {} |
// | `allow_private`                    | `allowsPrivateAddresses`   | bool, false |
// | `local`                            | `isLocal`                  | bool, false |
//
// A `custom-{slug}` segment of a Cloudflare path names the provider whose `name` is `{slug}`.

/// One provider: its names, the ways into it, how it takes a key, and what the gateway may do there under the operator's key.
///
/// Immutable once loaded. `problems()` says what is wrong with one that came from a file.
public struct ProviderDefinition: Sendable, Equatable {
    /// The canonical slug, as it stands in paths, `provider/model` names, headers and logs: Cloudflare's where there is one.
    public var name: String
    /// Further slugs that mean this provider.
    public var aliases: [String]
    /// The ways into it, the vendor's own dialect first. The first that offers an operation serves it on the unified surface.
    public var bases: [ProviderBase]
    /// Where native paths lead, tried in order.
    public var native: [NativeMount]
    /// How the operator's key is sent.
    public var credential: CredentialForm
    /// The header fields in which a client's own key is accepted and passed on (`authorization` also takes OAuth tokens).
    public var clientCredentialFields: [FieldName]
    /// The environment variable that holds the operator's key by default, such as `OPENAI_API_KEY`; `nil` where none is usual.
    public var credentialVariable: String?
    /// The kinds of operation that are forwarded under the operator's key without a further grant.
    public var allowedKinds: Set<Operation.Kind>
    /// Query fields that change the answer and so are part of the cache key, such as `api-version`.
    public var answerChangingQuery: [String]
    /// Header fields (lower case) that change the answer and so are part of the cache key, such as `anthropic-beta`.
    public var answerChangingHeaders: [String]
    /// Header fields (lower case) that choose an account and so are dropped under the operator's key, such as `openai-organization`.
    public var accountHeaders: [String]
    /// Query fields that carry a key and so are taken out of a native query under the operator's key, such as Google's `key`.
    public var credentialQuery: [String]
    /// Parameters without which the provider cannot be used, such as Azure's `resource`.
    public var requiredParameters: [String]
    /// Configured values by parameter. The first is what the unified surface uses; native paths may use any of them.
    public var parameters: [String: [String]]
    /// Whether connections to loopback and private addresses (and plain `http`) are allowed.
    public var allowsPrivateAddresses: Bool
    /// Whether it runs on the operator's own machines: it needs no key.
    public var isLocal: Bool

    /// The kinds that are forwarded under the operator's key unless a definition says otherwise: everything but `other`.
    public static let defaultAllowedKinds: Set<Operation.Kind> = [.generate, .embed, .models, .count, .moderate]

    /// Makes a definition. Nothing is validated here: see `problems()`.
    public init(
        name: String, aliases: [String] = [], bases: [ProviderBase], native: [NativeMount] = [], credential: CredentialForm = .bearer,
        clientCredentialFields: [FieldName] = [.authorization], credentialVariable: String? = nil,
        allowedKinds: Set<Operation.Kind> = ProviderDefinition.defaultAllowedKinds, answerChangingQuery: [String] = [],
        answerChangingHeaders: [String] = [], accountHeaders: [String] = [], credentialQuery: [String] = [],
        requiredParameters: [String] = [], parameters: [String: [String]] = [:], allowsPrivateAddresses: Bool = false, isLocal: Bool = false
    ) {
        self.name = name
        self.aliases = aliases
        self.bases = bases
        self.native = native
        self.credential = credential
        self.clientCredentialFields = clientCredentialFields
        self.credentialVariable = credentialVariable
        self.allowedKinds = allowedKinds
        self.answerChangingQuery = answerChangingQuery
        self.answerChangingHeaders = answerChangingHeaders
        self.accountHeaders = accountHeaders
        self.credentialQuery = credentialQuery
        self.requiredParameters = requiredParameters
        self.parameters = parameters
        self.allowsPrivateAddresses = allowsPrivateAddresses
        self.isLocal = isLocal
    }

    /// The first base that offers an operation, or `nil`: a direct call is then refused with `dialect_not_supported`.
    public func base(offering operation: Operation) -> ProviderBase? { bases.first { $0.offer(of: operation) != nil } }

    /// Whether every required parameter has a configured value. Without, the provider is known but cannot be asked.
    public var hasRequiredParameters: Bool { requiredParameters.allSatisfy { parameters[$0]?.isEmpty == false } }

    /// Whether the operator's key may be used for an operation without a further grant.
    public func allows(_ operation: Operation) -> Bool { allowedKinds.contains(operation.kind) }
}
