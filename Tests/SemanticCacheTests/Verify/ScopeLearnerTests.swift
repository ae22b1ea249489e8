import GatewayModel
import TestSupport
import Testing

@testable import SemanticCache

/// A scope's learner with the traffic that a test asks for.
struct LearnerBench {
    var learner = ScopeLearner()
    var policy = SemanticPolicy(rule: .maxError(0.05))
    var random = SplitMix64(seed: 1)

    /// A match that is nearly always right, or one that nearly never is.
    static func match(isGood: Bool) -> MatchFeatures {
        MatchFeatures(cosine: isGood ? 0.97 : 0.75, margin: isGood ? 0.25 : 0.01, support: isGood ? 4 : 1, gateCosine: 0.9, entries: 1000)
    }

    mutating func decide(_ features: MatchFeatures, isRepeat: Bool = false, random: UInt64 = .max) -> ScopeLearner.Outcome {
        learner.decide(features, policy: policy, prior: .shipped, isVerifiedRepeat: isRepeat, random: random)
    }

    func ticket(_ features: MatchFeatures, isAudit: Bool = false, weight: Double = 1) -> SemanticTicket {
        SemanticTicket(
            scope: "s", features: features, weight: weight, isAudit: isAudit, ordinal: learner.counters.requests, candidates: [])
    }

    /// Asks and learns `count` times, half of the matches good; good ones are right but for `wrongShare`.
    mutating func train(_ count: Int, wrongShare: Double = 0) {
        for _ in 0..<count {
            let isGood = random.next() % 2 == 0
            let features = Self.match(isGood: isGood)
            let outcome = decide(features, random: random.next())
            let isRight = isGood && random.share() >= wrongShare
            switch outcome.action {
            case .serve, .miss: break
            case .audit: learner.learn(ticket(features, isAudit: true, weight: outcome.weight), isRight: isRight)
            case .explore: learner.learn(ticket(features), isRight: isRight)
            }
            if learner.isFitDue { learner.apply(learner.fit(prior: .shipped)) }
        }
    }
}

@Suite struct ScopeLearnerTests {
    private let good = LearnerBench.match(isGood: true)

