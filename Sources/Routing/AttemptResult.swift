public import GatewayModel

/// How a request ends that got no answer, or one that is no success. A stale cache entry, where one is allowed, goes before all of them.
public enum AttemptResult: Sendable, Equatable {
    /// The client gets the upstream's status and body as they are.
    case answer(candidate: Int, status: Int)
    /// The provider refused the operator's key: 502, since 401 and 403 are about the caller's key only.
    case providerCredentials(candidate: Int, status: Int)
    /// The last target asked gave no answer: 504 when time ran out, else 502 (503 where we lacked room ourselves).
    case noAnswer(candidate: Int, AttemptFailure)
    /// The overall deadline passed with no attempt under way: 504.
    case deadlinePassed
    /// The answer broke off after its first byte had gone to the client: nothing can be tried again.
    case brokenOff(candidate: Int, AttemptFailure)
    /// No attempt was possible: 503, to come back after so many nanoseconds. `candidate`: the last one considered.
    case unavailable(retryAfterNanoseconds: UInt64, candidate: Int?)

    /// The status that the client gets, as long as nothing was sent.
    public var status: Int {
        switch self {
        case .answer(_, let status): status
        case .providerCredentials: 502
        case .noAnswer(_, let failure), .brokenOff(_, let failure): failure.kind == .local ? 503 : failure.kind.isTimeout ? 504 : 502
        case .deadlinePassed: 504
        case .unavailable: 503
        }
    }

    /// The candidate that `cf-aig-step` names.
    public var candidate: Int? {
        switch self {
        case .answer(let candidate, _), .providerCredentials(let candidate, _), .noAnswer(let candidate, _), .brokenOff(let candidate, _):
            candidate
        case .unavailable(_, let candidate): candidate
        case .deadlinePassed: nil
        }
    }

    /// 503 for a request that found every breaker open.
    public static func unavailable(retryAfterNanoseconds: UInt64) -> GatewayError {
        let seconds = (retryAfterNanoseconds / 1_000_000_000) + (retryAfterNanoseconds % 1_000_000_000 == 0 ? 0 : 1)
        return GatewayError(
            status: 503, code: "no_target_available",
            message: "No target of this route takes requests at the moment. Retry after the time given.",
            retryAfterSeconds: Int(clamping: max(seconds, 1)), source: .upstream)
    }
}

extension PlannedOrder {
    /// What the client is told when the order has no candidate: 503 when waiting helps, else why no target fits.
    public var refusal: GatewayError {
        if let wait = waitNanoseconds { return AttemptResult.unavailable(retryAfterNanoseconds: wait) }
        let first = skipped.first { $0.skip != .conditionNotMet && $0.skip != .duplicate }?.skip ?? .conditionNotMet
        let (status, code): (Int, String) =
            switch first {
            case .notPermitted: (403, "model_not_allowed")
            case .notOffered: (501, "dialect_not_supported")
            case .noCredential: (502, "provider_credentials")
            default: (400, "no_target_fits")
            }
        return GatewayError(
            status: status, code: code, message: "No target of this route can serve the request: \(first.explanation).",
            source: status >= 500 ? .gateway : .client)
    }
}

extension SkipReason {
    /// The reason in words, for a person.
    public var explanation: String {
        switch self {
        case .conditionNotMet: "a condition of the route chose otherwise"
        case .contextTooSmall(let needed, let available): "it needs \(needed) tokens and the context window has \(available)"
        case .lacks(let feature): "the request needs \(feature.rawValue), which the model lacks"
        case .hint(let hint): "the request's \(hint.rawValue) leaves it out"
        case .duplicate: "the same provider and model stand earlier in the order"
        case .notPermitted: "the key may not use it"
        case .notOffered: "the provider does not offer the operation"
        case .noCredential: "there is no key for the provider"
        case .limited: "its own limit is used up"
        case .breakerOpen(let nanoseconds): "its breaker is open for another \(nanoseconds / 1_000_000) ms"
        case .probeUnderWay: "its breaker waits for the outcome of a probe"
        }
    }
}
