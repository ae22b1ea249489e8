// Phase 12 as a whole: which target is asked, what is done when it fails, and what the client gets in the end. The machine decides; here its
// decisions are carried out. A failed answer is kept until the next attempt was admitted: it may have been the last.

import EventLoop
import GatewayModel
import HTTP1
import Providers
import RateLimiting
import RequestScan
import Routing
import Tenants
import Upstream

extension Exchange {
    // MARK: The beginning

    /// Begins to ask. Throws what forbids even the first attempt: the request's own limits, or that no target may be asked.
    func startFetch(flight: Flight?) throws(GatewayError) {
        do throws(GatewayError) {
            try startAttempts(flight)
        } catch {
            // Nobody may be asked: an outage like any other, which a stale answer bridges.
            guard staleIsAllowed, error.source == .upstream, error.status >= 500 else { throw error }
            releaseSource()
            guard serveStale(after: nil) else { throw error }
            if let flight { give(up: flight, error) }
        }
    }

    private func startAttempts(_ flight: Flight?) throws(GatewayError) {
        let attempts = try makeAttempts(flight)
        self.attempts = attempts
        self.flight = nil
        do throws(GatewayError) {
            try perform(attempts.machine.start(now: worker.loop.now))
        } catch {
            self.attempts = nil
            refundRequest()
            throw error
        }
    }

    private func makeAttempts(_ flight: Flight?) throws(GatewayError) -> RequestAttempts {
        guard let plan else { throw AuthenticationFailure.storeUnavailable.error }
        let candidates = try makeCandidates(plan)
        var lists: UpstreamRefusal.Lists = []
        for refusal in plannedRoute?.route.refusalPlans.keys.map({ $0 }) ?? [] {
            lists.insert(refusal == .contextLength ? .contextLength : .contentFilter)
        }
        let machine = AttemptMachine(
            policy: retryPolicy(plan.route), traits: traits(plan), order: universal?.order ?? plannedRoute?.order ?? .single,
            started: started, seed: worker.nextRandom(), lists: lists)
        return RequestAttempts(machine: machine, candidates: candidates, flight: flight)
    }

    /// A step's model was chosen beside others, as a route's was: its absence is no reason to stop.
    private func traits(_ plan: UpstreamPlan) -> RequestTraits {
        RequestTraits(
            kind: operation.kind, isStream: wantsStream, isStored: scan?.store == true, usesClientCredential: clientCredential != nil,
            isConfiguredTarget: plan.route != nil || universal != nil, isReplayable: !streamsBody,
            clientRetries: attemptFields.clientRetries ?? 0)
    }

    private func makeCandidates(_ plan: UpstreamPlan) throws(GatewayError) -> [Candidate] {
        if let candidates = try universalCandidates() { return candidates }
        guard let plannedRoute else {
            let health = snapshot.health(of: RouteTarget(provider: plan.provider, model: plan.model))
            return [Candidate(plan: plan, health: health, overrides: TargetOverrides(), position: 0, isLastResort: false)]
        }
        if plannedRoute.order.candidates.isEmpty {
            if let last = plannedRoute.order.skipped.last(where: { $0.skip?.isTemporary == true }) {
                let target = plannedRoute.plan.targets[last.target]
                facts.step = last.position
                facts.provider = snapshot.providers.providerNames[target.provider]
                facts.model = target.target.model
            }
            throw plannedRoute.order.refusal
        }
        return try candidates(of: plannedRoute)
    }

    private func candidates(of planned: PlannedRoute) throws(GatewayError) -> [Candidate] {
        var candidates: [Candidate] = []
        for entry in planned.order.candidates {
            let target = planned.plan.targets[entry.target]
            candidates.append(
                Candidate(
                    plan: try upstreamPlan(RouteTarget(provider: target.provider, model: target.target.model), planned.route),
                    health: planned.health[entry.target], overrides: target.overrides, position: entry.position,
                    isLastResort: entry.lastResort != nil))
        }
        return candidates
    }

    /// The operator's policy, narrowed or widened within its bounds by the request's own fields.
    func retryPolicy(_ route: RouteState?) -> RetryPolicy {
        var policy = route?.definition.retry ?? snapshot.configuration.retry
        policy.deadlineMilliseconds = UInt64((route?.definition.timeouts ?? snapshot.configuration.timeouts).deadlineMilliseconds)
        if let attempts = attemptFields.maxAttempts { policy.attemptsPerTarget = attempts }
        if let delay = attemptFields.retryDelayMilliseconds { policy.delayMilliseconds = delay }
        switch attemptFields.backoff {
        case .constant?: policy.backoff = .constant
        case .linear?: policy.backoff = .linear
        case .exponential?: policy.backoff = .exponential
        case nil: break
        }
        return policy
    }

