// The breaker of one provider, model and key.
//
//   closed ── 5 failures in a row ──▶ open (hard: refuses) ── cooldown over, next admission ──▶ half-open: exactly one probe
//     ▲ └──── half of ≥ 20 fail ────▶ open (soft: last resort)                                    │ fails: open, cooldown doubled
//     └── 10 steps of a tenth ── ramping ◀──────────────────────────────────────────── succeeds ──┘
//
// Two causes, two severities: failures in a row say that nobody is there, and asking is pointless even if there is no one else; a failing share,
// like a `Retry-After`, only says that others are better, so the target is asked when no other is left.
// A permit carries the generation in which it was given. What was admitted before the breaker opened says nothing about what came after it.

public import GatewayModel

/// Leave to ask, given by a breaker; handed back with the outcome.
public struct BreakerPermit: Sendable, Equatable {
    /// Whether it is the one probe of a half-open breaker.
    public let isProbe: Bool
    let generation: UInt64
}

/// See the file's header. A value without a lock: `TargetHealth` owns it.
public struct CircuitBreaker: Sendable {
    /// Why a breaker opened.
    public enum Cause: String, Sendable, CaseIterable {
        /// Failures in a row: nothing goes through.
        case consecutiveFailures = "consecutive_failures"
        /// A failing share: asked as a last resort.
        case failingShare = "failing_share"
    }

    /// Where a breaker stands.
    public enum State: Sendable, Equatable {
        case closed
        case open(Cause, until: MonotonicTime)
        case halfOpen(Cause, since: MonotonicTime)
        /// Growing shares of traffic since a probe succeeded.
        case ramping(since: MonotonicTime)
    }

    private var settings: BreakerSettings
    /// Where it stands. An open one whose time is over stays open until somebody asks; a ramp that is over is as good as closed.
    public private(set) var state = State.closed
    /// How often it opened.
    public private(set) var openings: UInt64 = 0
    /// Until when the key is left alone if others are there: it was told so.
    public private(set) var limitedUntil = MonotonicTime(nanoseconds: 0)
    private var generation: UInt64 = 0
    private var consecutiveFailures = 0
    private var successes: SlidingCounts
    private var failures: SlidingCounts
    /// How often it opened without a calm between.
    private var level = 0

    private static let slots = 10
    private static let slotNanoseconds: UInt64 = 1_000_000_000

    /// Makes a closed one.
    public init(_ settings: BreakerSettings = BreakerSettings()) {
        self.settings = settings
        successes = SlidingCounts(slots: CircuitBreaker.slots, slotNanoseconds: CircuitBreaker.slotNanoseconds)
        failures = SlidingCounts(slots: CircuitBreaker.slots, slotNanoseconds: CircuitBreaker.slotNanoseconds)
    }

    /// Goes by other settings from now on. A time out that has begun keeps its length.
    mutating func use(_ settings: BreakerSettings) { self.settings = settings }

    // MARK: Readings

    /// The percentage of traffic it takes while ramping; 100 once it is over.
    public func rampPercent(since start: MonotonicTime, at now: MonotonicTime) -> Int {
        let steps = now.nanoseconds(since: start) / max(settings.rampStepNanoseconds, 1)
        return Int(min(steps, 9) + 1) * 10
    }

    /// Whether it takes a request now. `random`: decides whether this one is in the share of a ramp.
    public func availability(at now: MonotonicTime, random: UInt64) -> TargetStatus.Availability {
        switch state {
        case .closed: break
        case .open(let cause, let until):
            if now < until { return out(cause, .breakerOpen(nanoseconds: until.nanoseconds(since: now))) }
        case .halfOpen(let cause, let since):
            if !isLost(probe: since, now) { return out(cause, .probeUnderWay) }
        case .ramping(let since):
            guard random.multipliedFullWidth(by: 100).high < UInt64(rampPercent(since: since, at: now)) else {
                return .lastResort(.ramping)
            }
        }
        return now < limitedUntil ? .lastResort(.rateLimited) : .ready
    }

    private func out(_ cause: Cause, _ reason: SkipReason) -> TargetStatus.Availability {
        cause == .consecutiveFailures ? .blocked(reason) : .lastResort(.failingShare)
    }

    private func isLost(probe since: MonotonicTime, _ now: MonotonicTime) -> Bool {
        now.nanoseconds(since: since) >= settings.probeNanosecondsMax
    }

    // MARK: Asking

    /// Gives leave to ask, or not. The first to come after the cooldown is the probe.
    /// - Parameter isLastResort: that no other target is left; what is out softly is asked then.
    public mutating func admit(at now: MonotonicTime, isLastResort: Bool) -> BreakerPermit? {
        switch state {
        case .closed, .ramping: return BreakerPermit(isProbe: false, generation: generation)
        case .open(let cause, let until):
            if now >= until { return probe(cause, now) }
            return passes(cause, isLastResort)
        case .halfOpen(let cause, let since):
            if isLost(probe: since, now) {
                generation += 1
                return probe(cause, now)
            }
            return passes(cause, isLastResort)
        }
    }

