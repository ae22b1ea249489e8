// Counts by hand what a replay must find: one tenant with limits on requests, tokens and places, in exact fractions, with lists instead of
// buckets and heaps. Nothing of it is shared with the module.

import GatewayModel
import RateLimiting

/// What the limits of the reference are.
struct ReferenceLimits {
    var requestsPerMinute: Int64
    var requestsBurst: Int64
    var tokensPerMinute: Int64
    var tokensBurst: Int64
    var places: Int64

    var limits: [Limit] {
        [
            Limit(
                measure: .requests, amount: requestsPerMinute, window: .bucket(nanoseconds: 60 * second), burst: requestsBurst),
            Limit(measure: .tokens, amount: tokensPerMinute, window: .bucket(nanoseconds: 60 * second), burst: tokensBurst),
            Limit(measure: .concurrency, amount: places, window: .atOnce),
        ]
    }
}

/// What was found of one limit.
struct ReferenceResult: Equatable {
    var met = 0
    var refused = 0
    var first: Int64?
    var minutes: [Int64: Int] = [:]
    var longestWait: Int64?
    var enough: Int64 = 1

    mutating func refuse(at milliseconds: Int64, wait: Int64?) {
        refused += 1
        first = first ?? milliseconds
        minutes[milliseconds / 60_000, default: 0] += 1
        if let wait { longestWait = max(longestWait ?? 0, (wait + second - 1) / second) }
    }

    /// The minute with the most refusals, the earliest of several.
    var worst: (minute: Int64, count: Int)? { minutes.min { ($0.value, -$0.key) > ($1.value, -$1.key) }.map { ($0.key, $0.value) } }
}

/// Use that flows off evenly: exact, in units of 1/(60·10⁹) of what it counts.
struct ReferenceLevel {
    static let scale: Int128 = 60 * 1_000_000_000
    var used: Int128 = 0
    var last: Int64 = 0
    let perMinute: Int64

    init(perMinute: Int64) { self.perMinute = perMinute }

    mutating func flow(to now: Int64) {
        used = max(0, used - Int128(now - last) * Int128(perMinute))
        last = now
    }

    /// Whole units in use, a started one counted.
    var units: Int64 { Int64((used + ReferenceLevel.scale - 1) / ReferenceLevel.scale) }

    mutating func add(_ units: Int64) { used += Int128(units) * ReferenceLevel.scale }
}

/// A run with limits, and one without beside it.
struct ReferenceRun {
    private struct Running {
        var end: Int64
        var reserved: Int64
        var used: Int64
        /// Whether the run with limits let it in.
        var isIn: Bool
    }

    var requests = ReferenceResult()
    var tokens = ReferenceResult()
    var places = ReferenceResult()
    private(set) var refused = 0
    private let limits: ReferenceLimits
    private var running: [Running] = []
    private var requestLevels: (limited: ReferenceLevel, free: ReferenceLevel)
    private var tokenLevels: (limited: ReferenceLevel, free: ReferenceLevel)

    init(_ limits: ReferenceLimits) {
        self.limits = limits
        requestLevels = (ReferenceLevel(perMinute: limits.requestsPerMinute), ReferenceLevel(perMinute: limits.requestsPerMinute))
        tokenLevels = (ReferenceLevel(perMinute: limits.tokensPerMinute), ReferenceLevel(perMinute: limits.tokensPerMinute))
    }

    /// Takes a request at a millisecond counted from the first.
    mutating func take(at milliseconds: Int64, duration: Int64, reserve: Int64, use: Int64, origin: Int64) {
        let now = milliseconds * 1_000_000
        end(before: now)
        measureFree(now, reserve)
        let isIn = admit(now, milliseconds + origin, reserve)
        if !isIn { refused += 1 }
        running.append(Running(end: now + duration, reserved: reserve, used: use, isIn: isIn))
    }

    private mutating func end(before now: Int64) {
        for request in running.filter({ $0.end <= now }).sorted(by: { $0.end < $1.end }) {
            tokenLevels.free.flow(to: request.end)
            tokenLevels.free.add(request.used)
            guard request.isIn else { continue }
            tokenLevels.limited.flow(to: request.end)
            tokenLevels.limited.add(request.used)
        }
        running.removeAll { $0.end <= now }
    }

    private mutating func measureFree(_ now: Int64, _ reserve: Int64) {
        requestLevels.free.flow(to: now)
        requestLevels.free.add(1)
        requests.enough = max(requests.enough, requestLevels.free.units)
        places.enough = max(places.enough, Int64(running.count + 1))
        tokenLevels.free.flow(to: now)
        tokens.enough = max(tokens.enough, tokenLevels.free.units + running.reduce(0) { $0 + $1.reserved } + reserve)
    }

    private mutating func admit(_ now: Int64, _ milliseconds: Int64, _ reserve: Int64) -> Bool {
        requests.met += 1
        places.met += 1
        requestLevels.limited.flow(to: now)
        let over = requestLevels.limited.used + ReferenceLevel.scale - Int128(limits.requestsBurst) * ReferenceLevel.scale
        let inside = running.filter(\.isIn)
        // Places have no wait, so the limit on requests is blamed where both refuse.
        if over > 0 {
            requests.refuse(at: milliseconds, wait: wait(over, limits.requestsPerMinute))
            return false
        }
        if inside.count >= Int(limits.places) {
            places.refuse(at: milliseconds, wait: nil)
            return false
        }
        tokens.met += 1
        tokenLevels.limited.flow(to: now)
        let reserved = inside.reduce(0) { $0 + $1.reserved }
        let missing =
            tokenLevels.limited.used + Int128(reserved + reserve) * ReferenceLevel.scale - Int128(limits.tokensBurst) * ReferenceLevel.scale
        guard missing > 0 else {
            // All or none: what tokens refuse is not charged as a request.
            requestLevels.limited.add(1)
            return true
        }
        let canWait = reserve <= limits.tokensBurst - reserved
        tokens.refuse(at: milliseconds, wait: canWait ? wait(missing, limits.tokensPerMinute) : nil)
        return false
    }

    private func wait(_ scaled: Int128, _ perMinute: Int64) -> Int64 { Int64((scaled + Int128(perMinute) - 1) / Int128(perMinute)) }
}
