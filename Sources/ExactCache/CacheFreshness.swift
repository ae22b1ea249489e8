import GatewayModel

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
