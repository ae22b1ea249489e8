import GatewayModel
import Testing

@Suite struct SteadyClockTests {
    private let noon = WallTime(milliseconds: 1_800_000_000_000)

    @Test func `the steady time follows the monotonic clock, whatever the wall clock says`() {
        let clock = SteadyClock(wall: noon, monotonic: MonotonicTime(nanoseconds: 5_000_000_000))
        #expect(clock.time(at: MonotonicTime(nanoseconds: 5_000_000_000)) == noon)
        #expect(clock.time(at: MonotonicTime(nanoseconds: 5_000_999_999)) == noon, "milliseconds are whole ones")
        #expect(clock.time(at: MonotonicTime(nanoseconds: 5_001_000_000)).milliseconds == noon.milliseconds + 1)
        #expect(clock.time(at: MonotonicTime(nanoseconds: 7_500_000_000)).milliseconds == noon.milliseconds + 2500)
    }

    @Test func `a point before the tie does not go back`() {
        let clock = SteadyClock(wall: noon, monotonic: MonotonicTime(nanoseconds: 5_000_000_000))
        #expect(clock.time(at: MonotonicTime(nanoseconds: 0)) == noon)
    }

    @Test func `the end of civil time saturates and does not trap`() {
        let last = SteadyClock(wall: WallTime(milliseconds: .max - 1), monotonic: MonotonicTime(nanoseconds: 0))
        #expect(last.time(at: MonotonicTime(nanoseconds: 1_000_000)).milliseconds == .max)
        #expect(last.time(at: MonotonicTime(nanoseconds: 2_000_000)).milliseconds == .max)
        #expect(last.time(at: MonotonicTime(nanoseconds: .max)).milliseconds == .max)
    }
}
