import GatewayModel

/// The cache's own civil time: the wall clock once, at open, and the monotonic clock from there on.
///
/// Records are stamped and judged by it, so that within one run an entry's age is its monotonic age whatever is done to the wall clock.
/// After a restart ages are told by the wall clock again. Time in which the machine sleeps is not counted.
public struct CacheClock: Sendable {
    private let wall: WallTime
    private let monotonic: MonotonicTime

    /// Ties the two clocks together at one moment.
    public init(wall: WallTime, monotonic: MonotonicTime) {
        self.wall = wall
        self.monotonic = monotonic
    }

    /// The cache's time at a point of the monotonic clock.
    public func time(at point: MonotonicTime) -> WallTime {
        let milliseconds = Int64(clamping: point.nanoseconds(since: monotonic) / 1_000_000)
        let (sum, overflow) = wall.milliseconds.addingReportingOverflow(milliseconds)
        return WallTime(milliseconds: overflow ? .max : sum)
    }
}

/// Whether a record may be served.
public enum CacheFreshness: Sendable, Equatable {
    /// Within its time to live.
    case fresh
    /// Past it by so many whole seconds, but within the stale window.
    case stale(secondsBeyond: Int64)
    /// Past everything, or made in the future.
    case expired

    /// A record that claims to be made later than this from now, in milliseconds, is expired: the wall clock was set back.
    public static let futureMillisecondsMax: Int64 = 60_000

    /// Judges a record: fresh while its age is below `ttlSeconds`, stale while below `ttlSeconds + staleSeconds`.
    public init(created: WallTime, ttlSeconds: UInt32, staleSeconds: UInt32, now: WallTime) {
        let (difference, overflow) = now.milliseconds.subtractingReportingOverflow(created.milliseconds)
        let age = overflow ? (now > created ? Int64.max : Int64.min) : difference
        let ttl = Int64(ttlSeconds) * 1000
        if age < -Self.futureMillisecondsMax {
            self = .expired
        } else if age < ttl {
            self = .fresh
        } else if age < ttl + Int64(staleSeconds) * 1000 {
            self = .stale(secondsBeyond: (age - ttl) / 1000)
        } else {
            self = .expired
        }
    }
}
