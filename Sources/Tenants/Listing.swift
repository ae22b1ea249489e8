public import GatewayModel
public import JSON

// What the admin API and the commands show. Field names are those of the YAML file. Nothing here can lead back to a key: no hash, no secret,
// only the four characters by which its owner recognises it.

extension VirtualKey {
    /// The key as it is listed. `state` is `active`, `expired`, `disabled` or `revoked`.
    public func listing(now: WallTime) -> JSONValue {
        var object = JSONObject()
        object.list("id", .string(id))
        object.list("tenant", .string(tenant))
        object.list("label", .string(label))
        object.list("hint", .string(hint))
        object.list("state", .string(state(now: now)))
        object.list("created", .string(Expiry.text(of: created)))
        object.list("expires", time: expires)
        object.list("revoked", time: revoked)
        object.list("previous_until", time: previous?.until)
        object.list("models", texts: models.texts)
        object.list("providers", texts: providers.texts)
        object.list("paths", texts: paths.texts)
        object.list("allow_ip", texts: addresses.texts)
        if !limits.isEmpty { object.list("limits", limits.json) }
        object.list("metadata", metadata.json)
        object.list("managed_by", .string(managedBy.rawValue))
        return .object(object)
    }

    private func state(now: WallTime) -> String {
        if revoked != nil { return "revoked" }
        if let expires, now >= expires { return "expired" }
        return isDisabled ? "disabled" : "active"
    }
}

extension Tenant {
    /// The tenant as it is listed.
    public var listing: JSONValue {
        var cache = JSONObject()
        cache.list("enabled", isCacheEnabled.map(JSONValue.bool) ?? .null)
        cache.list("ttl", cacheTTLSeconds.map { .number($0) } ?? .null)
        cache.list("namespace", cacheNamespace.map(JSONValue.string) ?? .null)
        cache.list("custom_keys", .bool(allowsCustomCacheKeys))
        var object = JSONObject()
        object.list("id", .string(id))
        object.list("provider_keys", .string(providerKeys.rawValue))
        object.list("client_key_fallback", .bool(allowsClientKeyFallback))
        object.list("models", texts: models.texts)
        object.list("providers", texts: providers.texts)
        object.list("paths", texts: pathGrants.texts)
        object.list("in_flight_max", inFlightMax.map { .number($0) } ?? .null)
        object.list("cache", .object(cache))
        if !limits.isEmpty { object.list("limits", limits.json) }
        object.list("custom_cost", .bool(chargesCustomCost))
        var events = JSONObject()
        events.list("collect", collectsEvents.map(JSONValue.bool) ?? .null)
        events.list("payloads", collectsPayloads.map(JSONValue.bool) ?? .null)
        object.list("events", .object(events))
        var semantic = JSONObject()
        semantic.list("enabled", isSemanticEnabled.map(JSONValue.bool) ?? .null)
        object.list("semantic", .object(semantic))
        object.list("metadata", metadata.json)
        object.list("disabled", .bool(isDisabled))
        object.list("managed_by", .string(managedBy.rawValue))
        return .object(object)
    }
}

extension JSONObject {
    fileprivate mutating func list(_ name: String, _ value: JSONValue) { members.append(Member(key: name, value: value)) }
    fileprivate mutating func list(_ name: String, texts: [String]) { list(name, .array(texts.map(JSONValue.string))) }
    fileprivate mutating func list(_ name: String, time: WallTime?) { list(name, time.map { .string(Expiry.text(of: $0)) } ?? .null) }
}
