import GatewayModel

/// The clock of a replay: nanoseconds since the first request. It never goes back.
struct ReplayClock {
    /// Where the monotonic clock stands at the first request.
    private static let origin: UInt64 = 1_000_000_000
    /// A recording may span half the time that buckets count: 36 years.
    private static let offsetMax = LimitTime.nanosecondsMax / 2

    private var first: Int64?
    private var last: Int64 = 0
    /// Up to when requests were settled; a settlement is never earlier than the one before.
    var settled: Int64 = 0
    private(set) var lateCount = 0

    /// The nanosecond of a request's start; that of the one before if it should lie before that.
    mutating func move(to start: WallTime) -> Int64 {
        let milliseconds = min(max(start.milliseconds, -(1 << 53)), 1 << 53)
        let origin = first ?? milliseconds
        first = origin
        let offset = min(max(milliseconds - origin, -1), ReplayClock.offsetMax / 1_000_000) * 1_000_000
        if offset < last { lateCount += 1 }
        last = max(last, offset)
        return last
    }

    /// The latest start.
    var now: LimitTime { time(at: last) }

    func time(at offset: Int64) -> LimitTime {
        LimitTime(
            monotonic: MonotonicTime(nanoseconds: ReplayClock.origin + UInt64(max(0, offset))),
            civil: WallTime(milliseconds: (first ?? 0) + offset / 1_000_000))
    }
}