    @Test func `something is served before anything is known`() {
        var bench = LearnerBench()
        for _ in 0..<100 { #expect(bench.decide(good).action == .explore(.cold)) }
        #expect(bench.learner.counters.requests == 100 && bench.learner.counters.explored == 100 && bench.learner.counters.served == 0)
        #expect(bench.decide(good).calibration?.threshold == nil)
    }

    @Test func `what is learnt is not served, or what is hopeless is`() throws {
        var bench = LearnerBench()
        bench.train(1000)
        let threshold = try #require(bench.learner.calibrations[0.05]?.threshold)
        let outcome = bench.decide(good)
        #expect(outcome.action == .serve && (outcome.probability ?? 0) >= threshold)
        #expect(bench.decide(LearnerBench.match(isGood: false)).action == .explore(.unlikely))
        var explored = good
        explored.isExplored = true
        #expect(bench.decide(explored, isRepeat: true).action == .explore(.explored), "the guard has the last word")
    }

    @Test func `a fit is made at each label, or later than it is due`() {
        var bench = LearnerBench()
        for number in 1...ScopeLearner.refitEvery {
            #expect(!bench.learner.isFitDue)
            _ = bench.decide(good)
            bench.learner.learn(bench.ticket(good), isRight: number % 2 == 0)
        }
        #expect(bench.learner.isFitDue)
        bench.learner.apply(bench.learner.fit(prior: .shipped))
        #expect(!bench.learner.isFitDue && bench.learner.model != nil && bench.learner.calibrations[0.05]?.threshold == nil)
    }

    @Test func `a request drawn for an audit is served, or one that is not drawn is audited`() {
        var bench = LearnerBench()
        bench.train(1000)
        bench.policy.auditRate = 0.2
        let drawn = bench.decide(good, random: 0)
        #expect(drawn.action == .audit && drawn.weight >= 1 / 0.4 - 1e-9 && drawn.weight <= 1 / 0.14 + 1e-9)
        #expect(bench.decide(good, random: .max).action == .serve)
        // The chance is one over the weight: just below it is drawn, just above it is not.
        let chance = 1 / drawn.weight
        #expect(bench.decide(good, random: UInt64((chance - 1e-6) * 18_446_744_073_709_551_616)).action == .audit)
        #expect(bench.decide(good, random: UInt64((chance + 1e-6) * 18_446_744_073_709_551_616)).action == .serve)
        bench.policy.auditRate = 0
        #expect(bench.decide(good, random: 0).action == .serve)
        bench.policy.auditRate = 1
        bench.policy.auditsForLowRate = 1_000_000
        #expect([0, 1 << 62].allSatisfy { bench.decide(good, random: $0).action == .audit })
    }

    @Test func `audits do not become rarer, or too rare`() {
        var bench = LearnerBench()
        bench.policy.auditsForLowRate = 100
        bench.policy.auditRate = 0.1
        bench.policy.auditRateLow = 0.02
        var rates: [Int: Double] = [0: bench.learner.auditRate(bench.policy)]
        for judged in 1...600 {
            bench.learner.learn(bench.ticket(good, isAudit: true, weight: 10), isRight: true)
            rates[judged] = bench.learner.auditRate(bench.policy)
        }
        #expect(rates[0] == 0.1 && rates[100] == 0.1)
        #expect((rates[101] ?? 1) < 0.1 && abs((rates[200] ?? 0) - 0.05) < 1e-9)
        #expect(abs((rates[500] ?? 0) - 0.02) < 1e-9 && rates[600] == 0.02)
        bench.policy.auditRateLow = 0.5
        #expect(bench.learner.auditRate(bench.policy) == 0.1, "a low rate above the rate is the rate")
        bench.policy.auditRate = 7
        #expect(bench.learner.auditRate(bench.policy) == 1 || bench.learner.auditRate(bench.policy) == 0.5)
        bench.policy.auditRate = -1
        #expect(bench.learner.auditRate(bench.policy) == 0)
    }

    @Test func `shadow mode serves, or counts nothing`() {
        var bench = LearnerBench()
        bench.train(1000)
        let before = bench.learner.counters
        bench.policy.isShadow = true
        #expect(bench.decide(good, random: 0).action == .explore(.shadow))
        #expect(bench.decide(good, random: .max).action == .explore(.shadow))
        let after = bench.learner.counters
        #expect(after.wouldHaveServed == before.wouldHaveServed + 2 && after.served == before.served && after.audits == before.audits)
        #expect(after.explored == before.explored + 2)
    }

    @Test func `cold, anything but a verified repeat is served`() {
        var bench = LearnerBench()
        #expect(bench.decide(good, isRepeat: false).action == .explore(.cold))
        #expect(bench.decide(good, isRepeat: true).action == .serve)
        #expect(bench.decide(good, isRepeat: true, random: 0).action == .audit, "repeats are audited too")
        bench.policy.minimumCosine = 0.98
        #expect(bench.decide(good, isRepeat: true).action == .explore(.stricterClient))
    }

    @Test func `the shipped prior serves where it was not asked to, or what it is not sure of`() {
        let near = MatchFeatures(cosine: 0.999, margin: 0.3, support: 6, gateCosine: 1, entries: 1000)
        var bench = LearnerBench()
        #expect(LogisticModel.shipped.probability(of: near) >= ScopeLearner.coldProbability)
        #expect(bench.decide(near).action == .explore(.cold))
        bench.policy.cold = .prior
        #expect(bench.decide(near).action == .serve)
        let lessNear = MatchFeatures(cosine: 0.9, margin: 0.12, support: 1, gateCosine: 0.8, entries: 1000)
        #expect(bench.decide(lessNear).action == .explore(.cold))
        // Once something was learnt, the prior has no say.
        for _ in 0..<ScopeLearner.refitEvery { bench.learner.learn(bench.ticket(near), isRight: false) }
        bench.learner.apply(bench.learner.fit(prior: .shipped))
        #expect(bench.decide(near).action == .explore(.cold))
    }

    @Test func `a plain threshold is not kept, or learns`() {
        var bench = LearnerBench()
        bench.policy = SemanticPolicy(rule: .threshold(0.9))
        func ask(_ cosine: Float, isExplored: Bool = false) -> SemanticDecision.Action {
            let features = MatchFeatures(
                cosine: cosine, margin: 0, support: 1, gateCosine: 0.9, entries: 1, isExplored: isExplored)
            let outcome = bench.decide(features, random: 0)
            #expect(outcome.probability == nil && outcome.calibration == nil)
            return outcome.action
        }
        #expect(ask(0.9) == .serve)
        #expect(ask(Float(0.9).nextDown) == .miss(.unlikely))
        #expect(ask(0.99, isExplored: true) == .miss(.explored))
        bench.policy.minimumCosine = 0.95
        #expect(ask(0.94) == .miss(.stricterClient))
        #expect(ask(0.95) == .serve)
        bench.policy.minimumCosine = 0.5
        #expect(ask(0.6) == .miss(.unlikely), "a client may only be stricter")
        bench.policy.isShadow = true
        #expect(ask(0.99) == .explore(.shadow))
        #expect(bench.learner.window.unjudged.isEmpty && bench.learner.calibrations.isEmpty)
    }

    @Test func `a stricter client is served what it refused`() {
        var bench = LearnerBench()
        bench.train(1000)
        bench.policy.minimumCosine = good.cosine
        #expect(bench.decide(good).action == .serve)
        bench.policy.minimumCosine = good.cosine.nextUp
        #expect(bench.decide(good).action == .explore(.stricterClient))
    }

    @Test func `bounds that clients make up grow without end`() {
        var bench = LearnerBench()
        for number in 1...100 {
            bench.policy.rule = .maxError(Double(number) / 1000)
            _ = bench.decide(good)
            #expect(bench.learner.calibrations.count <= 8 && bench.learner.calibrations[Double(number) / 1000] != nil)
        }
    }

    @Test func `an abandoned ticket is forgotten`() {
        var bench = LearnerBench()
        _ = bench.decide(good)
        bench.learner.abandon(bench.ticket(good))
        #expect(bench.learner.window.unjudged.map(\.ordinal) == [1] && bench.learner.counters.labels == 0)
    }
}

@Suite struct LearnerAlarmTests {
    private let good = LearnerBench.match(isGood: true)

