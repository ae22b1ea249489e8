import GatewayModel

// Each operation as a plan: what must change on disk, or why it may not. Randomness and time are arguments.

extension KeyRegistry {
    // MARK: Tenants

    func planCreate(_ tenant: Tenant, salt: Digest256) throws(KeyStoreError) -> [KeyRecordChange] {
        try check(tenant)
        if configured.tenant(tenant.id) != nil { throw managed("tenant", tenant.id) }
        if tenants[tenant.id] != nil { throw KeyStoreError(.tenantExists, "There is a tenant \(tenant.id) already.", field: "id") }
        guard tenants.count < limits.tenantsMax else {
            throw KeyStoreError(.limitReached, "The store holds \(limits.tenantsMax) tenants, which is the most it takes.")
        }
        var tenant = tenant
        tenant.managedBy = .store
        return [.put(.tenant(tenant)), .put(.salt(scope: CacheScope.name(ofTenant: tenant.id), salt))]
    }

    func planChange(tenant id: String, _ change: (inout Tenant) throws(KeyStoreError) -> Void) throws(KeyStoreError) -> [KeyRecordChange] {
        if configured.tenant(id) != nil { throw managed("tenant", id) }
        guard var tenant = tenants[id] else { throw KeyStoreError(.tenantNotFound, "There is no tenant \(printable(id)).") }
        try change(&tenant)
        tenant.id = id
        tenant.managedBy = .store
        try check(tenant)
        return [.put(.tenant(tenant))]
    }

    /// Deletes the tenant, its keys in the store and its salt, without which nothing of its cache can be found again.
    func planDelete(tenant id: String) throws(KeyStoreError) -> [KeyRecordChange] {
        if configured.tenant(id) != nil { throw managed("tenant", id) }
        guard tenants[id] != nil else { throw KeyStoreError(.tenantNotFound, "There is no tenant \(printable(id)).") }
        let keyNames = keys.values.filter { $0.tenant == id }.map { KeyRecord.name(ofKey: $0.id) }
        let names = [KeyRecord.name(ofTenant: id), KeyRecord.name(ofSalt: CacheScope.name(ofTenant: id))] + keyNames
        return names.map { .delete(name: $0) }
    }

    // MARK: Keys

    func planCreate(_ key: VirtualKey, now: WallTime) throws(KeyStoreError) -> [KeyRecordChange] {
        guard tenant(key.tenant) != nil else {
            throw KeyStoreError(.tenantNotFound, "There is no tenant \(printable(key.tenant)).", field: "tenant")
        }
        try check(key)
        var changes: [KeyRecordChange] = []
        if keys.count >= limits.keysMax {
            changes = endedKeys(at: now).prefix(1000).map { .delete(name: KeyRecord.name(ofKey: $0)) }
            guard !changes.isEmpty else {
                throw KeyStoreError(.limitReached, "The store holds \(limits.keysMax) keys, which is the most it takes. Delete some.")
            }
        }
        return changes + [.put(.key(key))]
    }

    /// Ids of keys that were revoked or ran out long enough ago to make room.
    private func endedKeys(at now: WallTime) -> [String] {
        let limit = now.adding(seconds: -limits.endedKeySeconds)
        return keys.values.filter { ($0.revoked ?? $0.expires).map { $0 < limit } ?? false }.map(\.id)
    }

    func planChange(key id: String, _ change: (inout VirtualKey) throws(KeyStoreError) -> Void) throws(KeyStoreError) -> [KeyRecordChange] {
        let former = try storedKey(id)
        guard former.revoked == nil else { throw revokedError(id) }
        var key = former
        try change(&key)
        // Identity, secret and history are not the caller's to change.
        key.id = former.id
        key.tenant = former.tenant
        key.verifier = former.verifier
        key.previous = former.previous
        key.hint = former.hint
        key.created = former.created
        key.revoked = former.revoked
        key.managedBy = .store
        try check(key)
        return [.put(.key(key))]
    }

    func planRotate(
        key id: String, verifier: KeyVerifier, hint: String, overlapSeconds: Int64, now: WallTime
    ) throws(KeyStoreError) -> (key: VirtualKey, changes: [KeyRecordChange]) {
        var key = try storedKey(id)
        guard key.revoked == nil else { throw revokedError(id) }
        guard (0...KeyRegistry.overlapSecondsMax).contains(overlapSeconds) else {
            throw KeyStoreError(
                .invalidValue, "An overlap is 0 to \(KeyRegistry.overlapSecondsMax) seconds (30 days).", field: "overlap")
        }
        key.previous = overlapSeconds > 0 ? VirtualKey.Previous(verifier: key.verifier, until: now.adding(seconds: overlapSeconds)) : nil
        key.verifier = verifier
        key.hint = hint
        key.created = now
        return (key, [.put(.key(key))])
    }

