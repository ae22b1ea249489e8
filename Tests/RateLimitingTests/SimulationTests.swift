import GatewayModel
import TestSupport
import Testing

@testable import RateLimiting

/// 2026-03-01T00:00:00Z
private let origin: Int64 = 1_772_323_200_000

private func recorded(
    at milliseconds: Int64, for duration: Int64 = 0, tenant: String = "acme", key: String = "", route: String = "", model: String = "m",
    metadata: [String: String] = [:], _ course: RecordedRequest.Course = .fetched, reserve: Int64? = nil, use: Int64? = nil
) -> RecordedRequest {
    RecordedRequest(
        start: WallTime(milliseconds: origin + milliseconds), durationNanoseconds: duration, tenant: tenant, key: key, route: route,
        provider: "p", model: model, metadata: metadata, course: course,
        estimate: reserve.map { UseEstimate(MeteredUse(inputTokens: $0)) }, use: use.map { MeteredUse(inputTokens: $0) })
}

private func simulated(_ limits: [Limit]) -> SimulatedLimits {
    var simulated = SimulatedLimits { pattern, model, _ in pattern == model }
    simulated.otherTenants = limits
    return simulated
}

private func replay(_ requests: [RecordedRequest], _ limits: SimulatedLimits) -> SimulationReport {
    let simulation = LimitSimulation(limits)
    for request in requests { simulation.replay(request) }
    return simulation.finish()
}

private func replay(_ requests: [RecordedRequest], _ limits: [Limit]) -> SimulationReport { replay(requests, simulated(limits)) }

extension SimulationReport {
    fileprivate func result(_ name: String) -> LimitResult? { limits.first { $0.policyName == name } }
}

@Suite struct SimulationTests {
    // MARK: Against counting by hand

    private static func trace(_ seed: UInt64) -> [RecordedRequest] {
        var random = SplitMix64(seed: seed)
        var time: Int64 = 0
        return (0..<600).map { _ in
            // Bursts and pauses.
            time += random.next() % 5 == 0 ? Int64(random.next() % 9000) : Int64(random.next() % 120)
            let reserve = Int64(random.next() % 400)
            let use = random.next() % 7 == 0 ? reserve + Int64(random.next() % 900) : Int64(random.next() % UInt64(reserve + 1))
            return recorded(at: time, for: Int64(random.next() % 4_000_000_000), reserve: reserve, use: use)
        }
    }

    @Test(arguments: 1...12)
    func `a replay finds what counting by hand finds`(seed: UInt64) throws {
        let reference = ReferenceLimits(requestsPerMinute: 60, requestsBurst: 15, tokensPerMinute: 12_000, tokensBurst: 1500, places: 5)
        let trace = SimulationTests.trace(seed)
        let report = replay(trace, reference.limits)
        var run = ReferenceRun(reference)
        for request in trace {
            run.take(
                at: request.start.milliseconds - origin, duration: request.durationNanoseconds,
                reserve: request.estimate?.use.inputTokens ?? 0, use: request.use?.inputTokens ?? 0, origin: origin)
        }
        #expect(report.total.offered == 600)
        #expect(report.total.refused == run.refused)
        #expect(run.refused > 0, "a trace that is never refused shows nothing")
        for (name, expected) in [("tenant-requests", run.requests), ("tenant-tokens", run.tokens), ("tenant-concurrency", run.places)] {
            let found = try #require(report.result(name))
            #expect(found.met == expected.met, "\(name)")
            #expect(found.refused == expected.refused, "\(name)")
            #expect(found.firstRefusal?.milliseconds == expected.first, "\(name)")
            #expect(found.worstMinute?.milliseconds == expected.worst.map { $0.minute * 60_000 }, "\(name)")
            #expect(found.worstMinuteRefused == expected.worst?.count ?? 0, "\(name)")
            #expect(found.retryAfterSecondsMax == expected.longestWait, "\(name)")
            #expect(found.enough == expected.enough, "\(name)")
        }
    }

