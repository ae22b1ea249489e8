import GatewayModel

/// Who shares entries: one tenant, or the tenants an operator put into one named share.
public struct CacheScopeName: Hashable, Sendable {
    /// What the id names. Raw values are part of the key's format.
    public enum Kind: UInt8, Sendable {
        case tenant = 1
        case share = 2
    }

    /// What `id` names.
    public var kind: Kind
    /// The tenant's or share's id, at most 500 bytes.
    public var id: String

    /// Makes a name.
    public init(kind: Kind, id: String) {
        self.kind = kind
        self.id = id
    }
}

/// A scope with its random salt. The salt is part of every key, so that a deleted and recreated tenant can't see what its predecessor
/// stored, and nobody outside can compute a key.
public struct CacheScope: Hashable, Sendable {
    /// Who shares.
    public var name: CacheScopeName
    /// 32 random bytes, kept by whoever keeps the tenants.
    public var salt: Digest256

    /// Makes a scope.
    public init(name: CacheScopeName, salt: Digest256) {
        self.name = name
        self.salt = salt
    }
}
