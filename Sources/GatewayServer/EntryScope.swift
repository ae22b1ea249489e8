// The cache module's scope and the tenants module's have one name; this file knows only the former.

import ExactCache
import GatewayModel

/// Whose entries a request reads and writes, as the cache key wants it.
typealias EntryScope = CacheScope

extension EntryScope {
    /// The scope of a tenant, or of the share it is in.
    static func make(id: String, isShare: Bool, salt: Digest256) -> EntryScope {
        EntryScope(name: CacheScopeName(kind: isShare ? .share : .tenant, id: id), salt: salt)
    }
}
