// The breaker beside a model of it that keeps every outcome in a list, and the breaker of a target under eight threads.

import GatewayModel
import Synchronization
import TestSupport
import Testing

@testable import Routing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a breaker should do, told as plainly as can be.
private struct BreakerModel {
    enum State: Equatable { case closed, out(hard: Bool, until: UInt64), probing(hard: Bool), back(since: UInt64) }
    struct Permit { var isProbe: Bool, era: Int }

    let settings: BreakerSettings
    var state = State.closed
    var era = 0
    var openings = 0
    private var outcomes: [(second: UInt64, isGood: Bool)] = []
    private var level = 0

    init(_ settings: BreakerSettings) { self.settings = settings }

    mutating func admit(at now: UInt64, isLastResort: Bool) -> Permit? {
        switch state {
        case .closed, .back: return Permit(isProbe: false, era: era)
        case .out(let hard, let until) where now >= until:
            state = .probing(hard: hard)
            return Permit(isProbe: true, era: era)
        case .out(let hard, _), .probing(let hard): return !hard && isLastResort ? Permit(isProbe: false, era: era) : nil
        }
    }

    /// `isGood` is nil for what says nothing.
    mutating func report(_ permit: Permit, isGood: Bool?, at now: UInt64) {
        guard permit.era == era else { return }
        if permit.isProbe {
            guard case .probing(let hard) = state else { return }
            switch isGood {
            case true?:
                state = .back(since: now)
                era += 1
                outcomes = []
            case false?: open(hard: hard, now)
            case nil: state = .out(hard: hard, until: now)
            }
            return
        }
        guard let isGood else { return }
        outcomes.append((now / 1_000_000_000, isGood))
        if !isGood { failed(now) }
    }

    private mutating func failed(_ now: UInt64) {
        let inRow = outcomes.reversed().prefix { !$0.isGood }.count >= settings.consecutiveFailuresMax
        switch state {
        case .probing: return
        case .out(let hard, _): if !hard, inRow { open(hard: true, now) }
        case .closed, .back:
            if inRow { return open(hard: true, now) }
            let recent = outcomes.filter { $0.second + 10 > now / 1_000_000_000 }
            let bad = recent.count { !$0.isGood }
            if recent.count >= settings.failingSamplesMin, bad * 100 >= recent.count * settings.failingPercent { open(hard: false, now) }
        }
    }

    private mutating func open(hard: Bool, _ now: UInt64) {
        var isCalm = openings == 0
        switch state {
        case .closed: isCalm = true
        case .back(let since): isCalm = isCalm || now - since >= settings.calmNanoseconds
        case .out, .probing: break
        }
        level = isCalm ? 0 : level + 1
        openings += 1
        era += 1
        outcomes = []
        var wait = settings.cooldownNanosecondsMin
        for _ in 0..<min(level, 10) { wait = min(wait * 2, settings.cooldownNanosecondsMax) }
        state = .out(hard: hard, until: now + wait)
    }
}

@Suite struct BreakerModelTests {
    private static var settings: BreakerSettings {
        var settings = BreakerSettings()
        settings.jitterPercent = 0
        settings.calmNanoseconds = 30_000_000_000
        return settings
    }

    private func state(_ breaker: CircuitBreaker) -> BreakerModel.State {
        switch breaker.state {
        case .closed: .closed
        case .open(let cause, let until): .out(hard: cause == .consecutiveFailures, until: until.nanoseconds)
        case .halfOpen(let cause, _): .probing(hard: cause == .consecutiveFailures)
        case .ramping(let since): .back(since: since.nanoseconds)
        }
    }

