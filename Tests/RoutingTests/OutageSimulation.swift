// A gateway without sockets: virtual clock, scripted providers, and the real planner, machines and health between them. Each event is checked
// against what must hold whatever happens, by counts of the simulation's own. One seed decides everything, so a failing one replays exactly:
//
//   WEIR_ROUTING_SEED=1234 swift test --filter RoutingTests.OutageSimulationTests     prints every event of that run

import GatewayModel
import Routing
import TestSupport

/// What one simulation is made of.
struct OutageScenario {
    var providers: [ScriptedProvider]
    var keys: Int
    var policy: RetryPolicy
    var hedge: HedgePolicy?
    var root: (([RouteNode]) -> RouteNode)
    var requests: Int
    /// Mean nanoseconds between two requests.
    var interval: UInt64
    /// Whether some clients are impatient, leave, store, or retry on their own.
    var hasOddClients: Bool
}

final class OutageSimulation {
    enum Event {
        case arrival
        case failure(SimulatedRequest, SimulatedAttempt, AttemptFailure)
        case head(SimulatedRequest, SimulatedAttempt, status: Int, retryAfter: UInt64?)
        case firstByte(SimulatedRequest, SimulatedAttempt)
        case end(SimulatedRequest, SimulatedAttempt, breaks: Bool)
        case delayOver(SimulatedRequest)
        case hedgeDue(SimulatedRequest)
        case clientLeaves(SimulatedRequest)
    }

    let seed: UInt64
    let scenario: OutageScenario
    let plan: RoutePlan
    let healths: [TargetHealth]
    var audit: OutageAudit
    var now = MonotonicTime(nanoseconds: 1_000_000_000)
    private var random: SplitMix64
    private var queue = EventQueue<Event>()
    private var arrived = 0
    private(set) var unfinished = 0
    private(set) var succeeded = 0
    private(set) var results: [Int: Int] = [:]
    var prints = false

    init(_ scenario: OutageScenario, seed: UInt64) throws {
        self.seed = seed
        self.scenario = scenario
        random = SplitMix64(seed: seed)
        let leaves = scenario.providers.indices.map { index in
            RouteNode.target(RouteTarget(provider: index, target: Target(provider: "p\(index)", model: "m")))
        }
        plan = try RoutePlan(scenario.root(leaves), name: "route")
        healths = scenario.providers.map { _ in TargetHealth(pool: KeyPool(count: scenario.keys)) }
        audit = OutageAudit(targets: plan.targets.count, keys: scenario.keys, seed: seed)
    }

    /// Runs until nothing is left to happen.
    func run() {
        queue.schedule(.arrival, at: now)
        while let (time, event) = queue.next() {
            now = time
            handle(event)
        }
        audit.expect(unfinished == 0, "\(unfinished) requests never ended")
    }

    private func handle(_ event: Event) {
        switch event {
        case .arrival: arrival()
        case .failure(let request, let attempt, let failure): failed(request, attempt, failure)
        case .head(let request, let attempt, let status, let retryAfter): head(request, attempt, status, retryAfter)
        case .firstByte(let request, let attempt): firstByte(request, attempt)
        case .end(let request, let attempt, let breaks): end(request, attempt, breaks)
        case .delayOver(let request):
            guard !request.isOver else { return }
            perform(request.machine.delayPassed(now: now), request)
        case .hedgeDue(let request):
            guard !request.isOver, let first = request.order.candidates.first, takeRepeat(first.target) else { return }
            perform(request.machine.startHedge(now: now), request)
        case .clientLeaves(let request): clientLeaves(request)
        }
    }

    // MARK: The client

    private func arrival() {
        arrived += 1
        if arrived < scenario.requests {
            queue.schedule(.arrival, at: now.after(UInt64.random(in: 0...(2 * scenario.interval), using: &random)))
        }
        var traits = RequestTraits(kind: .generate, isStream: Bool.random(using: &random))
        var firstByteMax: UInt64 = 5_000_000_000
        var isImpatient = false
        if scenario.hasOddClients {
            traits.isStored = chance(5)
            traits.clientRetries = chance(10) ? 1 : 0
            isImpatient = chance(5)
            if isImpatient { firstByteMax = 30_000_000 }
        }
        let order = RoutePlanner.order(plan, for: RequestFacts(operation: .chatCompletions), seed: random.next()) { target in
            healths[target].status(at: now, random: random.next())
        }
        let machine = AttemptMachine(policy: scenario.policy, traits: traits, order: order, started: now, seed: random.next())
        let request = SimulatedRequest(
            number: arrived, machine: machine, order: order, traits: traits, started: now, firstByteMax: firstByteMax,
            isImpatient: isImpatient)
        unfinished += 1
        log(request, "arrives: \(order.candidates.map(\.target)) of \(order.entries.count)")
        audit.planned(order, healths, now)
        perform(request.machine.start(now: now), request)
        if scenario.hasOddClients, chance(3) { queue.schedule(.clientLeaves(request), at: now.after(random.next() % 2_000_000_000)) }
    }

