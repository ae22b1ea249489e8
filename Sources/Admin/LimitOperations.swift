import GatewayModel
import GatewayServer
import JSON
import RateLimiting
import Tenants

/// How limits stand, for the admin port and the commands: JSON out, in the shape of `LimitListing`. Confined to the store's thread.
public struct LimitOperations {
    private let store: KeyStore
    private let routes: [String]
    private let reports: (LimitScope) -> [LimitReport]

    /// - Parameters:
    ///   - routes: the names of the configured routes.
    ///   - reports: how the limits of a scope stand.
    public init(_ store: KeyStore, routes: [String], reports: @escaping (LimitScope) -> [LimitReport]) {
        self.store = store
        self.routes = routes
        self.reports = reports
    }

    /// Those of a tenant, and under `keys` those of its keys that have any.
    public func tenant(_ id: String) throws(GatewayError) -> JSONValue {
        guard store.tenant(id) != nil else {
            throw GatewayError(status: 404, code: "tenant_not_found", message: "There is no tenant \"\(id)\".")
        }
        var object = LimitListing.object(.tenant(id), reports(.tenant(id)))
        let keys = store.keys.filter { $0.tenant == id && $0.revoked == nil && !$0.limits.isEmpty }
        object["keys"] = .array(keys.map(describe))
        return .object(object)
    }

    /// Those of a key.
    public func key(_ id: String) throws(GatewayError) -> JSONValue {
        guard let key = store.keys.first(where: { $0.id == id }) else {
            throw GatewayError(status: 404, code: "key_not_found", message: "There is no key \"\(id)\".")
        }
        return describe(key)
    }

    /// Those of a route.
    public func route(_ name: String) throws(GatewayError) -> JSONValue {
        guard routes.contains(name) else {
            throw GatewayError(status: 404, code: "route_not_found", message: "There is no route \"\(name)\".")
        }
        return .object(LimitListing.object(.route(name), reports(.route(name))))
    }

    private func describe(_ key: VirtualKey) -> JSONValue {
        var object = LimitListing.object(.key(key.id), reports(.key(key.id)))
        object["tenant"] = .string(key.tenant)
        object["label"] = .string(key.label)
        return .object(object)
    }

}
