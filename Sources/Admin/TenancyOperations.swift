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
    public func listTenants() -> JSONValue { object([("tenants", .array(store.tenants.map(describe)))]) }

    /// Makes a tenant from `{"id": …, policy fields}`.
    public func createTenant(_ fields: JSONObject) throws(GatewayError) -> JSONValue {
        let id = try text(fields, "id", isRequired: true) ?? ""
        var tenant = Tenant(id: id)
        try apply(fields, to: &tenant, allowing: ["id"])
        do throws(KeyStoreError) { try store.createTenant(tenant) } catch { throw error.error }
        return describe(tenant)
    }

    /// Changes a tenant's policy.
    public func changeTenant(_ id: String, _ fields: JSONObject) throws(GatewayError) -> JSONValue {
        var changed = try find(tenant: id)
        try apply(fields, to: &changed, allowing: [])
        let tenant = changed
        do throws(KeyStoreError) {
            return describe(try store.changeTenant(id) { $0 = tenant })
        } catch { throw error.error }
    }

    /// Deletes a tenant with its keys.
    public func deleteTenant(_ id: String) throws(GatewayError) -> JSONValue {
        do throws(KeyStoreError) { try store.deleteTenant(id) } catch { throw error.error }
        return object([("id", .string(id)), ("deleted", .bool(true))])
    }

    private func find(tenant id: String) throws(GatewayError) -> Tenant {
        guard let tenant = store.tenant(id) else {
            throw GatewayError(status: 404, code: "tenant_not_found", message: "There is no tenant \"\(id)\".")
        }
        return tenant
    }

    private func apply(_ fields: JSONObject, to tenant: inout Tenant, allowing extra: Set<String>) throws(GatewayError) {
        for member in fields.members where !extra.contains(member.key) {
            let (name, value) = (member.key, member.value)
            switch name {
            case "provider_keys":
                guard let policy = value.stringValue.flatMap(ProviderKeyPolicy.init(rawValue:)) else {
                    throw invalid(name, "must be configured, client or either")
                }
                tenant.providerKeys = policy
            case "models": tenant.models = try patterns(value, name, .model)
            case "paths": tenant.pathGrants = try patterns(value, name, .path)
            case "providers": tenant.providers = try providerList(value, name)
            case "cache": tenant.isCacheEnabled = value == .null ? nil : try flag(value, name)
            case "cache_ttl":
                guard value == .null || (value.intValue.map { (0...2_592_000).contains($0) } ?? false) else {
                    throw invalid(name, "must be 0 to 2592000 seconds")
                }
                tenant.cacheTTLSeconds = value.intValue
            case "custom_cache_keys": tenant.allowsCustomCacheKeys = try flag(value, name)
            case "client_key_fallback": tenant.allowsClientKeyFallback = try flag(value, name)
            case "in_flight_max":
                guard let count = value.intValue, (1...Tenant.inFlightMaxBound).contains(count) else {
                    throw invalid(name, "must be 1 to \(Tenant.inFlightMaxBound)")
                }
                tenant.inFlightMax = count
            case "disabled": tenant.isDisabled = try flag(value, name)
            default: throw unknown(name)
            }
        }
    }

    private func describe(_ tenant: Tenant) -> JSONValue {
        object([
            ("id", .string(tenant.id)), ("provider_keys", .string(tenant.providerKeys.rawValue)), ("models", texts(tenant.models.texts)),
            ("providers", texts(tenant.providers.texts)), ("paths", texts(tenant.pathGrants.texts)),
            ("cache", tenant.isCacheEnabled.map { .bool($0) } ?? .null),
            ("cache_ttl", tenant.cacheTTLSeconds.map { .number(String($0)) } ?? .null),
            ("custom_cache_keys", .bool(tenant.allowsCustomCacheKeys)),
            ("in_flight_max", tenant.inFlightMax.map { .number(String($0)) } ?? .null), ("disabled", .bool(tenant.isDisabled)),
            ("managed_by", .string(tenant.managedBy.rawValue)),
        ])
    }

    // MARK: Keys

    /// `{"keys": […]}`, of one tenant or of all. Never a secret.
    public func listKeys(tenant: String?) -> JSONValue {
        object([("keys", .array(store.keys.filter { tenant == nil || $0.tenant == tenant }.map { describe($0) }))])
    }

    /// Makes a key from `{"tenant": …, "name", "models", "providers", "paths", "allow_ip", "expires"}`; a missing tenant is made. The secret is
    /// in the answer's `key`, this once.
    public func createKey(_ fields: JSONObject) throws(GatewayError) -> JSONValue {
        let tenant = try text(fields, "tenant", isRequired: true) ?? ""
        let label = try text(fields, "name", isRequired: false) ?? ""
        var options = KeyOptions()
        for member in fields.members where member.key != "tenant" && member.key != "name" { try apply(member.key, member.value, to: &options) }
        let isNew = store.tenant(tenant) == nil
        do throws(KeyStoreError) {
            let issued = try store.createKey(tenant: tenant, label: label, options: options, makesTenant: true, now: now)
            return describe(issued.key, secret: issued.revealSecret(), extra: [("tenant_created", .bool(isNew))])
        } catch { throw error.error }
    }

    private func apply(_ name: String, _ value: JSONValue, to options: inout KeyOptions) throws(GatewayError) {
        switch name {
        case "models": options.models = try patterns(value, name, .model)
        case "providers": options.providers = try providerList(value, name)
        case "paths": options.paths = try patterns(value, name, .path)
        case "allow_ip":
            let texts = try list(value, name)
            do throws(PatternError) { options.addresses = try AddressList(texts) } catch { throw invalid(name, "\(error)") }
        case "expires": options.expires = try expiry(value)
        default: throw unknown(name)
        }
    }

    private func expiry(_ value: JSONValue) throws(GatewayError) -> WallTime? {
        if value == .null { return nil }
        guard let time = value.stringValue.flatMap({ Expiry.parse($0, now: now) }) else { throw invalid("expires", "must be \(Expiry.rule)") }
        return time
    }

    /// Changes a key's policy.
    public func changeKey(_ id: String, _ fields: JSONObject) throws(GatewayError) -> JSONValue {
        guard var changed = store.keys.first(where: { $0.id == id }) else { throw keyNotFound(id) }
        var options = KeyOptions()
        for member in fields.members {
            let (name, value) = (member.key, member.value)
            switch name {
            case "name": changed.label = value.stringValue ?? ""
            case "disabled": changed.isDisabled = try flag(value, name)
            default:
                try apply(name, value, to: &options)
                switch name {
                case "models": changed.models = options.models
                case "providers": changed.providers = options.providers
                case "paths": changed.paths = options.paths
                case "allow_ip": changed.addresses = options.addresses
                default: changed.expires = options.expires
                }
            }
        }
        let key = changed
        do throws(KeyStoreError) { return describe(try store.changeKey(id) { $0 = key }) } catch { throw error.error }
    }

    /// Gives a key a new secret; `{"overlap": seconds}` keeps the old one that long.
    public func rotateKey(_ id: String, _ fields: JSONObject) throws(GatewayError) -> JSONValue {
        for member in fields.members where member.key != "overlap" { throw unknown(member.key) }
        let overlap = fields["overlap"] ?? .number("0")
        guard let seconds = overlap.intValue, (0...2_592_000).contains(seconds) else { throw invalid("overlap", "must be 0 to 2592000 seconds") }
        do throws(KeyStoreError) {
            let issued = try store.rotateKey(id, overlapSeconds: Int64(seconds), now: now)
            return describe(issued.key, secret: issued.revealSecret())
        } catch { throw error.error }
    }

    /// Revokes a key for good.
    public func revokeKey(_ id: String) throws(GatewayError) -> JSONValue {
        do throws(KeyStoreError) { try store.revokeKey(id, now: now) } catch { throw error.error }
        guard let key = store.keys.first(where: { $0.id == id }) else { throw keyNotFound(id) }
        return describe(key)
    }

    private func keyNotFound(_ id: String) -> GatewayError {
        GatewayError(status: 404, code: "key_not_found", message: "There is no key \"\(id)\".")
    }

    private func describe(_ key: VirtualKey, secret: String? = nil, extra: [(String, JSONValue)] = []) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("id", .string(key.id)), ("tenant", .string(key.tenant)), ("name", .string(key.label)), ("hint", .string(key.hint)),
            ("created", .string(Expiry.text(of: key.created))), ("expires", key.expires.map { .string(Expiry.text(of: $0)) } ?? .null),
            ("disabled", .bool(key.isDisabled)), ("revoked", key.revoked.map { .string(Expiry.text(of: $0)) } ?? .null),
            ("models", texts(key.models.texts)), ("providers", texts(key.providers.texts)), ("paths", texts(key.paths.texts)),
            ("allow_ip", texts(key.addresses.texts)), ("managed_by", .string(key.managedBy.rawValue)),
        ]
        members += extra
        if let secret { members.append(("key", .string(secret))) }
        return object(members)
    }

    // MARK: Values

    private func object(_ members: [(String, JSONValue)]) -> JSONValue { .object(pairs: members) }

    private func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    private func text(_ fields: JSONObject, _ name: String, isRequired: Bool) throws(GatewayError) -> String? {
        guard let value = fields[name], value != .null else {
            if isRequired { throw invalid(name, "is required") }
            return nil
        }
        guard let text = value.stringValue else { throw invalid(name, "must be a string") }
        return text
    }

    private func flag(_ value: JSONValue, _ name: String) throws(GatewayError) -> Bool {
        guard let flag = value.boolValue else { throw invalid(name, "must be true or false") }
        return flag
    }

    /// A list of strings, or one string with commas.
    private func list(_ value: JSONValue, _ name: String) throws(GatewayError) -> [String] {
        if let text = value.stringValue {
            do throws(PatternError) { return try KeyOptions.list(text) } catch { throw invalid(name, "\(error)") }
        }
        guard let values = value.arrayValue else { throw invalid(name, "must be a list of strings") }
        var texts: [String] = []
        for value in values {
            guard let text = value.stringValue else { throw invalid(name, "must be a list of strings") }
            texts.append(text)
        }
        return texts
    }

    private func patterns(_ value: JSONValue, _ name: String, _ subject: ScopedPatternList.Subject) throws(GatewayError) -> ScopedPatternList {
        let texts = try list(value, name)
        do throws(PatternError) { return try ScopedPatternList(texts, of: subject) } catch { throw invalid(name, "\(error)") }
    }

    private func providerList(_ value: JSONValue, _ name: String) throws(GatewayError) -> PatternList {
        let texts = try list(value, name)
        do throws(PatternError) { return try PatternList(texts) } catch { throw invalid(name, "\(error)") }
    }

    private func invalid(_ name: String, _ what: String) -> GatewayError {
        GatewayError(status: 400, code: "invalid_field", message: "\(name) \(what).", param: name)
    }

    private func unknown(_ name: String) -> GatewayError {
        GatewayError(status: 400, code: "unknown_field", message: "There is no field \"\(name)\" here.", param: name)
    }
}

extension JSONValue {
    /// An object of these members, in this order.
    public static func object(pairs: [(String, JSONValue)]) -> JSONValue {
        .object(JSONObject(members: pairs.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}
