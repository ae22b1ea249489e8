import Admin
import GatewayConfiguration
import GatewayModel
import JSON
import Tenants

/// Runs an operation where it belongs: at the running gateway, or on the store when none runs.
enum Operate {
    static func on(
        _ options: CommonOptions, _ remote: (AdminClient) throws -> JSONValue,
        _ local: (TenancyOperations) throws(GatewayError) -> JSONValue
    ) throws -> JSONValue {
        try onStore(options, remote) { store, _ throws(GatewayError) in try local(TenancyOperations(store, now: .now())) }
    }

    /// As `on`, for operations that want the store itself.
    static func onStore(
        _ options: CommonOptions, _ remote: (AdminClient) throws -> JSONValue,
        _ local: (KeyStore, GatewayConfigurationSnapshot) throws(GatewayError) -> JSONValue
    ) throws -> JSONValue {
        switch try Target.open(options) {
        case .gateway(let client): return try remote(client)
        case .store(let store):
            defer { store.close() }
            do {
                let configuration = try options.load()
                try store.adopt(configuration.tenancy, revision: configuration.digest, now: .now())
                return try local(store, configuration)
            } catch let error as GatewayError {
                throw CommandError(error.message, exitCode: error.status == 404 ? .notFound : .refused)
            } catch let error as KeyStoreError {
                throw CommandError(error.message, exitCode: .store)
            }
        }
    }
}
