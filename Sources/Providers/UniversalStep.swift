public import GatewayModel

/// A header field of a step, checked: it can end no line and start no other.
public struct UniversalField: Sendable, Equatable {
    /// The name, in lower case.
    public var name: String
    /// The field, where the gateway knows it.
    public var field: FieldName?
    /// The value: no control bytes but tabs, no space at its ends.
    public var value: String

    /// Makes a field. Nothing is checked here.
    public init(name: String, field: FieldName?, value: String) {
        self.name = name
        self.field = field
        self.value = value
    }
}

/// One step of a universal request: a native call in the making.
public struct UniversalStep: Sendable, Equatable {
    /// The provider as the step names it: a slug or an alias, not looked up yet.
    public var providerName: String
    /// The native path, `/{provider}/{endpoint}`: what `NativeRequest`'s ranges of this step refer to.
    public var path: [UInt8]
    /// What followed a `?` in the endpoint, such as Azure's `api-version=…`; visible ASCII.
    public var pathQuery: [UInt8]
    /// Fields that go upstream as they are (see `HeaderPolicy.forwardsRequestField`); no two of one name.
    public var headers: [UniversalField]
    /// Fields that carry the client's own provider key: whether they go on is for the tenant's policy. A virtual key is never among them.
    public var credentials: [UniversalField]
    /// Fields for the gateway, which override the request's own: cache controls and the like. Those of attempts are in `attempts`;
    /// `config.cacheTtl` and `config.skipCache` are here as the fields that they stand for, and win over them.
    public var controls: [UniversalField]
    /// `config` and the step's `cf-aig-*` fields of attempts; `config` wins.
    public var attempts: AttemptFields
    /// Where the JSON object of `query` stands in the request's body: the bytes to forward.
    public var query: Range<Int>

    /// What follows the provider in the path, without its slash.
    public var endpoint: String { String(decoding: path.dropFirst(providerName.utf8.count + 2), as: UTF8.self) }
}
