import GatewayModel

/// The sums of one label in one interval: the measures, then the requests by cache layer and by kind of error.
struct RollupCounters: Sendable {
    static let count = 35
    private static let layersStart = RollupMeasure.count
    private static let errorsStart = layersStart + 8

    private var values = InlineArray<35, UInt64>(repeating: 0)

    subscript(index: Int) -> UInt64 {
        get { values[index] }
        set { values[index] = newValue }
    }

    subscript(measure: RollupMeasure) -> UInt64 {
        get { values[Int(measure.rawValue)] }
        set { values[Int(measure.rawValue)] = newValue }
    }

    subscript(layer: GatewayEvent.CacheLayer) -> UInt64 { values[RollupCounters.layersStart + Int(layer.rawValue)] }
    subscript(error: GatewayEvent.ErrorKind) -> UInt64 { values[RollupCounters.errorsStart + Int(error.rawValue)] }

    /// Whether nothing was counted.
    var isZero: Bool { (0..<RollupCounters.count).allSatisfy { values[$0] == 0 } }

    mutating func add(_ amount: UInt64, at index: Int) { values[index] = values[index].addingSaturating(amount) }
    mutating func add(_ amount: UInt64, to measure: RollupMeasure) { add(amount, at: Int(measure.rawValue)) }
    mutating func add(_ amount: UInt64, to layer: GatewayEvent.CacheLayer) {
        add(amount, at: RollupCounters.layersStart + Int(layer.rawValue))
    }
    mutating func add(_ amount: UInt64, to error: GatewayEvent.ErrorKind) {
        add(amount, at: RollupCounters.errorsStart + Int(error.rawValue))
    }

    mutating func merge(_ other: RollupCounters) {
        for index in 0..<RollupCounters.count { values[index] = values[index].addingSaturating(other.values[index]) }
    }
}

/// Everything counted for one label in one interval.
struct RollupCell: Sendable {
    var counters = RollupCounters()
    var buckets = BucketCounts()

    /// Counts a request. An answer without a request of its own counts for what it used.
    mutating func add(_ event: GatewayEvent) {
        guard !event.flags.contains(.background) else {
            addAmounts(of: event)
            if event.attemptCount > 0 { addAttempts(of: event) }
            return
        }
        counters.add(1, to: .requests)
        counters.add(1, to: event.cacheLayer)
        counters.add(1, to: event.errorKind)
        if event.isSuccess { counters.add(1, to: .successes) }
        addAmounts(of: event)
        if event.attemptCount > 0 { addAttempts(of: event) }
        addTimes(of: event)
    }

    /// Adds everything of another.
    mutating func merge(_ other: RollupCell) {
        counters.merge(other.counters)
        buckets.merge(other.buckets)
    }

    private mutating func addAmounts(of event: GatewayEvent) {
        counters.add(event.tokensIn, to: .tokensIn)
        counters.add(event.tokensOut, to: .tokensOut)
        counters.add(event.tokensCached, to: .tokensCached)
        counters.add(event.tokensSaved, to: .tokensSaved)
        counters.add(event.costNanoUSD, to: .cost)
        counters.add(event.costSavedNanoUSD, to: .costSaved)
        counters.add(event.requestBytes, to: .requestBytes)
        counters.add(event.responseBytes, to: .responseBytes)
    }

    /// Attempts beyond the described ones can only be repeats: there are fewer targets than descriptions.
    private mutating func addAttempts(of event: GatewayEvent) {
        let attempts = UInt64(event.attemptCount)
        var fallbacks: UInt64 = 0
        for attempt in event.attempts.dropFirst() where !attempt.isRepeat { fallbacks += 1 }
        fallbacks = min(fallbacks, attempts - 1)
        counters.add(attempts, to: .attempts)
        counters.add(fallbacks, to: .fallbacks)
        counters.add(attempts - 1 - fallbacks, to: .retries)
    }

    private mutating func addTimes(of event: GatewayEvent) {
        counters.add(event.durationMicroseconds, to: .latencySum)
        buckets.add(event.durationMicroseconds, to: .latency)
        counters.add(event.overheadMicroseconds, to: .overheadSum)
        buckets.add(event.overheadMicroseconds, to: .overhead)
        if event.firstByteMicroseconds > 0 {
            counters.add(event.firstByteMicroseconds, to: .firstByteSum)
            buckets.add(event.firstByteMicroseconds, to: .firstByte)
        }
        if let rate = RollupCell.rate(of: event) {
            counters.add(rate, to: .rateSum)
            buckets.add(rate, to: .rate)
        }
    }

    /// Thousandths of output tokens per second; `nil` without tokens or time. A rate beyond any model's is cut at the buckets' end, so that a
    /// single absurd report does not spoil the mean.
    static func rate(of event: GatewayEvent) -> UInt64? {
        let start = event.flags.contains(.stream) ? event.firstByteMicroseconds : 0
        guard event.tokensOut > 0, event.durationMicroseconds > start else { return nil }
        let rate = Double(event.tokensOut) / Double(event.durationMicroseconds - start) * 1e9
        return rate >= Double(LogLinearBuckets.valueMax) ? LogLinearBuckets.valueMax : UInt64(rate.rounded())
    }
}
