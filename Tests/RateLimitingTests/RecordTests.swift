import GatewayModel
import TestSupport
import Testing

@testable import RateLimiting

@Suite struct RecordTests {
    private let tenant = LimitScope.tenant("acme")

    /// A store: the last state of each name.
    private struct Store {
        var records: [[UInt8]: [UInt8]] = [:]

        mutating func write(_ records: [LimitRecord]) {
            for record in records { self.records[record.name] = record.state.isEmpty ? nil : record.state }
        }

        var all: [(name: [UInt8], state: [UInt8])] { records.map { ($0.key, $0.value) } }

        var names: Set<String> { Set(records.keys.map { String(decoding: $0, as: UTF8.self) }) }
    }

    private static let limits = [
        requests(100, per: 3600), requests(100, per: 1), tokens(1000, per: 3600), cost(1000, .calendar(.month)),
        cost(1000, .rolling(seconds: 3600)),
        concurrency(5),
        Limit(measure: .outputTokens, selector: .model("openai/gpt*"), amount: 500, window: .bucket(nanoseconds: 3600 * second)),
        Limit(measure: .cost, selector: .metadata("user"), amount: 500, window: .calendar(.day)),
    ]

    private func use(_ bound: BoundLimits, _ now: LimitTime) {
        for _ in 0..<10 { #expect(isAdmitted(Array(bound.requests[..<2]), now)) }
        #expect(spend(bound.metered, estimate(300, 100, cost: 700), now).isAdmitted)
        #expect(spend(bound.models[0].limits.metered, estimate(300, 100), now).isAdmitted)
        let alice = bound.families[0].limits(for: Array("alice/1".utf8).span, now)
        #expect(spend(alice.metered, estimate(0, cost: 50), now).isAdmitted)
        #expect(spend(bound.families[0].limits(for: nil, now).metered, estimate(0, cost: 60), now).isAdmitted)
    }

    private func spent(_ bound: BoundLimits, _ now: LimitTime) -> [Int64] {
        let alice = bound.families[0].limits(for: Array("alice/1".utf8).span, now)
        let absent = bound.families[0].limits(for: nil, now)
        return (bound.requests + bound.metered + bound.models[0].limits.metered + alice.metered + absent.metered).map {
            $0.status(now).spent
        }
    }

    @Test func `what was spent survives a restart, under another monotonic clock`() {
        var time = ManualTime()
        let registry = LimitRegistry()
        let bound = registry.bind(RecordTests.limits, scope: tenant, time.now)
        use(bound, time.now)
        var store = Store()
        store.write(registry.takeDirty(max: 1000, time.now))
        #expect(
            store.names
                == [
                    "tenant/acme/requests/all/1", "tenant/acme/tokens/all/1", "tenant/acme/cost/all/1", "tenant/acme/cost/all/2",
                    "tenant/acme/output_tokens/model=openai%2fgpt*/1", "tenant/acme/cost/metadata=user/value=alice%2f1/1",
                    "tenant/acme/cost/metadata=user/absent/1",
                ])
        let before = spent(bound, time.now)
        #expect(before == [10, 10, 0, 400, 700, 700, 100, 50, 60])
        let civil = time.now.civil.milliseconds
        time.nanoseconds = 77
        time.civilOrigin = civil
        let second = LimitRegistry()
        let result = second.restore(store.all, time.now)
        #expect(result == RestoreResult(restored: 7, ignored: 0, ignoredNames: []))
        // The bucket of a second is full again after a restart, and is not recorded.
        #expect(spent(second.bind(RecordTests.limits, scope: tenant, time.now), time.now) == [10, 0, 0, 400, 700, 700, 100, 50, 60])
        second.retain(only: [tenant], time.now)
        #expect(second.takeDirty(max: 1000, time.now).isEmpty)
    }

