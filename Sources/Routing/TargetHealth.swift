// Everything that is remembered of one provider and model, shared by all routes and loops: a breaker for each key, the retry budget, latency,
// and whether it was ejected. One short lock for each look and each outcome; the machines inside are values that know nothing of threads.

public import GatewayModel

/// Leave to ask a target, with the key to use. Handed back exactly once with `report`.
public struct TargetPermit: Sendable, Equatable {
    /// The number of the key in the provider's pool.
    public let key: Int
    /// The breaker's leave.
    public let breaker: BreakerPermit
    /// When it was given.
    public let began: MonotonicTime

    /// Whether it is the one probe of a half-open breaker.
    public var isProbe: Bool { breaker.isProbe }
}

/// See the file's header. Safe to use from any thread.
public final class TargetHealth: Sendable {
    /// What came of asking for leave.
    public enum Admission: Sendable, Equatable {
        /// Ask, with this key.
        case admitted(TargetPermit)
        /// Do not ask.
        case refused(SkipReason)
    }

    /// What is known of one key's breaker, for statistics.
    public struct KeyReading: Sendable, Equatable {
        /// Where its breaker stands.
        public var state: CircuitBreaker.State
        /// How often its breaker opened.
        public var openings: UInt64
        /// Nanoseconds it is still benched for a 401 or 403; 0 when it is not.
        public var benchedNanoseconds: UInt64
        /// Nanoseconds it is still left alone after a 429 or `Retry-After`; 0 when it is not.
        public var limitedNanoseconds: UInt64
    }

    /// What is known of a target, for statistics.
    public struct Reading: Sendable, Equatable {
        /// Each key's breaker.
        public var keys: [KeyReading]
        /// Why the target is asked only as a last resort, apart from its breakers.
        public var ejection: SoftReason?
        /// The latency cost in nanoseconds.
        public var latencyCost: Double
        /// Attempts under way.
        public var pending: Int
        /// Repeats left in its budget.
        public var repeatsLeft: Int
    }

    private final class State: @unchecked Sendable {  // @unchecked: every field below `lock` is touched under it only
        let lock = Lock()
        var breakers: [CircuitBreaker]
        var budget: RetryBudget
        var latency = LatencyTracker()
        /// At most one for each reason; usually none.
        var ejections: [(reason: SoftReason, until: MonotonicTime)] = []

        init(keys: Int, _ settings: BreakerSettings, _ budget: RetryBudget) {
            breakers = Array(repeating: CircuitBreaker(settings), count: keys)
            self.budget = budget
        }

        /// Of what ejects the target at this moment, what lasts longest.
        func ejection(at now: MonotonicTime) -> SoftReason? {
            if ejections.isEmpty { return nil }
            return ejections.filter { now < $0.until }.max { $0.until < $1.until }?.reason
        }
    }

    /// The keys of its provider.
    public let pool: KeyPool
    private let state: State

    /// Makes the health of a target nothing is known of.
    public init(pool: KeyPool, settings: BreakerSettings = BreakerSettings(), budget: RetryBudget = RetryBudget()) {
        self.pool = pool
        state = State(keys: pool.count, settings, budget)
    }

    /// Changes when its breakers open and close; where they stand is kept.
    func use(_ settings: BreakerSettings) {
        let state = self.state
        state.lock.withLock { for key in state.breakers.indices { state.breakers[key].use(settings) } }
    }

    // MARK: Before an attempt

    /// What the planner is told. `random`: decides whether a request is in the share of a ramp.
    public func status(at now: MonotonicTime, random: UInt64) -> TargetStatus {
        let state = self.state
        return state.lock.withLock {
            var status = TargetStatus(.blocked(.probeUnderWay), latencyCost: state.latency.cost(at: now))
            for key in state.breakers.indices {
                var found = state.breakers[key].availability(at: now, random: random)
                if found == .ready, pool.benched(key, at: now) > 0 { found = .lastResort(.keysBenched) }
                status.availability = TargetHealth.better(status.availability, found)
                if status.availability == .ready { break }
            }
            if status.availability == .ready, let ejection = state.ejection(at: now) {
                status.availability = .lastResort(ejection)
            }
            return status
        }
    }

    /// Gives leave to ask, with a key that is fit for it, round robin. Counts the attempt as under way.
    /// - Parameter isLastResort: that no other target is left, or that the planner named it a last resort.
    public func admit(at now: MonotonicTime, isLastResort: Bool) -> Admission {
        let start = pool.nextStart()
        let state = self.state
        return state.lock.withLock {
            let count = state.breakers.count
            for step in 0..<count {
                let key = (start + step) % count
                guard pool.benched(key, at: now) == 0, now >= state.breakers[key].limitedUntil || TargetHealth.isOut(state.breakers[key])
                else { continue }
                if let permit = state.breakers[key].admit(at: now, isLastResort: false) { return begin(key, permit, now) }
            }
            if isLastResort, let (key, permit) = leastBenched(now) { return begin(key, permit, now) }
            return .refused(refusal(now))
        }
    }

    private func begin(_ key: Int, _ permit: BreakerPermit, _ now: MonotonicTime) -> Admission {
        state.latency.began()
        return .admitted(TargetPermit(key: key, breaker: permit, began: now))
    }

    /// A breaker that is not closed answers for its key's limit itself: its cooldown is at least that long.
    private static func isOut(_ breaker: CircuitBreaker) -> Bool {
        switch breaker.state {
        case .closed, .ramping: false
        case .open, .halfOpen: true
        }
    }

