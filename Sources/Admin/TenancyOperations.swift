// What the admin port and the commands can do with tenants and keys, in one place: JSON in, JSON out, on the key store. A command runs this
// through the admin port while a gateway runs, and directly on the store when none does.

import GatewayModel
import JSON
import Tenants

/// Operations on a key store. Confined to the store's thread.
public struct TenancyOperations {
    private let store: KeyStore
    private let now: WallTime

    /// Works on a store as of `now`.
    public init(_ store: KeyStore, now: WallTime) {
        self.store = store
        self.now = now
    }

    // MARK: Tenants

    /// `{"tenants": […]}`
    public func listTenants() -> JSONValue { ["tenants": .array(store.tenants.map(\.listing))] }

    /// Makes a tenant from `{"id": …}` and the fields of `TenantChange`.
    public func createTenant(_ fields: JSONObject) throws(GatewayError) -> JSONValue {
        var policy = fields
        let id = try takeText("id", from: &policy)
        do throws(KeyStoreError) {
            var tenant = Tenant(id: id)
            try TenantChange(.object(policy)).apply(to: &tenant)
            try store.createTenant(tenant)
            return tenant.listing
        } catch { throw error.error }
    }

    /// Changes a tenant's policy.
    public func changeTenant(_ id: String, _ fields: JSONObject) throws(GatewayError) -> JSONValue {
        do throws(KeyStoreError) {
            let change = try TenantChange(.object(fields))
            return try store.changeTenant(id) { (tenant) throws(KeyStoreError) in try change.apply(to: &tenant) }.listing
        } catch { throw error.error }
    }

    /// Deletes a tenant with its keys.
    public func deleteTenant(_ id: String) throws(GatewayError) -> JSONValue {
        do throws(KeyStoreError) { try store.deleteTenant(id) } catch { throw error.error }
        return ["id": .string(id), "deleted": true]
    }

    // MARK: Keys

    /// `{"keys": […]}`, of one tenant or of all. Never a secret.
    public func listKeys(tenant: String?) -> JSONValue {
        ["keys": .array(store.keys.filter { tenant == nil || $0.tenant == tenant }.map { $0.listing(now: now) })]
    }

    /// Makes a key from `{"tenant": …}` and the fields of `KeyChange`; a missing tenant is made. The secret is in the answer's `key`, this once.
    public func createKey(_ fields: JSONObject) throws(GatewayError) -> JSONValue {
        var policy = fields
        let tenant = try takeText("tenant", from: &policy)
        let isNew = store.tenant(tenant) == nil
        do throws(KeyStoreError) {
            let change = try KeyChange(.object(policy), now: now)
            let issued = try store.createKey(
                tenant: tenant, label: change.label ?? "", options: try KeyOptions(change), metadata: change.metadata ?? Metadata(),
                makesTenant: true,
                now: now)
            return reveal(issued, and: [("tenant_created", .bool(isNew))])
        } catch { throw error.error }
    }

    /// Changes a key's policy.
    public func changeKey(_ id: String, _ fields: JSONObject) throws(GatewayError) -> JSONValue {
        do throws(KeyStoreError) {
            let change = try KeyChange(.object(fields), now: now)
            return try store.changeKey(id) { (key) throws(KeyStoreError) in try change.apply(to: &key) }.listing(now: now)
        } catch { throw error.error }
    }

    /// Gives a key a new secret; `{"overlap": seconds}` keeps the old one that long.
    public func rotateKey(_ id: String, _ fields: JSONObject) throws(GatewayError) -> JSONValue {
        for member in fields.members where member.key != "overlap" {
            throw GatewayError(status: 400, code: "unknown_field", message: "There is no field \"\(member.key)\" here.", param: member.key)
        }
        guard let overlap = (fields["overlap"] ?? .number(0)).intValue, (0...2_592_000).contains(overlap) else {
            throw GatewayError(status: 400, code: "invalid_field", message: "overlap must be 0 to 2592000 seconds.", param: "overlap")
        }
        do throws(KeyStoreError) {
            return reveal(try store.rotateKey(id, overlapSeconds: Int64(overlap), now: now), and: [])
        } catch { throw error.error }
    }

    /// Revokes a key for good.
    public func revokeKey(_ id: String) throws(GatewayError) -> JSONValue {
        do throws(KeyStoreError) { try store.revokeKey(id, now: now) } catch { throw error.error }
        return store.keys.first { $0.id == id }?.listing(now: now) ?? ["id": .string(id)]
    }

    private func reveal(_ issued: IssuedKey, and members: [(String, JSONValue)]) -> JSONValue {
        guard case .object(var object) = issued.key.listing(now: now) else { return .null }
        for (name, value) in members { object[name] = value }
        object["key"] = .string(issued.revealSecret())
        return .object(object)
    }

    private func takeText(_ name: String, from fields: inout JSONObject) throws(GatewayError) -> String {
        guard let text = fields[name]?.stringValue else {
            throw GatewayError(status: 400, code: "invalid_field", message: "\(name) is required and must be a text.", param: name)
        }
        fields[name] = nil
        return text
    }
}

extension JSONValue {
    /// An object of these members, in this order.
    public static func object(pairs: [(String, JSONValue)]) -> JSONValue {
        .object(JSONObject(members: pairs.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}
