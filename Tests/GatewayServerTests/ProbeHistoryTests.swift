import GatewayModel
import Testing

@testable import GatewayServer

@Suite struct `Probe history` {
    private let start = MonotonicTime(nanoseconds: 5_000_000_000)
    private var history = ProbeHistory(intervalMilliseconds: 10_000)

    @Test func `one failure ejects nobody and the second ejects for three intervals`() {
        var history = history
        #expect(history.ended(.failed, at: start) == .nothing && !history.isOut)
        #expect(history.ended(.failed, at: start) == .eject(until: start.adding(milliseconds: 30_000), isNew: true) && history.isOut)
    }

    @Test func `failures that go on renew the ejection`() {
        var history = history
        _ = (history.ended(.failed, at: start), history.ended(.failed, at: start))
        let later = start.adding(milliseconds: 10_000)
        #expect(history.ended(.failed, at: later) == .eject(until: start.adding(milliseconds: 40_000), isNew: false))
    }

    @Test func `failures with a success between are not two in a row`() {
        var history = history
        for _ in 0..<5 {
            #expect(history.ended(.failed, at: start) == .nothing)
            #expect(history.ended(.alive, at: start) == .nothing)
        }
    }

    @Test func `one success takes the ejection back, once`() {
        var history = history
        _ = (history.ended(.failed, at: start), history.ended(.failed, at: start))
        #expect(history.ended(.alive, at: start) == .restore)
        #expect(history.ended(.alive, at: start) == .nothing)
        #expect(history.ended(.failed, at: start) == .nothing)
    }

    @Test func `a probe that never left says nothing, and does not stand between two failures`() {
        var history = history
        _ = history.ended(.failed, at: start)
        #expect(history.ended(.unsent, at: start) == .nothing)
        #expect(history.ended(.failed, at: start) != .nothing)
        #expect(history.ended(.unsent, at: start) == .nothing && history.isOut)
    }

    @Test func `an interval of any length does not overflow`() {
        var history = ProbeHistory(intervalMilliseconds: .max)
        _ = history.ended(.failed, at: start)
        #expect(history.ended(.failed, at: start) == .eject(until: MonotonicTime(nanoseconds: .max), isNew: true))
    }

    @Test(arguments: [
        (200, true), (301, true), (401, true), (404, true), (429, true), (499, true), (500, false), (503, false), (599, false),
    ])
    func `any answer below 500 is a sign of life`(status: Int, isAlive: Bool) {
        #expect(ProbeHistory.outcome(ofStatus: status) == (isAlive ? .alive : .failed))
    }
}
