import GatewayModel
import Synchronization
import TestSupport
import Testing

@testable import RateLimiting

/// glibc's malloc_usable_size, whose header Swift's Glibc does not import.
@_silgen_name("malloc_usable_size") private func bytesUsable(_ address: UnsafeRawPointer) -> Int

@Suite struct AdmissionTests {
    @Test func `a refusal by the last of nested limits charges none of the others`() {
        let time = ManualTime()
        let wide = [bound(requests(10), time.now, scope: .key("k")), bound(requests(10), time.now)]
        let places = bound(concurrency(10), time.now)
        let quota = bound(Limit(measure: .requests, amount: 10, window: .calendar(.day)), time.now)
        let narrow = bound(requests(1, per: 3600), time.now, scope: .route("r"))
        var slots = ConcurrencySlots()
        let all = wide + [places, quota, narrow]
        #expect(LimitAdmission.admit(all.span, time.now, holding: &slots).isAdmitted)
        let refusal = LimitAdmission.admit(all.span, time.now, holding: &slots).refusal
        #expect(refusal?.limit.scope == .route("r") && refusal?.limit.isPublic == false)
        #expect(wide.map { $0.remaining(time.now) } == [9, 9])
        #expect(places.status(time.now).spent == 1 && quota.remaining(time.now) == 9)
        slots.release()
        #expect(places.status(time.now).spent == 0)
    }

    @Test func `a metered refusal by any of nested limits reserves nothing`() throws {
        let time = ManualTime()
        let limits = [bound(tokens(100), time.now), bound(cost(50, .calendar(.day)), time.now), bound(tokens(1000), time.now)]
        let refusal = try #require(probe(limits, estimate(10, cost: 51), time.now).refusal)
        #expect(refusal.limit.measure == .cost)
        #expect(limits.allSatisfy { $0.status(time.now).outstanding == 0 })
    }

    @Test func `of several refusals the longest wait is told, a permanent one first`() throws {
        let time = ManualTime()
        let limits = [
            bound(requests(1, per: 10), time.now), bound(requests(1, per: 3600), time.now), bound(requests(1, per: 60), time.now),
        ]
        #expect(isAdmitted(limits, time.now))
        let refusal = try #require(admit(limits, time.now).refusal)
        #expect(refusal.retryAfterNanoseconds == 3_600_000_000_000 && refusal.retryAfterSeconds() == 3600)
        let places = bound(concurrency(1), time.now)
        var slots = ConcurrencySlots()
        #expect(LimitAdmission.admit([places].span, time.now, holding: &slots).isAdmitted)
        #expect(try #require(admit([places] + limits, time.now).refusal).retryAfterNanoseconds == 3_600_000_000_000)
        #expect(try #require(admit([places], time.now).refusal).retryAfterNanoseconds == nil)
        let metered = [bound(tokens(100, per: 3600), time.now), bound(tokens(10, per: 1), time.now)]
        #expect(spend([metered[0]], estimate(100), time.now).isAdmitted)
        let permanent = try #require(probe(metered, estimate(11), time.now).refusal)
        #expect(permanent.isPermanent && permanent.limit.limit.amount == 10)
    }

    @Test func `waiting as told satisfies every limit that refused`() throws {
        var time = ManualTime()
        var random = SplitMix64(seed: 6)
        let limits = [requests(3), requests(50, per: 60, burst: 5), requests(7, per: 13), requests(100, per: 3600, burst: 20)]
            .map { bound($0, time.now) }
        for _ in 0..<2000 {
            if let refusal = admit(limits, time.now).refusal {
                let wait = try #require(refusal.retryAfterNanoseconds)
                var early = time
                early.advance(nanoseconds: wait - 1)
                #expect(!isAdmitted(limits, early.now))
                time.advance(nanoseconds: wait)
                #expect(isAdmitted(limits, time.now))
            }
            time.advance(nanoseconds: UInt64.random(in: 0...500_000_000, using: &random))
        }
    }