    /// A scope that serves, and then is wrong.
    private func alarmed() -> LearnerBench {
        var bench = LearnerBench()
        bench.policy.auditRate = 0.5
        bench.train(1200)
        while !bench.learner.isAlarmed, bench.learner.counters.requests < 5000 { bench.train(1, wrongShare: 0.9) }
        return bench
    }

    @Test func `traffic that changed raises no alarm`() {
        var bench = alarmed()
        #expect(bench.learner.isAlarmed && bench.learner.counters.alarms == 1)
        #expect(bench.learner.calibrations.values.allSatisfy { $0.threshold == nil })
        #expect(bench.decide(good).action == .explore(.alarm))
        #expect(bench.decide(good, isRepeat: true).action == .explore(.alarm))
        #expect(bench.learner.labelsSinceFit <= 1, "what was learnt before is not fitted again at once")
    }

    @Test func `an alarm is raised by good traffic`() {
        for seed in 1...5 as ClosedRange<UInt64> {
            var bench = LearnerBench()
            bench.random = SplitMix64(seed: seed)
            bench.train(3000, wrongShare: 0.04)
            #expect(bench.learner.counters.alarms == 0 && bench.learner.counters.served > 0)
        }
    }

    @Test func `an alarm is never lifted, or before a threshold holds again`() {
        var bench = alarmed()
        bench.train(ScopeLearner.refitEvery, wrongShare: 1)
        #expect(bench.learner.isAlarmed, "a fit that finds no threshold lifts nothing")
        bench.train(4000)
        #expect(!bench.learner.isAlarmed && bench.learner.calibrations[0.05]?.threshold != nil)
        #expect(bench.decide(good).action == .serve && bench.learner.counters.alarms == 1)
    }

    @Test func `a fit that was begun before an alarm lifts it`() {
        var bench = LearnerBench()
        bench.policy.auditRate = 0.5
        bench.train(1200)
        let fit = bench.learner.fit(prior: .shipped)
        #expect(fit.calibrations[0.05]?.threshold != nil)
        while !bench.learner.isAlarmed, bench.learner.counters.requests < 5000 { bench.train(1, wrongShare: 0.9) }
        #expect(bench.learner.isAlarmed)
        bench.learner.apply(fit)
        #expect(bench.learner.isAlarmed && bench.learner.calibrations[0.05]?.threshold == nil)
        #expect(bench.decide(good).action == .explore(.alarm))
    }

    @Test func `a fit of what was forgotten comes back`() {
        var bench = LearnerBench()
        bench.train(1200)
        let fit = bench.learner.fit(prior: .shipped)
        bench.learner = ScopeLearner()
        _ = bench.decide(good)
        bench.learner.apply(fit)
        #expect(bench.learner.model == nil && bench.decide(good).action == .explore(.cold))
    }

    @Test func `audits tell before there are enough, or more are remembered than a limit`() {
        var log = AuditLog()
        for number in 1...AuditLog.capacity + 5 {
            log.add(AuditLog.Outcome(ordinal: UInt64(number), weight: 1, isWrong: true))
            #expect((log.bound(now: 1000) == nil) == (number < 20))
            #expect(log.outcomes.count == min(number, AuditLog.capacity))
        }
        #expect(log.outcomes.first?.ordinal == 6)
        #expect(log.bound(now: 6) == nil && log.bound(now: 0) == nil, "a window of no requests says nothing")
        #expect(log.isAlarming(maxError: 0.01, now: 1000) && !log.isAlarming(maxError: 0.9, now: 1000))
        log.removeAll()
        #expect(log.bound(now: 1000) == nil)
    }
}