    @Test(arguments: 1...100) func `a breaker that departs from its model`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var breaker = CircuitBreaker(Self.settings)
        var model = BreakerModel(Self.settings)
        var underWay: [(BreakerPermit, BreakerModel.Permit)] = []
        var now: UInt64 = 20_000_000_000
        var badPercent = 30
        for step in 0..<1000 {
            let time = MonotonicTime(nanoseconds: now)
            switch random.next() % 20 {
            case 0: badPercent = [0, 30, 50, 70, 100].randomElement(using: &random) ?? 50
            case 1: now += random.next() % 8_000_000_000
            case 2..<11:
                let isLastResort = random.next() % 2 == 0
                let permit = breaker.admit(at: time, isLastResort: isLastResort)
                let expected = model.admit(at: now, isLastResort: isLastResort)
                #expect(permit?.isProbe == expected?.isProbe, "seed \(seed), step \(step)")
                if let permit, let expected { underWay.append((permit, expected)) }
            default:
                guard !underWay.isEmpty else { continue }
                let (permit, expected) = underWay.remove(at: Int(random.next() % UInt64(underWay.count)))
                let isNothing = random.next() % 20 == 0
                let isGood = random.next() % 100 >= UInt64(badPercent)
                let verdict: HealthVerdict = isNothing ? .neutral : isGood ? .success : .failure(retryAfterNanoseconds: nil)
                breaker.report(permit, verdict, at: time, random: 0)
                model.report(expected, isGood: isNothing ? nil : isGood, at: now)
            }
            now += random.next() % 50_000_000
            guard state(breaker) == model.state, breaker.openings == UInt64(model.openings) else {
                Issue.record("seed \(seed), step \(step): \(breaker.state) is not \(model.state)")
                return
            }
        }
        #expect(model.openings > 0, "seed \(seed) never opened it")
    }

    @Test func `two probes at once where eight threads ask`() {
        let shared = ThreadsAtOnce()
        onThreads(8) { number in shared.ask(UInt64(number) + 1) }
        #expect(shared.probesMost.load(ordering: .relaxed) == 1)
        #expect(shared.probes.load(ordering: .relaxed) > 100, "it hardly ever opened")
        let reading = shared.health.reading(at: MonotonicTime(nanoseconds: shared.clock.load(ordering: .relaxed)))
        #expect(reading.pending == 0)
    }
}

/// One target, asked by several threads whose clock is a counter.
private final class ThreadsAtOnce: Sendable {
    let health: TargetHealth
    let clock = Atomic<UInt64>(1_000_000_000)
    let probes = Atomic<Int>(0)
    let probesMost = Atomic<Int>(0)
    private let probesUnderWay = Atomic<Int>(0)

    init() {
        var settings = BreakerSettings()
        settings.cooldownNanosecondsMin = 20_000_000
        settings.cooldownNanosecondsMax = 40_000_000
        health = TargetHealth(pool: KeyPool(count: 1), settings: settings)
    }

    /// 12,500 steps: with eight threads a hundred thousand.
    func ask(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var underWay: [TargetPermit] = []
        for step in 0..<12_500 {
            let now = MonotonicTime(nanoseconds: clock.add(random.next() % 200_000, ordering: .relaxed).newValue)
            if underWay.count < 8, random.next() % 2 == 0 {
                guard case .admitted(let permit) = health.admit(at: now, isLastResort: false) else { continue }
                if permit.isProbe {
                    probes.add(1, ordering: .relaxed)
                    probesMost.max(probesUnderWay.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
                }
                underWay.append(permit)
            } else if let permit = underWay.popLast() {
                // Phases in which all fails and such in which little does.
                let verdict: HealthVerdict =
                    random.next() % 10 < (step / 500 % 2 == 0 ? 9 : 2) ? .failure(retryAfterNanoseconds: nil) : .success
                if permit.isProbe { probesUnderWay.subtract(1, ordering: .relaxed) }
                health.report(permit, verdict, at: now, random: random.next())
            }
        }
        for permit in underWay {
            if permit.isProbe { probesUnderWay.subtract(1, ordering: .relaxed) }
            health.report(permit, .neutral, at: MonotonicTime(nanoseconds: clock.load(ordering: .relaxed)), random: 0)
        }
    }
}
