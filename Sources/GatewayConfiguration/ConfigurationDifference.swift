import Providers
import RateLimiting
import Tenants

/// What a reload changes, and what it can't: fields that take a restart are reported and keep their running value.
public struct ConfigurationDifference: Sendable, Equatable, CustomStringConvertible {
    /// A field whose new value waits for a restart.
    public struct Pending: Sendable, Equatable {
        /// The field's path in the table.
        public let field: String
        /// The value the process runs with.
        public let running: String
        /// The value in the file.
        public let wanted: String
    }

    /// The fields that take a restart.
    public let pending: [Pending]
    /// What else differs, by section: `routes: +fast -old ~chat`. Names only, never values.
    public let changes: [String]

    /// Compares the running configuration with the one just loaded.
    public init(running: GatewayConfigurationSnapshot, loaded: GatewayConfigurationSnapshot) {
        pending = ConfigurationDifference.restartFields.compactMap { field, value in
            let (old, new) = (value(running), value(loaded))
            return old == new ? nil : Pending(field: field, running: old, wanted: new)
        }
        changes = ConfigurationDifference.changes(running, loaded)
    }

    /// Whether nothing differs.
    public var isEmpty: Bool { pending.isEmpty && changes.isEmpty }

    /// One line per difference.
    public var description: String {
        let lines = pending.map { "\($0.field): \($0.wanted) takes a restart; \($0.running) stays in force" } + changes
        return lines.isEmpty ? "nothing changed" : lines.joined(separator: "\n")
    }

    /// The fields that the table marks as taking a restart, with their effective values as text.
    static let restartFields: [(String, @Sendable (GatewayConfigurationSnapshot) -> String)] = [
        ("listen.data", { $0.listen.description }),
        ("listen.admin", { $0.admin.listen.description }),
        ("data_directory", { $0.dataDirectory }),
        ("loops", { String($0.loopCount) }),
        ("admin.behind_tls_proxy", { String($0.admin.isBehindTLSProxy) }),
        ("events.bytes_max", { String($0.events.bytesMax) }),
        ("cache.bytes_max", { String($0.cache.bytesMax) }),
        ("cache.pending_entries_max", { String($0.cache.pendingEntriesMax) }),
        ("cache.pending_bytes_max", { String($0.cache.pendingBytesMax) }),
        ("semantic.models_directory", { $0.semantic.modelsDirectory ?? "models in data_directory" }),
        ("semantic.precision", { $0.semantic.precision.rawValue }),
        ("semantic.endpoint_url", { $0.semantic.endpointURLSummary }),
        ("semantic.endpoint_model", { $0.semantic.endpoint?.model ?? "none" }),
        ("semantic.endpoint_dimensions", { $0.semantic.endpoint.map { String($0.dimensions) } ?? "none" }),
        ("semantic.endpoint_key", { $0.semantic.endpointKeySummary }),
        ("semantic.threads", { String($0.semantic.threads) }),
        ("semantic.budget", { String($0.semantic.budgetMilliseconds) }),
        ("semantic.queue_max", { String($0.semantic.queueMax) }),
        ("semantic.tokens_max", { String($0.semantic.tokensMax) }),
        ("semantic.entries_max", { String($0.semantic.entriesMax) }),
        ("semantic.entries_per_partition_max", { String($0.semantic.entriesPerPartitionMax) }),
        ("semantic.partitions_max", { String($0.semantic.partitionsMax) }),
        ("semantic.key_share", { "\($0.semantic.keySharePercent)%" }),
        ("semantic.key_inserts_per_minute", { String($0.semantic.keyInsertsPerMinute) }),
        ("semantic.memo_entries", { String($0.semantic.memoEntries) }),
        ("semantic.pending_max", { String($0.semantic.pendingMax) }),
        ("semantic.words", { $0.semantic.words.isEmpty ? "none" : $0.semantic.words.map(\.summary).joined(separator: ", ") }),
        ("semantic.words_english", { String($0.semantic.usesEnglishWords) }),
        ("overload.flights_max", { String($0.overload.flightsMax) }),
        ("upstream.connections_per_host_max", { String($0.upstream.connectionsPerHostMax) }),
        ("upstream.connections_max", { String($0.upstream.connectionsMax) }),
        ("upstream.connection_lifetime", { String($0.upstream.connectionLifetimeSeconds) }),
        ("upstream.connection_idle", { String($0.upstream.connectionIdleSeconds) }),
        ("upstream.name_lifetime", { String($0.upstream.nameLifetimeSeconds) }),
        ("upstream.header_bytes_max", { String($0.upstream.headerBytesMax) }),
        ("upstream.header_fields_max", { String($0.upstream.headerFieldsMax) }),
        ("demo.enabled", { String($0.demo.isEnabled) }),
        ("demo.listen", { $0.demo.listen.description }),
        ("demo.tenant", { $0.demo.tenant }),
    ]