    // MARK: What the machine says

    /// Carries out what the machine decided. Throws only before anything was begun.
    private func perform(_ action: AttemptMachine.Action) throws(GatewayError) {
        guard let attempts else { return }
        switch action {
        case .none, .deliver: return
        case .attempt(let candidate, let isRepeat): try begin(candidate, isRepeat: isRepeat)
        case .wait(let nanoseconds):
            attempts.wakesAt = worker.loop.now.adding(milliseconds: (nanoseconds + 999_999) / 1_000_000)
            worker.wakeLater(self)
        case .changeList(let refusal): try changeList(refusal)
        case .finish(let result): try conclude(result)
        }
    }

    /// Decisions after the first attempt: what forbids the next one is the request's end.
    private func proceed(_ action: AttemptMachine.Action) {
        do throws(GatewayError) { try perform(action) } catch { failAll(error) }
    }

    private func begin(_ number: Int, isRepeat: Bool) throws(GatewayError) {
        guard let attempts, attempts.candidates.indices.contains(number) else { return }
        let candidate = attempts.candidates[number]
        let now = worker.loop.now
        // A repeat was decided with the target's rate limit known: it has waited, and asks the key that said so again.
        let isLast = attempts.machine.isOnLast || candidate.isLastResort || isRepeat
        // A client's own key neither suffers from what was learnt with the operator's nor teaches anything about it.
        var ticket: HealthTicket?
        if clientCredential == nil {
            guard case .admitted(let permit) = candidate.health.admit(at: now, isLastResort: isLast) else {
                worker.counters.add(.breakerRefusals)
                return try perform(attempts.machine.attemptRefused(candidate: number, waitNanoseconds: waitOf(candidate), now: now))
            }
            ticket = HealthTicket(candidate.health, permit)
        }
        let meter: Meter?
        let order: FetchOrder
        do throws(GatewayError) {
            if try adopt(candidate) { return }
            meter = try reserve()
            order = try makeOrder(candidate, key: ticket?.key ?? 0)
        } catch {
            limits.refundTarget(keepingFirst: scopeLimitsCount)
            guard error.isOfLimits || error.source != .client else { throw error }
            attempts.note(limitRefusal: error)
            // With another target left, or an answer from one before, this one's own limits are no reason to give up.
            guard attempts.machine.hasNext || fetch != nil else { throw attempts.limitRefusal ?? error }
            return try perform(attempts.machine.attemptRefused(candidate: number, waitNanoseconds: nil, now: now))
        }
        limits.keepCharges()
        if universal != nil, let plan { attempts.machine.follow(retryPolicy(nil), traits(plan)) }
        let isHedge = attempts.machine.hedge == number
        if isRepeat { worker.counters.add(.retries) } else { candidate.health.countRequest(at: now) }
        if isHedge { worker.counters.add(.hedges) } else if !isRepeat, attempts.machine.steps > 1 { worker.counters.add(.fallbacks) }
        start(order, meter, ticket, attempts, number, isRepeat: isRepeat)
        if attempts.machine.attempts == 1 { planHedge(candidate) }
    }

    /// Makes ready to ask a second target, should the first take longer than it mostly does. Not for the rest of a batch whose other vectors are
    /// in the cache: they are the first target's.
    private func planHedge(_ candidate: Candidate) {
        guard let attempts, self.attempts === attempts, embeddings?.cachedCount ?? 0 == 0, let policy = plan?.route?.definition.hedge,
            let delay = candidate.health.hedgeDelay(policy, attempts.traits)
        else { return }
        attempts.hedgesAt = worker.loop.now.adding(milliseconds: delay / 1_000_000 + 1)
        worker.wakeLater(self)
    }

    private func start(
        _ order: FetchOrder, _ meter: Meter?, _ ticket: HealthTicket?, _ attempts: RequestAttempts, _ number: Int, isRepeat: Bool
    ) {
        let isHedge = attempts.machine.hedge == number
        if !isHedge { beginAttempt(attempts) }
        let fetch = Fetch(order, meter: meter, ticket: ticket, traits: attempts.traits, flight: attempts.flight, worker: worker)
        fetch.candidate = number
        fetch.target = attempts.candidates[number]
        fetch.isRepeat = isRepeat
        fetch.consumer = self
        fetch.requestStarted = started
        if isHedge { attempts.rival = fetch } else { self.fetch = fetch }
        fetch.start()
    }

