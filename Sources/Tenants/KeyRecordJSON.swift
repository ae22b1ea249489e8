import GatewayModel
import JSON

/// The JSON form of each record. Fields at their default are left out.
enum KeyRecordJSON {
    static func value(of record: KeyRecord) -> JSONValue {
        var object = JSONObject()
        switch record {
        case .tenant(let tenant): write(tenant, to: &object)
        case .key(let key): write(key, to: &object)
        case .salt(let scope, let salt):
            object.add("scope", .string(scope))
            object.add("salt", .string(salt.hex))
        case .revision(let revision):
            object.add("digest", .string(revision.digest.hex))
            object.add("time", .number(String(revision.time.milliseconds)))
        case .pepperCheck(let check): object.add("check", .string(check.hex))
        }
        return .object(object)
    }

    private static func write(_ tenant: Tenant, to object: inout JSONObject) {
        object.add("id", .string(tenant.id))
        if tenant.providerKeys != .configured { object.add("provider_keys", .string(tenant.providerKeys.rawValue)) }
        if tenant.allowsClientKeyFallback { object.add("client_key_fallback", .bool(true)) }
        object.add("models", texts: tenant.models.texts)
        object.add("providers", texts: tenant.providers.texts)
        object.add("paths", texts: tenant.pathGrants.texts)
        if let isEnabled = tenant.isCacheEnabled { object.add("cache_enabled", .bool(isEnabled)) }
        if let ttl = tenant.cacheTTLSeconds { object.add("cache_ttl", .number(ttl)) }
        if let namespace = tenant.cacheNamespace { object.add("cache_namespace", .string(namespace)) }
        if !tenant.allowsCustomCacheKeys { object.add("cache_custom_keys", .bool(false)) }
        if let inFlightMax = tenant.inFlightMax { object.add("in_flight_max", .number(inFlightMax)) }
        object.add("limits", tenant.limits)
        if tenant.chargesCustomCost { object.add("custom_cost", .bool(true)) }
        if let collects = tenant.collectsEvents { object.add("collect_events", .bool(collects)) }
        if let collects = tenant.collectsPayloads { object.add("collect_payloads", .bool(collects)) }
        if let isEnabled = tenant.isSemanticEnabled { object.add("semantic_enabled", .bool(isEnabled)) }
        object.add("metadata", tenant.metadata)
        if tenant.isDisabled { object.add("disabled", .bool(true)) }
    }

    private static func write(_ key: VirtualKey, to object: inout JSONObject) {
        object.add("id", .string(key.id))
        object.add("verifier", .string(key.verifier.text))
        if let previous = key.previous {
            object.add("previous_verifier", .string(previous.verifier.text))
            object.add("previous_until", .number(String(previous.until.milliseconds)))
        }
        object.add("hint", .string(key.hint))
        object.add("tenant", .string(key.tenant))
        if !key.label.isEmpty { object.add("label", .string(key.label)) }
        object.add("created", .number(String(key.created.milliseconds)))
        if let expires = key.expires { object.add("expires", .number(String(expires.milliseconds))) }
        if key.isDisabled { object.add("disabled", .bool(true)) }
        if let revoked = key.revoked { object.add("revoked", .number(String(revoked.milliseconds))) }
        object.add("models", texts: key.models.texts)
        object.add("providers", texts: key.providers.texts)
        object.add("paths", texts: key.paths.texts)
        object.add("allow_ip", texts: key.addresses.texts)
        object.add("limits", key.limits)
        object.add("metadata", key.metadata)
    }

    static func record(named name: [UInt8], _ json: JSONValue) throws(KeyRecordError) -> KeyRecord {
        var fields = try KeyRecordFields(json)
        let record: KeyRecord =
            switch name.first {
            case 0x74: .tenant(try tenant(&fields))
            case 0x6B: .key(try key(&fields))
            case 0x73: .salt(scope: try fields.text("scope"), try fields.digest("salt"))
            case 0x63: .revision(ConfigurationRevision(digest: try fields.digest("digest"), time: try fields.time("time")))
            case 0x6D: .pepperCheck(try fields.digest("check"))
            default: throw KeyRecordError("is of no known kind")
            }
        try fields.finish()
        return record
    }

    private static func tenant(_ fields: inout KeyRecordFields) throws(KeyRecordError) -> Tenant {
        var tenant = Tenant(id: try fields.text("id"))
        if let text = try fields.optionalText("provider_keys") {
            guard let policy = ProviderKeyPolicy(rawValue: text) else { throw KeyRecordError("has no such provider_keys") }
            tenant.providerKeys = policy
        }
        tenant.allowsClientKeyFallback = try fields.optionalFlag("client_key_fallback") ?? false
        tenant.models = try fields.scopedList("models", .model)
        tenant.providers = try fields.list("providers")
        tenant.pathGrants = try fields.scopedList("paths", .path)
        tenant.isCacheEnabled = try fields.optionalFlag("cache_enabled")
        tenant.cacheTTLSeconds = try fields.optionalInteger("cache_ttl")
        tenant.cacheNamespace = try fields.optionalText("cache_namespace")
        tenant.allowsCustomCacheKeys = try fields.optionalFlag("cache_custom_keys") ?? true
        tenant.inFlightMax = try fields.optionalInteger("in_flight_max")
        tenant.limits = try fields.limits("limits")
        tenant.chargesCustomCost = try fields.optionalFlag("custom_cost") ?? false
        tenant.collectsEvents = try fields.optionalFlag("collect_events")
        tenant.collectsPayloads = try fields.optionalFlag("collect_payloads")
        tenant.isSemanticEnabled = try fields.optionalFlag("semantic_enabled")
        tenant.metadata = try fields.metadata("metadata")
        tenant.isDisabled = try fields.optionalFlag("disabled") ?? false
        return tenant
    }

    private static func key(_ fields: inout KeyRecordFields) throws(KeyRecordError) -> VirtualKey {
        var key = VirtualKey(
            id: try fields.text("id"), verifier: try fields.verifier("verifier"), hint: try fields.text("hint"),
            tenant: try fields.text("tenant"), label: try fields.optionalText("label") ?? "", created: try fields.time("created"))
        if let verifier = try fields.optionalVerifier("previous_verifier") {
            key.previous = VirtualKey.Previous(verifier: verifier, until: try fields.time("previous_until"))
        }
        key.expires = try fields.optionalTime("expires")
        key.isDisabled = try fields.optionalFlag("disabled") ?? false
        key.revoked = try fields.optionalTime("revoked")
        key.models = try fields.scopedList("models", .model)
        key.providers = try fields.list("providers")
        key.paths = try fields.scopedList("paths", .path)
        key.addresses = try fields.addresses("allow_ip")
        key.limits = try fields.limits("limits")
        key.metadata = try fields.metadata("metadata")
        return key
    }
}

extension JSONObject {
    fileprivate mutating func add(_ name: String, _ value: JSONValue) { members.append(Member(key: name, value: value)) }

    fileprivate mutating func add(_ name: String, texts: [String]) {
        if !texts.isEmpty { add(name, .array(texts.map(JSONValue.string))) }
    }

    fileprivate mutating func add(_ name: String, _ metadata: Metadata) {
        guard !metadata.isEmpty else { return }
        add(name, metadata.json)
    }

    fileprivate mutating func add(_ name: String, _ limits: LimitSet) {
        if !limits.isEmpty { add(name, limits.json) }
    }
}
