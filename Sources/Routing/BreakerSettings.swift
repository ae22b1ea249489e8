/// When a breaker opens, for how long, and how traffic returns.
public struct BreakerSettings: Sendable, Equatable {
    /// Failures in a row that open it, at least 1.
    public var consecutiveFailuresMax = 5
    /// The percentage of failures in the last 10 s that opens it softly, 1...100.
    public var failingPercent = 50
    /// How many outcomes in the last 10 s that share needs, at least 1.
    public var failingSamplesMin = 20
    /// The first time out, in nanoseconds; doubles with each opening that follows.
    public var cooldownNanosecondsMin: UInt64 = 5_000_000_000
    /// The longest time out, in nanoseconds; also the longest `Retry-After` that is believed.
    public var cooldownNanosecondsMax: UInt64 = 60_000_000_000
    /// How far a time out may differ from its nominal length, in percent of it, so that processes do not probe together.
    public var jitterPercent = 20
    /// After a probe the share of traffic grows by a tenth in each such span, in nanoseconds.
    public var rampStepNanoseconds: UInt64 = 1_000_000_000
    /// After so long without opening, the next time out is the first again, in nanoseconds.
    public var calmNanoseconds: UInt64 = 60_000_000_000
    /// How long a key is left alone after a 429 without `Retry-After`, in nanoseconds.
    public var limitedNanoseconds: UInt64 = 1_000_000_000
    /// A probe without an outcome for so long was lost, in nanoseconds; longer than any request may take to its first byte.
    public var probeNanosecondsMax: UInt64 = 660_000_000_000

    /// The defaults.
    public init() {}
}
