// One request's attempts as a pure machine: past events in, imperatives out. It knows candidates by their number in the planned order and nothing
// else of them; time, randomness and the retry budget are arguments.
//
//   idle ─ start ─▶ attempting ─┬─ 2xx head ─▶ attempting (deliver) ─ firstByteSent ─▶ committed ─ failure ─▶ finished (broken off)
//                     ▲         ├─ failure, status ─▶ repeat: waiting ─ delayPassed ─┐
//                     └─────────┼────────────────── move: next candidate ◀───────────┘
//                               └─ nothing left ─▶ finished
//
// A head is no commitment: until the first byte has gone to the client, a stream that stalls or carries an error fails over like any other.
// Beside the attempt there may be one hedge; whichever answers first wins.

public import GatewayModel

/// The attempts of one request.
public struct AttemptMachine: Sendable {
    /// What the shell does next.
    public enum Action: Sendable, Equatable {
        /// Nothing; another attempt is under way.
        case none
        /// Ask the candidate's health to admit an attempt. If it does, begin it, its first byte due
        /// within `remaining`; else tell `attemptRefused`.
        case attempt(candidate: Int, isRepeat: Bool)
        /// Wait, then tell `delayPassed`. The failed answer is kept until the next attempt was admitted: it may be the last.
        case wait(nanoseconds: UInt64)
        /// Pass this answer on, and cancel the other attempt if there is one.
        case deliver(cancelling: Int?)
        /// Order the route's list for this refusal and hand its length to `changedList`.
        case changeList(UpstreamRefusal)
        /// The end. Attempts still under way are cancelled.
        case finish(AttemptResult)
    }

    enum Phase: Sendable { case idle, attempting, waiting, committed, changingList, finished }

    /// How an attempt ended: what the client is told if it was the last.
    enum End: Sendable {
        case answer(candidate: Int, status: Int)
        case failure(candidate: Int, AttemptFailure)
    }

    /// How often, how fast and for how long.
    public private(set) var policy: RetryPolicy
    /// What may be tried again.
    public private(set) var traits: RequestTraits
    /// When the first byte must have come.
    public let deadline: MonotonicTime
    var random: RandomSource
    var phase = Phase.idle
    var candidateCount: Int
    /// The one being tried.
    public internal(set) var candidate = 0
    /// Another one tried beside it.
    public internal(set) var hedge: Int?
    /// The next one in the order that was not tried.
    var next = 0
    var attemptsOnCandidate = 0
    /// How many attempts were begun.
    public internal(set) var attempts = 0
    /// How many targets were tried.
    public internal(set) var steps = 0
    var lastEnd: End?
    /// The last candidate that refused admission, and the shortest time after which one would not.
    var lastRefused: Int?
    var waitNanoseconds: UInt64?
    /// Lists that may be changed to; a list is used once.
    var lists: UpstreamRefusal.Lists

    /// Makes the machine of a request.
    /// - Parameters:
    ///   - order: the planned order; its number of candidates and its wait are taken from it.
    ///   - started: when the request began: the deadline counts from there.
    ///   - lists: for which refusals the route has another list.
    public init(
        policy: RetryPolicy, traits: RequestTraits, order: PlannedOrder, started: MonotonicTime, seed: UInt64,
        lists: UpstreamRefusal.Lists = []
    ) {
        self.policy = policy
        self.traits = traits
        self.lists = lists
        candidateCount = order.candidateCount
        waitNanoseconds = order.waitNanoseconds
        deadline = started.adding(milliseconds: policy.deadlineMilliseconds)
        random = RandomSource(seed: seed)
    }

    // MARK: Readings

    /// Whether a target remains that was not tried and may be.
    public var hasNext: Bool { next < candidateCount && steps < policy.stepsMax }

    /// Nanoseconds until the deadline: no attempt may wait longer for its first byte.
    public func remaining(at now: MonotonicTime) -> UInt64 { deadline.nanoseconds(since: now) }

    /// Whether no other target remains: the one being tried is then asked even if it is out softly.
    public var isOnLast: Bool { !hasNext }

    /// Whether the answer's first byte went to the client.
    public var isCommitted: Bool { phase == .committed }

    /// Whether the end was decided: what comes of an answer that is being passed on changes nothing here.
    public var isFinished: Bool { phase == .finished }

    // MARK: Events

    /// The attempt that begins now goes by these, where candidates differ in them. The deadline stays the request's.
    public mutating func follow(_ policy: RetryPolicy, _ traits: RequestTraits) {
        self.policy = policy
        self.traits = traits
    }