    private func beginAttempt(_ attempts: RequestAttempts) {
        guard machine.state == .fetching else {
            _ = machine.leads()
            upstreamStarted = .now()
            return
        }
        machine.retries()
        held = []
        heldHead = nil
        knownLength = nil
        usageFilter = nil
        // Whoever was asked before has had its say.
        fetch?.makeWay()
        attempts.flight?.restart()
    }

    /// Takes on a candidate's target: what the answer's head, its limits and its record go by. Returns whether the store had its answer, so
    /// that the request is over.
    private func adopt(_ candidate: Candidate) throws(GatewayError) -> Bool {
        guard let identity else { return false }
        if let universal {
            guard universal.current != candidate.position else { return false }
            return try moveOn(to: candidate.position)
        }
        let isOther = plan?.provider != candidate.plan.provider || plan?.model != candidate.plan.model
        facts.step = candidate.position
        facts.provider = snapshot.providers.providerNames[candidate.plan.provider]
        facts.model = candidate.plan.model
        guard isOther else { return false }
        plan = candidate.plan
        restartBatch()
        limits.keepFirst(scopeLimitsCount)
        findLimits(of: candidate.plan, identity)
        try chargeTarget()
        return false
    }

    private func waitOf(_ candidate: Candidate) -> UInt64? {
        if case .blocked(.breakerOpen(let nanoseconds)) = candidate.health.status(at: worker.loop.now, random: 0).availability {
            return nanoseconds
        }
        return nil
    }

    private func changeList(_ refusal: UpstreamRefusal) throws(GatewayError) {
        guard let attempts, let route = plannedRoute?.route, let other = route.refusalPlans[refusal] else { return }
        let planned = try planRoute(route, other.plan, other.health)
        attempts.candidates = try candidates(of: planned)
        worker.counters.add(.fallbacks)
        try perform(attempts.machine.changedList(order: planned.order, now: worker.loop.now))
    }

    // MARK: The end

    /// The machine has given up, or has nobody to ask.
    private func conclude(_ result: AttemptResult) throws(GatewayError) {
        returnToTarget(of: result)
        switch result {
        case .answer: fetch?.deliverKept()
        case .providerCredentials: failAll(fetch?.credentialsRefused ?? Self.noTarget)
        case .noAnswer: failAll(fetch?.failureError ?? Self.noTarget)
        case .brokenOff: failAll(fetch?.failureError ?? Self.noTarget)
        case .deadlinePassed: failAll(Self.deadline)
        case .unavailable(let wait, _):
            let error = attempts?.limitRefusal ?? AttemptResult.unavailable(retryAfterNanoseconds: wait)
            if machine.state == .fetching { failAll(error) } else { throw error }
        }
    }

    /// The result may be another target's than the one considered last.
    private func returnToTarget(of result: AttemptResult) {
        guard let attempts else { return }
        if universal != nil { return returnToStep(of: result) }
        guard plannedRoute != nil, let number = result.candidate, attempts.candidates.indices.contains(number) else { return }
        let candidate = attempts.candidates[number]
        let provider = snapshot.providers.providerNames[candidate.plan.provider]
        // After a change of lists the number may mean another target.
        guard let asked = fetch?.order, asked.provider == provider, asked.model == candidate.plan.model else { return }
        plan = candidate.plan
        facts.step = candidate.position
        facts.provider = provider
        facts.model = candidate.plan.model
    }

    private static let noTarget = AttemptResult.unavailable(retryAfterNanoseconds: 1_000_000_000)
    private static let deadline = GatewayError(
        status: 504, code: "upstream_timeout", message: "No target answered within the deadline.", source: .upstream)

    /// No answer can be had: ends the flight and tells the client, or serves it a stale entry.
    private func failAll(_ error: GatewayError) {
        if let fetch { fetch.giveUp(error) } else { answerFailed(error) }
    }

    // MARK: What happens to an attempt

