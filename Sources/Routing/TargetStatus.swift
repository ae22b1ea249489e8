/// What is known of a target at this moment, handed to the planner.
public struct TargetStatus: Sendable, Equatable {
    /// Whether a target takes requests.
    public enum Availability: Sendable, Equatable {
        /// As any other.
        case ready
        /// Only when no other is left.
        case lastResort(SoftReason)
        /// Not at all, for the reason given.
        case blocked(SkipReason)
    }

    /// Whether it takes requests.
    public var availability: Availability
    /// Its latency cost in nanoseconds (see `LatencyTracker`); 0 when nothing is known, which makes it worth a try.
    public var latencyCost: Double

    /// Makes a status; by default that of a target nothing is known of.
    public init(_ availability: Availability = .ready, latencyCost: Double = 0) {
        self.availability = availability
        self.latencyCost = latencyCost
    }
}