    @Test func `a limit in shadow mode counts what it would have refused and never refuses`() {
        var time = ManualTime()
        let shadow = bound(requests(2, per: 60, shadow: true), time.now)
        let quota = bound(Limit(measure: .requests, amount: 3, window: .calendar(.hour), isShadow: true), time.now)
        let real = bound(requests(100, per: 60), time.now)
        for _ in 0..<5 { #expect(isAdmitted([shadow, real, quota], time.now)) }
        #expect(shadow.cell.shadowRefusedCount.load(ordering: .relaxed) == 3)
        #expect(quota.cell.shadowRefusedCount.load(ordering: .relaxed) == 2)
        #expect(real.remaining(time.now) == 95 && real.cell.refusedCount.load(ordering: .relaxed) == 0)
        // Charged as if it had been enforced: it frees up as an enforced one would.
        time.advance(seconds: 30)
        #expect(isAdmitted([shadow], time.now))
        #expect(shadow.cell.shadowRefusedCount.load(ordering: .relaxed) == 3)

        let level = bound(tokens(100, per: 60, shadow: true), time.now)
        for used in [80, 80, 500, 20] as [Int64] { #expect(spend([level], estimate(used), time.now).isAdmitted) }
        #expect(level.status(time.now).spent == 100)
        #expect(level.cell.shadowRefusedCount.load(ordering: .relaxed) == 2)
    }

    @Test func `a request that another limit refuses is no shadow refusal`() {
        let time = ManualTime()
        let shadow = bound(requests(1, per: 60, shadow: true), time.now)
        let real = bound(requests(1, per: 60), time.now)
        for _ in 0..<3 { _ = admit([shadow, real], time.now) }
        #expect(shadow.cell.shadowRefusedCount.load(ordering: .relaxed) == 0)
        #expect(real.cell.refusedCount.load(ordering: .relaxed) == 2)
    }

    @Test func `places are given back however a request ends`() {
        let time = ManualTime()
        let limits = (0..<5).map { _ in bound(concurrency(3), time.now) }
        let shadow = bound(concurrency(1, shadow: true), time.now)
        for _ in 0..<10 {
            var first = ConcurrencySlots()
            var second = ConcurrencySlots()
            #expect(LimitAdmission.admit((limits + [shadow]).span, time.now, holding: &first).isAdmitted)
            #expect(LimitAdmission.admit((limits + [shadow]).span, time.now, holding: &second).isAdmitted)
            #expect(limits.allSatisfy { $0.status(time.now).spent == 2 })
            #expect(shadow.status(time.now).spent == 1)
            first.release()
            first.release()
            #expect(first.isEmpty && limits.allSatisfy { $0.status(time.now).spent == 1 })
        }
        #expect((limits + [shadow]).allSatisfy { $0.status(time.now).spent == 0 })
    }

    @Test func `places given back for a target that is not asked are given back twice, or others with them`() {
        let time = ManualTime()
        let limits = (0..<6).map { _ in bound(concurrency(3), time.now) }
        var slots = ConcurrencySlots()
        #expect(LimitAdmission.admit(limits.span, time.now, holding: &slots).isAdmitted)
        // One that it holds inline, one that it does not, one that is no place, one twice.
        slots.release([limits[1], limits[4], bound(requests(1), time.now), limits[4], bound(concurrency(1), time.now)].span)
        #expect(limits.map { $0.status(time.now).spent } == [1, 0, 1, 1, 0, 1])
        #expect(LimitAdmission.admit([limits[1]].span, time.now, holding: &slots).isAdmitted)
        #expect(limits.map { $0.status(time.now).spent } == [1, 1, 1, 1, 0, 1])
        slots.release()
        #expect(slots.isEmpty && limits.allSatisfy { $0.status(time.now).spent == 0 })
    }

    @Test func `the place after the last is refused`() {
        let time = ManualTime()
        let limit = bound(concurrency(2), time.now)
        var first = ConcurrencySlots()
        var second = ConcurrencySlots()
        var third = ConcurrencySlots()
        #expect(LimitAdmission.admit([limit].span, time.now, holding: &first).isAdmitted)
        #expect(LimitAdmission.admit([limit].span, time.now, holding: &second).isAdmitted)
        #expect(!LimitAdmission.admit([limit].span, time.now, holding: &third).isAdmitted)
        second.release()
        #expect(LimitAdmission.admit([limit].span, time.now, holding: &third).isAdmitted)
    }

    @Test func `eight threads over nested limits get the narrowest's promise and charge the others no more`() {
        let time = ManualTime()
        let narrow = bound(requests(1, per: 86_400, burst: 1000), time.now)
        let quota = bound(Limit(measure: .requests, amount: 1000, window: .rolling(seconds: 86_400)), time.now)
        let keys = (0..<8).map { bound(requests(1, per: 86_400, burst: 5000), time.now, scope: .key("\($0)")) }
        let places = bound(concurrency(6), time.now)
        let admitted = Atomic<Int>(0)
        let most = Atomic<Int64>(0)
        onThreads(8) { thread in
            for _ in 0..<5000 {
                var slots = ConcurrencySlots()
                let verdict = LimitAdmission.admit([keys[thread], places, quota, narrow].span, time.now, holding: &slots)
                let inUse = places.status(time.now).spent
                if inUse > most.load(ordering: .relaxed) { most.store(inUse, ordering: .relaxed) }
                if verdict.isAdmitted { admitted.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        #expect(admitted.load(ordering: .relaxed) == 1000)
        #expect(narrow.remaining(time.now) == 0 && quota.remaining(time.now) == 0)
        #expect(keys.reduce(0) { $0 + $1.status(time.now).spent } == 1000)
        #expect(places.status(time.now).spent == 0)
        #expect(most.load(ordering: .relaxed) <= 6)
    }

    @Test func `a bucket is no larger than two hundred bytes, with all it allocates`() {
        let time = ManualTime()
        let windows: [LimitWindow] = [.bucket(nanoseconds: second), .calendar(.month), .rolling(seconds: 60), .atOnce]
        for measure in LimitMeasure.allCases {
            for window in windows {
                let cell = bound(Limit(measure: measure, amount: 5, window: window), time.now).cell
                var bytes = bytesUsable(Unmanaged.passUnretained(cell).toOpaque())
                if let slots = cell.slots { bytes += bytesUsable(slots) }
                #expect(bytes > 0 && bytes <= 200)
            }
        }
    }

    @Test func `seconds to wait are rounded up and at least one`() {
        let time = ManualTime()
        let limit = bound(requests(1), time.now)
        let seconds = { (wait: UInt64?) in
            LimitRefusal(limit, CellShortfall(wanted: 1, available: 0, waitNanoseconds: wait, isPermanent: false)).retryAfterSeconds(
                fallback: 7)
        }
        #expect([1, 1_000_000_000, 1_000_000_001, .max, nil].map(seconds) == [1, 1, 2, 18_446_744_074, 7])
    }
}