    private func clientLeaves(_ request: SimulatedRequest) {
        guard !request.isOver else { return }
        log(request, "client leaves")
        cancelAll(request)
        over(request)
    }

    // MARK: The machine's wishes

    private func perform(_ action: AttemptMachine.Action, _ request: SimulatedRequest) {
        log(request, "\(action)")
        switch action {
        case .none, .changeList: break
        case .attempt(let candidate, let isRepeat): attempt(candidate, isRepeat, request)
        case .wait(let nanoseconds):
            audit.expect(now.after(nanoseconds) < request.machine.deadline, "waits past the deadline")
            queue.schedule(.delayOver(request), at: now.after(nanoseconds))
        case .deliver(let loser): if let loser { cancel(loser, request) }
        case .finish(let result):
            results[result.status, default: 0] += 1
            audit.finished(request, result, now)
            if case .unavailable = result { audit.unavailable(request.order, healths, now) }
            cancelAll(request)
            over(request)
        }
    }

    private func attempt(_ candidate: Int, _ isRepeat: Bool, _ request: SimulatedRequest) {
        let entry = request.order.entries[candidate]
        let health = healths[entry.target]
        let isLastResort = entry.lastResort != nil || request.machine.isOnLast
        audit.asks(request, now)
        let before = health.reading(at: now)
        guard case .admitted(let permit) = health.admit(at: now, isLastResort: isLastResort) else {
            log(request, "refused by \(entry.target)")
            perform(request.machine.attemptRefused(candidate: candidate, waitNanoseconds: nil, now: now), request)
            return
        }
        let isFirst = !request.tried.contains(entry.target)
        request.tried.insert(entry.target)
        if isFirst { health.countRequest(at: now) }
        audit.begins(request, entry.target, permit, isFirst: isFirst, before.keys[permit.key].state, now)
        if isFirst, candidate == 0, let policy = scenario.hedge, let delay = health.hedgeDelay(policy, request.traits) {
            queue.schedule(.hedgeDue(request), at: now.after(delay))
        }
        let attempt = SimulatedAttempt(
            candidate: candidate, target: entry.target, permit: permit, era: audit.era(of: entry.target, permit.key))
        request.attempts.append(attempt)
        schedule(request, attempt)
    }

    private func schedule(_ request: SimulatedRequest, _ attempt: SimulatedAttempt) {
        let limit = min(request.firstByteMax, request.machine.remaining(at: now))
        let outcome = scenario.providers[attempt.target].outcome(
            at: now, key: attempt.permit.key, firstByteMax: limit, isClientTimeout: request.isImpatient, &random)
        switch outcome {
        case .failure(let failure, let after): queue.schedule(.failure(request, attempt, failure), at: now.after(after))
        case .refusal(let status, let retryAfter, let after):
            queue.schedule(.head(request, attempt, status: status, retryAfter: retryAfter), at: now.after(after))
        case .emptyAnswer(let head, let failure, let after):
            queue.schedule(.head(request, attempt, status: 200, retryAfter: nil), at: now.after(head))
            queue.schedule(.failure(request, attempt, failure), at: now.after(after))
        case .answer(let head, let end, let breaks):
            queue.schedule(.head(request, attempt, status: 200, retryAfter: nil), at: now.after(head))
            queue.schedule(.firstByte(request, attempt), at: now.after(head))
            queue.schedule(.end(request, attempt, breaks: breaks), at: now.after(end))
        }
    }

    // MARK: The upstream

    private func head(_ request: SimulatedRequest, _ attempt: SimulatedAttempt, _ status: Int, _ retryAfter: UInt64?) {
        guard attempt.isUnderWay, !request.isOver else { return }
        let health = healths[attempt.target]
        if status < 300 {
            attempt.gotHead = true
        } else {
            attempt.isUnderWay = false
            report(attempt, .of(status: status, retryAfterNanoseconds: retryAfter, request.traits))
        }
        let target = attempt.target
        let isAnotherKeyReady = health.isAnotherKeyReady(than: attempt.permit.key, at: now)
        let action = request.machine.receivedHead(
            candidate: attempt.candidate, status: status, retryAfterNanoseconds: retryAfter, isAnotherKeyReady: isAnotherKeyReady, now: now
        ) { takeRepeat(target) }
        perform(action, request)
    }