    private static func changes(_ old: GatewayConfigurationSnapshot, _ new: GatewayConfigurationSnapshot) -> [String] {
        let sections: [(String, Bool)] = [
            (
                "admin",
                old.admin.secret != new.admin.secret || old.admin.readSecret != new.admin.readSecret || old.admin.hosts != new.admin.hosts
            ),
            ("accounts", old.accounts != new.accounts), ("gateways", old.gateways != new.gateways),
            ("trusted_proxies", old.trustedProxies != new.trustedProxies), ("trusted_networks", old.trustedNetworks != new.trustedNetworks),
            ("limits", old.limits != new.limits), ("overload", old.overload != new.overload), ("metering", old.metering != new.metering),
            ("events", old.events != new.events),
            ("timeouts", old.timeouts != new.timeouts), ("retry", isRetryChanged(old, new)), ("breaker", old.breaker != new.breaker),
            ("upstream", old.upstream.offersHTTP2 != new.upstream.offersHTTP2), ("cache", isCacheChanged(old.cache, new.cache)),
            ("semantic", old.semantic.standard != new.semantic.standard || old.semantic.judge != new.semantic.judge),
            ("egress", old.egress != new.egress),
            ("log", old.log != new.log), ("drain", old.drain != new.drain),
        ]
        var lines = sections.filter(\.1).map { "\($0.0): changed" }
        lines += [
            named("providers", old.providersByName, new.providersByName), named("routes", old.routesByName, new.routesByName),
            named("prices", old.prices.providers, new.prices.providers),
            named("tenants", by(old.tenancy.tenants, \.id), by(new.tenancy.tenants, \.id)),
            named("keys", by(old.tenancy.keys, \.id), by(new.tenancy.keys, \.id)),
            named("cache.shares", by(old.tenancy.shares, \.name), by(new.tenancy.shares, \.name)),
        ].compactMap { $0 }
        return lines
    }

    /// The map size waits for a restart and the shares have a line of their own.
    private static func isCacheChanged(_ old: CacheSettings, _ new: CacheSettings) -> Bool {
        old.standard != new.standard || old.ttlSeconds != new.ttlSeconds || old.entryBytesMax != new.entryBytesMax
            || old.bodyBytesMax != new.bodyBytesMax
    }

    /// The deadline has its line under timeouts.
    private static func isRetryChanged(_ old: GatewayConfigurationSnapshot, _ new: GatewayConfigurationSnapshot) -> Bool {
        var retry = old.retry
        retry.deadlineMilliseconds = new.retry.deadlineMilliseconds
        return retry != new.retry
    }

    private static func by<Item>(_ items: [Item], _ name: (Item) -> String) -> [String: Item] {
        Dictionary(items.map { (name($0), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// `section: +added -removed ~changed`, at most 20 names, or `nil` where nothing differs.
    private static func named<Item: Equatable>(_ section: String, _ old: [String: Item], _ new: [String: Item]) -> String? {
        let added = new.keys.filter { old[$0] == nil }.map { "+" + $0 }
        let removed = old.keys.filter { new[$0] == nil }.map { "-" + $0 }
        let changed = new.keys.filter { name in old[name].map { $0 != new[name] } ?? false }.map { "~" + $0 }
        let names = added.sorted() + removed.sorted() + changed.sorted()
        guard !names.isEmpty else { return nil }
        let shown = names.prefix(20).joined(separator: " ")
        return "\(section): \(shown)" + (names.count > 20 ? " and \(names.count - 20) more" : "")
    }
}

extension GatewayConfigurationSnapshot {
    fileprivate var routesByName: [String: RouteDefinition] {
        Dictionary(routes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    fileprivate var providersByName: [String: ProviderState] {
        var states: [String: ProviderState] = [:]
        for (index, definition) in providers.definitions.enumerated() {
            states[definition.name] = ProviderState(
                definition: definition, credentials: credentials[index], healthProbe: healthProbes[index])
        }
        return states
    }
}

/// A provider as a reload sees it: its definition, its keys and its health probe.
private struct ProviderState: Equatable {
    let definition: ProviderDefinition
    let credentials: [Secret]
    let healthProbe: HealthProbe?
}
