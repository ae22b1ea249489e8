import GatewayModel
import Glibc
import TestSupport
import Testing

@testable import RateLimiting

@Suite struct BudgetTests {
    private static func milliseconds(_ year: Int32, _ month: Int32, _ day: Int32, _ hour: Int32 = 0) -> Int64 {
        var fields = tm()
        (fields.tm_year, fields.tm_mon, fields.tm_mday, fields.tm_hour) = (year - 1900, month - 1, day, hour)
        return Int64(timegm(&fields)) * 1000
    }

    @Test(arguments: [
        (2024, 2, 2024, 3), (2023, 2, 2023, 3), (2000, 2, 2000, 3), (2100, 2, 2100, 3), (2026, 12, 2027, 1), (1969, 12, 1970, 1),
        (1600, 2, 1600, 3),
    ])
    func `a month ends where the calendar says`(year: Int32, month: Int32, nextYear: Int32, nextMonth: Int32) {
        let (start, next) = (BudgetTests.milliseconds(year, month, 1), BudgetTests.milliseconds(nextYear, nextMonth, 1))
        for moment in [start, start + 1, next - 1] {
            let bounds = CalendarWindow.month.bounds(containing: WallTime(milliseconds: moment))
            #expect(bounds.start.milliseconds == start && bounds.end.milliseconds == next)
        }
        #expect(CalendarWindow.month.bounds(containing: WallTime(milliseconds: next)).start.milliseconds == next)
    }

