import GatewayModel
import Testing

@testable import Storage

@Suite struct WorkPaceTests {
    private func time(_ nanoseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: 1_000_000 + nanoseconds) }

    @Test func `a portion ends at 25 µs of work and not before`() {
        let pace = WorkPace(at: time(0))
        #expect(!pace.isDue(at: time(WorkPace.portion - 1)))
        #expect(pace.isDue(at: time(WorkPace.portion)))
    }

    @Test func `the next portion begins when the nap ends`() {
        var pace = WorkPace(at: time(0))
        pace.woke(at: time(80_000), asleepSince: time(25_000))
        #expect(!pace.isDue(at: time(80_000 + WorkPace.portion - 1)))
        #expect(pace.isDue(at: time(80_000 + WorkPace.portion)))
    }

    @Test func `on a core that a full loop takes, a batch naps no longer than its budget`() {
        var pace = WorkPace(at: time(0))
        var now: UInt64 = 0
        var naps = 0
        for _ in 0..<10_000 {
            now += WorkPace.portion
            guard pace.isDue(at: time(now)) else { continue }
            naps += 1
            pace.woke(at: time(now + 3_000_000), asleepSince: time(now))
            now += 3_000_000
        }
        #expect(naps == 7)
    }
}