    @Test(arguments: 1...6)
    func `the burst that is said to be enough refuses nothing and one less does`(seed: UInt64) throws {
        let trace = SimulationTests.trace(seed)
        for limit in [requests(60, per: 60, burst: 3), tokens(12_000, burst: 500), concurrency(1), cost(1, .calendar(.day))] {
            let enough = try #require(replay(trace, [limit]).limits.first { $0.limit.measure == limit.measure }?.enough)
            func refused(with amount: Int64) -> Int {
                var other = limit
                other.burst = amount
                if case .bucket = limit.window {} else { other.amount = amount }
                return replay(trace, [other]).total.refused
            }
            #expect(refused(with: enough) == 0, "\(limit.measure)")
            if enough > 1 { #expect(refused(with: enough - 1) > 0, "\(limit.measure)") }
        }
    }

    // MARK: What charges what

    @Test func `a hit is charged to the limits on hits only`() {
        let limits = [requests(1, per: 60), Limit(measure: .hits, amount: 2, window: .bucket(nanoseconds: 60 * second)), tokens(10)]
        let report = replay((0..<3).map { recorded(at: $0, .hit, use: 100) }, limits)
        #expect(report.total == counts(offered: 3, hits: 3, refused: 1))
        #expect(report.result("tenant-hits")?.refused == 1)
        #expect(report.result("tenant-requests")?.met == 0)
        #expect(report.result("tenant-tokens")?.met == 0)
    }

    @Test func `a follower takes no place and no tokens`() {
        let report = replay(
            (0..<3).map { recorded(at: $0, for: 10 * second, .followed, reserve: 10, use: 10) },
            [requests(3, per: 60), concurrency(1), tokens(1)])
        #expect(report.total.refused == 0)
        #expect(report.result("tenant-requests")?.peakPercent == 100)
        #expect(report.result("tenant-tokens")?.met == 0)
        #expect(report.result("tenant-concurrency")?.enough == 1)
    }

    @Test func `a place is free again when the request has ended`() {
        func refused(_ second: Int64) -> Int {
            replay([recorded(at: 0, for: 1_000_000_000), recorded(at: second)], [concurrency(1)]).total.refused
        }
        #expect(refused(1000) == 0)
        #expect(refused(999) == 1)
    }

    @Test func `what was refused then counts as offered and is expected to use what others did`() {
        // Two that used 30 of 100 reserved; the third was refused. 30 + 30 + 30 fit into 100 only if it is charged the mean.
        let trace = [
            recorded(at: 0, reserve: 40, use: 30), recorded(at: 1, reserve: 40, use: 30), recorded(at: 2, .refused, reserve: 40),
            recorded(at: 3, reserve: 10, use: 10),
        ]
        let report = replay(trace, [tokens(100, per: 86_400)])
        #expect(report.total.refusedThen == 1)
        #expect(report.total.offered == 4)
        #expect(report.total.refused == 0)
        #expect(report.result("tenant-tokens")?.peakPercent == 100)
    }

    @Test func `a request larger than its limit is refused for good and has no wait`() {
        let report = replay([recorded(at: 0, reserve: 11, use: 1), recorded(at: 1, reserve: 10, use: 1)], [tokens(10)])
        let result = report.result("tenant-tokens")
        #expect(result?.refused == 1)
        #expect(result?.refusedForGood == 1)
        #expect(result?.retryAfterSecondsMax == nil)
        #expect(result?.enough == 11)
    }

    @Test func `a limit in shadow mode counts and lets pass`() {
        let report = replay((0..<3).map { recorded(at: $0) }, [requests(1, per: 60, shadow: true)])
        #expect(report.total.refused == 0)
        #expect(report.result("tenant-requests")?.refused == 2)
        #expect(report.result("tenant-requests")?.limit.isShadow == true)
    }

    @Test func `a budget of a day is whole again the next day`() {
        let day: Int64 = 86_400_000
        let trace = [0, day - 1, day].map { milliseconds in
            RecordedRequest(
                start: WallTime(milliseconds: origin + milliseconds), durationNanoseconds: 0, tenant: "acme", use: MeteredUse(cost: 60))
        }
        let report = replay(trace, [cost(100, .calendar(.day))])
        #expect(report.total.refused == 1)
        #expect(report.result("tenant-cost")?.firstRefusal == WallTime(milliseconds: origin + day - 1))
        #expect(report.result("tenant-cost")?.enough == 120)
    }

    // MARK: Whose limits

    @Test func `limits of key, tenant, model, metadata and route all apply`() {
        func limit(_ selector: LimitSelector, _ amount: Int64) -> Limit {
            Limit(measure: .requests, selector: selector, amount: amount, window: .bucket(nanoseconds: 60 * second))
        }
        var limits = simulated([])
        limits.tenants["acme"] = [limit(.all, 100), limit(.model("big"), 2), limit(.metadata("user"), 3)]
        limits.keys["k"] = [limit(.all, 5)]
        limits.routes["fast"] = [limit(.all, 4)]
        func refused(_ count: Int64, _ request: (Int64) -> RecordedRequest) -> Int {
            replay((0..<count).map(request), limits).total.refused
        }
        #expect(refused(3) { recorded(at: $0, model: "big") } == 1)
        // Every model but the big one, and a value of its own for each request.
        #expect(refused(6) { recorded(at: $0, key: "k", metadata: ["user": "\($0)"]) } == 1)
        #expect(refused(4) { recorded(at: $0, metadata: ["user": "u"]) } == 1)
        #expect(refused(4) { recorded(at: $0) } == 1, "requests without the name share one value")
        #expect(refused(5) { recorded(at: $0, tenant: "other", route: "fast") } == 1)
        #expect(refused(9) { recorded(at: $0, tenant: "other") } == 0)
    }

    @Test func `the report lists the given limits and not those it measures by`() {
        // The first request is refused before it meets the limit on tokens.
        let report = replay([recorded(at: 0, reserve: 1, use: 1)], [concurrency(0), tokens(10)])
        #expect(report.result("tenant-tokens")?.limit == tokens(10))
    }

    // MARK: Bounds

    @Test func `more under way than are kept track of end early and are counted`() {
        func report(_ count: Int64) -> SimulationReport {
            let simulation = LimitSimulation(simulated([concurrency(100)]), pendingMax: 4)
            for index in 0..<count { simulation.replay(recorded(at: index, for: 60 * second)) }
            return simulation.finish()
        }
        #expect(report(4).endedEarlyCount == 0)
        #expect(report(5).endedEarlyCount == 1)
    }

    @Test func `more tenants than are told apart still count in the total`() {
        let simulation = LimitSimulation(simulated([]))
        for index in 0...LimitSimulation.tenantsMax { simulation.replay(recorded(at: 0, tenant: "t\(index)")) }
        let report = simulation.finish()
        #expect(report.tenants.count == LimitSimulation.tenantsMax)
        #expect(report.total.offered == LimitSimulation.tenantsMax + 1)
    }

    @Test func `absurd times and amounts do not trap`() {
        let all = [requests(10), tokens(1000), cost(5, .rolling(seconds: 3600)), cost(5, .calendar(.month)), concurrency(2)]
        let starts: [Int64] = [.min, -1, 0, origin, .max, .min]
        let trace = starts.map {
            RecordedRequest(
                start: WallTime(milliseconds: $0), durationNanoseconds: .max, tenant: "",
                estimate: UseEstimate(
                    MeteredUse(inputTokens: .max, outputTokens: .max, cost: .max), softOutputTokens: .max, softCost: .max),
                use: MeteredUse(inputTokens: .max, outputTokens: .min, cost: .max))
        }
        let report = replay(trace, all)
        #expect(report.total.offered == 6)
        #expect(report.result("tenant-tokens")?.enough == nil)
    }
}

@Suite struct ReplayOrderTests {
    private func order(_ starts: [Int64], capacity: Int) -> [Int64] {
        var order = ReplayOrder(capacity: capacity)
        var out: [Int64] = []
        for start in starts { if let next = order.push(recorded(at: start)) { out.append(next.start.milliseconds - origin) } }
        while let next = order.pop() { out.append(next.start.milliseconds - origin) }
        return out
    }

