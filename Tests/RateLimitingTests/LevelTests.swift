import GatewayModel
import Synchronization
import TestSupport
import Testing

@testable import RateLimiting

@Suite struct LevelTests {
    /// The level times the period, so that nothing is ever rounded.
    private struct Reference {
        let amount: Int128
        let period: Int128
        let burst: Int128
        var scaled: Int128
        var outstanding: Int128 = 0
        var last: UInt64

        init(_ limit: Limit, _ now: UInt64) {
            guard case .bucket(let nanoseconds) = limit.window else { fatalError("a bucket") }
            (amount, period, burst, last) = (Int128(limit.amount), Int128(nanoseconds), Int128(limit.burst), now)
            scaled = burst * period
        }

        mutating func refill(_ now: UInt64) {
            scaled = min(burst * period, scaled + amount * Int128(now - last))
            last = now
        }

        /// Rounded towards minus infinity.
        var level: Int128 { scaled >= 0 ? scaled / period : -((-scaled + period - 1) / period) }
        var available: Int128 { level - outstanding }
    }

    private struct Case {
        let bucket: BoundLimit
        var reference: Reference
        var charged: Int128 = 0
        let start: UInt64
    }

    @Test func `every step equals the reference, and what is used never exceeds burst plus rate times time`() {
        var random = SplitMix64(seed: 2)
        var time = ManualTime()
        var cases = (0..<300).map { _ in
            let periods: [Int64] = [1, 60, 3600, 2_592_000]
            let period = periods.randomElement(using: &random) ?? 1
            let limit = tokens(
                Int64.random(in: 1...100_000, using: &random), per: period, burst: Int64.random(in: 1...20_000, using: &random))
            return Case(bucket: bound(limit, time.now), reference: Reference(limit, time.nanoseconds), start: time.nanoseconds)
        }
        var open: [(index: Int, reserved: Int64, box: ReservationBox)] = []
        var (refused, debts) = (0, 0)
        for _ in 0..<120_000 {
            time.advance(nanoseconds: UInt64.random(in: 0...30_000_000, using: &random))
            if Bool.random(using: &random) || open.isEmpty {
                let index = Int.random(in: 0..<cases.count, using: &random)
                let wanted = Int64.random(in: 0...min(2_000, cases[index].bucket.limit.burst), using: &random)
                let box = ReservationBox()
                let verdict = LimitAdmission.reserve(
                    [cases[index].bucket].span, estimate: estimate(wanted / 2, wanted - wanted / 2), time.now, into: &box.reservation)
                cases[index].reference.refill(time.nanoseconds)
                let expected = Int128(wanted) <= cases[index].reference.available
                guard verdict.isAdmitted == expected else {
                    Issue.record("bucket \(index) answered \(verdict.isAdmitted) to \(wanted) of \(cases[index].reference.available)")
                    return
                }
                guard expected else {
                    refused += 1
                    continue
                }
                cases[index].reference.outstanding += Int128(wanted)
                open.append((index, wanted, box))
                // Settled and outstanding within the promise, at each admission.
                let reference = cases[index].reference
                #expect(
                    (cases[index].charged + reference.outstanding - reference.burst) * reference.period <= reference.amount
                        * Int128(time.nanoseconds - cases[index].start))
            } else {
                let place = Int.random(in: 0..<open.count, using: &random)
                let (index, reserved, box) = open.remove(at: place)
                let used: Int64 =
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: 0
                    case 1: reserved
                    case 2: Int64.random(in: 0...reserved, using: &random)
                    default: reserved + Int64.random(in: 0...500, using: &random)
                    }
                let result = box.reservation.settle(actual: MeteredUse(outputTokens: used), time.now)
                #expect(result.isUnderestimated == (used > reserved))
                cases[index].reference.refill(time.nanoseconds)
                cases[index].reference.outstanding -= Int128(reserved)
                cases[index].reference.scaled -= Int128(used) * cases[index].reference.period
                cases[index].charged += Int128(used)
                if cases[index].reference.level < 0 { debts += 1 }
            }
            if let last = open.last {
                let status = cases[last.index].bucket.status(time.now)
                cases[last.index].reference.refill(time.nanoseconds)
                #expect(Int128(status.available) == cases[last.index].reference.available)
            }
        }
        #expect(refused > 1000 && debts > 100)
        // Quiet again: nothing is outstanding, and in the end every bucket is full.
        for item in open { item.box.reservation.release(time.now) }
        for item in cases { #expect(item.bucket.status(time.now).outstanding == 0) }
        time.advance(seconds: 4_000_000_000)
        for item in cases { #expect(item.bucket.remaining(time.now) == item.bucket.limit.burst) }
    }

    @Test func `what is charged is the sum of what was used`() {
        let time = ManualTime()
        let limit = bound(tokens(1, per: 86_400, burst: 1_000_000), time.now)
        var random = SplitMix64(seed: 3)
        var used: Int64 = 0
        for _ in 0..<500 {
            var reservation = Reservation()
            #expect(LimitAdmission.reserve([limit].span, estimate: estimate(500), time.now, into: &reservation).isAdmitted)
            if Bool.random(using: &random) {
                let actual = Int64.random(in: 0...1200, using: &random)
                used += actual
                reservation.settle(actual: MeteredUse(inputTokens: actual), time.now)
            } else {
                reservation.release(time.now)
            }
        }
        #expect(limit.status(time.now).spent == used)
        #expect(limit.status(time.now).outstanding == 0)
    }

    @Test func `a settlement above its reserve is debt, and nothing is admitted until it has flowed back`() throws {
        var time = ManualTime()
        let limit = bound(tokens(60, per: 60, burst: 100), time.now)
        var reservation = Reservation()
        #expect(LimitAdmission.reserve([limit].span, estimate: estimate(10), time.now, into: &reservation).isAdmitted)
        #expect(reservation.settle(actual: MeteredUse(outputTokens: 130), time.now).isUnderestimated)
        #expect(limit.status(time.now).available == -30 && limit.remaining(time.now) == 0)
        #expect(!probe([limit], estimate(0), time.now).isAdmitted)
        let wait = try #require(probe([limit], estimate(5), time.now).refusal?.retryAfterNanoseconds)
        #expect(wait == 35_000_000_000)
        time.advance(nanoseconds: wait - 1)
        #expect(!probe([limit], estimate(5), time.now).isAdmitted)
        time.advance(nanoseconds: 1)
        #expect(probe([limit], estimate(5), time.now).isAdmitted)
    }

    @Test(arguments: [(7, 1, 10), (1, 3600, 3), (20_000, 60, 20_000), (1_000_000_000, 1, 50), (3, 34_560_000, 5)])
    func `waiting exactly as told is admitted`(amount: Int64, period: Int64, burst: Int64) throws {
        var time = ManualTime()
        let limit = bound(tokens(amount, per: period, burst: burst), time.now)
        var random = SplitMix64(seed: 4)
        for _ in 0..<40 {
            let wanted = Int64.random(in: 1...burst, using: &random)
            if let refusal = spend([limit], estimate(wanted), time.now).refusal {
                let wait = try #require(refusal.retryAfterNanoseconds)
                var early = time
                early.advance(nanoseconds: wait - 1)
                #expect(!probe([limit], estimate(wanted), early.now).isAdmitted)
                time.advance(nanoseconds: wait)
                #expect(spend([limit], estimate(wanted), time.now).isAdmitted)
            }
            time.advance(nanoseconds: UInt64.random(in: 0...1000, using: &random))
        }
    }

    @Test func `no wait is promised where only a settlement makes room`() throws {
        let time = ManualTime()
        let limit = bound(tokens(100, per: 1, burst: 100), time.now)
        var reservation = Reservation()
        #expect(LimitAdmission.reserve([limit].span, estimate: estimate(90), time.now, into: &reservation).isAdmitted)
        let refusal = try #require(probe([limit], estimate(20), time.now).refusal)
        #expect(refusal.retryAfterNanoseconds == nil && !refusal.isPermanent)
        #expect(refusal.available == 10 && refusal.wanted == 20)
        #expect(refusal.retryAfterSeconds() == 1)
    }

    @Test func `input alone above the burst is refused for good, a default is cut to fit`() throws {
        let time = ManualTime()
        let limit = bound(tokens(1000, per: 60, burst: 1000), time.now)
        let refusal = try #require(probe([limit], estimate(1001), time.now).refusal)
        #expect(refusal.isPermanent && refusal.retryAfterNanoseconds == nil)
        #expect(probe([limit], estimate(1000), time.now).isAdmitted)
        var reservation = Reservation()
        let soft = UseEstimate(MeteredUse(inputTokens: 400), softOutputTokens: 4096)
        #expect(LimitAdmission.reserve([limit].span, estimate: soft, time.now, into: &reservation).isAdmitted)
        #expect(limit.status(time.now).outstanding == 1000)
        reservation.release(time.now)
        #expect(try #require(probe([limit], UseEstimate(MeteredUse(inputTokens: 1001), softOutputTokens: 1), time.now).refusal).isPermanent)
        #expect(UseEstimate(MeteredUse(), softOutputTokens: .max).wanted(of: .outputTokens, capacity: 9) == 9)
        #expect(UseEstimate(MeteredUse(cost: 5), softCost: 3).wanted(of: .cost, capacity: 9) == 8)
        #expect(UseEstimate(MeteredUse(inputTokens: 5), softOutputTokens: 3).wanted(of: .inputTokens, capacity: 9) == 5)
    }

    @Test func `absurd usage saturates`() {
        var time = ManualTime()
        for window in [LimitWindow.bucket(nanoseconds: second), .rolling(seconds: 60), .calendar(.month)] {
            let limit = bound(cost(1000, window), time.now)
            for used in [Int64.max, .min, -1, 1_000_000_000_000_000_000] {
                for _ in 0..<200 { spendBlindly(limit, used, time.now) }
                time.advance(seconds: 1)
            }
            let status = limit.status(time.now)
            #expect(status.available < 0 && status.isRefusing)
            #expect(status.spent <= 401 * Limit.amountMax)
        }
        let negative = bound(tokens(10, per: 60), time.now)
        spendBlindly(negative, -5, time.now)
        #expect(negative.remaining(time.now) == 10)
        #expect(probe([negative], estimate(.max, .max), time.now).refusal?.isPermanent == true)
        #expect(probe([negative], estimate(.min, .min), time.now).isAdmitted)
    }

    /// A settlement whatever the level is.
    private func spendBlindly(_ limit: BoundLimit, _ used: Int64, _ now: LimitTime) {
        var reservation = Reservation()
        reservation.hold(limit.cell, 0)
        reservation.settle(actual: MeteredUse(inputTokens: used, cost: used), now)
    }

    @Test func `looking often neither loses nor wins anything`() {
        var (often, seldom) = (ManualTime(), ManualTime())
        let first = bound(tokens(7, per: 60, burst: 1_000_000), often.now)
        let second = bound(tokens(7, per: 60, burst: 1_000_000), seldom.now)
        for limit in [first, second] { spendBlindly(limit, 1_000_000, often.now) }
        for _ in 0..<10_000 {
            often.advance(nanoseconds: 98_765_432)
            _ = probe([first], estimate(999_999), often.now)
        }
        seldom.nanoseconds = often.nanoseconds
        _ = probe([second], estimate(999_999), seldom.now)
        #expect(first.status(often.now) == second.status(seldom.now))
        #expect(first.remaining(often.now) == 7 * (10_000 * 98_765_432) / 60_000_000_000)
    }

    @Test func `eight threads that reserve and settle leave exactly what they used`() {
        let time = ManualTime()
        let limits = [
            tokens(1, per: 86_400, burst: 1_000_000), cost(1_000_000, .calendar(.month)), cost(1_000_000, .rolling(seconds: 3600)),
        ]
        .map { bound($0, time.now) }
        let used = Atomic<Int64>(0)
        onThreads(8) { thread in
            var random = SplitMix64(seed: UInt64(thread))
            // Named in any order: the cells are held in one order, or else this would never end.
            let order = limits.shuffled(using: &random)
            for _ in 0..<3000 {
                var reservation = Reservation()
                let verdict = LimitAdmission.reserve(order.span, estimate: estimate(100, cost: 100), time.now, into: &reservation)
                if verdict.isAdmitted { used.wrappingAdd(70, ordering: .relaxed) }
                reservation.settle(actual: MeteredUse(inputTokens: 70, cost: 70), time.now)
            }
        }
        for limit in limits {
            let status = limit.status(time.now)
            #expect(status.spent == used.load(ordering: .relaxed) && status.outstanding == 0)
            #expect(status.spent > 999_000 && status.spent <= 1_000_000)
        }
    }

    @Test func `a reservation that is forgotten counts as used`() {
        let time = ManualTime()
        let limits = [tokens(100, per: 60), cost(100, .calendar(.day)), cost(100, .rolling(seconds: 60))].map { bound($0, time.now) }
        do {
            var reservation = Reservation()
            #expect(LimitAdmission.reserve(limits.span, estimate: estimate(30, cost: 40), time.now, into: &reservation).isAdmitted)
        }
        #expect(limits.map { $0.status(time.now).spent } == [30, 40, 40])
        #expect(limits.allSatisfy { $0.status(time.now).outstanding == 0 })
    }

    @Test func `a reservation ends once`() {
        let time = ManualTime()
        let limit = bound(tokens(100, per: 60), time.now)
        var reservation = Reservation()
        #expect(LimitAdmission.reserve([limit].span, estimate: estimate(30), time.now, into: &reservation).isAdmitted)
        reservation.settle(actual: MeteredUse(inputTokens: 20), time.now)
        reservation.settle(actual: MeteredUse(inputTokens: 20), time.now)
        reservation.release(time.now)
        #expect(limit.status(time.now).spent == 20 && limit.status(time.now).outstanding == 0 && reservation.isEmpty)
    }

    @Test func `more limits than a reservation has room for inline are all settled`() {
        let time = ManualTime()
        let limits = (0..<9).map { _ in bound(tokens(100, per: 60), time.now) }
        var reservation = Reservation()
        #expect(LimitAdmission.reserve((limits + limits).span, estimate: estimate(30), time.now, into: &reservation).isAdmitted)
        #expect(limits.allSatisfy { $0.status(time.now).outstanding == 30 })
        reservation.settle(actual: MeteredUse(inputTokens: 20), time.now)
        #expect(limits.allSatisfy { $0.status(time.now).spent == 20 && $0.status(time.now).outstanding == 0 })
    }
}

/// A reservation that can stand in an array.
final class ReservationBox {
    var reservation = Reservation()
}
