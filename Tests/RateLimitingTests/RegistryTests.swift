import GatewayModel
import Synchronization
import TestSupport
import Testing

@testable import RateLimiting

@Suite struct RegistryTests {
    private let tenant = LimitScope.tenant("acme")

    @Test func `limits are sorted by step and selector, and named apart`() {
        let time = ManualTime()
        let limits = [
            requests(10), requests(100, per: 60), concurrency(4), tokens(1000), cost(5, .calendar(.month)), cost(9, .rolling(seconds: 60)),
            Limit(measure: .inputTokens, selector: .model("gpt-4o*"), amount: 5, window: .bucket(nanoseconds: second)),
            Limit(measure: .inputTokens, selector: .model("o1"), amount: 5, window: .bucket(nanoseconds: second)),
            Limit(measure: .requests, selector: .metadata("user"), amount: 5, window: .bucket(nanoseconds: second)),
        ]
        let bound = LimitRegistry().bind(limits, scope: tenant, time.now)
        #expect(bound.requests.map(\.policyName) == ["tenant-requests", "tenant-requests-2", "tenant-concurrency"])
        #expect(bound.metered.map(\.policyName) == ["tenant-tokens", "tenant-cost", "tenant-cost-2"])
        #expect(bound.hits.map(\.policyName) == ["tenant-hits", "tenant-hits-2"])
        #expect(bound.models.map(\.pattern) == ["gpt-4o*", "o1"])
        #expect(bound.models.map { $0.limits.metered[0].policyName } == ["tenant-input-tokens-model", "tenant-input-tokens-model-2"])
        #expect(bound.families.map(\.name) == ["user"])
        let values = bound.families[0].limits(for: Array("alice".utf8).span, time.now)
        #expect(values.requests.map(\.policyName) == ["tenant-requests-metadata"] && values.hits.count == 1)
        #expect(bound.requests.allSatisfy { $0.isPublic })
        let route = LimitRegistry().bind([requests(1)], scope: .route("fast"), time.now)
        #expect(route.requests[0].policyName == "route-requests" && !route.requests[0].isPublic)
        #expect(LimitRegistry().bind([], scope: tenant, time.now).isEmpty)
    }

