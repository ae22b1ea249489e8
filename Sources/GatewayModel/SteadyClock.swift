/// Civil time that never jumps within one run: the wall clock once, and the monotonic clock from there on.
///
/// What is stamped and judged by it ages by the monotonic clock, whatever is done to the wall clock meanwhile. A restart begins anew at the
/// wall clock. Time in which the machine sleeps is not counted.
public struct SteadyClock: Sendable {
    private let wall: WallTime
    private let monotonic: MonotonicTime

    /// Ties the two clocks together at one moment.
    public init(wall: WallTime, monotonic: MonotonicTime) {
        self.wall = wall
        self.monotonic = monotonic
    }

    /// The civil time at a point of the monotonic clock, saturating at the end; a point before the tie is taken for the tie itself.
    public func time(at point: MonotonicTime) -> WallTime {
        let milliseconds = Int64(clamping: point.nanoseconds(since: monotonic) / 1_000_000)
        let (sum, overflow) = wall.milliseconds.addingReportingOverflow(milliseconds)
        return WallTime(milliseconds: overflow ? .max : sum)
    }
}
