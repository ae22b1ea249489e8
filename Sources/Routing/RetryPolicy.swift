/// How the waits between attempts on one target grow.
public enum BackoffShape: String, Sendable, CaseIterable {
    /// Each as long as the first.
    case constant
    /// The n-th is n times the first.
    case linear
    /// Each twice the one before.
    case exponential
}

/// How often, how fast and for how long a request is tried. Per route, narrowed by the request's own headers.
public struct RetryPolicy: Sendable, Equatable {
    /// What `attemptsPerTarget` may be.
    public static let attemptsBounds = 1...5
    /// What `delayMilliseconds` may be.
    public static let delayMillisecondsBounds = 0...5000
    /// What `stepsMax` may be: no route has more targets.
    public static let stepsBounds = 1...RoutePlan.targetsMax
    /// The longest single wait that a growing backoff reaches, in milliseconds.
    public static let backoffMillisecondsMax: UInt64 = 30_000

    /// Attempts on one target, the first included: 1...5.
    public var attemptsPerTarget: Int { didSet { attemptsPerTarget = attemptsPerTarget.clamped(to: RetryPolicy.attemptsBounds) } }
    /// The wait before the first repeat, before jitter: 0...5000 ms.
    public var delayMilliseconds: Int { didSet { delayMilliseconds = delayMilliseconds.clamped(to: RetryPolicy.delayMillisecondsBounds) } }
    /// How later waits grow.
    public var backoff: BackoffShape
    /// How many targets one request tries.
    public var stepsMax: Int { didSet { stepsMax = stepsMax.clamped(to: RetryPolicy.stepsBounds) } }
    /// Milliseconds from the request's start within which the first byte of an answer must have come, all attempts together.
    public var deadlineMilliseconds: UInt64
    /// The longest `Retry-After` that is waited for, in milliseconds. A longer one is the client's to wait for.
    public var retryAfterMillisecondsMax: UInt64
    /// The longest `Retry-After` that is waited for while another target remains, in milliseconds.
    public var patienceMilliseconds: UInt64
    /// Whether a request that is not a stream, was sent and timed out may be repeated on the same target.
    public var repeatsTimedOut: Bool
    /// Whether a request with `store: true` is repeated like any other.
    public var repeatsStored: Bool

    /// Makes a policy; the defaults are those of the wire contract. Values out of bounds are brought within them.
    public init(
        attemptsPerTarget: Int = 2, delayMilliseconds: Int = 200, backoff: BackoffShape = .exponential, stepsMax: Int = 5,
        deadlineMilliseconds: UInt64 = 600_000, retryAfterMillisecondsMax: UInt64 = 10_000, patienceMilliseconds: UInt64 = 1000,
        repeatsTimedOut: Bool = false, repeatsStored: Bool = false
    ) {
        self.attemptsPerTarget = attemptsPerTarget.clamped(to: RetryPolicy.attemptsBounds)
        self.delayMilliseconds = delayMilliseconds.clamped(to: RetryPolicy.delayMillisecondsBounds)
        self.backoff = backoff
        self.stepsMax = stepsMax.clamped(to: RetryPolicy.stepsBounds)
        self.deadlineMilliseconds = deadlineMilliseconds
        self.retryAfterMillisecondsMax = retryAfterMillisecondsMax
        self.patienceMilliseconds = patienceMilliseconds
        self.repeatsTimedOut = repeatsTimedOut
        self.repeatsStored = repeatsStored
    }

    /// The wait before a repeat without jitter, in nanoseconds. `attempt`: 1 for the first repeat.
    func backoffNanoseconds(beforeRepeat attempt: Int) -> UInt64 {
        let base = UInt64(delayMilliseconds)
        let factor: UInt64 =
            switch backoff {
            case .constant: 1
            case .linear: UInt64(max(attempt, 1))
            case .exponential: 1 << UInt64(min(max(attempt, 1) - 1, 16))
            }
        return min(base * factor, RetryPolicy.backoffMillisecondsMax) * 1_000_000
    }

    /// Full jitter (Brooker 2015): anywhere between nothing and the whole wait, so that those who failed together don't return together.
    func jitteredNanoseconds(beforeRepeat attempt: Int, _ random: inout RandomSource) -> UInt64 {
        random.below(backoffNanoseconds(beforeRepeat: attempt) + 1)
    }
}

extension Comparable {
    /// The nearest value within bounds.
    func clamped(to bounds: ClosedRange<Self>) -> Self { min(max(self, bounds.lowerBound), bounds.upperBound) }
}
