// Tenants and keys that live in the file. They are read-only elsewhere.

extension ParameterTable {
    static let identity: [Parameter] = [
        Parameter(
            "tenants", .sections(countMax: 20_000), "Tenants managed here; the admin API and the commands can't change them."),
        Parameter("tenants.*.disabled", .flag, .flag(false), "Refuses every key of the tenant."),
        Parameter(
            "tenants.*.provider_keys", .choice(["configured", "client", "either"]), .text("configured"),
            "Whose provider credentials go upstream: the operator's, the client's own, or the client's own when it sends one."),
        Parameter(
            "tenants.*.client_key_fallback", .flag, .flag(false),
            "Whether a request with the client's own provider key may fall back to a target under the operator's key."),
        Parameter("tenants.*.models", .texts(countMax: 200), "Models allowed, as gpt-4o* or openai/gpt-4o*. Left out: all."),
        Parameter("tenants.*.providers", .texts(countMax: 200), "Providers allowed. Left out: all."),
        Parameter(
            "tenants.*.paths", .texts(countMax: 200),
            "Paths granted under the operator's key beyond a provider's listed operations, as /v1/files* or openai/v1/files*."),
        Parameter(
            "tenants.*.in_flight_max", .count(unit: "requests"), .none, 1...1_000_000,
            "Requests in flight at once. Left out: overload.in_flight_per_tenant_max."),
        Parameter("tenants.*.limits", .limits, "What all keys of the tenant together may use. Left out: no limits."),
        Parameter(
            "tenants.*.custom_cost", .flag, .flag(false),
            "Whether cf-aig-custom-cost of the tenant's requests changes what is charged. Otherwise it changes analytics only."),
        Parameter("tenants.*.metadata", .values, "Up to 16 flat values added to every log row; a client can't override them."),
        Parameter("tenants.*.events", .section, "Rows of the tenant in the event log."),
        Parameter("tenants.*.events.collect", .flag, "Whether its requests have rows. Left out: as the route or the events section says."),
        Parameter(
            "tenants.*.events.payloads", .flag, "Whether bodies are kept with them. Left out: as the route or the events section says."),
        Parameter("tenants.*.semantic", .section, "The semantic cache for the tenant."),
        Parameter(
            "tenants.*.semantic.enabled", .flag,
            "Whether similar questions may be answered alike. false wins over every route. Left out: as the route or the semantic section says."
        ),
        Parameter("tenants.*.cache", .section, "Cache policy of the tenant."),
        Parameter("tenants.*.cache.enabled", .flag, "Whether answers are cached. Left out: as the route or the cache section says."),
        Parameter("tenants.*.cache.ttl", .seconds, .none, 0...2_592_000, "Time to live. Left out: as the route or the cache section says."),
        Parameter("tenants.*.cache.namespace", .text, .none, 1...64, "Separates entries when the request names no namespace."),
        Parameter("tenants.*.cache.custom_keys", .flag, .flag(true), "Whether cf-aig-cache-key is honoured."),
        Parameter("keys", .sections(countMax: 200_000), "Virtual keys managed here, by a name of your choice."),
        Parameter(
            "keys.*.key", .secret,
            "The key: env:NAME, file:PATH, credential:NAME, or its hash as sha256:HEX or hmac:HEX. Never the key itself."),
        Parameter("keys.*.tenant", .text, .none, 1...64, "The tenant the key belongs to; one of tenants."),
        Parameter("keys.*.label", .text, .none, 0...200, "A name for people."),
        Parameter("keys.*.expires", .text, .none, 1...40, "A date or time such as 2027-01-01 or 2027-01-01T12:00:00Z. Left out: never."),
        Parameter("keys.*.disabled", .flag, .flag(false), "Refuses the key."),
        Parameter("keys.*.models", .texts(countMax: 200), "Models the key is narrowed to. Left out: all its tenant may use."),
        Parameter("keys.*.providers", .texts(countMax: 200), "Providers the key is narrowed to. Left out: all its tenant may use."),
        Parameter("keys.*.paths", .texts(countMax: 200), "Paths the key is narrowed to. Left out: all its tenant may use."),
        Parameter("keys.*.allow_ip", .texts(countMax: 200), "Client addresses or blocks the key holds from. Left out: all."),
        Parameter("keys.*.limits", .limits, "What the key may use, within what its tenant may. Left out: no limits of its own."),
        Parameter("keys.*.metadata", .values, "Up to 16 flat values added to every log row; they win over the tenant's."),
    ]
}
