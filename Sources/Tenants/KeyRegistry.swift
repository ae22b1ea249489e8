// The state behind the keys store, as a value. An operation is planned first, as a list of record changes, then committed by `KeyStore`, and
// only then applied here: what is in memory never runs ahead of what is on disk. Reading the store at start is applying its records.

import GatewayModel
import Hashing

/// All tenants, keys and salts: those of the store and those of the configuration, side by side.
struct KeyRegistry: Sendable {
    /// How much one store may hold.
    var limits = KeyStoreLimits()
    private(set) var tenants: [String: Tenant] = [:]
    private(set) var keys: [String: VirtualKey] = [:]
    private(set) var salts: [String: Digest256] = [:]
    private(set) var revisions: [ConfigurationRevision] = []
    private(set) var pepperCheck: Digest256?
    private(set) var configured = ConfiguredTenancy()

    /// Takes over changes that are on disk.
    mutating func apply(_ changes: [KeyRecordChange]) {
        for change in changes {
            switch change {
            case .put(.tenant(let tenant)): tenants[tenant.id] = tenant
            case .put(.key(let key)): keys[key.id] = key
            case .put(.salt(let scope, let salt)): salts[scope] = salt
            case .put(.revision(let revision)):
                revisions.removeAll { $0.time == revision.time }
                revisions.append(revision)
            case .put(.pepperCheck(let check)): pepperCheck = check
            case .delete(let name): remove(name)
            }
        }
    }

    private mutating func remove(_ name: [UInt8]) {
        let rest = String(decoding: name.dropFirst(2), as: UTF8.self)
        switch name.first {
        case 0x74: tenants[rest] = nil
        case 0x6B: keys[rest] = nil
        case 0x73: salts[rest] = nil
        case 0x63: revisions.removeAll { KeyRecord.name(ofRevision: $0.time) == name }
        default: break
        }
    }

    /// Takes over the configuration, after the changes that `planConfiguration` asked for are on disk.
    mutating func adopt(_ configuration: ConfiguredTenancy) { configured = configuration }

    // MARK: What there is

    /// The tenant of that id, the configured one first.
    func tenant(_ id: String) -> Tenant? { configured.tenant(id) ?? tenants[id] }

    /// All tenants by id; a configured one hides a stored one of the same id.
    var allTenants: [Tenant] {
        (configured.tenants + tenants.values.filter { configured.tenant($0.id) == nil }).sorted { $0.id < $1.id }
    }

    /// All keys, oldest first.
    var allKeys: [VirtualKey] {
        configured.keys + keys.values.sorted { ($0.created, $0.id) < ($1.created, $1.id) }
    }

    /// What a key table is built of.
    var contents: KeyTable.Contents {
        KeyTable.Contents(tenants: allTenants, keys: allKeys, salts: salts, shares: configured.shares)
    }
}

/// What the configuration file says about tenants, keys and shares.
public struct ConfiguredTenancy: Sendable, Equatable {
    /// The tenants.
    public let tenants: [Tenant]
    /// The keys; each belongs to one of `tenants`.
    public let keys: [VirtualKey]
    /// The shares; their tenants may be in the store.
    public let shares: [CacheShare]
    private let tenantPositions: [String: Int]

    /// Makes it; all are marked as managed by the configuration.
    public init(tenants: [Tenant] = [], keys: [VirtualKey] = [], shares: [CacheShare] = []) {
        self.tenants = tenants.map { tenant in
            var tenant = tenant
            tenant.managedBy = .config
            return tenant
        }
        self.keys = keys.map { key in
            var key = key
            key.managedBy = .config
            return key
        }
        self.shares = shares
        tenantPositions = Dictionary(tenants.enumerated().map { ($0.element.id, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    /// The tenant of that id, or `nil`.
    public func tenant(_ id: String) -> Tenant? { tenantPositions[id].map { tenants[$0] } }
}

/// How much the keys store may hold; each bound is checked before a record is made.
public struct KeyStoreLimits: Sendable, Equatable {
    /// Tenants in the store.
    public var tenantsMax = 100_000
    /// Keys in the store, revoked ones included.
    public var keysMax = 500_000
    /// Configuration revisions remembered.
    public var revisionsMax = 100
    /// How long a revoked or expired key is still listed before it may make room, in seconds.
    public var endedKeySeconds: Int64 = 30 * 86_400
    /// Records of spending.
    public var spendingRecordsMax = 1_000_000
    /// Bytes of one record of spending, without its name.
    public var spendingStateBytesMax = 1024
    /// The address space of the store, in bytes.
    public var mapBytes = 2 << 30

    /// The defaults.
    public init() {}
}
