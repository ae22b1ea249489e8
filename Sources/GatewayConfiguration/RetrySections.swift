import Routing

// How retries, hedges and breakers are read. The types live in Routing, which knows no YAML.

extension RetryPolicy {
    /// Reads a `retry` section; what it leaves out is as in `standard`, or as in the table where there is none.
    init(_ section: Section, standard: RetryPolicy? = nil, deadlineMilliseconds: Int) {
        var policy = standard ?? RetryPolicy()
        if let count = section.optionalInteger("attempts") { policy.attemptsPerTarget = count }
        if let delay = section.optionalInteger("delay") { policy.delayMilliseconds = delay }
        if let shape = section.choice("backoff", BackoffShape.self) { policy.backoff = shape }
        if let count = section.optionalInteger("steps") { policy.stepsMax = count }
        if let longest = section.optionalInteger("retry_after_max") { policy.retryAfterMillisecondsMax = UInt64(max(longest, 0)) }
        if let longest = section.optionalInteger("patience") { policy.patienceMilliseconds = UInt64(max(longest, 0)) }
        if let flag = section.optionalFlag("on_timeout") { policy.repeatsTimedOut = flag }
        if let flag = section.optionalFlag("on_stored") { policy.repeatsStored = flag }
        policy.deadlineMilliseconds = UInt64(max(deadlineMilliseconds, 0))
        self = policy
    }
}

extension HedgePolicy {
    /// What the quantile may be: the bounds of the policy itself.
    private static let quantileBounds = 0.5...0.999

    /// Reads a `hedge` section of a route.
    init(_ section: Section) {
        let quantile = section.optionalNumber("quantile") ?? 0.95
        if !HedgePolicy.quantileBounds.contains(quantile) {
            let bounds = HedgePolicy.quantileBounds
            section.report("quantile", "\(quantile) is not between \(bounds.lowerBound) and \(bounds.upperBound)")
        }
        let (least, most) = (section.integer("delay_min"), section.integer("delay_max"))
        if least > most { section.report("delay_min", "\(least) is above delay_max (\(most))") }
        self.init(quantile: quantile, delayMillisecondsMin: UInt64(max(least, 0)), delayMillisecondsMax: UInt64(max(most, 0)))
    }
}

extension BreakerSettings {
    /// How much longer than any request's first byte may take a probe is waited for, in milliseconds.
    private static let probeGraceMilliseconds = 60_000

    /// Reads the `breaker` section. `deadlines`: of all routes and of direct calls, in milliseconds; a probe may take as long.
    init(_ section: Section, deadlines: [Int]) {
        func nanoseconds(_ name: String) -> UInt64 { UInt64(max(section.integer(name), 0)) * 1_000_000 }
        self.init()
        consecutiveFailuresMax = section.integer("consecutive_failures")
        failingPercent = section.integer("failing_percent")
        failingSamplesMin = section.integer("samples_min")
        cooldownNanosecondsMin = nanoseconds("cooldown_min")
        cooldownNanosecondsMax = nanoseconds("cooldown_max")
        jitterPercent = section.integer("jitter_percent")
        rampStepNanoseconds = nanoseconds("ramp_step")
        calmNanoseconds = nanoseconds("calm")
        limitedNanoseconds = nanoseconds("limited")
        probeNanosecondsMax = UInt64(max(deadlines.max() ?? 0, 0) + BreakerSettings.probeGraceMilliseconds) * 1_000_000
        if cooldownNanosecondsMin > cooldownNanosecondsMax {
            let (least, most) = (section.integer("cooldown_min"), section.integer("cooldown_max"))
            section.report("cooldown_min", "\(least) is above breaker.cooldown_max (\(most))")
        }
    }
}