    /// The longest overlap of a rotation, in seconds.
    static let overlapSecondsMax: Int64 = 30 * 86_400

    /// Revokes for good. Revoking twice is no error and keeps the first moment.
    func planRevoke(key id: String, now: WallTime) throws(KeyStoreError) -> [KeyRecordChange] {
        var key = try storedKey(id)
        guard key.revoked == nil else { return [] }
        key.revoked = now
        key.previous = nil
        return [.put(.key(key))]
    }

    func planDelete(key id: String) throws(KeyStoreError) -> [KeyRecordChange] {
        [.delete(name: KeyRecord.name(ofKey: try storedKey(id).id))]
    }

    private func storedKey(_ id: String) throws(KeyStoreError) -> VirtualKey {
        if configured.keys.contains(where: { $0.id == id }) { throw managed("key", id) }
        guard let key = keys[id] else { throw KeyStoreError(.keyNotFound, "There is no key \(printable(id)).") }
        return key
    }

    // MARK: Configuration

    /// What must be on disk before a configuration is adopted: a salt for each new tenant and share, and none for those that are gone.
    func planConfiguration(
        _ next: ConfiguredTenancy, newSalt: () throws(KeyStoreError) -> Digest256
    ) throws(KeyStoreError) -> [KeyRecordChange] {
        var wanted = Set(next.tenants.map { CacheScope.name(ofTenant: $0.id) })
        wanted.formUnion(next.shares.map { CacheScope.name(ofShare: $0.name) })
        wanted.formUnion(tenants.keys.map(CacheScope.name(ofTenant:)))
        var changes: [KeyRecordChange] = []
        for scope in wanted.sorted() where salts[scope] == nil { changes.append(.put(.salt(scope: scope, try newSalt()))) }
        for scope in salts.keys.sorted() where !wanted.contains(scope) { changes.append(.delete(name: KeyRecord.name(ofSalt: scope))) }
        return changes
    }

    /// Remembers that a configuration is in force; nothing changes when it is the last one already.
    func planRevision(_ digest: Digest256, now: WallTime) -> [KeyRecordChange] {
        guard revisions.last?.digest != digest else { return [] }
        let old = revisions.dropLast(max(0, limits.revisionsMax - 1)).map {
            KeyRecordChange.delete(name: KeyRecord.name(ofRevision: $0.time))
        }
        // Names sort by time, so a clock that went back must not put this revision before the last one.
        let time = revisions.last.map { max(now, WallTime(milliseconds: $0.time.milliseconds &+ 1)) } ?? now
        return old + [.put(.revision(ConfigurationRevision(digest: digest, time: time)))]
    }

    // MARK: Checks

    private func managed(_ kind: String, _ id: String) -> KeyStoreError {
        KeyStoreError(.managedByConfig, "The \(kind) \(printable(id)) is managed by the configuration file; change it there and reload.")
    }

    private func revokedError(_ id: String) -> KeyStoreError {
        KeyStoreError(.keyRevoked, "The key \(printable(id)) was revoked for good; make a new one.")
    }

    private func check(_ tenant: Tenant) throws(KeyStoreError) {
        guard Identifier.isName(tenant.id) else {
            throw KeyStoreError(.invalidValue, "A tenant's id is \(Identifier.rule()).", field: "id")
        }
        if let ttl = tenant.cacheTTLSeconds, !(0...2_592_000).contains(ttl) {
            throw KeyStoreError(.invalidValue, "A time to live is 0 to 2592000 seconds.", field: "cache.ttl")
        }
        if let inFlightMax = tenant.inFlightMax, !(1...Tenant.inFlightMaxBound).contains(inFlightMax) {
            throw KeyStoreError(.invalidValue, "An in-flight cap is 1 to \(Tenant.inFlightMaxBound) requests.", field: "in_flight_max")
        }
        if let namespace = tenant.cacheNamespace, !Identifier.isName(namespace) {
            throw KeyStoreError(.invalidValue, "A cache namespace is \(Identifier.rule()).", field: "cache.namespace")
        }
    }

    private func check(_ key: VirtualKey) throws(KeyStoreError) {
        let isPlain = key.label.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        guard isPlain, key.label.utf8.count <= 200 else {
            throw KeyStoreError(.invalidValue, "A label is at most 200 bytes without control characters.", field: "label")
        }
    }
}