    @Test func `time between stop and start flows back, a clock set back gives nothing`() {
        var time = ManualTime()
        let registry = LimitRegistry()
        use(registry.bind(RecordTests.limits, scope: tenant, time.now), time.now)
        var store = Store()
        store.write(registry.takeDirty(max: 1000, time.now))
        let restarted = { (now: LimitTime) in
            let registry = LimitRegistry()
            #expect(registry.restore(store.all, now).ignored == 0)
            return spent(registry.bind(RecordTests.limits, scope: LimitScope.tenant("acme"), now), now)
        }
        time.nanoseconds = 1_000_000_000
        time.civilOrigin += 5000 - 1000
        // Three minutes: a twentieth of an hour's rates.
        time.civilOrigin += 180_000
        #expect(restarted(time.now) == [5, 0, 0, 350, 700, 700, 75, 50, 60])
        time.civilOrigin -= 180_000 + 86_400_000
        #expect(restarted(time.now) == [10, 0, 0, 400, 700, 700, 100, 50, 60])
        time.civilOrigin += 31 * 86_400_000 * 2
        #expect(restarted(time.now) == [0, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func `a clock that was years ahead does not lock a budget for years`() {
        var time = ManualTime()
        time.civilOrigin += 10 * 365 * 86_400_000
        let registry = LimitRegistry()
        let limits = [cost(1000, .calendar(.day)), cost(1000, .rolling(seconds: 3600))]
        #expect(spend(registry.bind(limits, scope: tenant, time.now).metered, estimate(0, cost: 600), time.now).isAdmitted)
        var store = Store()
        store.write(registry.takeDirty(max: 10, time.now))
        time.civilOrigin -= 10 * 365 * 86_400_000
        let second = LimitRegistry()
        _ = second.restore(store.all, time.now)
        let bound = second.bind(limits, scope: tenant, time.now)
        #expect(bound.metered.map { $0.remaining(time.now) } == [400, 400])
        time.advance(seconds: 2 * 86_400)
        #expect(bound.metered.map { $0.remaining(time.now) } == [1000, 1000])
    }

    @Test func `a kill with requests under way forgets none of what may have been spent`() {
        var random = SplitMix64(seed: 9)
        var time = ManualTime()
        let limits = [tokens(100_000, per: 86_400), cost(100_000, .calendar(.month)), cost(100_000, .rolling(seconds: 86_400))]
        var store = Store()
        var registry = LimitRegistry()
        var (certain, possible) = (Int64(0), Int64(0))
        for _ in 0..<20 {
            let metered = registry.bind(limits, scope: tenant, time.now).metered
            for _ in 0..<30 {
                var reservation = Reservation()
                let amount = Int64.random(in: 1...200, using: &random)
                let verdict = LimitAdmission.reserve(
                    metered.span, estimate: estimate(amount, cost: amount), time.now, into: &reservation)
                guard verdict.isAdmitted else { continue }
                possible += amount
                // Recorded now and then, with the reservation open; what comes after the last record is the second that may be lost.
                store.write(registry.takeDirty(max: 1000, time.now))
                let actual = Int64.random(in: 0...amount, using: &random)
                reservation.settle(actual: MeteredUse(inputTokens: actual, cost: actual), time.now)
                certain += actual
            }
            let civil = time.now.civil.milliseconds
            time.nanoseconds = UInt64.random(in: 0...1_000_000_000, using: &random)
            time.civilOrigin = civil - Int64(time.nanoseconds / 1_000_000)
            registry = LimitRegistry()
            #expect(registry.restore(store.all, time.now).ignored == 0)
        }
        for limit in registry.bind(limits, scope: tenant, time.now).metered {
            let spent = limit.status(time.now).spent
            #expect(spent >= certain && spent <= possible)
        }
    }

    @Test func `only what changed is taken, and what failed to be written is taken again`() {
        let time = ManualTime()
        let registry = LimitRegistry()
        let bound = registry.bind([cost(100, .calendar(.day)), tokens(100)], scope: tenant, time.now)
        #expect(registry.takeDirty(max: 10, time.now).isEmpty)
        #expect(spend([bound.metered[0]], estimate(0, cost: 1), time.now).isAdmitted)
        let first = registry.takeDirty(max: 10, time.now)
        #expect(first.map { String(decoding: $0.name, as: UTF8.self) } == ["tenant/acme/cost/all/1"])
        #expect(registry.takeDirty(max: 10, time.now).isEmpty)
        registry.markDirty(first)
        #expect(registry.takeDirty(max: 10, time.now).count == 1)
        #expect(spend(bound.metered, estimate(1, cost: 1), time.now).isAdmitted)
        #expect(registry.takeDirty(max: 10, time.now).count == 2)
    }

