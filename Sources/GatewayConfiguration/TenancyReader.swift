import GatewayModel
import Hashing
import Providers
import Tenants

/// Reads the `tenants:` and `keys:` sections.
struct TenancyReader {
    let root: Section
    let secrets: SecretReader
    let names: PolicyNames

    /// The tenants in the order of the file.
    func tenants() -> [Tenant] {
        root.namedNodes("tenants").compactMap { field in
            guard Identifier.isName(field.name) else {
                root.context.report(field.line, "tenants." + root.shown(field.name), "a tenant's id is \(Identifier.rule())")
                return nil
            }
            return tenant(field.name, root.section("tenants", of: field))
        }
    }

    private func tenant(_ id: String, _ section: Section) -> Tenant {
        let cache = section.section("cache")
        let namespace = cache.optionalText("namespace")
        if let namespace, !Identifier.isName(namespace) { cache.report("namespace", "must be \(Identifier.rule())") }
        return Tenant(
            id: id, providerKeys: section.choice("provider_keys", ProviderKeyPolicy.self) ?? .configured,
            allowsClientKeyFallback: section.flag("client_key_fallback"), models: models(section), providers: providers(section),
            pathGrants: paths(section), isCacheEnabled: cache.optionalFlag("enabled"), cacheTTLSeconds: cache.optionalInteger("ttl"),
            cacheNamespace: namespace, allowsCustomCacheKeys: cache.flag("custom_keys"),
            inFlightMax: section.optionalInteger("in_flight_max"), limits: section.limits("limits", names),
            chargesCustomCost: section.flag("custom_cost"), collectsEvents: section.section("events").optionalFlag("collect"),
            collectsPayloads: section.section("events").optionalFlag("payloads"),
            isSemanticEnabled: section.section("semantic").optionalFlag("enabled"), metadata: section.metadata("metadata"),
            isDisabled: section.flag("disabled"), managedBy: .config)
    }

    /// The keys in the order of the file; each belongs to one of `tenants`.
    func keys(of tenants: [Tenant]) -> [VirtualKey] {
        let ids = Set(tenants.map(\.id))
        var owners: [KeyVerifier: String] = [:]
        var keys: [VirtualKey] = []
        for field in root.namedNodes("keys") {
            guard Identifier.isName(field.name), !field.name.hasPrefix(KeyFormat.idPrefix) else {
                root.context.report(
                    field.line, "keys." + root.shown(field.name), "a key's name is \(Identifier.rule()), not beginning with key_")
                continue
            }
            guard let key = key(field.name, root.section("keys", of: field), ids) else { continue }
            if let owner = owners[key.verifier] {
                root.context.report(field.line, "keys.\(field.name).key", "is the same key as keys.\(owner).key")
            }
            owners[key.verifier] = key.id
            keys.append(key)
        }
        return keys
    }

    private func key(_ id: String, _ section: Section, _ tenants: Set<String>) -> VirtualKey? {
        let tenant = section.text("tenant")
        if tenant.isEmpty {
            section.report("tenant", "is missing")
        } else if !tenants.contains(tenant) {
            let hint = NearestName.of(tenant, among: tenants.sorted()).map { "; did you mean \($0)?" } ?? ""
            section.report("tenant", "\"\(section.shown(tenant))\" is not one of tenants" + hint)
        }
        var expires: WallTime?
        if let text = section.optionalText("expires") {
            expires = Expiry.moment(text)
            if expires == nil {
                section.report(
                    "expires", "\"\(section.shown(text))\" is not a date such as 2027-01-01 or a time such as 2027-01-01T12:00:00Z")
            }
        }
        section.refuseEmptyList("allow_ip")
        let addresses = section.addresses("allow_ip")
        guard let (verifier, hint) = verifier(section) else { return nil }
        return VirtualKey(
            id: id, verifier: verifier, hint: hint, tenant: tenant, label: section.text("label"), created: WallTime(milliseconds: 0),
            expires: expires, isDisabled: section.flag("disabled"), models: models(section), providers: providers(section),
            paths: paths(section), addresses: addresses, limits: section.limits("limits", names),
            metadata: section.metadata("metadata"), managedBy: .config)
    }

    /// How the key is recognised. A key that was read is hashed at once and forgotten.
    private func verifier(_ section: Section) -> (KeyVerifier, hint: String)? {
        guard let reference = section.scalar("key") else {
            if !section.has("key") { section.report("key", "is missing; env:NAME, file:PATH, credential:NAME, sha256:HEX or hmac:HEX") }
            return nil
        }
        if let verifier = KeyVerifier(text: reference) { return (verifier, "") }
        if reference.hasPrefix("sha256:") || reference.hasPrefix("hmac:") {
            section.report("key", "must have 64 hexadecimal digits after the colon")
            return nil
        }
        guard let secret = section.secret("key", secrets) else { return nil }
        let bytes = Array(secret.reveal().utf8)
        guard KeyFormat.isWellFormed(bytes.span) else {
            section.report("key", "does not lead to a virtual key: wk_ and 43 characters, as weir keys create prints")
            return nil
        }
        return (.sha256(SHA256.digest(of: bytes.span)), KeyFormat.hint(of: secret.reveal()))
    }

    // MARK: Patterns

    private func models(_ section: Section) -> ScopedPatternList {
        section.refuseEmptyList("models")
        do {
            return try names.models(section.texts("models"))
        } catch {
            section.report("models", error.description)
            return ScopedPatternList()
        }
    }

    private func providers(_ section: Section) -> PatternList {
        section.refuseEmptyList("providers")
        do {
            return try names.providers(section.texts("providers"))
        } catch {
            section.report("providers", error.description)
            return PatternList()
        }
    }

    private func paths(_ section: Section) -> ScopedPatternList {
        section.refuseEmptyList("paths")
        do {
            return try names.paths(section.texts("paths"))
        } catch {
            section.report("paths", error.description)
            return ScopedPatternList()
        }
    }
}
