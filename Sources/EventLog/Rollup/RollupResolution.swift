import GatewayModel

/// How finely time is cut. Intervals are aligned to the Unix epoch, so hours and days are those of UTC, which has no daylight saving.
public enum RollupResolution: UInt8, Sendable, CaseIterable {
    /// 60 s.
    case minute = 1
    /// 3600 s.
    case hour = 2
    /// 86,400 s.
    case day = 3

    /// An interval's length.
    public var seconds: Int64 {
        switch self {
        case .minute: 60
        case .hour: 3600
        case .day: 86_400
        }
    }

    /// The name in JSON.
    public var name: String {
        switch self {
        case .minute: "minute"
        case .hour: "hour"
        case .day: "day"
        }
    }

    /// The start, in seconds since the epoch, of the interval that holds `second`.
    public func start(of second: Int64) -> Int64 {
        let rest = second % seconds
        return rest >= 0 ? second - rest : second - rest - seconds
    }

    /// The start of the first interval that begins at `second` or after it.
    func ceiling(of second: Int64) -> Int64 {
        let floor = start(of: second)
        return floor == second ? floor : floor + seconds
    }
}
