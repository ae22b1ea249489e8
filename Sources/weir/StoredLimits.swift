import Admin
import GatewayConfiguration
import GatewayModel
import JSON
import RateLimiting
import Tenants

/// Limits without a running gateway: bound as it would bind them, with the spending that it recorded.
enum StoredLimits {
    /// How the limits stand now.
    static func operations(_ store: KeyStore, _ configuration: GatewayConfigurationSnapshot) -> LimitOperations {
        let now = LimitTime(monotonic: .now(), civil: .now())
        let registry = LimitRegistry(
            hitsFactor: Int64(configuration.metering.hitsFactor), valuesMax: configuration.metering.metadataValuesMax)
        let restored = registry.restore(store.spending(), now)
        let damaged = restored.ignored + store.damagedSpendingCount
        if damaged > 0 { Output.note("\(damaged) records of spending can't be read; their limits are shown as unused") }
        for tenant in store.tenants { _ = registry.bind(tenant.limits.limits, scope: .tenant(tenant.id), tenant: tenant.id, now) }
        for key in store.keys where key.revoked == nil {
            _ = registry.bind(key.limits.limits, scope: .key(key.id), tenant: key.tenant, now)
        }
        for route in configuration.routes { _ = registry.bind(route.limits.limits, scope: .route(route.name), now) }
        return LimitOperations(store, routes: configuration.routes.map(\.name)) { registry.report($0, now) }
    }

    /// The limits that commands gave to tenants and keys, from the running gateway or the store. Those that a configuration manages are left
    /// out, and nothing is changed.
    static func madeByCommands(_ options: CommonOptions) throws -> (tenants: [String: [Limit]], keys: [String: [Limit]]) {
        switch try Target.open(options) {
        case .gateway(let client):
            return (
                try limits(try client.call("GET", "/tenants")["tenants"]), try limits(try client.call("GET", "/keys")["keys"])
            )
        case .store(let store):
            defer { store.close() }
            return (
                try limits(.array(store.tenants.map(\.listing))), try limits(.array(store.keys.map { $0.listing(now: .now()) }))
            )
        }
    }

    private static func limits(_ listed: JSONValue?) throws -> [String: [Limit]] {
        var found: [String: [Limit]] = [:]
        for item in listed?.arrayValue ?? [] where item["managed_by"]?.stringValue != "config" {
            guard let id = item["id"]?.stringValue, let json = item["limits"] else { continue }
            do {
                found[id] = try LimitSet(json: json).limits
            } catch {
                throw CommandError("The limits of \(id) can't be read: \(error)", exitCode: .failure)
            }
        }
        return found
    }
}
