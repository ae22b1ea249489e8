public import GatewayModel
public import JSON

/// A change of a key as the admin API takes it, also what a new key is made with: only the fields that are given.
public struct KeyChange: Sendable, Equatable {
    /// A name for people.
    public var label: String?
    /// When the key ends; `.some(nil)`: never.
    public var expires: WallTime??
    /// Whether it is switched off.
    public var isDisabled: Bool?
    /// Models it is narrowed to.
    public var models: ScopedPatternList?
    /// Providers it is narrowed to.
    public var providers: PatternList?
    /// Paths it is narrowed to.
    public var paths: ScopedPatternList?
    /// Client addresses it holds from.
    public var addresses: AddressList?
    /// What it may use.
    public var limits: LimitSetChange?
    /// Server-side metadata.
    public var metadata: Metadata?

    /// Reads `label`, `expires`, `disabled`, `models`, `providers`, `paths`, `allow_ip`, `limits` and `metadata`; `null` resets. Any other field
    /// (`tenant`, `id`, a role) is refused.
    public init(_ json: JSONValue, now: WallTime) throws(KeyStoreError) {
        var fields = try ChangeFields(json)
        label = try fields.text("label")
        expires = try fields.optional("expires", { $0.stringValue.flatMap { Expiry.parse($0, now: now) } }, "must be \(Expiry.rule)")
        isDisabled = try fields.flag("disabled")
        models = try fields.list("models") { (texts) throws(PatternError) in try ScopedPatternList(texts, of: .model) }
        providers = try fields.list("providers") { (texts) throws(PatternError) in try PatternList(texts) }
        paths = try fields.list("paths") { (texts) throws(PatternError) in try ScopedPatternList(texts, of: .path) }
        addresses = try fields.list("allow_ip") { (texts) throws(PatternError) in try AddressList(texts) }
        limits = try fields.limits("limits")
        metadata = try fields.metadata("metadata")
        try fields.finish()
    }

    /// Puts the given fields into a key. Throws when limits are not allowed beside those it has.
    public func apply(to key: inout VirtualKey) throws(KeyStoreError) {
        try limits?.apply(to: &key.limits)
        if let label { key.label = label }
        if let expires { key.expires = expires }
        if let isDisabled { key.isDisabled = isDisabled }
        if let models { key.models = models }
        if let providers { key.providers = providers }
        if let paths { key.paths = paths }
        if let addresses { key.addresses = addresses }
        if let metadata { key.metadata = metadata }
    }
}
