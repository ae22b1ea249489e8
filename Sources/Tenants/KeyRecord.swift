import GatewayModel

/// One configuration that was in force: which file content, and since when.
public struct ConfigurationRevision: Sendable, Equatable {
    /// A hash over the files' content.
    public let digest: Digest256
    /// When it was first loaded.
    public let time: WallTime

    /// Makes a revision.
    public init(digest: Digest256, time: WallTime) {
        self.digest = digest
        self.time = time
    }
}

/// What the keys store holds: one record per tenant, key, salt and configuration revision.
enum KeyRecord: Sendable, Equatable {
    case tenant(Tenant)
    case key(VirtualKey)
    /// The random salt of a cache scope.
    case salt(scope: String, Digest256)
    case revision(ConfigurationRevision)
    /// HMAC of a fixed text under the pepper: shows that the pepper beside the store is the one its keys were hashed with.
    case pepperCheck(Digest256)

    /// The text that is hashed for `pepperCheck`.
    static let pepperCheckText = Array("weir pepper check".utf8)

    /// The record's key in the store: a kind's letter, a slash, and the name. At most 511 bytes, as names are short.
    var name: [UInt8] {
        switch self {
        case .tenant(let tenant): KeyRecord.name(ofTenant: tenant.id)
        case .key(let key): KeyRecord.name(ofKey: key.id)
        case .salt(let scope, _): KeyRecord.name(ofSalt: scope)
        case .revision(let revision): KeyRecord.name(ofRevision: revision.time)
        case .pepperCheck: Array("m/pepper".utf8)
        }
    }

    static func name(ofTenant id: String) -> [UInt8] { Array("t/\(id)".utf8) }
    static func name(ofKey id: String) -> [UInt8] { Array("k/\(id)".utf8) }
    static func name(ofSalt scope: String) -> [UInt8] { Array("s/\(scope)".utf8) }

    /// Sixteen digits of milliseconds, so that names sort as the times do.
    static func name(ofRevision time: WallTime) -> [UInt8] {
        let digits = String(max(0, time.milliseconds))
        return Array("c/\(String(repeating: "0", count: max(0, 16 - digits.utf8.count)))\(digits)".utf8)
    }
}

/// One change of the store: what `KeyRegistry` plans, `KeyStore` commits and `KeyRegistry` then applies.
enum KeyRecordChange: Sendable, Equatable {
    case put(KeyRecord)
    case delete(name: [UInt8])
}