    @Test func `a small share at a time comes to everyone`() {
        let time = ManualTime()
        let registry = LimitRegistry()
        for index in 0..<50 {
            let bound = registry.bind([cost(100, .calendar(.day)), tokens(100)], scope: .tenant("\(index)"), time.now)
            #expect(spend(bound.metered, estimate(1, cost: 1), time.now).isAdmitted)
        }
        var names: Set<[UInt8]> = []
        for _ in 0..<15 {
            let records = registry.takeDirty(max: 7, time.now)
            #expect(records.count <= 7)
            for record in records { #expect(names.insert(record.name).inserted) }
        }
        #expect(names.count == 100)
    }

    @Test func `garbage is ignored and reported`() {
        let time = ManualTime()
        var random = SplitMix64(seed: 10)
        let registry = LimitRegistry()
        use(registry.bind(RecordTests.limits, scope: tenant, time.now), time.now)
        let records = registry.takeDirty(max: 1000, time.now)
        for record in records {
            #expect(CellRecord(record.state)?.bytes == record.state)
            var newer = record.state
            newer[0] = 2
            #expect(CellRecord(newer) == nil && CellRecord(record.state + [0]) == nil)
            for count in 0..<record.state.count { #expect(CellRecord(Array(record.state[..<count])) == nil) }
            for _ in 0..<3000 {
                // Whatever is read must be usable, also with every number absurd.
                var state = record.state
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    state[Int.random(in: 1..<state.count, using: &random)] =
                        [0, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random) ?? 0
                }
                let other = LimitRegistry()
                let result = other.restore([(record.name, state)], time.now)
                #expect(result.restored + result.ignored == 1 && result.ignoredNames.count == result.ignored)
                let bound = other.bind(RecordTests.limits, scope: tenant, time.now)
                _ = probe(bound.metered, estimate(1, cost: 1), time.now)
                _ = admit(Array(bound.requests[..<2]), time.now)
                _ = other.takeDirty(max: 100, time.now)
            }
        }
        var none = RestoreResult()
        none.ignored = 1
        none.ignoredNames = [[65]]
        #expect(LimitRegistry().restore([([65], [])], time.now) == none)
    }

    @Test func `a release that names records otherwise than the one before loses them`() {
        let cell = bound(tokens(1), ManualTime().now).cell
        let names = [
            SubjectIdentity(scope: .tenant("acme"), selector: .all),
            SubjectIdentity(scope: .key("k 1/"), selector: .model("openai/gpt-4o*")),
            SubjectIdentity(scope: .route("r"), selector: .metadata("user"), value: .value(Array("Zoë".utf8))),
            SubjectIdentity(scope: .route("r"), selector: .metadata("user"), value: .absent),
            SubjectIdentity(scope: .tenant(String(repeating: "a", count: 97)), selector: .all),
        ]
        .map { String(decoding: $0.recordName(cell), as: UTF8.self) }
        #expect(
            names == [
                "tenant/acme/tokens/all/1", "key/k%201%2f/tokens/model=openai%2fgpt-4o*/1", "route/r/tokens/metadata=user/value=Zo%c3%ab/1",
                "route/r/tokens/metadata=user/absent/1", "tenant/#759f7f4d6f6f4dc47fd170de85999184/tokens/all/1",
            ])
    }

