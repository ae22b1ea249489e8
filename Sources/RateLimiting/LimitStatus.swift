import GatewayModel

/// What a bucket looks like at a moment, for headers and reports. Read without a lock: it may mix two moments that lie nanoseconds apart.
public struct LimitStatus: Sendable, Equatable {
    /// What can be used at once when nothing was used for long: the burst, the amount of a budget, how many at once.
    public var capacity: Int64
    /// What can be used now; below 0 when the bucket is in debt or overdrawn.
    public var available: Int64
    /// What was used and has not flowed back: settled use, requests, or places taken.
    public var spent: Int64
    /// What is reserved and not yet settled.
    public var outstanding: Int64
    /// Nanoseconds until nothing is spent any more: the bucket is full, the window has ended. 0 for concurrency.
    public var resetNanoseconds: UInt64
    /// Whether the next request would be refused, even if it needs no more than one unit.
    public var isRefusing: Bool

    /// What can be used now, at least 0.
    public var remaining: Int64 { max(0, available) }
}
