public import GatewayModel

/// Why the keys store refused an operation or could not be opened. Each has a stable code.
public struct KeyStoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of trouble it is; the raw value is the stable code.
    public enum Code: String, Sendable, CaseIterable {
        case tenantNotFound = "tenant_not_found"
        case keyNotFound = "key_not_found"
        case tenantExists = "tenant_exists"
        case managedByConfig = "managed_by_config"
        case keyRevoked = "key_revoked"
        case invalidValue = "invalid_value"
        case limitReached = "limit_reached"
        /// The store can't be written at the moment.
        case unavailable = "key_store_unavailable"
        /// The store or its pepper is damaged, missing or foreign: the gateway must not start.
        case damaged = "key_store_damaged"
        /// A newer release wrote the store.
        case newerFormat = "key_store_newer"
        /// Another process holds the store.
        case inUse = "key_store_in_use"
    }

    /// What kind of trouble it is.
    public let code: Code
    /// One sentence: what is wrong and what to do. Never holds a key.
    public let message: String
    /// The field at fault, where there is one.
    public let field: String?

    init(_ code: Code, _ message: String, field: String? = nil) {
        self.code = code
        self.message = message
        self.field = field
    }

    /// `code: message`.
    public var description: String { "\(code.rawValue): \(message)" }

    /// The refusal as the admin API answers it.
    public var error: GatewayError {
        let status =
            switch code {
            case .tenantNotFound, .keyNotFound: 404
            case .tenantExists, .managedByConfig, .keyRevoked, .limitReached: 409
            case .invalidValue: 400
            case .unavailable, .damaged, .newerFormat, .inUse: 503
            }
        return GatewayError(
            status: status, code: code.rawValue, message: message, param: field, retryAfterSeconds: status == 503 ? 5 : nil,
            source: status == 503 ? .store : .client)
    }
}