    /// The request is ready to be sent.
    public mutating func start(now: MonotonicTime) -> Action {
        assert(phase == .idle)
        return move(now)
    }

    /// The candidate's health, or its own limits, did not admit the attempt. `waitNanoseconds`: after which time it might.
    public mutating func attemptRefused(candidate refused: Int, waitNanoseconds wait: UInt64?, now: MonotonicTime) -> Action {
        if refused == hedge {
            hedge = nil
            attempts -= 1
            steps -= 1
            return .none
        }
        guard refused == candidate, phase == .attempting else { return .none }
        attempts -= 1
        attemptsOnCandidate -= 1
        if attemptsOnCandidate == 0 { steps -= 1 }
        lastRefused = refused
        if let wait { waitNanoseconds = min(waitNanoseconds ?? .max, wait) }
        return moveOrFinish(now)
    }

    /// The wait is over.
    public mutating func delayPassed(now: MonotonicTime) -> Action {
        guard phase == .waiting else { return .none }
        guard now < deadline else { return finish() }
        return attempt(isRepeat: true)
    }

    /// A response head arrived.
    /// - Parameters:
    ///   - retryAfterNanoseconds: its `Retry-After` (see `RetryAfter`).
    ///   - isAnotherKeyReady: whether the provider's pool has a key that was not refused or limited.
    ///   - refusal: that it is a refusal for which a route may have another list. Known once the body was read.
    ///   - takeRepeat: takes a repeat from the target's retry budget if there is one left; asked at most once, and only if it would be used.
    public mutating func receivedHead(
        candidate ended: Int, status: Int, retryAfterNanoseconds: UInt64? = nil, isAnotherKeyReady: Bool = false,
        refusal: UpstreamRefusal? = nil, now: MonotonicTime, takeRepeat: () -> Bool
    ) -> Action {
        guard isUnderWay(ended) else { return .none }
        let reaction = RetryReaction.to(status: status, traits, policy)
        if reaction == .deliver {
            let loser = ended == candidate ? hedge : candidate
            settle(on: ended)
            return .deliver(cancelling: loser)
        }
        if let refusal, lists.contains(refusal.list), reaction == .returnAtOnce {
            lists.remove(refusal.list)
            settle(on: ended)
            lastEnd = .answer(candidate: ended, status: status)
            phase = .changingList
            return .changeList(refusal)
        }
        let hasOtherKey = isAnotherKeyReady && (status == 401 || status == 403 || status == 429) && reaction != .returnAtOnce
        return react(
            hasOtherKey ? .repeatThenMove : reaction, .answer(candidate: ended, status: status),
            floor: hasOtherKey ? .immediate : retryAfterNanoseconds.map(Floor.after) ?? .none, now, takeRepeat)
    }

    /// An attempt failed without an answer, or with one that broke or turned out to be none.
    public mutating func attemptFailed(
        candidate ended: Int, _ failure: AttemptFailure, now: MonotonicTime, takeRepeat: () -> Bool
    ) -> Action {
        if phase == .committed, ended == candidate {
            phase = .finished
            return .finish(.brokenOff(candidate: ended, failure))
        }
        guard isUnderWay(ended) else { return .none }
        let reaction = RetryReaction.to(failure, traits, policy)
        return react(reaction, .failure(candidate: ended, failure), floor: .none, now, takeRepeat)
    }

    /// The first byte of the delivered answer went to the client: from here on nothing is tried again.
    public mutating func firstByteSent() {
        guard phase == .attempting else { return }
        phase = .committed
    }

    /// The overall deadline passed.
    public mutating func deadlinePassed() -> Action {
        switch phase {
        case .committed, .finished: return .none
        case .attempting:
            let failure = AttemptFailure(.firstByteTimeout)
            phase = .finished
            return .finish(.noAnswer(candidate: candidate, failure))
        case .idle, .waiting, .changingList: return finish()
        }
    }

    /// The list asked for with `changeList` was ordered; without a candidate the refusal itself is the answer.
    public mutating func changedList(order: PlannedOrder, now: MonotonicTime) -> Action {
        guard phase == .changingList else { return .none }
        candidateCount = order.candidateCount
        next = 0
        return moveOrFinish(now)
    }

