import GatewayModel

/// Why a caller was not let in. Each has a stable code; an unknown key and a malformed one are the same to the caller.
public enum AuthenticationFailure: String, Error, Sendable, CaseIterable {
    case missingKey = "missing_key"
    case invalidKey = "invalid_key"
    case twoKeys = "two_keys"
    case keyExpired = "key_expired"
    case keyDisabled = "key_disabled"
    case keyRevoked = "key_revoked"
    case tenantDisabled = "tenant_disabled"
    case addressNotAllowed = "address_not_allowed"
    case storeUnavailable = "key_store_unavailable"

    /// The stable code of the wire contract.
    public var code: String { rawValue }

    /// 401 for the key itself, 403 for where it was used or whose it is, 503 when the keys can't be known.
    public var status: Int {
        switch self {
        case .missingKey, .invalidKey, .twoKeys, .keyExpired, .keyDisabled, .keyRevoked: 401
        case .tenantDisabled, .addressNotAllowed: 403
        case .storeUnavailable: 503
        }
    }

    /// The refusal as the client sees it. Never names a key, an id or a tenant.
    public var error: GatewayError {
        GatewayError(
            status: status, code: code, message: message, retryAfterSeconds: self == .storeUnavailable ? 5 : nil,
            source: self == .storeUnavailable ? .store : .client)
    }

    private var message: String {
        switch self {
        case .missingKey:
            "No virtual key. Send one in Authorization: Bearer, x-api-key, api-key, x-goog-api-key or cf-aig-authorization: Bearer."
        case .invalidKey: "The virtual key is not known here. Check it for missing characters, or ask the gateway's operator for a new one."
        case .twoKeys: "Two different virtual keys were sent. Send one."
        case .keyExpired: "The virtual key has expired. Ask the gateway's operator for a new one."
        case .keyDisabled: "The virtual key is switched off. Ask the gateway's operator."
        case .keyRevoked: "The virtual key was revoked. Ask the gateway's operator for a new one."
        case .tenantDisabled: "The tenant this key belongs to is switched off. Ask the gateway's operator."
        case .addressNotAllowed: "The virtual key is not allowed from this address. Ask the gateway's operator to allow it."
        case .storeUnavailable: "The gateway can't read its keys at the moment. Try again shortly."
        }
    }
}
