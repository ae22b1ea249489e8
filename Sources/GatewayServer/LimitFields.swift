// What an answer's head tells a client about its own limits: OpenAI's `x-ratelimit-*`, which SDKs and their users read, and the IETF's
// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers). Route limits are shared by tenants, so nothing is told of them.

import GatewayModel
import RateLimiting

/// Writes limit fields. Pure.
enum LimitFields {
    /// Appends every field that the limits call for, each a line. Nothing where no limit may be told.
    static func append(_ limits: [BoundLimits], now: LimitTime, to bytes: inout [UInt8]) {
        var requests = Tightest()
        var tokens = Tightest()
        var count = 0
        for group in limits {
            for limit in group.requests where limit.isTold { fold(limit, into: &requests, &tokens, &count, now) }
            for limit in group.metered where limit.isTold { fold(limit, into: &requests, &tokens, &count, now) }
        }
        guard count > 0 else { return }
        requests.append("requests", to: &bytes)
        tokens.append("tokens", to: &bytes)
        appendPolicies(limits, to: &bytes)
        appendStates(limits, now, to: &bytes)
    }

    private static func fold(
        _ limit: BoundLimit, into requests: inout Tightest, _ tokens: inout Tightest, _ count: inout Int, _ now: LimitTime
    ) {
        count += 1
        switch limit.measure {
        case .requests: requests.consider(limit, limit.status(now))
        case .tokens, .inputTokens, .outputTokens: tokens.consider(limit, limit.status(now))
        case .hits, .cost, .concurrency: break
        }
    }

    /// The limit of one kind that has least left.
    private struct Tightest {
        private var burst: Int64 = 0
        private var remaining: Int64 = .max
        private var reset: UInt64 = 0

        mutating func consider(_ limit: BoundLimit, _ status: LimitStatus) {
            guard status.remaining < remaining else { return }
            remaining = status.remaining
            burst = limit.limit.burst
            reset = status.resetNanoseconds
        }

        func append(_ kind: StaticString, to bytes: inout [UInt8]) {
            guard remaining != .max else { return }
            line("x-ratelimit-limit-", kind, to: &bytes)
            bytes.append(decimal: burst)
            bytes.append(literal: "\r\n")
            line("x-ratelimit-remaining-", kind, to: &bytes)
            bytes.append(decimal: remaining)
            bytes.append(literal: "\r\n")
            line("x-ratelimit-reset-", kind, to: &bytes)
            LimitFields.append(duration: reset, to: &bytes)
            bytes.append(literal: "\r\n")
        }

        private func line(_ name: StaticString, _ kind: StaticString, to bytes: inout [UInt8]) {
            bytes.append(literal: name)
            bytes.append(literal: kind)
            bytes.append(literal: ": ")
        }
    }

    /// A duration in the form of OpenAI's fields, rounded up: `120ms`, `1s`, `6m0s`, `24h0m0s`.
    static func append(duration nanoseconds: UInt64, to bytes: inout [UInt8]) {
        if nanoseconds < 1_000_000_000 {
            bytes.append(decimal: Int64(clamping: (nanoseconds + 999_999) / 1_000_000))
            return bytes.append(literal: "ms")
        }
        let seconds = Int64(clamping: wholeSeconds(nanoseconds))
        if seconds >= 3600 {
            bytes.append(decimal: seconds / 3600)
            bytes.append(literal: "h")
        }
        if seconds >= 60 {
            bytes.append(decimal: seconds % 3600 / 60)
            bytes.append(literal: "m")
        }
        bytes.append(decimal: seconds % 60)
        bytes.append(literal: "s")
    }

    /// Whole seconds, rounded up.
    static func wholeSeconds(_ nanoseconds: UInt64) -> UInt64 { nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 == 0 ? 0 : 1) }

    /// `RateLimit-Policy: "tenant-requests";q=100;w=60, …`
    private static func appendPolicies(_ limits: [BoundLimits], to bytes: inout [UInt8]) {
        bytes.append(literal: "ratelimit-policy: ")
        var isFirst = true
        forEachTold(limits) { limit in
            name(limit, &isFirst, to: &bytes)
            bytes.append(literal: ";q=")
            appendQuota(limit.limit.amount, of: limit, to: &bytes)
            if let seconds = limit.windowSeconds {
                bytes.append(literal: ";w=")
                bytes.append(decimal: seconds)
            }
            if limit.measure == .concurrency { bytes.append(literal: ";qu=\"concurrent-requests\"") }
        }
        bytes.append(literal: "\r\n")
    }

    /// `RateLimit: "tenant-requests";r=99;t=1, …`
    private static func appendStates(_ limits: [BoundLimits], _ now: LimitTime, to bytes: inout [UInt8]) {
        bytes.append(literal: "ratelimit: ")
        var isFirst = true
        forEachTold(limits) { limit in
            let status = limit.status(now)
            name(limit, &isFirst, to: &bytes)
            bytes.append(literal: ";r=")
            appendQuota(status.remaining, of: limit, to: &bytes)
            if limit.measure != .concurrency {
                bytes.append(literal: ";t=")
                bytes.append(decimal: Int64(clamping: wholeSeconds(status.resetNanoseconds)))
            }
        }
        bytes.append(literal: "\r\n")
    }

    private static func forEachTold(_ limits: [BoundLimits], _ body: (BoundLimit) -> Void) {
        for group in limits {
            for limit in group.requests where limit.isTold { body(limit) }
            for limit in group.metered where limit.isTold { body(limit) }
        }
    }

    private static func name(_ limit: BoundLimit, _ isFirst: inout Bool, to bytes: inout [UInt8]) {
        if !isFirst { bytes.append(literal: ", ") }
        isFirst = false
        bytes.append(0x22)
        bytes.append(contentsOf: limit.policyName.utf8)
        bytes.append(0x22)
    }

    /// Structured fields count in integers of at most 15 digits: money is told in micro-USD, rounded down.
    private static func appendQuota(_ amount: Int64, of limit: BoundLimit, to bytes: inout [UInt8]) {
        bytes.append(decimal: limit.measure == .cost ? amount / 1000 : amount)
    }
}

extension BoundLimit {
    /// Whether a client is told of it: one that refuses, and that no other tenant uses.
    var isTold: Bool { isPublic && !isShadow }

    /// The length of its window or period in whole seconds, at least 1; `nil` for concurrency.
    var windowSeconds: Int64? {
        switch limit.window {
        case .bucket(let nanoseconds): max(1, nanoseconds / 1_000_000_000)
        case .rolling(let seconds): seconds
        case .calendar(.hour): 3600
        case .calendar(.day): 86_400
        case .calendar(.month): 30 * 86_400
        case .atOnce: nil
        }
    }
}
