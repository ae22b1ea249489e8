import GatewayModel
import Routing
import Testing

/// Counts of its own, and what must hold at every step of a simulated outage.
struct OutageAudit {
    private let seed: UInt64
    /// By target: when requests first asked it, when repeats were granted, and when attempts began.
    private var requests: [[UInt64]]
    private var repeats: [[UInt64]]
    private var attempts: [[UInt64]]
    /// By target and key.
    private var probesUnderWay: [[Int]]
    private var failuresInRow: [[Int]]
    private var openUntil: [[UInt64]]
    /// How often the breaker opened or recovered: what was admitted before says nothing about what comes after.
    private var era: [[Int]]
    private(set) var probes = 0
    private(set) var openings = 0
    private(set) var attemptCount = 0
    private(set) var checks = 0
    private(set) var breaches: [String] = []
    /// FNV over all events: two runs of one seed must agree.
    private(set) var fingerprint: UInt64 = 0xCBF2_9CE4_8422_2325

    init(targets: Int, keys: Int, seed: UInt64) {
        self.seed = seed
        requests = Array(repeating: [], count: targets)
        repeats = Array(repeating: [], count: targets)
        attempts = Array(repeating: [], count: targets)
        let zero = Array(repeating: Array(repeating: 0, count: keys), count: targets)
        probesUnderWay = zero
        failuresInRow = zero
        era = zero
        openUntil = Array(repeating: Array(repeating: 0, count: keys), count: targets)
    }