    @Test func `every window equals the C library's`() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<20_000 {
            let moment = Int64.random(in: -20_000_000_000_000...40_000_000_000_000, using: &random)
            var seconds = time_t(floorDivide(moment, 1000))
            var fields = tm()
            gmtime_r(&seconds, &fields)
            let (year, month, day) = (fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday)
            let of = { (window: CalendarWindow) in window.bounds(containing: WallTime(milliseconds: moment)) }
            #expect(of(.hour).start.milliseconds == BudgetTests.milliseconds(year, month, day, fields.tm_hour))
            #expect(of(.day).start.milliseconds == BudgetTests.milliseconds(year, month, day))
            #expect(of(.day).end.milliseconds == BudgetTests.milliseconds(year, month, day + 1))
            #expect(of(.month).start.milliseconds == BudgetTests.milliseconds(year, month, 1))
            #expect(of(.month).end.milliseconds == BudgetTests.milliseconds(year, month + 1, 1))
        }
        for extreme in [Int64.min, .max] {
            for window in CalendarWindow.allCases {
                let bounds = window.bounds(containing: WallTime(milliseconds: extreme))
                #expect(bounds.start < bounds.end)
            }
        }
    }

    @Test(arguments: CalendarWindow.allCases)
    func `a calendar budget ends with its window and at no other time`(window: CalendarWindow) throws {
        var time = ManualTime()
        time.advance(seconds: 1000)
        let limit = bound(cost(100, .calendar(window)), time.now)
        #expect(spend([limit], estimate(0, cost: 100), time.now).isAdmitted)
        let refusal = try #require(probe([limit], estimate(0, cost: 1), time.now).refusal)
        let wait = try #require(refusal.retryAfterNanoseconds)
        #expect(limit.status(time.now).resetNanoseconds == wait)
        var early = time
        early.advance(nanoseconds: wait - 1_000_000)
        #expect(!probe([limit], estimate(0, cost: 1), early.now).isAdmitted)
        time.advance(nanoseconds: wait)
        #expect(limit.status(time.now).remaining == 100)
        #expect(probe([limit], estimate(0, cost: 100), time.now).isAdmitted)
    }

    @Test func `a clock that goes back neither reopens nor resets a window`() {
        var time = ManualTime()
        let limit = bound(cost(100, .calendar(.hour)), time.now)
        #expect(spend([limit], estimate(0, cost: 60), time.now).isAdmitted)
        time.advance(seconds: 3600)
        #expect(spend([limit], estimate(0, cost: 90), time.now).isAdmitted)
        time.civilOrigin -= 3_600_000
        #expect(!probe([limit], estimate(0, cost: 20), time.now).isAdmitted)
        #expect(probe([limit], estimate(0, cost: 10), time.now).isAdmitted)
        time.civilOrigin += 3_600_000
        #expect(limit.status(time.now).remaining == 10)
        #expect(!probe([limit], estimate(0, cost: 11), time.now).isAdmitted)
    }

    @Test func `a reservation across the end of a window is charged where it ends`() {
        var time = ManualTime()
        let limit = bound(cost(100, .calendar(.hour)), time.now)
        var reservation = Reservation()
        #expect(LimitAdmission.reserve([limit].span, estimate: estimate(0, cost: 70), time.now, into: &reservation).isAdmitted)
        time.advance(seconds: 3600)
        #expect(limit.status(time.now).outstanding == 70)
        #expect(!probe([limit], estimate(0, cost: 31), time.now).isAdmitted)
        reservation.settle(actual: MeteredUse(cost: 55), time.now)
        #expect(limit.status(time.now).spent == 55)
        #expect(probe([limit], estimate(0, cost: 45), time.now).isAdmitted)
    }

    @Test(arguments: [1, 7, 60, 86_400, 34_560_000])
    func `a rolling budget is never exceeded in any span`(seconds: Int64) throws {
        var random = SplitMix64(seed: UInt64(seconds))
        var time = ManualTime()
        let limit = bound(cost(1000, .rolling(seconds: seconds)), time.now)
        var charges: [(at: Int64, amount: Int64)] = []
        var (refused, first) = (0, 0)
        for _ in 0..<5000 {
            time.advance(milliseconds: UInt64.random(in: 0...UInt64(seconds * 1000 / 20), using: &random))
            let wanted = Int64.random(in: 1...250, using: &random)
            let verdict = spend([limit], estimate(0, cost: wanted), time.now)
            let milliseconds = time.now.milliseconds
            let from = milliseconds - seconds * 1000
            while first < charges.count, charges[first].at <= from { first += 1 }
            let spent = charges[first...].reduce(0) { $0 + $1.amount }
            if let refusal = verdict.refusal {
                refused += 1
                // Not refused without cause: at most a tenth of the span is remembered too long, and a moment of rounding.
                let remembered = charges.filter { $0.at > from - seconds * 100 - 10 }.reduce(0) { $0 + $1.amount }
                #expect(remembered + wanted > 1000)
                let wait = try #require(refusal.retryAfterNanoseconds)
                var later = time
                later.advance(nanoseconds: wait - 1_000_000)
                #expect(limit.status(later.now).available < wanted)
                later.advance(nanoseconds: 1_000_000)
                #expect(limit.status(later.now).available >= wanted)
            } else {
                #expect(spent + wanted <= 1000)
                charges.append((milliseconds, wanted))
            }
        }
        #expect(refused > 100)
        let reset = limit.status(time.now).resetNanoseconds
        time.advance(nanoseconds: reset)
        #expect(limit.status(time.now).remaining == 1000)
        #expect(spend([limit], estimate(0, cost: 1000), time.now).isAdmitted)
    }

    @Test func `a clock that goes back forgets nothing of a rolling budget`() {
        var time = ManualTime()
        let limit = bound(cost(100, .rolling(seconds: 60)), time.now)
        #expect(spend([limit], estimate(0, cost: 100), time.now).isAdmitted)
        for jump: Int64 in [-1000, -60_000, -3_600_000, -86_400_000_000] {
            time.civilOrigin += jump
            #expect(!probe([limit], estimate(0, cost: 1), time.now).isAdmitted)
            #expect(limit.status(time.now).remaining == 0)
        }
    }

    @Test func `a quota of requests in a window counts at admission`() throws {
        var time = ManualTime()
        for window in [LimitWindow.calendar(.day), .rolling(seconds: 86_400)] {
            let limit = bound(Limit(measure: .requests, amount: 5, window: window), time.now)
            #expect((0..<10).count { _ in isAdmitted([limit], time.now) } == 5)
            let wait = try #require(admit([limit], time.now).refusal?.retryAfterNanoseconds)
            time.advance(nanoseconds: wait)
            #expect((0..<10).count { _ in isAdmitted([limit], time.now) } == 5)
        }
    }

    @Test func `a budget larger than ever possible is refused for good, one spent is not`() throws {
        let time = ManualTime()
        for window in [LimitWindow.calendar(.month), .rolling(seconds: 60)] {
            let limit = bound(cost(100, window), time.now)
            #expect(try #require(probe([limit], estimate(0, cost: 101), time.now).refusal).isPermanent)
            #expect(spend([limit], estimate(0, cost: 100), time.now).isAdmitted)
            let refusal = try #require(probe([limit], estimate(0, cost: 100), time.now).refusal)
            #expect(!refusal.isPermanent && refusal.limit.limit.window.isBudget)
        }
    }

    @Test func `nothing but a settlement helps where a budget is reserved`() throws {
        let time = ManualTime()
        for window in [LimitWindow.calendar(.month), .rolling(seconds: 60)] {
            let limit = bound(cost(100, window), time.now)
            var reservation = Reservation()
            #expect(LimitAdmission.reserve([limit].span, estimate: estimate(0, cost: 80), time.now, into: &reservation).isAdmitted)
            #expect(try #require(probe([limit], estimate(0, cost: 30), time.now).refusal).retryAfterNanoseconds == nil)
            reservation.release(time.now)
            #expect(probe([limit], estimate(0, cost: 30), time.now).isAdmitted)
        }
    }
}