    @Test func `requests go out in the order of their starts as far as the capacity reaches`() {
        #expect(order([3, 2, 1, 0], capacity: 3) == [0, 1, 2, 3])
        #expect(order([3, 2, 1, 0], capacity: 2) == [1, 0, 2, 3])
        #expect(order([1, 0], capacity: 0) == [1, 0])
    }

    @Test func `requests of one millisecond stay in the order in which they came`() {
        var order = ReplayOrder()
        for key in ["a", "b", "c"] { _ = order.push(recorded(at: 5, key: key)) }
        #expect([order.pop()?.key, order.pop()?.key, order.pop()?.key, order.pop()?.key] == ["a", "b", "c", nil])
    }

    @Test func `any order within the capacity gives the same report`() {
        var random = SplitMix64(seed: 7)
        let trace = (0..<500).map { recorded(at: Int64($0) * 50, for: Int64(random.next() % 5_000_000_000), reserve: 20, use: 10) }
        let limits = [requests(60, per: 60, burst: 10), concurrency(3), tokens(600)]
        var order = ReplayOrder()
        let simulation = LimitSimulation(simulated(limits))
        for request in trace.shuffled(using: &random) { #expect(order.push(request) == nil) }
        while let next = order.pop() { simulation.replay(next) }
        #expect(simulation.finish() == replay(trace, limits))
    }

    @Test func `what comes too late is counted and does not turn the clock back`() {
        let report = replay([recorded(at: 5000), recorded(at: 0), recorded(at: 5000)], [requests(1, per: 1, burst: 2)])
        #expect(report.lateCount == 1)
        #expect(report.total.refused == 1)
    }
}

private func counts(offered: Int, hits: Int, refused: Int) -> SimulationReport.Counts {
    var counts = SimulationReport.Counts()
    (counts.offered, counts.hits, counts.refused) = (offered, hits, refused)
    return counts
}