    mutating func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
        checks += 1
        if !condition, breaches.count < 20 { breaches.append("seed \(seed): " + message()) }
    }

    mutating func trace(_ now: MonotonicTime, _ number: Int) {
        fingerprint = (fingerprint ^ now.nanoseconds ^ UInt64(number)) &* 0x0000_0100_0000_01B3
    }

    // MARK: One request

    mutating func asks(_ request: SimulatedRequest, _ now: MonotonicTime) {
        expect(!request.gotFirstByte, "request \(request.number) is tried again after its first byte")
        expect(!request.isOver, "request \(request.number) is tried after its end")
        expect(now < request.machine.deadline, "request \(request.number) begins an attempt after its deadline")
    }

    mutating func begins(
        _ request: SimulatedRequest, _ target: Int, _ permit: TargetPermit, isFirst: Bool, _ before: CircuitBreaker.State,
        _ now: MonotonicTime
    ) {
        attemptCount += 1
        attempts[target].append(now.nanoseconds)
        if isFirst { requests[target].append(now.nanoseconds) }
        request.begun[target, default: 0] += 1
        let most = request.traits.clientRetries >= 1 ? 1 : request.machine.policy.attemptsPerTarget
        expect(request.begun[target] ?? 0 <= most, "request \(request.number) tries target \(target) too often")
        expect(request.begun.count <= request.machine.policy.stepsMax, "request \(request.number) takes too many steps")
        admitted(target, permit, before, now)
    }

    mutating func finished(_ request: SimulatedRequest, _ result: AttemptResult, _ now: MonotonicTime) {
        expect(!request.isOver, "request \(request.number) ends twice")
        if case .brokenOff = result {
            expect(request.gotFirstByte, "request \(request.number) breaks off before its first byte")
        } else {
            expect(!request.gotFirstByte, "request \(request.number) ends with an error after its first byte")
            expect(now <= request.machine.deadline, "request \(request.number) ends after its deadline")
        }
    }

    // MARK: The budget

    /// Every repeat is granted within a fifth of the requests of the 10 s that end with it, or within 10.
    mutating func repeats(_ target: Int, _ now: MonotonicTime) {
        repeats[target].append(now.nanoseconds)
        let asked = OutageAudit.count(&requests[target], now)
        let repeated = OutageAudit.count(&repeats[target], now)
        expect(repeated <= max(10, asked / 5), "target \(target): \(repeated) repeats of \(asked) requests in 10 s")
        if asked >= 100 {
            expect(asked + repeated <= asked + asked / 5, "target \(target): \(asked + repeated) attempts for \(asked) requests in 10 s")
        }
    }

    /// How many lie in the 10 s that end now; older ones are let go of.
    private static func count(_ times: inout [UInt64], _ now: MonotonicTime) -> Int {
        let start = now.nanoseconds > 10_000_000_000 ? now.nanoseconds - 10_000_000_000 : 0
        let old = times.prefix { $0 <= start }.count
        if old > 256 { times.removeFirst(old) } else { return times.count - old }
        return times.count
    }

    // MARK: The breaker

    private mutating func admitted(_ target: Int, _ permit: TargetPermit, _ before: CircuitBreaker.State, _ now: MonotonicTime) {
        switch before {
        case .open(.consecutiveFailures, let until):
            expect(now >= until, "target \(target) is asked while its breaker is open")
            expect(permit.isProbe, "target \(target) is asked by another than the probe")
        case .open(.failingShare, let until): expect(permit.isProbe == (now >= until), "target \(target) probes at the wrong time")
        case .halfOpen(let cause, _):
            expect(cause == .failingShare && !permit.isProbe, "target \(target) is asked beside its probe")
        case .closed, .ramping: expect(!permit.isProbe, "target \(target) probes without need")
        }
        guard permit.isProbe else { return }
        probes += 1
        probesUnderWay[target][permit.key] += 1
        let atOnce = probesUnderWay[target][permit.key]
        expect(atOnce == 1, "target \(target) has \(atOnce) probes at once")
    }

    /// The era in which an attempt is admitted.
    func era(of target: Int, _ key: Int) -> Int { era[target][key] }

    mutating func reported(_ attempt: SimulatedAttempt, _ verdict: HealthVerdict, _ health: TargetHealth, _ now: MonotonicTime) {
        let (target, key) = (attempt.target, attempt.permit.key)
        let state = health.reading(at: now).keys[key].state
        if attempt.permit.isProbe {
            probesUnderWay[target][key] -= 1
            switch verdict {
            case .success:
                expect(state == .ramping(since: now), "target \(target) does not ramp after its probe")
                startEra(target, key)
            case .failure, .limited: expectOpen(state, target, now)
            case .keyRefused, .neutral:
                if case .open(_, let until) = state {
                    expect(until <= now, "target \(target) waits for longer after a probe without outcome")
                } else {
                    expect(false, "target \(target) closes after a probe without outcome")
                }
            }
            if case .limited(let asked?) = verdict, case .open(_, let until) = state {
                expect(until >= now.after(min(asked, 60_000_000_000)), "target \(target) opens for less than its Retry-After")
            }
            return noteOpening(state, target, key, now)
        }
        switch verdict {
        case .failure, .limited: failed(attempt, state, now)
        case .success: if attempt.era == era[target][key] { failuresInRow[target][key] = 0 }
        case .keyRefused, .neutral: break
        }
    }

    mutating func broke(_ attempt: SimulatedAttempt, _ health: TargetHealth, _ now: MonotonicTime) {
        guard !attempt.permit.isProbe else { return }
        failed(attempt, health.reading(at: now).keys[attempt.permit.key].state, now)
    }

    /// The fifth failure in a row opens the breaker, whatever else happens around it.
    private mutating func failed(_ attempt: SimulatedAttempt, _ state: CircuitBreaker.State, _ now: MonotonicTime) {
        let (target, key) = (attempt.target, attempt.permit.key)
        guard attempt.era == era[target][key] else { return }
        failuresInRow[target][key] += 1
        if case .halfOpen = state { return }
        let inRow = failuresInRow[target][key]
        if inRow >= 5 {
            if case .open(.consecutiveFailures, _) = state {
                expect(true, "")
            } else {
                expect(false, "target \(target) is not out after \(inRow) failures in a row: \(state)")
            }
        } else if case .open(.consecutiveFailures, _) = state {
            expect(false, "target \(target) is out after only \(inRow) failures in a row")
        }
        noteOpening(state, target, key, now)
    }

    private mutating func expectOpen(_ state: CircuitBreaker.State, _ target: Int, _ now: MonotonicTime) {
        if case .open(_, let until) = state, until > now { return expect(true, "") }
        expect(false, "target \(target) does not open after its probe failed")
    }

    /// Whatever opens stays open for 4 to 60 s.
    private mutating func noteOpening(_ state: CircuitBreaker.State, _ target: Int, _ key: Int, _ now: MonotonicTime) {
        guard case .open(_, let until) = state, until > now, until.nanoseconds != openUntil[target][key] else { return }
        openings += 1
        openUntil[target][key] = until.nanoseconds
        let span = until.nanoseconds(since: now)
        expect((4_000_000_000...60_000_000_000).contains(span), "target \(target) opens for \(span) ns")
        startEra(target, key)
    }

    private mutating func startEra(_ target: Int, _ key: Int) {
        era[target][key] += 1
        failuresInRow[target][key] = 0
    }

    /// When attempts on a target began, in nanoseconds.
    func attemptTimes(of target: Int) -> [UInt64] { attempts[target] }

    /// How many attempts on a target began at a time or later.
    func attempts(of target: Int, from time: UInt64) -> Int { attempts[target].filter { $0 >= time }.count }

    // MARK: Soft and hard

    /// What is out softly stays a candidate, and stands behind those that are not.
    mutating func planned(_ order: PlannedOrder, _ healths: [TargetHealth], _ now: MonotonicTime) {
        var sawLastResort = false
        for entry in order.candidates {
            if entry.lastResort != nil {
                sawLastResort = true
            } else {
                expect(!sawLastResort, "a last resort stands before a ready target")
            }
        }
        for entry in order.skipped {
            let keys = healths[entry.target].reading(at: now).keys
            expect(keys.allSatisfy { OutageAudit.isHardOut($0.state, now) }, "target \(entry.target) is skipped though it is not out")
        }
    }

    /// Nobody is told 503 while a target is out softly only.
    mutating func unavailable(_ order: PlannedOrder, _ healths: [TargetHealth], _ now: MonotonicTime) {
        for entry in order.entries {
            let keys = healths[entry.target].reading(at: now).keys
            expect(keys.allSatisfy { OutageAudit.isHardOut($0.state, now) }, "503 though target \(entry.target) is not out")
        }
    }

    private static func isHardOut(_ state: CircuitBreaker.State, _ now: MonotonicTime) -> Bool {
        switch state {
        case .open(let cause, let until): cause == .consecutiveFailures && now < until
        case .halfOpen(let cause, _): cause == .consecutiveFailures
        case .closed, .ramping: false
        }
    }
}