    /// Of the keys that are not out for good, the one whose time is nearest.
    private func leastBenched(_ now: MonotonicTime) -> (Int, BreakerPermit)? {
        var best: Int?
        var bestWait = UInt64.max
        for key in state.breakers.indices {
            if case .blocked = state.breakers[key].availability(at: now, random: 0) { continue }
            let wait = max(pool.benched(key, at: now), state.breakers[key].limitedUntil.nanoseconds(since: now))
            guard best == nil || wait < bestWait else { continue }
            best = key
            bestWait = wait
        }
        guard let best, let permit = state.breakers[best].admit(at: now, isLastResort: true) else { return nil }
        return (best, permit)
    }

    private func refusal(_ now: MonotonicTime) -> SkipReason {
        var reason: SkipReason?
        for breaker in state.breakers {
            guard case .blocked(let found) = breaker.availability(at: now, random: 0) else { return .limited }
            reason = reason.map { TargetHealth.sooner($0, found) } ?? found
        }
        return reason ?? .limited
    }

    /// The more available of two.
    private static func better(_ left: TargetStatus.Availability, _ right: TargetStatus.Availability) -> TargetStatus.Availability {
        switch (left, right) {
        case (.ready, _), (_, .ready): .ready
        case (.lastResort, _): left
        case (_, .lastResort): right
        case (.blocked(let first), .blocked(let second)): .blocked(sooner(first, second))
        }
    }

    private static func sooner(_ left: SkipReason, _ right: SkipReason) -> SkipReason {
        switch (left, right) {
        case (.breakerOpen(let first), .breakerOpen(let second)): .breakerOpen(nanoseconds: min(first, second))
        case (.breakerOpen, _): left
        default: right
        }
    }

    // MARK: After an attempt

    /// Takes the outcome of an attempt: at the head of an answer, or at the failure. Exactly once for each permit; a client that left before is
    /// `.neutral`. The time since leave was given counts as the latency.
    public func report(_ permit: TargetPermit, _ verdict: HealthVerdict, at now: MonotonicTime, random: UInt64) {
        let elapsed = now.nanoseconds(since: permit.began)
        switch verdict {
        case .keyRefused: pool.bench(permit.key, at: now)
        case .success: if pool.count > 1, pool.benched(permit.key, at: now) > 0 { pool.unbench(permit.key) }
        default: break
        }
        let state = self.state
        state.lock.withLock {
            state.latency.ended()
            switch verdict {
            case .success: state.latency.observe(elapsed, at: now)
            case .failure, .limited: state.latency.observeFailure(elapsed, at: now)
            case .keyRefused, .neutral: break
            }
            guard state.breakers.indices.contains(permit.key) else { return }
            state.breakers[permit.key].report(permit.breaker, verdict, at: now, random: random)
        }
    }

    /// An answer that was reported as a success broke off later, through no fault of the client's.
    public func reportBroken(_ permit: TargetPermit, at now: MonotonicTime, random: UInt64) {
        let state = self.state
        state.lock.withLock {
            guard state.breakers.indices.contains(permit.key) else { return }
            state.breakers[permit.key].reportBroken(permit.breaker, at: now, random: random)
        }
    }

    /// Whether a key other than this one could be used at once.
    public func isAnotherKeyReady(than key: Int, at now: MonotonicTime) -> Bool {
        guard pool.count > 1 else { return false }
        let state = self.state
        return state.lock.withLock {
            state.breakers.indices.contains { other in
                other != key && pool.benched(other, at: now) == 0
                    && state.breakers[other].availability(at: now, random: 0) == .ready
            }
        }
    }

    // MARK: The retry budget

    /// A request asks the target for the first time, with whatever key.
    public func countRequest(at now: MonotonicTime) {
        let state = self.state
        state.lock.withLock { state.budget.countRequest(at: now) }
    }

    /// Takes a repeat from the budget if there is one left.
    public func takeRepeat(at now: MonotonicTime) -> Bool {
        let state = self.state
        return state.lock.withLock { state.budget.takeRepeat(at: now) }
    }

    // MARK: Ejection and statistics

    /// Makes the target a last resort until a point in time: it is much slower than its peers, or its health probe fails. Replaces an earlier
    /// ejection for the same reason; those for other reasons stand.
    public func eject(_ reason: SoftReason, until end: MonotonicTime) {
        let state = self.state
        state.lock.withLock {
            state.ejections.removeAll { $0.reason == reason }
            state.ejections.append((reason, end))
        }
    }

    /// Takes back what was ejected for a reason; without one, for any.
    public func endEjection(_ reason: SoftReason? = nil) {
        let state = self.state
        state.lock.withLock { state.ejections.removeAll { reason == nil || $0.reason == reason } }
    }

    /// The average latency in nanoseconds, whatever is under way; 0 when no outcome came within the last `span` nanoseconds.
    public func recentLatency(within span: UInt64, at now: MonotonicTime) -> Double {
        let state = self.state
        return state.lock.withLock { state.latency.recent(within: span, at: now) }
    }

    /// The delay of a hedge; `nil` when there is to be none.
    public func hedgeDelay(_ policy: HedgePolicy, _ traits: RequestTraits) -> UInt64? {
        let state = self.state
        return state.lock.withLock { policy.delayNanoseconds(state.latency, traits) }
    }

    /// What is known, for statistics.
    public func reading(at now: MonotonicTime) -> Reading {
        let state = self.state
        return state.lock.withLock {
            Reading(
                keys: state.breakers.indices.map { key in
                    KeyReading(
                        state: state.breakers[key].state, openings: state.breakers[key].openings,
                        benchedNanoseconds: pool.benched(key, at: now),
                        limitedNanoseconds: state.breakers[key].limitedUntil.nanoseconds(since: now))
                },
                ejection: state.ejection(at: now), latencyCost: state.latency.cost(at: now),
                pending: state.latency.pending, repeatsLeft: state.budget.left(at: now))
        }
    }
}
