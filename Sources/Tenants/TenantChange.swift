public import JSON

/// A change of a tenant as the admin API takes it, also what a new tenant is made with: only the fields that are given.
public struct TenantChange: Sendable, Equatable {
    /// Whose provider credentials are used.
    public var providerKeys: ProviderKeyPolicy?
    /// Whether requests under the client's own key may fall back to the operator's.
    public var allowsClientKeyFallback: Bool?
    /// Models allowed.
    public var models: ScopedPatternList?
    /// Providers allowed.
    public var providers: PatternList?
    /// Paths granted.
    public var pathGrants: ScopedPatternList?
    /// Whether answers are cached; `.some(nil)`: as the route or the default says.
    public var isCacheEnabled: Bool??
    /// Time to live in seconds; `.some(nil)`: as the route or the default says.
    public var cacheTTLSeconds: Int??
    /// The namespace of requests that name none; `.some(nil)`: none.
    public var cacheNamespace: String??
    /// Whether `cf-aig-cache-key` is honoured.
    public var allowsCustomCacheKeys: Bool?
    /// Requests in flight at once; `.some(nil)`: the configured default.
    public var inFlightMax: Int??
    /// What its keys together may use.
    public var limits: LimitSetChange?
    /// Whether `cf-aig-custom-cost` changes what is charged.
    public var chargesCustomCost: Bool?
    /// Whether requests have rows in the event log; `.some(nil)`: as the route or the default says.
    public var collectsEvents: Bool??
    /// Whether bodies are kept with the rows; `.some(nil)`: as the route or the default says.
    public var collectsPayloads: Bool??
    /// Whether similar questions may be answered alike; `.some(nil)`: as the route or the default says.
    public var isSemanticEnabled: Bool??
    /// Server-side metadata.
    public var metadata: Metadata?
    /// Whether every key is refused.
    public var isDisabled: Bool?

    /// Reads the fields of the YAML file's tenants; `null` resets. Any other field is refused.
    public init(_ json: JSONValue) throws(KeyStoreError) {
        var fields = try ChangeFields(json)
        if let text = try fields.text("provider_keys") {
            guard let policy = ProviderKeyPolicy(rawValue: text) else {
                throw fields.malformed(
                    "provider_keys", "must be one of \(ProviderKeyPolicy.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            providerKeys = policy
        }
        allowsClientKeyFallback = try fields.flag("client_key_fallback")
        models = try fields.list("models") { (texts) throws(PatternError) in try ScopedPatternList(texts, of: .model) }
        providers = try fields.list("providers") { (texts) throws(PatternError) in try PatternList(texts) }
        pathGrants = try fields.list("paths") { (texts) throws(PatternError) in try ScopedPatternList(texts, of: .path) }
        inFlightMax = try fields.optional("in_flight_max", \.intValue, "must be a whole number")
        limits = try fields.limits("limits")
        chargesCustomCost = try fields.flag("custom_cost")
        metadata = try fields.metadata("metadata")
        isDisabled = try fields.flag("disabled")
        if let value = fields.take("cache") {
            var cache = try ChangeFields(value, prefix: "cache.")
            isCacheEnabled = try cache.optional("enabled", \.boolValue, "must be true or false")
            cacheTTLSeconds = try cache.optional("ttl", \.intValue, "must be a whole number of seconds")
            cacheNamespace = try cache.optional("namespace", \.stringValue, "must be a text")
            allowsCustomCacheKeys = try cache.flag("custom_keys")
            try cache.finish()
        }
        if let value = fields.take("events") {
            var events = try ChangeFields(value, prefix: "events.")
            collectsEvents = try events.optional("collect", \.boolValue, "must be true or false")
            collectsPayloads = try events.optional("payloads", \.boolValue, "must be true or false")
            try events.finish()
        }
        if let value = fields.take("semantic") {
            var semantic = try ChangeFields(value, prefix: "semantic.")
            isSemanticEnabled = try semantic.optional("enabled", \.boolValue, "must be true or false")
            try semantic.finish()
        }
        try fields.finish()
    }

    /// Puts the given fields into a tenant; `KeyStore` checks the bounds. Throws when limits are not allowed beside those it has.
    public func apply(to tenant: inout Tenant) throws(KeyStoreError) {
        try limits?.apply(to: &tenant.limits)
        if let providerKeys { tenant.providerKeys = providerKeys }
        if let allowsClientKeyFallback { tenant.allowsClientKeyFallback = allowsClientKeyFallback }
        if let models { tenant.models = models }
        if let providers { tenant.providers = providers }
        if let pathGrants { tenant.pathGrants = pathGrants }
        if let isCacheEnabled { tenant.isCacheEnabled = isCacheEnabled }
        if let cacheTTLSeconds { tenant.cacheTTLSeconds = cacheTTLSeconds }
        if let cacheNamespace { tenant.cacheNamespace = cacheNamespace }
        if let allowsCustomCacheKeys { tenant.allowsCustomCacheKeys = allowsCustomCacheKeys }
        if let inFlightMax { tenant.inFlightMax = inFlightMax }
        if let chargesCustomCost { tenant.chargesCustomCost = chargesCustomCost }
        if let collectsEvents { tenant.collectsEvents = collectsEvents }
        if let collectsPayloads { tenant.collectsPayloads = collectsPayloads }
        if let isSemanticEnabled { tenant.isSemanticEnabled = isSemanticEnabled }
        if let metadata { tenant.metadata = metadata }
        if let isDisabled { tenant.isDisabled = isDisabled }
    }
}
