import GatewayModel
import Glibc
import Routing
import TestSupport
import Testing

@Suite struct OutageSimulationTests {
    /// Seeds run as batches, so that both cores have work. 40 × 25 simulations of 10 outages each: 10,000.
    private static let batches = 40
    private static let seedsPerBatch = 25
    static let outagesPerSeed = 10

    @Test(arguments: 0..<batches) func `ten thousand short outages break no budget and no breaker rule`(batch: Int) throws {
        var openings = 0
        var probes = 0
        var attempts = 0
        var succeeded = 0
        for offset in 0..<Self.seedsPerBatch {
            let seed = UInt64(batch * Self.seedsPerBatch + offset)
            let simulation = try OutageSimulation(Self.scenario(seed), seed: seed)
            simulation.run()
            let breaches = simulation.audit.breaches
            #expect(breaches.isEmpty, "replay with WEIR_ROUTING_SEED=\(seed): \(breaches.joined(separator: "; "))")
            openings += simulation.audit.openings
            probes += simulation.audit.probes
            attempts += simulation.audit.attemptCount
            succeeded += simulation.succeeded
        }
        // A simulation in which nothing fails proves nothing.
        #expect(openings > Self.seedsPerBatch, "only \(openings) openings")
        #expect(probes > Self.seedsPerBatch / 2, "only \(probes) probes")
        #expect(attempts > Self.seedsPerBatch * 100)
        #expect(succeeded > Self.seedsPerBatch * 50)
    }

    @Test func `a seed replays exactly`() throws {
        for seed: UInt64 in [3, 77, 1234] {
            let first = try OutageSimulation(Self.scenario(seed), seed: seed)
            let second = try OutageSimulation(Self.scenario(seed), seed: seed)
            first.run()
            second.run()
            #expect(first.audit.fingerprint == second.audit.fingerprint)
            #expect(first.audit.attemptCount == second.audit.attemptCount)
            #expect(first.audit.checks == second.audit.checks)
        }
        let other = try OutageSimulation(Self.scenario(4), seed: 4)
        let first = try OutageSimulation(Self.scenario(3), seed: 3)
        other.run()
        first.run()
        #expect(other.audit.fingerprint != first.audit.fingerprint)
    }

    @Test(.enabled(if: getenv("WEIR_ROUTING_SEED") != nil)) func `the seed named in the environment`() throws {
        guard let text = getenv("WEIR_ROUTING_SEED"), let seed = UInt64(String(cString: text)) else { return }
        let simulation = try OutageSimulation(Self.scenario(seed), seed: seed)
        simulation.prints = true
        simulation.run()
        #expect(simulation.audit.breaches == [])
    }

    /// Ten outages of 1 to 8 s one after another, with recoveries between, over 1 to 3 targets.
    static func scenario(_ seed: UInt64) -> OutageScenario {
        var random = SplitMix64(seed: seed ^ 0xA5A5)
        let targets = Int.random(in: 1...3, using: &random)
        let second: UInt64 = 1_000_000_000
        var providers = (0..<targets).map { _ in ScriptedProvider(script: [(0, .healthy)]) }
        var time = second * 2
        for _ in 0..<outagesPerSeed {
            let mode = ProviderMode.allCases.randomElement(using: &random) ?? .fails
            let length = UInt64.random(in: 1...8, using: &random) * second
            let gap = UInt64.random(in: 1...9, using: &random) * second
            // One, or all at once.
            let struck =
                Int.random(in: 0..<4, using: &random) == 0 ? Array(providers.indices) : [Int.random(in: 0..<targets, using: &random)]
            for index in struck { providers[index].script += [(time, mode), (time + length, .healthy)] }
            time += length + gap
        }
        let interval = UInt64.random(in: 100...400, using: &random) * 1_000_000
        var policy = RetryPolicy(
            attemptsPerTarget: Int.random(in: 1...4, using: &random),
            delayMilliseconds: [0, 50, 200, 1000].randomElement(using: &random) ?? 0,
            backoff: BackoffShape.allCases.randomElement(using: &random) ?? .constant, stepsMax: Int.random(in: 1...5, using: &random))
        policy.deadlineMilliseconds = [1000, 10_000, 60_000].randomElement(using: &random) ?? 1000
        let strategy = Int.random(in: 0..<3, using: &random)
        return OutageScenario(
            providers: providers, keys: Int.random(in: 1...2, using: &random), policy: policy,
            hedge: Bool.random(using: &random) ? HedgePolicy(samplesMin: 20) : nil,
            root: { leaves in
                switch strategy {
                case 0: .fallback(leaves)
                case 1: .weighted(leaves.map { WeightedChild(weight: 1, node: $0) })
                default: .lowestLatency(leaves)
                }
            }, requests: Int(time / interval), interval: interval, hasOddClients: Bool.random(using: &random))
    }

    // MARK: The catalogue's own