    private func failed(_ request: SimulatedRequest, _ attempt: SimulatedAttempt, _ failure: AttemptFailure) {
        guard attempt.isUnderWay, !request.isOver else { return }
        attempt.isUnderWay = false
        report(attempt, .of(failure, request.traits))
        let target = attempt.target
        let action = request.machine.attemptFailed(candidate: attempt.candidate, failure, now: now) { takeRepeat(target) }
        perform(action, request)
    }

    private func firstByte(_ request: SimulatedRequest, _ attempt: SimulatedAttempt) {
        guard attempt.isUnderWay, !request.isOver else { return }
        report(attempt, .success)
        request.machine.firstByteSent()
        request.gotFirstByte = true
        audit.expect(now <= request.machine.deadline, "first byte after the deadline")
    }

    private func end(_ request: SimulatedRequest, _ attempt: SimulatedAttempt, _ breaks: Bool) {
        guard attempt.isUnderWay, !request.isOver else { return }
        attempt.isUnderWay = false
        guard breaks else {
            succeeded += 1
            log(request, "is answered by \(attempt.target)")
            return over(request)
        }
        healths[attempt.target].reportBroken(attempt.permit, at: now, random: random.next())
        audit.broke(attempt, healths[attempt.target], now)
        let target = attempt.target
        perform(
            request.machine.attemptFailed(candidate: attempt.candidate, AttemptFailure(.reset), now: now) { takeRepeat(target) }, request)
    }

    // MARK: Bookkeeping

    private func takeRepeat(_ target: Int) -> Bool {
        let isTaken = healths[target].takeRepeat(at: now)
        if isTaken { audit.repeats(target, now) }
        return isTaken
    }

    private func report(_ attempt: SimulatedAttempt, _ verdict: HealthVerdict) {
        guard !attempt.isReported else { return }
        attempt.isReported = true
        healths[attempt.target].report(attempt.permit, verdict, at: now, random: random.next())
        audit.reported(attempt, verdict, healths[attempt.target], now)
    }

    private func cancel(_ candidate: Int, _ request: SimulatedRequest) {
        for attempt in request.attempts where attempt.isUnderWay && attempt.candidate == candidate {
            attempt.isUnderWay = false
            report(attempt, .neutral)
        }
    }

    private func cancelAll(_ request: SimulatedRequest) {
        for attempt in request.attempts where attempt.isUnderWay {
            attempt.isUnderWay = false
            report(attempt, .neutral)
        }
    }

    private func over(_ request: SimulatedRequest) {
        request.isOver = true
        unfinished -= 1
        request.attempts = []
    }

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private func log(_ request: SimulatedRequest, _ text: @autoclosure () -> String) {
        audit.trace(now, request.number)
        if prints { print("\(Double(now.nanoseconds) / 1e9) request \(request.number) \(text())") }
    }
}

final class SimulatedRequest {
    let number: Int
    var machine: AttemptMachine
    let order: PlannedOrder
    let traits: RequestTraits
    let started: MonotonicTime
    let firstByteMax: UInt64
    let isImpatient: Bool
    var attempts: [SimulatedAttempt] = []
    var tried: Set<Int> = []
    var begun: [Int: Int] = [:]
    var gotFirstByte = false
    var isOver = false

    init(
        number: Int, machine: AttemptMachine, order: PlannedOrder, traits: RequestTraits, started: MonotonicTime, firstByteMax: UInt64,
        isImpatient: Bool
    ) {
        self.number = number
        self.machine = machine
        self.order = order
        self.traits = traits
        self.started = started
        self.firstByteMax = firstByteMax
        self.isImpatient = isImpatient
    }
}

final class SimulatedAttempt {
    let candidate: Int
    let target: Int
    let permit: TargetPermit
    let era: Int
    var isUnderWay = true
    var isReported = false
    var gotHead = false

    init(candidate: Int, target: Int, permit: TargetPermit, era: Int) {
        self.candidate = candidate
        self.target = target
        self.permit = permit
        self.era = era
    }
}

extension MonotonicTime {
    /// So many nanoseconds later.
    func after(_ nanoseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: self.nanoseconds &+ nanoseconds) }
}
