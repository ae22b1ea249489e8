// The durable store of tenants and keys. Every change is committed before it is acknowledged, by the store's own writer, and the caller waits:
// admin calls are rare, and an answer that a power cut can take back would be a lie. Opening refuses anything doubtful, because an empty key
// store would lock every client out, and a foreign pepper would do the same more quietly.

public import GatewayModel
import Hashing
import Storage

/// Tenants, virtual keys, cache salts, configuration revisions and the limiter's spending on disk.
///
/// Confined to one thread, the control thread or a command. Operations block for the commit (a few milliseconds).
public final class KeyStore {
    /// The folder of the store in the data directory.
    public static let folderName = "keys"

    /// What opening had to do, for one line of log.
    public let wasNew: Bool
    private let environment: StoreEnvironment
    let writer: WriterThread<OperationWork>
    private let database: StoreDatabase
    let spendingDatabase: StoreDatabase
    let reader: ReadTransaction
    let limits: KeyStoreLimits
    /// Records of spending that the last `spending()` could not read.
    public internal(set) var damagedSpendingCount = 0
    private let pepper: Pepper
    private var registry: KeyRegistry

    /// Opens the store in the data directory, making it and the pepper on first start.
    ///
    /// - Throws: `.damaged` (bad record, missing or foreign pepper, damaged files), `.newerFormat`, `.inUse`, or `.unavailable` for anything
    ///   the system refuses. Nothing is changed then.
    public static func open(
        dataDirectory: String, limits: KeyStoreLimits = KeyStoreLimits(), checker: (@Sendable (_ path: String) -> StoreVerdict)? = nil
    ) throws(KeyStoreError) -> KeyStore {
        let options = StoreOptions(
            schema: StoreSchema(name: "keys", version: 1), databases: ["records", spendingDatabaseName], mapSize: limits.mapBytes,
            checker: checker)
        do {
            let environment = try StoreEnvironment.open(path: dataDirectory + "/" + folderName, options: options)
            return try KeyStore(environment: environment, dataDirectory: dataDirectory, limits: limits)
        } catch let error as StoreError {
            throw KeyStoreError(error)
        } catch let error as PrivateFileError {
            throw KeyStoreError(.damaged, error.description)
        } catch let error as KeyStoreError {
            throw error
        } catch {
            throw KeyStoreError(.unavailable, "The system gives no random numbers.")
        }
    }

    private init(environment: StoreEnvironment, dataDirectory: String, limits: KeyStoreLimits) throws {
        self.environment = environment
        database = environment.database("records")
        spendingDatabase = environment.database(KeyStore.spendingDatabaseName)
        reader = environment.makeReader()
        self.limits = limits
        wasNew = environment.opening.isNew
        var registry = try KeyStore.load(environment, database)
        registry.limits = limits
        pepper = try KeyStore.pepper(for: registry, in: dataDirectory)
        writer = try WriterThread(environment: environment, work: OperationWork(), name: "keys")
        self.registry = registry
        guard registry.pepperCheck == nil else { return }
        do {
            try commit([.put(.pepperCheck(pepper.check))])
        } catch {
            close()
            throw error
        }
    }

    private static func load(_ environment: StoreEnvironment, _ database: StoreDatabase) throws -> KeyRegistry {
        var registry = KeyRegistry()
        var failure: (name: String, error: KeyRecordError)?
        let reader = environment.makeReader()
        let isComplete = reader.forEach(in: database, from: [UInt8]().span) { name, value in
            switch KeyRecordCodec.result(name: name, value: value) {
            case .success(let record):
                registry.apply([.put(record)])
                return true
            case .failure(let error):
                failure = (KeyStore.shown(name), error)
                return false
            }
        }
        if let (name, error) = failure {
            let remedy = error.isNewer ? "Start the release that wrote it." : "Restore a snapshot of \(environment.path)."
            throw KeyStoreError(error.isNewer ? .newerFormat : .damaged, "The record \(name) of the keys store \(error.message). \(remedy)")
        }
        guard isComplete else {
            throw KeyStoreError(.damaged, "The keys store can't be read to its end. Restore a snapshot of \(environment.path).")
        }
        return registry
    }

    private static func pepper(for registry: KeyRegistry, in folder: String) throws -> Pepper {
        guard let pepper = try Pepper.existing(in: folder) else {
            guard registry.pepperCheck == nil else {
                throw KeyStoreError(
                    .damaged,
                    "\(folder)/\(Pepper.fileName) is missing; without it no stored key can be recognised. Restore it from a backup.")
            }
            return try Pepper.create(in: folder)
        }
        if let check = registry.pepperCheck, !constantTimeEqual(check, pepper.check) {
            throw KeyStoreError(
                .damaged, "\(folder)/\(Pepper.fileName) is not the one the stored keys were made with. Restore it from a backup.")
        }
        return pepper
    }

    private static func shown(_ name: Span<UInt8>) -> String {
        var bytes: [UInt8] = []
        for index in 0..<min(name.count, 64) { bytes.append(name[index]) }
        return printable(String(decoding: bytes, as: UTF8.self))
    }

    deinit { close() }

    /// Stops the writer and closes the store in order. Closing twice is no error.
    public func close() {
        writer.close()
        environment.close()
    }

    // MARK: What there is

    /// All tenants, configured and stored, by id.
    public var tenants: [Tenant] { registry.allTenants }

    /// All keys: configured ones, then stored ones oldest first. Never a secret.
    public var keys: [VirtualKey] { registry.allKeys }

    /// The tenant of that id, or `nil`.
    public func tenant(_ id: String) -> Tenant? { registry.tenant(id) }

    /// The configurations that were in force, oldest first.
    public var revisions: [ConfigurationRevision] { registry.revisions }