    private static func dense(_ primary: [(from: UInt64, mode: ProviderMode)], seconds: UInt64, seed: UInt64) throws -> OutageSimulation {
        let scenario = OutageScenario(
            providers: [ScriptedProvider(script: primary), ScriptedProvider(script: [(0, .healthy)])], keys: 1, policy: RetryPolicy(),
            hedge: nil,
            root: { .fallback($0) }, requests: Int(seconds * 500), interval: 2_000_000, hasOddClients: false)
        return try OutageSimulation(scenario, seed: seed)
    }

    @Test(arguments: [ProviderMode.refuses, .fails, .overloaded, .limited, .blackHole, .unresolved, .breaksEarly, .errorInBody])
    func `a primary that fails at 500 requests a second costs next to nothing`(mode: ProviderMode) throws {
        let second: UInt64 = 1_000_000_000
        let simulation = try Self.dense([(0, .healthy), (5 * second, mode)], seconds: 35, seed: 11)
        simulation.run()
        #expect(simulation.audit.breaches == [])
        let requests = 35 * 500
        #expect(Double(simulation.succeeded) >= 0.999 * Double(requests), "\(simulation.succeeded) of \(requests)")
        #expect(simulation.audit.attemptCount * 10 <= requests * 12, "\(simulation.audit.attemptCount) attempts for \(requests) requests")
        #expect(simulation.audit.attempts(of: 0, from: 15 * second) <= 20, "the dead target is hardly asked once its breaker is open")
    }

    @Test func `a primary that flaps is asked ever less often, and comes back`() throws {
        let second: UInt64 = 1_000_000_000
        var script: [(from: UInt64, mode: ProviderMode)] = [(0, .healthy)]
        for flap in 5..<65 { script.append((UInt64(flap) * second, flap % 2 == 1 ? .refuses : .healthy)) }
        let simulation = try Self.dense(script, seconds: 200, seed: 12)
        simulation.run()
        #expect(simulation.audit.breaches == [])
        #expect(simulation.audit.openings < 12, "\(simulation.audit.openings) openings in 60 s of flapping")
        let requests = 200 * 500
        #expect(Double(simulation.succeeded) >= 0.999 * Double(requests))
        // The last 20 s belong to the primary again.
        #expect(simulation.audit.attempts(of: 0, from: 181 * second) > 9000)
    }

    @Test func `a primary that returns takes its traffic back in steps of a tenth`() throws {
        let second: UInt64 = 1_000_000_000
        let simulation = try Self.dense([(0, .healthy), (5 * second, .refuses), (8 * second, .healthy)], seconds: 40, seed: 13)
        simulation.run()
        #expect(simulation.audit.breaches == [])
        let begins = simulation.audit.attemptTimes(of: 0).filter { $0 > 9 * second }
        let probe = try #require(begins.first)
        #expect(probe < 13 * second)
        let shares = (0..<12).map { step in
            begins.filter { $0 >= probe + UInt64(step) * second && $0 < probe + UInt64(step + 1) * second }.count
        }
        for step in 0..<9 {
            let expected = 50 * (step + 1)
            #expect(
                abs(shares[step] - expected) <= 20 + expected / 4, "second \(step) after the probe: \(shares[step]) of 500, not \(expected)"
            )
        }
        #expect(shares[11] > 450)
    }

    @Test func `when all are down the answer is 503, and nobody is asked but by probes`() throws {
        let second: UInt64 = 1_000_000_000
        let scenario = OutageScenario(
            providers: [ScriptedProvider(script: [(0, .refuses)]), ScriptedProvider(script: [(0, .fails)])], keys: 1, policy: RetryPolicy(),
            hedge: nil, root: { .fallback($0) }, requests: 15_000, interval: 2_000_000, hasOddClients: false)
        let simulation = try OutageSimulation(scenario, seed: 14)
        simulation.run()
        #expect(simulation.audit.breaches == [])
        #expect(simulation.audit.attemptCount < 400, "\(simulation.audit.attemptCount) attempts")
        #expect(simulation.results[503, default: 0] > 14_800, "\(simulation.results)")
        #expect(simulation.audit.attempts(of: 0, from: 3 * second) < 20)
    }

    @Test func `half of the answers failing stays within the retry budget`() throws {
        let scenario = OutageScenario(
            providers: [ScriptedProvider(script: [(0, .half)])], keys: 1, policy: RetryPolicy(), hedge: nil, root: { $0[0] },
            requests: 10_000,
            interval: 2_000_000, hasOddClients: false)
        let simulation = try OutageSimulation(scenario, seed: 15)
        simulation.run()
        #expect(simulation.audit.breaches == [])
        // Without the budget every failure would be repeated: 1.5 attempts a request.
        #expect(simulation.audit.attemptCount <= 12_000, "\(simulation.audit.attemptCount) attempts for 10,000 requests")
    }
}
