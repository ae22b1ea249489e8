/// When a request that waits unusually long asks a second target beside the first. Off unless a route sets it.
public struct HedgePolicy: Sendable, Equatable {
    /// The share of answers that come sooner than the hedge is sent: 0.5...0.999. At 0.95 one request in twenty is asked twice.
    public var quantile: Double
    /// The shortest delay, in milliseconds.
    public var delayMillisecondsMin: UInt64
    /// The longest delay, in milliseconds.
    public var delayMillisecondsMax: UInt64
    /// How many answers must be known before a percentile means anything.
    public var samplesMin: Int

    /// Makes a policy. A quantile out of bounds is brought within them.
    public init(quantile: Double = 0.95, delayMillisecondsMin: UInt64 = 50, delayMillisecondsMax: UInt64 = 10_000, samplesMin: Int = 100) {
        self.quantile = quantile.isFinite ? quantile.clamped(to: 0.5...0.999) : 0.95
        self.delayMillisecondsMin = min(delayMillisecondsMin, 3_600_000)
        self.delayMillisecondsMax = delayMillisecondsMax.clamped(to: self.delayMillisecondsMin...max(self.delayMillisecondsMin, 3_600_000))
        self.samplesMin = max(samplesMin, 1)
    }

    /// Nanoseconds from the start of the first attempt until the second is sent; `nil` when there is to be none: too little is known, or asking
    /// twice could have an effect twice. Each hedge is paid from the first target's retry budget.
    public func delayNanoseconds(_ latency: LatencyTracker, _ traits: RequestTraits) -> UInt64? {
        guard latency.samples >= samplesMin, traits.isReplayable, !traits.isStored, traits.clientRetries == 0 else { return nil }
        guard traits.kind == .generate || traits.kind == .embed, !traits.usesClientCredential else { return nil }
        guard let found = latency.quantile(quantile) else { return nil }
        return found.clamped(to: (delayMillisecondsMin * 1_000_000)...(delayMillisecondsMax * 1_000_000))
    }
}
