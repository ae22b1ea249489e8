import GatewayModel
import Hashing

/// Gives tenants their indexes: the ones they had, then new ones at the end. In-flight counters live by index, so an index never changes its
/// tenant while the process runs; a tenant deleted and made again is a new one and gets a new index.
struct KeyTableBuilder {
    private let contents: KeyTable.Contents
    private let authenticator: HMACSHA256
    private let previous: KeyTable?
    private(set) var tenants: [Tenant] = []
    private(set) var scopes: [CacheScope] = []
    private(set) var indexes: [String: UInt32] = [:]
    private var shareOfTenant: [String: String] = [:]

    init(_ contents: KeyTable.Contents, authenticator: HMACSHA256, previous: KeyTable?) {
        self.contents = contents
        self.authenticator = authenticator
        self.previous = previous
        for share in contents.shares {
            for tenant in share.tenants where shareOfTenant[tenant] == nil { shareOfTenant[tenant] = share.name }
        }
    }

    mutating func placeTenants() {
        keepFormerPlaces()
        for tenant in contents.tenants {
            let scope = scope(of: tenant.id)
            if let index = previous?.index(ofTenant: tenant.id), isSame(tenant, scope, at: index) {
                tenants[Int(index.rawValue)] = tenant
                scopes[Int(index.rawValue)] = scope
                indexes[tenant.id] = index.rawValue
            } else if indexes[tenant.id] == nil {
                indexes[tenant.id] = UInt32(tenants.count)
                tenants.append(tenant)
                scopes.append(scope)
            }
        }
    }

    /// Every former tenant, disabled until it turns out to be still there.
    private mutating func keepFormerPlaces() {
        guard let previous else { return }
        tenants = previous.tenants
        scopes = previous.scopes
        for index in tenants.indices { tenants[index].isDisabled = true }
    }

    /// Whether the tenant at the index is this one, not a namesake made after it was deleted: then the salt of its own scope would differ.
    private func isSame(_ tenant: Tenant, _ scope: CacheScope, at index: TenantIndex) -> Bool {
        let former = previous?.scopes[Int(index.rawValue)]
        return former?.name != scope.name || former?.salt == scope.salt
    }

    private func scope(of tenant: String) -> CacheScope {
        let share = shareOfTenant[tenant]
        let name = share.map(CacheScope.name(ofShare:)) ?? CacheScope.name(ofTenant: tenant)
        return CacheScope(name: name, salt: contents.salts[name] ?? derivedSalt(name), isShared: share != nil)
    }

    /// Stands in while the store can't be read: unpredictable without the pepper, and as separate as the names.
    private func derivedSalt(_ name: String) -> Digest256 { authenticator.authenticationCode(for: Array(("scope " + name).utf8).span) }
}