    /// The head of an answer that is no success. Returns whether it is to be passed on now; otherwise it is kept.
    func judge(_ fetch: Fetch, status: Int, retryAfterNanoseconds: UInt64?) -> Bool {
        guard let attempts, self.fetch === fetch || attempts.rival === fetch else { return true }
        let now = worker.loop.now
        let health = attempts.candidates[fetch.candidate].health
        let action = attempts.machine.receivedHead(
            candidate: fetch.candidate, status: status, retryAfterNanoseconds: retryAfterNanoseconds,
            isAnotherKeyReady: fetch.isAnotherKeyReady, refusal: fetch.refusalByContent, now: now,
            takeRepeat: { health.takeRepeat(at: now) })
        switch action {
        case .deliver:
            win(fetch)
            return true
        case .finish(.answer(let candidate, let status)):
            returnToTarget(of: .answer(candidate: candidate, status: status))
            return true
        case .none:
            // The other of the two is still under way.
            note(fetch, failure: nil)
            return !lose(fetch)
        default:
            fetch.keep()
            note(fetch, failure: nil)
            proceed(action)
            return false
        }
    }

    /// Of two fetches the one that answers first is the request's; the other is given up.
    private func win(_ fetch: Fetch) {
        guard let attempts, let rival = attempts.rival else { return }
        let loser = rival === fetch ? self.fetch : rival
        attempts.rival = nil
        self.fetch = fetch
        if let loser { attempts.note(loser.note(nil, isOutrun: true)) }
        loser?.makeWay()
        _ = try? adopt(attempts.candidates[fetch.candidate])
    }

    /// One of two fetches has failed: the other goes on alone. False when there is no other.
    private func lose(_ fetch: Fetch) -> Bool {
        guard let attempts, let rival = attempts.rival else { return false }
        let other = rival === fetch ? self.fetch : rival
        attempts.rival = nil
        fetch.makeWay()
        self.fetch = other
        if let other { _ = try? adopt(attempts.candidates[other.candidate]) }
        return true
    }

    /// Whether an attempt that fails now may be followed by another.
    var mayTryAgain: Bool { attempts.map { !$0.machine.isCommitted && $0.traits.isReplayable } ?? false }

    /// Whether a refusal by content could lead to another list, so that the body must be read first.
    func awaitsBody(status: Int) -> Bool {
        guard plannedRoute?.route.refusalPlans.isEmpty == false else { return false }
        return status == 400 || status == 413 || status == 422
    }

    /// An attempt failed. Before the first byte went out, another may follow.
    func attemptFailed(_ fetch: Fetch, _ failure: AttemptFailure, _ error: GatewayError) {
        guard let attempts, self.fetch === fetch || attempts.rival === fetch else { return fetch.giveUp(error) }
        // The last answer, a refusal, broke off while it was passed on.
        guard !attempts.machine.isFinished else { return fetch.giveUp(error) }
        note(fetch, failure: failure.kind)
        let now = worker.loop.now
        let health = attempts.candidates[fetch.candidate].health
        let action = attempts.machine.attemptFailed(
            candidate: fetch.candidate, failure, now: now, takeRepeat: { health.takeRepeat(at: now) })
        if action == .none, lose(fetch) { return }
        proceed(action)
    }

    private func note(_ fetch: Fetch, failure: AttemptFailure.Kind?) {
        attempts?.note(fetch.note(failure))
    }

    /// The wait before a repeat, or before a hedge, may be over. Returns whether there is still something to wait for.
    func wake(now: MonotonicTime) -> Bool {
        guard let attempts, machine.state == .fetching else { return false }
        if let at = attempts.wakesAt, now >= at {
            attempts.wakesAt = nil
            proceed(attempts.machine.delayPassed(now: now))
        } else if let at = attempts.hedgesAt, now >= at {
            attempts.hedgesAt = nil
            startHedge(attempts, now)
        }
        return self.attempts === attempts && attempts.nextWake != nil
    }

    /// Asks a second target, unless the first has begun to answer meanwhile. It is paid from the first one's budget for repeats: where all have
    /// become slow, asking everything twice would make them slower.
    private func startHedge(_ attempts: RequestAttempts, _ now: MonotonicTime) {
        guard let first = fetch, !first.hasAnswer, machine.progress == .nothing, attempts.machine.hasNext,
            attempts.candidates[first.candidate].health.takeRepeat(at: now)
        else { return }
        let action = attempts.machine.startHedge(now: now)
        guard case .attempt(let number, _) = action else { return }
        do throws(GatewayError) {
            try begin(number, isRepeat: false)
        } catch {
            // Its own limits do not allow it: the first goes on alone.
            _ = attempts.machine.attemptRefused(candidate: number, waitNanoseconds: nil, now: now)
        }
        // Until the second has answered, the request is the first one's: its target, its limits, its name in the answer.
        if self.attempts === attempts, fetch === first { _ = try? adopt(attempts.candidates[first.candidate]) }
    }
}
