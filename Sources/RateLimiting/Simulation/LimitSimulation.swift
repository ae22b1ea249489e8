// Replays recorded traffic against limits, with the code that enforces them and a clock made of the recording. Each request is admitted when
// it began and settled when it ended, as in the gateway: a hit is charged to the limits on hits, a follower to those on requests, all others
// to requests and places, then to tokens and cost.
//
// A second set of buckets has room for everything and is charged with everything that came: the most that is ever in use there is the least
// that would have refused nothing.

import GatewayModel

/// See the file's header. Used by one thread.
public final class LimitSimulation {
    /// How many tenants are told apart in the report.
    public static let tenantsMax = 10_000
    /// How many requests under way are kept track of.
    public static let pendingMaxDefault = 65_536

    private let given: SimulatedBuckets
    private let wide: SimulatedBuckets
    private let pendingMax: Int
    private var clock = ReplayClock()
    private var pending = MinimumHeap<PendingRequest>()
    private var number = 0
    private var tally = SimulationTally()
    private var report = SimulationReport()
    private var tenants: [String: Int] = [:]
    private var habits: [TenantHabit] = []

    /// Begins with buckets from which nothing was used.
    public init(_ limits: SimulatedLimits, pendingMax: Int = pendingMaxDefault) {
        given = SimulatedBuckets(limits)
        wide = SimulatedBuckets(limits.widened)
        self.pendingMax = max(1, pendingMax)
    }

    /// Takes the next request, in the order of their starts.
    public func replay(_ request: RecordedRequest) {
        let start = clock.move(to: request.start)
        settle(until: start)
        let now = clock.time(at: start)
        if report.first == nil { report.first = now.civil }
        report.last = now.civil
        let met = given.met(by: request, now)
        for limits in [met.requests, met.metered, met.hits] { tally.list(limits) }
        let place = tenantPlace(request.tenant)
        let outcome = pass(request, met, place.map { habits[$0] } ?? TenantHabit(), start, now)
        report.total.note(request, isRefused: outcome == .refused)
        guard let place else { return }
        habits[place].counts.note(request, isRefused: outcome == .refused)
        habits[place].note(request)
        if !met.hits.isEmpty || !met.requests.isEmpty || !met.metered.isEmpty { habits[place].isLimited = true }
    }

    /// What was found so far.
    public func finish() -> SimulationReport {
        settle(until: .max)
        var report = self.report
        report.tenants = tenants.sorted { $0.value < $1.value }.map {
            SimulationReport.Tenant(id: $0.key, counts: habits[$0.value].counts, isLimited: habits[$0.value].isLimited)
        }
        report.limits = tally.sorted
        report.lateCount = clock.lateCount
        return report
    }

    // MARK: One request

    private enum Outcome { case admitted, refused }

    private func pass(
        _ request: RecordedRequest, _ met: SimulatedBuckets.Met, _ habit: TenantHabit, _ start: Int64, _ now: LimitTime
    ) -> Outcome {
        let roomy = wide.met(by: request, now)
        guard request.course != .hit else {
            tally.measure(roomy.hits, isAdmitted: admit(roomy.hits, now) == nil, now)
            return step(met.hits, now) { LimitAdmission.admit($0.span, now) }
        }
        let (estimate, use, duration) = habit.completed(request)
        let running = PendingRequest(end: start + duration, number: number, use: use)
        number += 1
        // A follower waits for somebody else's answer: no place, no tokens.
        let isFetched = request.course != .followed
        tally.measure(roomy.requests, isAdmitted: running.enterWide(roomy.requests, now), now)
        if isFetched, let estimate {
            tally.measure(roomy.metered, isAdmitted: running.reserveWide(roomy.metered, estimate, now), now)
        }
        var outcome = step(met.requests, now) { running.enter($0, now) }
        if outcome == .admitted, isFetched, let estimate {
            outcome = step(met.metered, now) { running.reserve($0, estimate, now) }
            if outcome == .refused { LimitAdmission.refund(met.requests.span) }
        }
        if outcome == .refused || !isFetched { running.leave() }
        if !isFetched { running.leaveWide() }
        if !running.isEmpty { keep(running) }
        return outcome
    }

    private func admit(_ limits: [BoundLimit], _ now: LimitTime) -> LimitRefusal? {
        guard !limits.isEmpty, case .refused(let refusal) = LimitAdmission.admit(limits.span, now) else { return nil }
        return refusal
    }

    /// Runs one admission and tells the tally about it.
    private func step(_ limits: [BoundLimit], _ now: LimitTime, _ admission: ([BoundLimit]) -> LimitVerdict) -> Outcome {
        guard !limits.isEmpty else { return .admitted }
        let before = limits.map { $0.isShadow ? $0.cell.shadowRefusedCount.load(ordering: .relaxed) : 0 }
        let verdict = admission(limits)
        tally.meet(limits, now)
        for (bound, count) in zip(limits, before) where bound.isShadow && bound.cell.shadowRefusedCount.load(ordering: .relaxed) != count {
            tally.refuse(bound, nil, now)
        }
        guard case .refused(let refusal) = verdict else { return .admitted }
        tally.refuse(refusal.limit, refusal, now)
        return .refused
    }

    // MARK: Requests under way

    private func keep(_ request: PendingRequest) {
        pending.insert(request)
        guard pending.count > pendingMax, let earliest = pending.removeFirst() else { return }
        earliest.settle(clock.now)
        report.endedEarlyCount += 1
    }

    private func settle(until end: Int64) {
        while let earliest = pending.first, earliest.end <= end {
            _ = pending.removeFirst()
            earliest.settle(clock.time(at: max(earliest.end, clock.settled)))
            clock.settled = max(earliest.end, clock.settled)
        }
    }

    private func tenantPlace(_ id: String) -> Int? {
        if let place = tenants[id] { return place }
        guard habits.count < LimitSimulation.tenantsMax else { return nil }
        tenants[id] = habits.count
        habits.append(TenantHabit())
        return habits.count - 1
    }
}

@available(*, unavailable)
extension LimitSimulation: Sendable {}

extension SimulationReport.Counts {
    fileprivate mutating func note(_ request: RecordedRequest, isRefused: Bool) {
        offered += 1
        if request.course == .hit { hits += 1 }
        if request.course == .refused { refusedThen += 1 }
        if isRefused { refused += 1 }
    }
}
