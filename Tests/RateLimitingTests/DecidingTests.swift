import GatewayModel
import Testing

@testable import RateLimiting

@Suite struct DecidingTests {

    @Test(arguments: [requests(20, per: 34_560_000), tokens(20, per: 34_560_000)])
    func `the last request that fits is refused by a loop whose clock is a moment behind`(_ limit: Limit) {
        var clock = ManualTime()
        let behind = clock.now
        clock.advance(milliseconds: 5)
        let limits = [bound(limit, clock.now)]
        var boxes: [ReservationBox] = []
        func ask(_ now: LimitTime) -> LimitVerdict {
            if limit.measure == .requests { return admit(limits, now) }
            let box = ReservationBox()
            boxes.append(box)
            return LimitAdmission.reserve(limits.span, estimate: UseEstimate(MeteredUse(inputTokens: 1)), now, into: &box.reservation)
        }
        #expect(ask(clock.now).isAdmitted)
        for _ in 0..<19 { #expect(LimitVerdict.deciding(at: behind, exactly: { clock.now }, ask).isAdmitted) }
        #expect(limits[0].cell.refusedCount.load(ordering: .relaxed) == 0)
        #expect(!LimitVerdict.deciding(at: behind, exactly: { clock.now }, ask).isAdmitted)
        #expect(limits[0].cell.refusedCount.load(ordering: .relaxed) == 1, "one refusal counts once")
    }

    @Test func `who is admitted by the loop's clock reads no other`() {
        let clock = ManualTime()
        let limits = [bound(requests(1), clock.now)]
        var reads = 0
        func exactly() -> LimitTime {
            reads += 1
            return clock.now
        }
        #expect(LimitVerdict.deciding(at: clock.now, exactly: exactly) { admit(limits, $0) }.isAdmitted && reads == 0)
        #expect(!LimitVerdict.deciding(at: clock.now, exactly: exactly) { admit(limits, $0) }.isAdmitted && reads == 1)
    }
}
