/// What the end of an attempt says about its target and key.
public enum HealthVerdict: Sendable, Equatable {
    /// The target works.
    case success
    /// The target failed; it asked to be left alone for so many nanoseconds, if it said so.
    case failure(retryAfterNanoseconds: UInt64?)
    /// The key has used up its share at the provider.
    case limited(retryAfterNanoseconds: UInt64?)
    /// The provider refused the key.
    case keyRefused
    /// Nothing: the client's own doing.
    case neutral

    /// What an answer says. `retryAfterNanoseconds`: its `Retry-After`.
    public static func of(status: Int, retryAfterNanoseconds: UInt64? = nil, _ traits: RequestTraits) -> HealthVerdict {
        guard !traits.usesClientCredential else { return .neutral }
        switch status {
        case 429: return .limited(retryAfterNanoseconds: retryAfterNanoseconds)
        case 401: return .keyRefused
        // A model that only the client named may be one this key was never meant for: that must not take the key from everybody.
        case 403: return traits.isConfiguredTarget ? .keyRefused : .neutral
        case 404: return traits.isConfiguredTarget ? .failure(retryAfterNanoseconds: nil) : .neutral
        case 408, 500...: return .failure(retryAfterNanoseconds: retryAfterNanoseconds)
        case 200..<300: return .success
        // Any other refusal is about the request: it proves that the target is there, and no more.
        default: return .neutral
        }
    }

    /// What a failure without an answer says.
    public static func of(_ failure: AttemptFailure, _ traits: RequestTraits) -> HealthVerdict {
        if traits.usesClientCredential || failure.isClientTimeout { return .neutral }
        switch failure.kind {
        case .local, .egressRefused: return .neutral
        default: return .failure(retryAfterNanoseconds: nil)
        }
    }
}