    /// The hedge's delay passed without an answer: asks the next target beside this one, if there is one.
    public mutating func startHedge(now: MonotonicTime) -> Action {
        guard phase == .attempting, hedge == nil, hasNext, now < deadline, traits.isReplayable, !traits.isStored else { return .none }
        let hedged = next
        hedge = hedged
        next += 1
        steps += 1
        attempts += 1
        return .attempt(candidate: hedged, isRepeat: false)
    }

    // MARK: Decisions

    private enum Floor { case none, immediate, after(UInt64) }

    private func isUnderWay(_ number: Int) -> Bool { phase == .attempting && (number == candidate || number == hedge) }

    private mutating func react(
        _ reaction: RetryReaction, _ end: End, floor: Floor, _ now: MonotonicTime, _ takeRepeat: () -> Bool
    ) -> Action {
        if reaction == .returnAtOnce {
            lastEnd = end
            return finish()
        }
        if outlives(end) { return .none }
        lastEnd = end
        guard now < deadline else { return finish() }
        if reaction == .repeatThenMove || reaction == .moveThenRepeat && !hasNext, let wait = takeWait(floor, now, takeRepeat) {
            phase = .waiting
            if wait > 0 { return .wait(nanoseconds: wait) }
            return attempt(isRepeat: true)
        }
        return moveOrFinish(now)
    }

    /// Whether another attempt is still under way when this one ends: then that one is the request's attempt.
    private mutating func outlives(_ end: End) -> Bool {
        guard let other = hedge else { return false }
        if candidateOf(end) == candidate {
            candidate = other
            attemptsOnCandidate = 1
        }
        hedge = nil
        return true
    }

    private func candidateOf(_ end: End) -> Int {
        switch end {
        case .answer(let candidate, _), .failure(let candidate, _): candidate
        }
    }

    /// How long to wait before a repeat on the same target; `nil` when there must be none. Takes from the budget last.
    private mutating func takeWait(_ floor: Floor, _ now: MonotonicTime, _ takeRepeat: () -> Bool) -> UInt64? {
        let attemptsMax = traits.clientRetries >= 1 ? 1 : policy.attemptsPerTarget
        guard attemptsOnCandidate < attemptsMax else { return nil }
        var wait: UInt64 = 0
        switch floor {
        case .immediate: break
        case .none: wait = policy.jitteredNanoseconds(beforeRepeat: attemptsOnCandidate, &random)
        case .after(let nanoseconds):
            let patience = hasNext ? min(policy.patienceMilliseconds, policy.retryAfterMillisecondsMax) : policy.retryAfterMillisecondsMax
            let (limit, overflow) = patience.multipliedReportingOverflow(by: 1_000_000)
            guard nanoseconds <= (overflow ? .max : limit) else { return nil }
            let jitter = policy.jitteredNanoseconds(beforeRepeat: attemptsOnCandidate, &random)
            let (sum, carried) = nanoseconds.addingReportingOverflow(jitter)
            wait = carried ? .max : sum
        }
        guard wait < remaining(at: now), takeRepeat() else { return nil }
        return wait
    }

    private mutating func moveOrFinish(_ now: MonotonicTime) -> Action {
        guard hasNext, now < deadline else { return finish() }
        return move(now)
    }

    private mutating func move(_ now: MonotonicTime) -> Action {
        guard hasNext else { return finish() }
        guard now < deadline else { return finish() }
        candidate = next
        next += 1
        steps += 1
        attemptsOnCandidate = 0
        return attempt(isRepeat: false)
    }

    private mutating func attempt(isRepeat: Bool) -> Action {
        phase = .attempting
        attempts += 1
        attemptsOnCandidate += 1
        return .attempt(candidate: candidate, isRepeat: isRepeat)
    }

    private mutating func settle(on winner: Int) {
        if winner != candidate {
            candidate = winner
            attemptsOnCandidate = 1
        }
        hedge = nil
    }

    private mutating func finish() -> Action {
        phase = .finished
        switch lastEnd {
        case .answer(let candidate, let status)? where (status == 401 || status == 403) && !traits.usesClientCredential:
            return .finish(.providerCredentials(candidate: candidate, status: status))
        case .answer(let candidate, let status)?: return .finish(.answer(candidate: candidate, status: status))
        case .failure(let candidate, let failure)?: return .finish(.noAnswer(candidate: candidate, failure))
        case nil:
            guard candidateCount == 0 || lastRefused != nil else { return .finish(.deadlinePassed) }
            return .finish(.unavailable(retryAfterNanoseconds: waitNanoseconds ?? 1_000_000_000, candidate: lastRefused))
        }
    }
}
