import GatewayModel
import Synchronization
import TestSupport
import Testing

@testable import RateLimiting

@Suite struct IntervalTests {
    @Test func `eight threads together get exactly burst plus rate times time`() {
        // Each attempt moves the clock by a twentieth of an interval: twenty times the rate is offered, whoever runs when.
        let (interval, burst, attempts) = (UInt64(10_000), Int64(1000), 20_000)
        var time = ManualTime()
        let limit = bound(Limit(measure: .requests, amount: 100_000, window: .bucket(nanoseconds: second), burst: burst), time.now)
        let start = time.nanoseconds
        let clock = Atomic<UInt64>(start)
        let admitted = Atomic<Int>(isAdmitted([limit], time.now) ? 1 : 0)
        onThreads(8) { _ in
            var time = ManualTime()
            var own = 0
            for _ in 0..<attempts {
                time.nanoseconds = clock.wrappingAdd(interval / 20, ordering: .relaxed).newValue
                if isAdmitted([limit], time.now) { own += 1 }
            }
            admitted.wrappingAdd(own, ordering: .relaxed)
        }
        time.nanoseconds = clock.load(ordering: .relaxed)
        var total = admitted.load(ordering: .relaxed)
        while isAdmitted([limit], time.now) { total += 1 }
        #expect(total == Int(burst) + Int((time.nanoseconds - start) / interval))
    }

    /// A token bucket in exact arithmetic: its level is kept in nanoseconds' worth, refilled by the clock, capped at the burst.
    private struct Reference {
        let interval: Int128
        let burst: Int128
        var level: Int128
        var last: UInt64

        init(_ limit: Limit, _ now: UInt64) {
            guard case .bucket(let period) = limit.window else { fatalError("a bucket") }
            interval = (Int128(period) + Int128(limit.amount) - 1) / Int128(limit.amount)
            burst = Int128(limit.burst)
            level = interval * burst
            last = now
        }

        mutating func take(_ now: UInt64) -> Bool {
            level = min(interval * burst, level + Int128(now - last))
            last = now
            guard level >= interval else { return false }
            level -= interval
            return true
        }
    }

    @Test func `ten thousand buckets equal the reference step by step`() {
        var random = SplitMix64(seed: 1)
        var time = ManualTime()
        let limits = (0..<10_000).map { _ in
            let periods: [Int64] = [1, 60, 3600, 86_400, 34_560_000]
            let period = periods.randomElement(using: &random) ?? 1
            return requests(Int64.random(in: 1...1000, using: &random), per: period, burst: Int64.random(in: 1...50, using: &random))
        }
        let buckets = limits.map { bound($0, time.now) }
        var references = limits.map { Reference($0, time.nanoseconds) }
        var counts = [Int](repeating: 0, count: limits.count)
        let start = time.nanoseconds
        var refused = 0
        for _ in 0..<300_000 {
            let hot = Bool.random(using: &random)
            let index = Int.random(in: 0..<(hot ? 50 : limits.count), using: &random)
            time.advance(
                nanoseconds: UInt64.random(
                    in: 0...(UInt64.random(in: 0..<1000, using: &random) == 0 ? 3_000_000_000_000 : 5_000_000), using: &random))
            let (got, expected) = (isAdmitted([buckets[index]], time.now), references[index].take(time.nanoseconds))
            guard got == expected else {
                Issue.record("bucket \(index) \(limits[index]) answered \(got) at \(time.nanoseconds)")
                return
            }
            if got { counts[index] += 1 } else { refused += 1 }
            #expect(buckets[index].remaining(time.now) == Int64(references[index].level / references[index].interval))
            // The promise itself, without any interval: admitted ≤ burst + amount × t ÷ period.
            guard case .bucket(let period) = limits[index].window else { return }
            let spared = Int128(counts[index]) - Int128(limits[index].burst)
            #expect(spared * Int128(period) <= Int128(limits[index].amount) * Int128(time.nanoseconds - start))
        }
        #expect(refused > 10_000)
    }

    @Test(arguments: [(1, 1, 1), (3, 1, 2), (7, 60, 1), (1000, 1, 5), (1, 86_400, 3), (1, 34_560_000, 1), (10_000_000, 1, 1)])
    func `waiting exactly as told is admitted and a nanosecond less is not`(amount: Int64, period: Int64, burst: Int64) throws {
        var time = ManualTime()
        let limit = bound(requests(amount, per: period, burst: burst), time.now)
        for round in 0..<20 {
            while isAdmitted([limit], time.now) {}
            let refusal = try #require(admit([limit], time.now).refusal)
            #expect(!refusal.isPermanent)
            let wait = try #require(refusal.retryAfterNanoseconds)
            #expect(wait >= 1)
            var early = time
            early.advance(nanoseconds: wait - 1)
            #expect(!isAdmitted([limit], early.now))
            time.advance(nanoseconds: wait)
            #expect(isAdmitted([limit], time.now))
            time.advance(nanoseconds: UInt64(round) * 37)
        }
    }

    @Test func `a jump of the wall clock does nothing to a bucket`() {
        var time = ManualTime()
        let limit = bound(requests(10, per: 10, burst: 10), time.now)
        for _ in 0..<10 { #expect(isAdmitted([limit], time.now)) }
        for jump: Int64 in [-3_600_000, 3_600_000, 315_360_000_000, .min / 2, .max / 2] {
            time.civilOrigin = jump
            #expect(!isAdmitted([limit], time.now))
        }
        time.advance(seconds: 1)
        #expect(isAdmitted([limit], time.now))
        #expect(!isAdmitted([limit], time.now))
    }

    @Test func `after an hour of suspension there is one burst and no more`() {
        var time = ManualTime()
        let limit = bound(requests(100, per: 1, burst: 7), time.now)
        for _ in 0..<7 { #expect(isAdmitted([limit], time.now)) }
        time.advance(seconds: 3600)
        #expect((0..<100).count { _ in isAdmitted([limit], time.now) } == 7)
    }

    @Test func `a clock reading from before the last one neither refills nor refuses more`() {
        var time = ManualTime()
        let limit = bound(requests(1, per: 1, burst: 2), time.now)
        #expect(isAdmitted([limit], time.now))
        time.nanoseconds -= 3_000_000_000
        #expect(!isAdmitted([limit], time.now))
        time.nanoseconds = .max
        #expect(isAdmitted([limit], time.now))
    }

    @Test func `absurd limits are counted with, not trapped on`() {
        let time = ManualTime()
        for (amount, period, burst) in [
            (Int64.min, Int64.min, Int64.min), (0, 0, 0), (.max, 1, .max), (1, .max, .max), (Limit.amountMax, 1, 1),
            (1_000_000_000, second, 1),
        ] {
            for measure in LimitMeasure.allCases {
                for window in [LimitWindow.bucket(nanoseconds: period), .rolling(seconds: period), .atOnce] {
                    let limit = bound(Limit(measure: measure, amount: amount, window: window, burst: burst), time.now)
                    if measure.isMetered {
                        #expect(spend([limit], estimate(1, cost: 1), time.now).isAdmitted)
                    } else {
                        var slots = ConcurrencySlots()
                        #expect(LimitAdmission.admit([limit].span, time.now, holding: &slots).isAdmitted)
                    }
                    #expect(limit.status(time.now).capacity >= 1)
                }
            }
        }
    }
}
