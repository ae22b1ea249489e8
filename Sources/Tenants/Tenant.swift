/// Whose provider credentials a tenant's requests carry upstream.
public enum ProviderKeyPolicy: String, Sendable, CaseIterable {
    /// The operator's, from the environment or a file. A key that the client sends is dropped.
    case configured
    /// The client's own, sent beside its virtual key. Without one the request is refused.
    case client
    /// The client's own when it sends one, else the operator's.
    case either
}

/// Where a tenant or a key is defined, and so where alone it can be changed.
public enum ManagedBy: String, Sendable, CaseIterable {
    /// The YAML file; the admin API answers `managed_by_config` to changes.
    case config
    /// The durable store, through the admin API and the commands.
    case store
}

/// One customer of the gateway: the unit of isolation, policy and accounting. Who a request belongs to comes from its virtual key alone.
public struct Tenant: Sendable, Equatable {
    /// In-flight requests of one tenant unless configured otherwise.
    public static let inFlightMaxDefault = 256
    /// The highest in-flight cap that can be set.
    public static let inFlightMaxBound = 1_000_000

    /// The name, unique, stable, shown in logs and metrics; see `Identifier`.
    public var id: String
    /// Whose provider credentials are used.
    public var providerKeys: ProviderKeyPolicy
    /// Whether a request that began with the client's own key may fall back to a target under the operator's.
    public var allowsClientKeyFallback: Bool
    /// Models this tenant may use; empty: all.
    public var models: ScopedPatternList
    /// Providers this tenant may use, by canonical name; empty: all.
    public var providers: PatternList
    /// Paths granted under the operator's key beyond a provider's listed operations; empty: none.
    public var pathGrants: ScopedPatternList
    /// Whether answers are cached; `nil`: as the route or the default says.
    public var isCacheEnabled: Bool?
    /// Time to live of cached answers in seconds; `nil`: as the route or the default says.
    public var cacheTTLSeconds: Int?
    /// A namespace that separates this tenant's entries when it sends none of its own.
    public var cacheNamespace: String?
    /// Whether `cf-aig-cache-key` is honoured.
    public var allowsCustomCacheKeys: Bool
    /// The most requests in flight at once, over all loops; `nil`: the configured default.
    public var inFlightMax: Int?
    /// What all its keys together may use.
    public var limits: LimitSet
    /// Whether `cf-aig-custom-cost` of its requests changes what is charged; else it changes analytics only.
    public var chargesCustomCost: Bool
    /// Whether its requests have rows in the event log; `nil`: as the route or the default says.
    public var collectsEvents: Bool?
    /// Whether bodies are kept with those rows; `nil`: as the route or the default says.
    public var collectsPayloads: Bool?
    /// Whether similar questions may be answered alike, by the semantic cache; `nil`: as the route or the default says.
    public var isSemanticEnabled: Bool?
    /// Entries added to every log row, winning over the client's.
    public var metadata: Metadata
    /// Whether every key of the tenant is refused.
    public var isDisabled: Bool
    /// Where the tenant is defined.
    public var managedBy: ManagedBy

    /// Makes a tenant with the defaults: configured credentials, everything allowed that providers list, cache as configured.
    public init(
        id: String, providerKeys: ProviderKeyPolicy = .configured, allowsClientKeyFallback: Bool = false,
        models: ScopedPatternList = ScopedPatternList(), providers: PatternList = PatternList(),
        pathGrants: ScopedPatternList = ScopedPatternList(), isCacheEnabled: Bool? = nil, cacheTTLSeconds: Int? = nil,
        cacheNamespace: String? = nil, allowsCustomCacheKeys: Bool = true, inFlightMax: Int? = nil, limits: LimitSet = LimitSet(),
        chargesCustomCost: Bool = false, collectsEvents: Bool? = nil, collectsPayloads: Bool? = nil, isSemanticEnabled: Bool? = nil,
        metadata: Metadata = Metadata(), isDisabled: Bool = false, managedBy: ManagedBy = .store
    ) {
        self.id = id
        self.providerKeys = providerKeys
        self.allowsClientKeyFallback = allowsClientKeyFallback
        self.models = models
        self.providers = providers
        self.pathGrants = pathGrants
        self.isCacheEnabled = isCacheEnabled
        self.cacheTTLSeconds = cacheTTLSeconds
        self.cacheNamespace = cacheNamespace
        self.allowsCustomCacheKeys = allowsCustomCacheKeys
        self.inFlightMax = inFlightMax
        self.limits = limits
        self.chargesCustomCost = chargesCustomCost
        self.collectsEvents = collectsEvents
        self.collectsPayloads = collectsPayloads
        self.isSemanticEnabled = isSemanticEnabled
        self.metadata = metadata
        self.isDisabled = isDisabled
        self.managedBy = managedBy
    }
}