    private mutating func probe(_ cause: Cause, _ now: MonotonicTime) -> BreakerPermit {
        state = .halfOpen(cause, since: now)
        return BreakerPermit(isProbe: true, generation: generation)
    }

    private func passes(_ cause: Cause, _ isLastResort: Bool) -> BreakerPermit? {
        guard cause == .failingShare, isLastResort else { return nil }
        return BreakerPermit(isProbe: false, generation: generation)
    }

    // MARK: Outcomes

    /// Takes an outcome. Of a permit from before the breaker last opened or recovered it takes only when to come again.
    public mutating func report(_ permit: BreakerPermit, _ verdict: HealthVerdict, at now: MonotonicTime, random: UInt64) {
        note(verdict, now)
        guard permit.generation == generation else { return }
        if permit.isProbe { return probeEnded(verdict, now, random) }
        switch verdict {
        case .success:
            consecutiveFailures = 0
            successes.add(at: now)
        case .failure, .limited: failed(now, random)
        case .keyRefused, .neutral: break
        }
    }

    /// An answer that was reported as a success broke off later.
    public mutating func reportBroken(_ permit: BreakerPermit, at now: MonotonicTime, random: UInt64) {
        guard permit.generation == generation, !permit.isProbe else { return }
        failed(now, random)
    }

    private mutating func note(_ verdict: HealthVerdict, _ now: MonotonicTime) {
        let span: UInt64
        switch verdict {
        case .limited(let asked): span = asked ?? settings.limitedNanoseconds
        case .failure(let asked): span = asked ?? 0
        case .success, .keyRefused, .neutral: return
        }
        let end = now.adding(nanoseconds: min(span, settings.cooldownNanosecondsMax))
        limitedUntil = max(limitedUntil, end)
    }

    private mutating func failed(_ now: MonotonicTime, _ random: UInt64) {
        consecutiveFailures += 1
        failures.add(at: now)
        successes.advance(to: now)
        switch state {
        case .halfOpen: return  // the probe decides
        case .closed, .ramping:
            if consecutiveFailures >= settings.consecutiveFailuresMax { return open(.consecutiveFailures, now, random) }
            let total = successes.total + failures.total
            if total >= settings.failingSamplesMin, failures.total * 100 >= total * settings.failingPercent {
                open(.failingShare, now, random)
            }
        case .open(let cause, _):
            // Asked as a last resort, and nobody is there any more.
            guard cause == .failingShare, consecutiveFailures >= settings.consecutiveFailuresMax else { return }
            open(.consecutiveFailures, now, random)
        }
    }

    private mutating func probeEnded(_ verdict: HealthVerdict, _ now: MonotonicTime, _ random: UInt64) {
        guard case .halfOpen(let cause, _) = state else { return }
        switch verdict {
        case .success:
            state = .ramping(since: now)
            generation += 1
            forget()
        case .failure, .limited: open(cause, now, random)
        // No outcome: the next one to come is the probe.
        case .keyRefused, .neutral: state = .open(cause, until: now)
        }
    }

    private mutating func open(_ cause: Cause, _ now: MonotonicTime, _ random: UInt64) {
        let isCalm = openings == 0 || isOutOfTrouble(now)
        level = isCalm ? 0 : min(level + 1, 32)
        openings &+= 1
        generation += 1
        forget()
        state = .open(cause, until: max(now.adding(nanoseconds: cooldown(random)), limitedUntil))
    }

    private func isOutOfTrouble(_ now: MonotonicTime) -> Bool {
        switch state {
        case .ramping(let since): now.nanoseconds(since: since) >= settings.calmNanoseconds
        case .closed: true
        case .open, .halfOpen: false
        }
    }

    /// The nominal time out doubled `level` times, up to the longest, give or take the jitter; never longer than the longest.
    private func cooldown(_ random: UInt64) -> UInt64 {
        var nominal = settings.cooldownNanosecondsMin
        for _ in 0..<level where nominal < settings.cooldownNanosecondsMax { nominal = nominal &* 2 }
        nominal = min(nominal, settings.cooldownNanosecondsMax)
        let spread = nominal / 100 * UInt64(settings.jitterPercent.clamped(to: 0...100))
        let shifted = nominal - spread + (2 * spread + 1).multipliedFullWidth(by: random).high
        return min(shifted, settings.cooldownNanosecondsMax)
    }

    private mutating func forget() {
        consecutiveFailures = 0
        successes.clear()
        failures.clear()
    }
}

extension MonotonicTime {
    /// The point `nanoseconds` later, saturating at the end of the clock.
    func adding(nanoseconds span: UInt64) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(span)
        return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }
}
