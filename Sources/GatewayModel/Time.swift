// Time is an argument. Pure code takes a `MonotonicTime` or a `WallTime`; only the shells (EventLoop, writer threads, main) read a clock.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A point on the machine's monotonic clock, in nanoseconds since an arbitrary origin. Never compared across machines or restarts.
public struct MonotonicTime: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's origin.
    public var nanoseconds: UInt64

    /// Makes a point from nanoseconds since the origin.
    @inlinable public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// `CLOCK_MONOTONIC` now. About 25 ns; for shells, never for pure code.
    public static func now() -> MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    /// Earlier is less.
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The point `milliseconds` later, saturating at the end of the clock.
    @inlinable public func adding(milliseconds: UInt64) -> MonotonicTime {
        let (span, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, carried) = nanoseconds.addingReportingOverflow(overflow ? .max : span)
        return MonotonicTime(nanoseconds: carried ? .max : sum)
    }

    /// Nanoseconds from `earlier` to this point; 0 when `earlier` is later.
    @inlinable public func nanoseconds(since earlier: MonotonicTime) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }
}

/// A point of civil time, in milliseconds since 1970-01-01T00:00:00Z. It may jump; nothing that must not lie is measured with it.
public struct WallTime: Hashable, Comparable, Sendable {
    /// Milliseconds since the Unix epoch; negative before it.
    public var milliseconds: Int64

    /// Makes a point from milliseconds since the Unix epoch.
    @inlinable public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// `CLOCK_REALTIME` now. For shells, never for pure code.
    public static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(milliseconds: Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000)
    }

    /// Earlier is less.
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }

    /// The point `seconds` later (earlier when negative), saturating.
    @inlinable public func adding(seconds: Int64) -> WallTime {
        let (span, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        let (sum, carried) = milliseconds.addingReportingOverflow(overflow ? (seconds < 0 ? .min : .max) : span)
        return WallTime(milliseconds: carried ? (seconds < 0 ? .min : .max) : sum)
    }
}