    /// The key table of this moment.
    public func makeTable() -> KeyTable { KeyTable(registry.contents, authenticator: pepper.authenticator) }

    // MARK: Configuration

    /// Takes over what the configuration file says, and remembers its revision. Tenants and shares that are new get a salt.
    public func adopt(_ configuration: ConfiguredTenancy, revision: Digest256, now: WallTime) throws(KeyStoreError) {
        let salts = try registry.planConfiguration(configuration, newSalt: KeyStore.salt)
        try commit(salts + registry.planRevision(revision, now: now))
        registry.adopt(configuration)
    }

    // MARK: Tenants

    /// Makes a tenant.
    public func createTenant(_ tenant: Tenant) throws(KeyStoreError) {
        try commit(try registry.planCreate(tenant, salt: try KeyStore.salt()))
    }

    /// Changes a tenant's policy; its id can't be changed. Returns the tenant as it is now.
    @discardableResult
    public func changeTenant(_ id: String, _ change: (inout Tenant) throws(KeyStoreError) -> Void) throws(KeyStoreError) -> Tenant {
        try commit(try registry.planChange(tenant: id, change))
        guard let tenant = registry.tenants[id] else { throw KeyStoreError(.tenantNotFound, "There is no tenant \(printable(id)).") }
        return tenant
    }

    /// Deletes a tenant and its stored keys. One made later under the same id sees nothing of its cache.
    public func deleteTenant(_ id: String) throws(KeyStoreError) { try commit(try registry.planDelete(tenant: id)) }

    // MARK: Keys

    /// Makes a key, and its tenant where there is none and `makesTenant` is set. The secret is in the result and nowhere else.
    public func createKey(
        tenant id: String, label: String = "", options: KeyOptions = KeyOptions(), metadata: Metadata = Metadata(),
        makesTenant: Bool = false,
        now: WallTime
    ) throws(KeyStoreError) -> IssuedKey {
        let secret = try KeyStore.secret()
        let key = VirtualKey(
            id: try KeyStore.newID(), verifier: pepper.verifier(of: secret), hint: KeyFormat.hint(of: secret), tenant: id, label: label,
            created: now, expires: options.expires, models: options.models, providers: options.providers, paths: options.paths,
            addresses: options.addresses, limits: options.limits, metadata: metadata)
        if makesTenant, registry.tenant(id) == nil { try createTenant(Tenant(id: id)) }
        try commit(try registry.planCreate(key, now: now))
        return IssuedKey(key: key, secret: secret)
    }

    /// Changes a key's policy, label, expiry or whether it is disabled; nothing else of it can be changed. Returns the key as it is now.
    @discardableResult
    public func changeKey(_ id: String, _ change: (inout VirtualKey) throws(KeyStoreError) -> Void) throws(KeyStoreError) -> VirtualKey {
        try commit(try registry.planChange(key: id, change))
        guard let key = registry.keys[id] else { throw KeyStoreError(.keyNotFound, "There is no key \(printable(id)).") }
        return key
    }

    /// Gives a key a new secret. The old one holds for `overlapSeconds` more, 0 to 30 days.
    public func rotateKey(_ id: String, overlapSeconds: Int64 = 0, now: WallTime) throws(KeyStoreError) -> IssuedKey {
        let secret = try KeyStore.secret()
        let plan = try registry.planRotate(
            key: id, verifier: pepper.verifier(of: secret), hint: KeyFormat.hint(of: secret), overlapSeconds: overlapSeconds, now: now)
        try commit(plan.changes)
        return IssuedKey(key: plan.key, secret: secret)
    }

    /// Revokes a key for good; it stays listed.
    public func revokeKey(_ id: String, now: WallTime) throws(KeyStoreError) { try commit(try registry.planRevoke(key: id, now: now)) }

    /// Deletes a key's record.
    public func deleteKey(_ id: String) throws(KeyStoreError) { try commit(try registry.planDelete(key: id)) }

    // MARK: Writing

    private func commit(_ changes: [KeyRecordChange]) throws(KeyStoreError) {
        guard !changes.isEmpty else { return }
        let operations = changes.map { change in
            switch change {
            case .put(let record): StoreOperation.put(database, key: record.name, value: KeyRecordCodec.encode(record))
            case .delete(let name): StoreOperation.delete(database, key: name)
            }
        }
        do {
            try writer.commit(operations)
        } catch {
            throw KeyStoreError(.unavailable, "The keys store can't be written: \(error.message). Nothing was changed.")
        }
        registry.apply(changes)
    }

    private static func salt() throws(KeyStoreError) -> Digest256 {
        let bytes = try random(32)
        guard let salt = Digest256(bytes: bytes.span) else { throw noRandomness }
        return salt
    }

    private static func secret() throws(KeyStoreError) -> String {
        let bytes = try random(32)
        guard let key = KeyFormat.key(from: bytes.span) else { throw noRandomness }
        return key
    }

    private static func newID() throws(KeyStoreError) -> String {
        let bytes = try random(10)
        guard let id = KeyFormat.id(from: bytes.span) else { throw noRandomness }
        return id
    }

    private static func random(_ count: Int) throws(KeyStoreError) -> [UInt8] {
        do { return try SecureRandom.bytes(count) } catch { throw noRandomness }
    }

    private static var noRandomness: KeyStoreError { KeyStoreError(.unavailable, "The system gives no random numbers.") }
}

@available(*, unavailable)
extension KeyStore: Sendable {}

extension KeyStoreError {
    init(_ error: StoreError) {
        switch error.kind {
        case .damaged: self.init(.damaged, error.message)
        case .schema: self.init(.newerFormat, error.message)
        case .inUse: self.init(.inUse, error.message)
        default: self.init(.unavailable, error.message)
        }
    }
}
