import GatewayModel

/// Whose cache entries a request may read and write: a tenant's own, or those of a named share its operator put it into.
///
/// Name and salt both enter the cache key. The salt is random and kept in the store: a tenant that is deleted and made again has another
/// one, so that nothing of its predecessor can be found.
public struct CacheScope: Sendable, Equatable {
    /// `tenant:NAME` or `share:NAME`; the two can't collide.
    public let name: String
    /// 256 random bits.
    public let salt: Digest256
    /// Whether several tenants have this scope; custom cache keys are not honoured there.
    public let isShared: Bool

    /// Makes a scope.
    public init(name: String, salt: Digest256, isShared: Bool) {
        self.name = name
        self.salt = salt
        self.isShared = isShared
    }

    /// The scope's name of a tenant of its own.
    public static func name(ofTenant id: String) -> String { "tenant:" + id }

    /// The scope's name of a share.
    public static func name(ofShare name: String) -> String { "share:" + name }
}

/// A named group of tenants that read each other's answers. A tenant is in one share at most.
public struct CacheShare: Sendable, Equatable {
    /// The share's name; see `Identifier`.
    public let name: String
    /// The ids of its tenants.
    public let tenants: [String]

    /// Makes a share.
    public init(name: String, tenants: [String]) {
        self.name = name
        self.tenants = tenants
    }
}
