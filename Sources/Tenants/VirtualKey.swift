import GatewayModel

/// How a key's secret is known without being known.
public enum KeyVerifier: Hashable, Sendable {
    /// HMAC-SHA-256 of the key under this installation's pepper: every key made by the gateway.
    case hmac(Digest256)
    /// SHA-256 of the key, for keys that a YAML file carries from one installation to another. Safe only because keys are 256 random bits.
    case sha256(Digest256)

    /// The 32 bytes that are compared.
    public var digest: Digest256 {
        switch self {
        case .hmac(let digest), .sha256(let digest): digest
        }
    }
}

/// A key that a client presents: whose it is, how long it holds and what it narrows. The secret itself is shown once and kept nowhere.
public struct VirtualKey: Sendable, Equatable {
    /// The secret before the last rotation, which holds until the overlap ends.
    public struct Previous: Sendable, Equatable {
        /// How the old secret is recognised.
        public var verifier: KeyVerifier
        /// The first moment at which it no longer holds.
        public var until: WallTime

        /// Makes the record of an old secret.
        public init(verifier: KeyVerifier, until: WallTime) {
            self.verifier = verifier
            self.until = until
        }
    }

    /// `key_` and 16 characters for keys in the store, the YAML name for configured ones: what logs, purges and commands speak of.
    public var id: String
    /// How the secret is recognised.
    public var verifier: KeyVerifier
    /// The secret before the last rotation.
    public var previous: Previous?
    /// The last four characters of the secret; empty when it was never seen.
    public var hint: String
    /// The tenant's id.
    public var tenant: String
    /// A name for people; may be empty.
    public var label: String
    /// When the key was made or last rotated; the epoch for configured keys.
    public var created: WallTime
    /// The first moment at which the key no longer holds; `nil`: never.
    public var expires: WallTime?
    /// Whether the key is switched off for now.
    public var isDisabled: Bool
    /// When the key was revoked for good; `nil`: it was not.
    public var revoked: WallTime?
    /// Models the key is narrowed to; empty: all its tenant may use.
    public var models: ScopedPatternList
    /// Providers the key is narrowed to; empty: all its tenant may use.
    public var providers: PatternList
    /// Paths the key is narrowed to; empty: all its tenant may use. Never a grant.
    public var paths: ScopedPatternList
    /// Client addresses the key holds from; empty: all.
    public var addresses: AddressList
    /// What the key may use, within what its tenant may.
    public var limits: LimitSet
    /// Entries added to every log row, winning over the tenant's and the client's.
    public var metadata: Metadata
    /// Where the key is defined.
    public var managedBy: ManagedBy

    /// Makes a key. Nothing is validated: callers are ours.
    public init(
        id: String, verifier: KeyVerifier, previous: Previous? = nil, hint: String, tenant: String, label: String = "", created: WallTime,
        expires: WallTime? = nil, isDisabled: Bool = false, revoked: WallTime? = nil, models: ScopedPatternList = ScopedPatternList(),
        providers: PatternList = PatternList(), paths: ScopedPatternList = ScopedPatternList(), addresses: AddressList = AddressList(),
        limits: LimitSet = LimitSet(), metadata: Metadata = Metadata(), managedBy: ManagedBy = .store
    ) {
        self.id = id
        self.verifier = verifier
        self.previous = previous
        self.hint = hint
        self.tenant = tenant
        self.label = label
        self.created = created
        self.expires = expires
        self.isDisabled = isDisabled
        self.revoked = revoked
        self.models = models
        self.providers = providers
        self.paths = paths
        self.addresses = addresses
        self.limits = limits
        self.metadata = metadata
        self.managedBy = managedBy
    }
}