    @Test func `request limits bring a hits bucket of fifty times as much, unless there is one`() {
        let time = ManualTime()
        let bound = LimitRegistry().bind([requests(3, per: 60, burst: 2, shadow: true)], scope: tenant, time.now)
        #expect(
            bound.hits.map(\.limit) == [
                Limit(measure: .hits, amount: 150, window: .bucket(nanoseconds: 60 * second), burst: 100, isShadow: true)
            ])
        let own = Limit(measure: .hits, amount: 7, window: .bucket(nanoseconds: second))
        #expect(LimitRegistry().bind([requests(3), own], scope: tenant, time.now).hits.map(\.limit) == [own])
        #expect(LimitRegistry(hitsFactor: 2).bind([requests(3)], scope: tenant, time.now).hits[0].limit.amount == 6)
        #expect(LimitRegistry().bind([requests(Limit.amountMax)], scope: tenant, time.now).hits[0].limit.amount == Limit.amountMax)
        #expect(LimitRegistry().bind([tokens(3)], scope: tenant, time.now).hits.isEmpty)
    }

    @Test func `a reload of the same limits keeps every bucket`() {
        let time = ManualTime()
        let registry = LimitRegistry()
        let limits = [requests(10), tokens(100), concurrency(2)]
        let first = registry.bind(limits, scope: tenant, time.now)
        let second = registry.bind(limits, scope: tenant, time.now)
        #expect(first === second)
        let other = registry.bind(limits, scope: .key("acme"), time.now)
        #expect(other.requests[0].cell !== first.requests[0].cell)
    }

    @Test func `a limit raised adds exactly the difference, a limit lowered may leave debt`() throws {
        let time = ManualTime()
        let windows: [LimitWindow] = [.bucket(nanoseconds: 3600 * second), .calendar(.day), .rolling(seconds: 3600)]
        for window in windows {
            let registry = LimitRegistry()
            let before = registry.bind([cost(100, window)], scope: tenant, time.now)
            #expect(spend(before.metered, estimate(0, cost: 70), time.now).isAdmitted)
            let raised = registry.bind([cost(150, window)], scope: tenant, time.now)
            #expect(raised.metered[0].status(time.now).available == 80)
            // Those who still hold the old snapshot count in the same bucket.
            #expect(before.metered[0].status(time.now).available == 80)
            let lowered = registry.bind([cost(50, window)], scope: tenant, time.now)
            #expect(lowered.metered[0].status(time.now).available == -20)
            #expect(!probe(lowered.metered, estimate(0, cost: 0), time.now).isAdmitted)
            let again = registry.bind([cost(100, window)], scope: tenant, time.now)
            #expect(again.metered[0].status(time.now).available == 30)
        }
    }

    @Test func `a request bucket changed live keeps what was used`() throws {
        var time = ManualTime()
        let registry = LimitRegistry()
        let first = registry.bind([requests(100, per: 3600, burst: 100)], scope: tenant, time.now)
        for _ in 0..<60 { #expect(isAdmitted(first.requests, time.now)) }
        let raised = registry.bind([requests(10_000, per: 3600, burst: 150)], scope: tenant, time.now)
        #expect(raised.requests[0].remaining(time.now) == 90)
        let lowered = registry.bind([requests(10, per: 3600, burst: 50)], scope: tenant, time.now)
        #expect(lowered.requests[0].remaining(time.now) == 0)
        let wait = try #require(admit(lowered.requests, time.now).refusal?.retryAfterNanoseconds)
        // Eleven have to flow back at ten an hour.
        #expect(wait >= 11 * 360 * 1_000_000_000 && wait <= 11 * 360 * 1_000_000_000 + 100)
        time.advance(nanoseconds: wait)
        #expect(isAdmitted(lowered.requests, time.now) && !isAdmitted(lowered.requests, time.now))
    }

    @Test func `changing back and forth wins nothing`() {
        let time = ManualTime()
        let registry = LimitRegistry()
        let sets: [[Limit]] = [
            [requests(7, per: 3600, burst: 20), tokens(50, per: 3600)], [requests(1000, per: 60, burst: 20), tokens(50, per: 7)],
        ]
        var (admitted, tokens) = (0, 0)
        for round in 0..<200 {
            let bound = registry.bind(sets[round % 2], scope: tenant, time.now)
            if isAdmitted(bound.requests, time.now) { admitted += 1 }
            if spend(bound.metered, estimate(1), time.now).isAdmitted { tokens += 1 }
        }
        #expect(admitted == 20 && tokens == 50)
    }

    @Test func `changes while eight threads are admitted win nothing`() {
        let time = ManualTime()
        let registry = LimitRegistry()
        let sets = [
            [requests(100, per: 86_400, burst: 5000)], [requests(100, per: 3600, burst: 5000)], [requests(7, per: 86_400, burst: 5000)],
        ]
        let bound = registry.bind(sets[0], scope: tenant, time.now)
        let admitted = Atomic<Int>(0)
        onThreads(8) { thread in
            for round in 0..<3000 {
                if thread == 0, round % 10 == 0 { _ = registry.bind(sets[round / 10 % 3], scope: .tenant("acme"), time.now) }
                if isAdmitted(bound.requests, time.now) { admitted.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        // Each change rounds what is used up by less than an interval.
        let total = admitted.load(ordering: .relaxed)
        #expect(total <= 5000 && total >= 5000 - 300)
    }

    @Test func `inserting, removing and reordering limits keeps each bucket with its limit`() {
        let time = ManualTime()
        let registry = LimitRegistry()
        let (minute, day, month) = (
            tokens(100, per: 60), tokens(1000, per: 86_400), Limit(measure: .tokens, amount: 5000, window: .calendar(.month))
        )
        let first = registry.bind([minute, month], scope: tenant, time.now)
        #expect(spend([first.metered[0]], estimate(10), time.now).isAdmitted)
        #expect(spend([first.metered[1]], estimate(3000), time.now).isAdmitted)
        let second = registry.bind([month, day, minute], scope: tenant, time.now)
        #expect(second.metered.map { $0.status(time.now).spent } == [3000, 0, 10])
        // Removed and put back: nothing is forgotten.
        _ = registry.bind([day], scope: tenant, time.now)
        registry.sweep(time.now)
        let third = registry.bind([minute, month], scope: tenant, time.now)
        #expect(third.metered.map { $0.status(time.now).spent } == [10, 3000])
    }

    @Test func `a bucket made a budget takes over what was used, without debt`() {
        let time = ManualTime()
        let registry = LimitRegistry()
        let first = registry.bind([tokens(1000, per: 3600)], scope: tenant, time.now)
        #expect(spend(first.metered, estimate(800), time.now).isAdmitted)
        let second = registry.bind([Limit(measure: .tokens, amount: 1000, window: .calendar(.day))], scope: tenant, time.now)
        #expect(second.metered[0].remaining(time.now) == 200)
        let third = registry.bind([Limit(measure: .tokens, amount: 500, window: .rolling(seconds: 60))], scope: tenant, time.now)
        #expect(third.metered[0].status(time.now).available == 0)
    }

    @Test(arguments: [LimitMeasure.requests, .tokens])
    func `a bucket made a budget and a bucket again refills nothing`(measure: LimitMeasure) {
        let time = ManualTime()
        let registry = LimitRegistry()
        let windows: [LimitWindow] = [.bucket(nanoseconds: 86_400 * second), .rolling(seconds: 86_400), .calendar(.month)]
        var used: Int64 = 0
        for round in 0..<9 {
            let limits = registry.bind([Limit(measure: measure, amount: 20, window: windows[round % 3])], scope: tenant, time.now)
            let limit = measure.isMetered ? limits.metered : limits.requests
            #expect(limit[0].remaining(time.now) == 20 - used)
            for _ in 0..<3 {
                let verdict = measure.isMetered ? spend(limit, estimate(1), time.now) : admit(limit, time.now)
                #expect(verdict.isAdmitted == (used < 20))
                if verdict.isAdmitted { used += 1 }
            }
        }
        #expect(used == 20)
    }

    @Test func `a longer or shorter rolling span forgets nothing that it should know`() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<200 {
            var time = ManualTime()
            let registry = LimitRegistry()
            var seconds = Int64.random(in: 1...1000, using: &random)
            var charges: [(Int64, Int64)] = []
            for _ in 0..<20 {
                let limit = registry.bind([cost(1000, .rolling(seconds: seconds))], scope: tenant, time.now).metered
                for _ in 0..<5 {
                    time.advance(milliseconds: UInt64.random(in: 0...UInt64(seconds * 200), using: &random))
                    let wanted = Int64.random(in: 1...200, using: &random)
                    guard spend(limit, estimate(0, cost: wanted), time.now).isAdmitted else { continue }
                    charges.append((time.now.milliseconds, wanted))
                    let recent = charges.filter { $0.0 > time.now.milliseconds - seconds * 1000 }.reduce(0) { $0 + $1.1 }
                    #expect(recent <= 1000)
                }
                // Shorter only: what a shorter span forgot, a longer one cannot know.
                seconds = max(1, seconds - Int64.random(in: 0...seconds / 5, using: &random))
            }
        }
    }

    @Test func `a deleted tenant's buckets go, a kept one's stay`() {
        let time = ManualTime()
        let registry = LimitRegistry()
        for scope in [tenant, .tenant("b"), .key("k")] {
            #expect(
                spend(registry.bind([cost(100, .calendar(.day))], scope: scope, time.now).metered, estimate(0, cost: 60), time.now)
                    .isAdmitted)
        }
        #expect(registry.takeDirty(max: 100, time.now).count == 3)
        registry.retain(only: [tenant], time.now)
        #expect(registry.bind([cost(100, .calendar(.day))], scope: tenant, time.now).metered[0].remaining(time.now) == 40)
        #expect(registry.report(.tenant("b"), time.now).isEmpty)
        let removed = registry.takeDirty(max: 100, time.now)
        #expect(
            removed.allSatisfy { $0.state.isEmpty }
                && Set(removed.map { String(decoding: $0.name, as: UTF8.self) }) == ["tenant/b/cost/all/1", "key/k/cost/all/1"])
        #expect(registry.bind([cost(100, .calendar(.day))], scope: .key("k"), time.now).metered[0].remaining(time.now) == 100)
    }

    @Test func `a report has every bucket and what became of it`() throws {
        let time = ManualTime()
        let registry = LimitRegistry()
        let limits = [
            requests(1, per: 60), tokens(100, per: 100), cost(10, .calendar(.hour)), tokens(5, per: 60, shadow: true),
            Limit(measure: .tokens, selector: .model("m*"), amount: 9, window: .bucket(nanoseconds: second)),
            Limit(measure: .tokens, selector: .metadata("user"), amount: 1000, window: .bucket(nanoseconds: 1000 * second)),
        ]
        let bound = registry.bind(limits, scope: tenant, time.now)
        for _ in 0..<3 { _ = admit(bound.requests, time.now) }
        var reservation = Reservation()
        let metered = bound.metered
        #expect(LimitAdmission.reserve(metered.span, estimate: estimate(40, cost: 4), time.now, into: &reservation).isAdmitted)
        for user in 0..<50 {
            #expect(
                spend(bound.families[0].limits(for: Array("user \(user)".utf8).span, time.now).metered, estimate(Int64(user)), time.now)
                    .isAdmitted)
        }
        let reports = registry.report(tenant, time.now)
        func named(_ name: String) throws -> LimitReport { try #require(reports.first { $0.policyName == name }) }
        #expect(try named("tenant-requests").refused == 2)
        #expect(try named("tenant-requests").resetSeconds == 60)
        #expect(try named("tenant-tokens").status.outstanding == 40)
        #expect(try named("tenant-tokens").status.remaining == 60)
        #expect(try named("tenant-tokens-2").shadowRefused == 1)
        #expect(try named("tenant-cost").windowEnds == CalendarWindow.hour.bounds(containing: time.now.civil).end)
        let values = reports.filter { $0.limit.selector == .metadata("user") }
        #expect(values.count == LimitRegistry.reportedValuesMax)
        #expect(values.first?.value == "user 49" && values.first?.status.spent == 49 && values.first?.resetSeconds == 49)
        #expect(registry.familyReports(tenant) == [FamilyReport(name: "user", values: 50)])
        reservation.settle(actual: MeteredUse(inputTokens: 60, cost: 4), time.now)
        #expect(registry.report(tenant, time.now).first { $0.policyName == "tenant-tokens" }?.underestimated == 1)
    }
}
