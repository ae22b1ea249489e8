import GatewayModel
import Routing
import TestSupport

/// What a provider does during one part of a simulated outage.
enum ProviderMode: CaseIterable {
    case healthy, refuses, blackHole, fails, overloaded, limited, limitedLong, slow, stalls, breaksEarly, breaksLate, errorInBody, half,
        mostly
    case refusesKey, unresolved
}

/// How an attempt goes on, relative to its start, in nanoseconds.
enum ScriptedOutcome {
    case failure(AttemptFailure, after: UInt64)
    /// A head with a status that is no success.
    case refusal(status: Int, retryAfter: UInt64?, after: UInt64)
    /// A 2xx head, then the failure before any byte went on.
    case emptyAnswer(head: UInt64, AttemptFailure, after: UInt64)
    /// A 2xx head, a first byte, and a break if `breaks`.
    case answer(head: UInt64, end: UInt64, breaks: Bool)
}

private let millisecond: UInt64 = 1_000_000
private let second: UInt64 = 1_000_000_000

/// A provider that follows a script of modes in virtual time.
struct ScriptedProvider {
    /// Ascending by time; the first at 0.
    var script: [(from: UInt64, mode: ProviderMode)]

    func mode(at now: MonotonicTime) -> ProviderMode {
        var found = ProviderMode.healthy
        for part in script where part.from <= now.nanoseconds { found = part.mode }
        return found
    }

    /// What an attempt meets that begins now.
    func outcome(at now: MonotonicTime, key: Int, firstByteMax: UInt64, isClientTimeout: Bool, _ random: inout SplitMix64)
        -> ScriptedOutcome
    {
        let latency = UInt64.random(in: 20...120, using: &random) * millisecond
        let quick = UInt64.random(in: 1...5, using: &random) * millisecond
        let outcome: ScriptedOutcome
        switch mode(at: now) {
        case .healthy: outcome = .answer(head: latency, end: latency * 2, breaks: false)
        case .refuses: outcome = .failure(AttemptFailure(.connectRefused), after: quick)
        case .unresolved: outcome = .failure(AttemptFailure(.dns), after: quick)
        case .blackHole: outcome = .failure(AttemptFailure(.connectTimeout), after: 2 * second)
        case .fails: outcome = .refusal(status: [500, 502, 504, 529].randomElement(using: &random) ?? 500, retryAfter: nil, after: latency)
        case .overloaded: outcome = .refusal(status: 503, retryAfter: Bool.random(using: &random) ? second : nil, after: quick)
        case .limited: outcome = .refusal(status: 429, retryAfter: UInt64.random(in: 0...5, using: &random) * second, after: quick)
        case .limitedLong: outcome = .refusal(status: 429, retryAfter: 3600 * second, after: quick)
        case .slow: outcome = .answer(head: UInt64.random(in: 1...40, using: &random) * second, end: 41 * second, breaks: false)
        case .stalls: outcome = .emptyAnswer(head: latency, AttemptFailure(.stalled), after: 3 * second)
        case .breaksEarly: outcome = .emptyAnswer(head: latency, AttemptFailure(.reset), after: latency + quick)
        case .errorInBody: outcome = .emptyAnswer(head: latency, AttemptFailure(.errorInBody), after: latency + quick)
        case .breaksLate: outcome = .answer(head: latency, end: latency + 50 * millisecond, breaks: true)
        case .half: outcome = flip(50, latency, &random)
        case .mostly: outcome = flip(10, latency, &random)
        case .refusesKey:
            outcome =
                key == 0 ? .refusal(status: 401, retryAfter: nil, after: quick) : .answer(head: latency, end: latency * 2, breaks: false)
        }
        return cut(outcome, firstByteMax, isClientTimeout)
    }

    private func flip(_ failingPercent: Int, _ latency: UInt64, _ random: inout SplitMix64) -> ScriptedOutcome {
        Int.random(in: 0..<100, using: &random) < failingPercent
            ? .refusal(status: 500, retryAfter: nil, after: latency) : .answer(head: latency, end: latency * 2, breaks: false)
    }

    /// No attempt waits longer for its first byte than it may.
    private func cut(_ outcome: ScriptedOutcome, _ limit: UInt64, _ isClientTimeout: Bool) -> ScriptedOutcome {
        let timeout = AttemptFailure(.firstByteTimeout, isClientTimeout: isClientTimeout)
        switch outcome {
        case .failure(_, let after) where after > limit: return .failure(timeout, after: limit)
        case .refusal(_, _, let after) where after > limit: return .failure(timeout, after: limit)
        case .answer(let head, _, _) where head > limit: return .failure(timeout, after: limit)
        case .emptyAnswer(let head, let failure, let after):
            return head > limit
                ? .failure(timeout, after: limit) : .emptyAnswer(head: head, failure, after: min(after, max(limit, head + 1)))
        default: return outcome
        }
    }
}