    @Test func `a name is printable and at most 400 bytes, whatever it is made of`() {
        let time = ManualTime()
        let long = String(repeating: "ä/", count: 64)
        let values: [MetadataValue?] = [
            .absent, .overflow, .value([UInt8](repeating: 0xFF, count: 256)), .value([UInt8](repeating: 0xFE, count: 256)), .value([]),
        ]
        let cell = bound(Limit(measure: .outputTokens, amount: 1, window: .rolling(seconds: 1)), time.now).cell
        var names: Set<[UInt8]> = []
        for value in values {
            let name = SubjectIdentity(scope: .tenant(long), selector: .metadata(long), value: value).recordName(cell)
            #expect(name.count <= 400 && name.allSatisfy { $0 > 0x20 && $0 < 0x7F })
            #expect(names.insert(name).inserted)
        }
        #expect(
            SubjectIdentity(scope: .key(String(repeating: "k", count: 96)), selector: .model(String(repeating: "m", count: 256)))
                .recordName(cell).count <= 400)
    }

    @Test func `an alert is given once for each percentage in each window`() {
        var time = ManualTime()
        let registry = LimitRegistry()
        let limits = [cost(100, .calendar(.hour), alerts: [50, 80, 100])]
        let bound = registry.bind(limits, scope: tenant, time.now)
        let percents = { (registry: LimitRegistry, now: LimitTime) in registry.takeAlerts(now).map(\.percent) }
        #expect(percents(registry, time.now).isEmpty)
        #expect(spend(bound.metered, estimate(0, cost: 49), time.now).isAdmitted)
        #expect(percents(registry, time.now).isEmpty)
        #expect(spend(bound.metered, estimate(0, cost: 1), time.now).isAdmitted)
        let alert = registry.takeAlerts(time.now).first
        #expect(
            alert?.percent == 50 && alert?.spent == 50 && alert?.amount == 100 && alert?.scope == tenant
                && alert?.policyName == "tenant-cost")
        #expect(alert?.windowEnds == CalendarWindow.hour.bounds(containing: time.now.civil).end)
        #expect(percents(registry, time.now).isEmpty)
        #expect(spend(bound.metered, estimate(0, cost: 50), time.now).isAdmitted)
        #expect(percents(registry, time.now) == [80, 100])
        // A restart does not repeat them.
        var store = Store()
        store.write(registry.takeDirty(max: 10, time.now))
        let second = LimitRegistry()
        _ = second.restore(store.all, time.now)
        let restored = second.bind(limits, scope: tenant, time.now)
        #expect(percents(second, time.now).isEmpty)
        // The next window begins anew, and so does a raised budget.
        time.advance(seconds: 3600)
        #expect(spend(restored.metered, estimate(0, cost: 85), time.now).isAdmitted)
        #expect(percents(second, time.now) == [50, 80])
        let raised = second.bind([cost(150, .calendar(.hour), alerts: [50, 80, 100])], scope: tenant, time.now)
        #expect(percents(second, time.now).isEmpty)
        #expect(spend(raised.metered, estimate(0, cost: 40), time.now).isAdmitted)
        #expect(percents(second, time.now) == [80])
    }

    @Test func `a rolling budget that hovers at a percentage alerts once a span`() {
        var time = ManualTime()
        let registry = LimitRegistry()
        let bound = registry.bind([cost(100, .rolling(seconds: 100), alerts: [50])], scope: tenant, time.now)
        var alerts = 0
        for _ in 0..<1000 {
            _ = spend(bound.metered, estimate(0, cost: 5), time.now)
            alerts += registry.takeAlerts(time.now).count
            time.advance(seconds: 10)
        }
        // 5 in every 10 s: half of the budget in every span, more or less.
        #expect(alerts >= 1 && alerts <= 100)
        time.advance(seconds: 1000)
        #expect(registry.takeAlerts(time.now).isEmpty)
        #expect(spend(bound.metered, estimate(0, cost: 60), time.now).isAdmitted)
        #expect(registry.takeAlerts(time.now).map(\.percent) == [50])
    }

    @Test func `metadata values alert too, named`() {
        let time = ManualTime()
        let registry = LimitRegistry()
        let limit = Limit(measure: .cost, selector: .metadata("user"), amount: 100, window: .calendar(.day), alertPercents: [90])
        let users = registry.bind([limit], scope: tenant, time.now).families[0]
        #expect(spend(users.limits(for: Array("bob".utf8).span, time.now).metered, estimate(0, cost: 95), time.now).isAdmitted)
        #expect(registry.takeAlerts(time.now).map { "\($0.selectorText) \($0.value ?? "") \($0.percent)" } == ["metadata user bob 90"])
    }
}
