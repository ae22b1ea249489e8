import GatewayModel
import Glibc
import TestSupport

@testable import RateLimiting

/// A clock that is moved by hand: civil time runs along with the monotonic one.
struct ManualTime {
    var nanoseconds: UInt64 = 5_000_000_000
    /// 2026-03-01T00:00:00Z at nanosecond 0.
    var civilOrigin: Int64 = 1_772_323_200_000

    var now: LimitTime {
        LimitTime(
            monotonic: MonotonicTime(nanoseconds: nanoseconds),
            civil: WallTime(milliseconds: civilOrigin + Int64(nanoseconds / 1_000_000)))
    }

    mutating func advance(nanoseconds span: UInt64) { nanoseconds += span }
    mutating func advance(milliseconds: UInt64) { nanoseconds += milliseconds * 1_000_000 }
    mutating func advance(seconds: UInt64) { nanoseconds += seconds * 1_000_000_000 }
}

let second: Int64 = 1_000_000_000

/// Limits in a few words.
func requests(_ amount: Int64, per seconds: Int64 = 1, burst: Int64? = nil, shadow: Bool = false) -> Limit {
    Limit(measure: .requests, amount: amount, window: .bucket(nanoseconds: seconds * second), burst: burst, isShadow: shadow)
}

func tokens(_ amount: Int64, per seconds: Int64 = 60, burst: Int64? = nil, shadow: Bool = false) -> Limit {
    Limit(measure: .tokens, amount: amount, window: .bucket(nanoseconds: seconds * second), burst: burst, isShadow: shadow)
}

func cost(_ amount: Int64, _ window: LimitWindow, alerts: [Int] = [], shadow: Bool = false) -> Limit {
    Limit(measure: .cost, amount: amount, window: window, isShadow: shadow, alertPercents: alerts)
}

func concurrency(_ amount: Int64, shadow: Bool = false) -> Limit {
    Limit(measure: .concurrency, amount: amount, window: .atOnce, isShadow: shadow)
}

/// A limit in a fresh bucket.
func bound(_ limit: Limit, _ now: LimitTime, scope: LimitScope = .tenant("t")) -> BoundLimit {
    BoundLimit(
        LimitDefinition(limit: limit, scope: scope, policyName: "p"),
        LimitCell(CellParameters(limit), measure: limit.measure, ordinal: 1, now: now))
}

extension BoundLimit {
    /// The state by the lock-free reading.
    func remaining(_ now: LimitTime) -> Int64 { status(now).remaining }
}

func admit(_ limits: [BoundLimit], _ now: LimitTime) -> LimitVerdict { LimitAdmission.admit(limits.span, now) }

func isAdmitted(_ limits: [BoundLimit], _ now: LimitTime) -> Bool { admit(limits, now).isAdmitted }

extension LimitVerdict {
    var isAdmitted: Bool { if case .admitted = self { true } else { false } }
    var refusal: LimitRefusal? { if case .refused(let refusal) = self { refusal } else { nil } }
}

func estimate(_ input: Int64, _ output: Int64 = 0, cost: Int64 = 0) -> UseEstimate {
    UseEstimate(MeteredUse(inputTokens: input, outputTokens: output, cost: cost))
}

/// Reserves and at once settles with the same.
func spend(_ limits: [BoundLimit], _ estimate: UseEstimate, _ now: LimitTime) -> LimitVerdict {
    var reservation = Reservation()
    let verdict = LimitAdmission.reserve(limits.span, estimate: estimate, now, into: &reservation)
    reservation.settle(actual: estimate.use, now)
    return verdict
}

/// What a reservation of so much answers, without making it.
func probe(_ limits: [BoundLimit], _ estimate: UseEstimate, _ now: LimitTime) -> LimitVerdict {
    var reservation = Reservation()
    let verdict = LimitAdmission.reserve(limits.span, estimate: estimate, now, into: &reservation)
    reservation.release(now)
    return verdict
}
