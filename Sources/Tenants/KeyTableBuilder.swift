import GatewayModel
import Hashing

/// Gives tenants their indexes, which mean something in this one table only, and their scopes.
struct KeyTableBuilder {
    private let contents: KeyTable.Contents
    private let authenticator: HMACSHA256
    private(set) var tenants: [Tenant] = []
    private(set) var scopes: [CacheScope] = []
    private(set) var indexes: [String: UInt32] = [:]
    private var shareOfTenant: [String: String] = [:]

    init(_ contents: KeyTable.Contents, authenticator: HMACSHA256) {
        self.contents = contents
        self.authenticator = authenticator
        for share in contents.shares {
            for tenant in share.tenants where shareOfTenant[tenant] == nil { shareOfTenant[tenant] = share.name }
        }
    }

    mutating func placeTenants() {
        for tenant in contents.tenants where indexes[tenant.id] == nil {
            indexes[tenant.id] = UInt32(tenants.count)
            tenants.append(tenant)
            scopes.append(scope(of: tenant.id))
        }
    }

    private func scope(of tenant: String) -> CacheScope {
        let share = shareOfTenant[tenant]
        let name = share.map(CacheScope.name(ofShare:)) ?? CacheScope.name(ofTenant: tenant)
        return CacheScope(name: name, salt: contents.salts[name] ?? derivedSalt(name), isShared: share != nil)
    }

    /// Stands in while the store can't be read: unpredictable without the pepper, and as separate as the names.
    private func derivedSalt(_ name: String) -> Digest256 { authenticator.authenticationCode(for: Array(("scope " + name).utf8).span) }
}
