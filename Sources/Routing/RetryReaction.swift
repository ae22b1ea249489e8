// The published table (docs: "Retry and fallback"), and nothing else. Who counts, waits and decides in the end is AttemptMachine.

/// What is done about the end of an attempt, limits and budgets apart.
public enum RetryReaction: Sendable, Equatable {
    /// An answer: pass it on.
    case deliver
    /// Pass the upstream's answer on, or the failure: trying again would not help or could have an effect twice.
    case returnAtOnce
    /// Repeat on the target, then the next one.
    case repeatThenMove
    /// The next target; repeat only on the last.
    case moveThenRepeat
    /// The next target; never repeat.
    case move

    /// What the table says about a status.
    public static func to(status: Int, _ traits: RequestTraits, _ policy: RetryPolicy) -> RetryReaction {
        if (200..<300).contains(status) { return .deliver }
        guard traits.isReplayable, traits.kind == .generate || traits.kind == .embed else { return .returnAtOnce }
        switch status {
        case 429, 503: return .repeatThenMove
        case 408, 409, 425, 500, 502, 504, 529: return traits.isStored && !policy.repeatsStored ? .returnAtOnce : .repeatThenMove
        case 401, 403: return traits.usesClientCredential ? .returnAtOnce : .move
        case 404: return traits.usesClientCredential || !traits.isConfiguredTarget ? .returnAtOnce : .move
        // Not in the table: 501, 505, Cloudflare's 520 to 527. Another target may do better; the same one hardly.
        case 500...: return traits.isStored && !policy.repeatsStored ? .returnAtOnce : .move
        default: return .returnAtOnce
        }
    }

    /// What the table says about a failure without an answer.
    public static func to(_ failure: AttemptFailure, _ traits: RequestTraits, _ policy: RetryPolicy) -> RetryReaction {
        guard traits.isReplayable, failure.kind != .local else { return .returnAtOnce }
        if !failure.sentNothing {
            guard traits.kind == .generate || traits.kind == .embed else { return .returnAtOnce }
            if traits.isStored, !policy.repeatsStored { return .returnAtOnce }
        }
        switch failure.kind {
        case .dns, .connectRefused, .connectTimeout, .tls: return .moveThenRepeat
        case .firstByteTimeout, .stalled, .totalTimeout:
            return traits.isStream || failure.sentNothing || policy.repeatsTimedOut ? .moveThenRepeat : .move
        case .reset, .truncated, .sendFailed, .errorInBody: return .repeatThenMove
        case .egressRefused, .redirect, .protocolError, .tooLarge: return .move
        case .local: return .returnAtOnce
        }
    }
}
