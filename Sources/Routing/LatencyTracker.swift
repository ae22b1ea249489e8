// How quick a target answers, in two forms: a peak-sensitive moving average for choosing (Finagle's Peak EWMA: a slow answer counts at once, a
// quick one only slowly), and a histogram for percentiles, from which hedging takes its delay.

public import GatewayModel

/// The latency of one target to its first byte. Confined to its owner's lock.
public struct LatencyTracker: Sendable {
    /// How quickly what was seen is forgotten, in nanoseconds: after that span it weighs 1/e.
    public static let decayNanoseconds: UInt64 = 10_000_000_000
    /// What a failure is at least taken to have lasted, in nanoseconds, so that failing quickly is no advantage.
    public static let failureNanoseconds: UInt64 = 1_000_000_000
    /// Above so many samples the histogram is halved, so that it follows the present.
    public static let samplesMax = 2048

    private var average: Double = 0
    private var updated = MonotonicTime(nanoseconds: 0)
    /// Attempts under way.
    public private(set) var pending = 0
    /// Four buckets for each doubling of microseconds; the last is for all above 2^39 µs.
    private var histogram = [UInt16](repeating: 0, count: 160)
    /// How many answers the histogram holds.
    public private(set) var samples = 0

    /// Makes one that knows nothing.
    public init() {}

    /// An attempt began.
    public mutating func began() { pending += 1 }

    /// An attempt ended without telling anything.
    public mutating func ended() { pending = max(pending - 1, 0) }

    /// The first byte came after so many nanoseconds.
    public mutating func observe(_ nanoseconds: UInt64, at now: MonotonicTime) {
        blend(Double(nanoseconds), now)
        let index = LatencyTracker.bucket(nanoseconds / 1000)
        histogram[index] += 1
        samples += 1
        if samples >= LatencyTracker.samplesMax { halve() }
    }

    /// An attempt failed after so many nanoseconds.
    public mutating func observeFailure(_ nanoseconds: UInt64, at now: MonotonicTime) {
        blend(Double(max(nanoseconds, LatencyTracker.failureNanoseconds)), now)
    }

    /// What asking would cost: the average, aged to this moment, for each attempt under way and one more. 0 when nothing is known.
    public func cost(at now: MonotonicTime) -> Double {
        // A target that is not asked is forgotten slowly, and tried again.
        let aged = average * LatencyTracker.weight(of: now.nanoseconds(since: updated))
        // Nothing known, but somebody is asking already: worse than one that answered and is idle.
        if aged <= 0 { return pending == 0 ? 0 : Double(LatencyTracker.failureNanoseconds) * Double(pending) }
        return aged * Double(pending + 1)
    }

    /// The average as it was at the last outcome, in nanoseconds, whatever is under way; 0 when nothing came for `span` nanoseconds or more.
    public func recent(within span: UInt64, at now: MonotonicTime) -> Double {
        now.nanoseconds(since: updated) < span ? average : 0
    }

    /// The latency that so large a fraction (0...1) of answers stayed within, in nanoseconds, rounded up by at most 19 %; `nil` without samples.
    public func quantile(_ fraction: Double) -> UInt64? {
        guard samples > 0 else { return nil }
        let wanted = max(Int((Double(samples) * min(max(fraction, 0), 1)).rounded(.up)), 1)
        var seen = 0
        for (index, count) in histogram.enumerated() {
            seen += Int(count)
            if seen >= wanted { return LatencyTracker.upperMicroseconds(of: index) * 1000 }
        }
        return LatencyTracker.upperMicroseconds(of: histogram.count - 1) * 1000
    }

    private mutating func blend(_ value: Double, _ now: MonotonicTime) {
        if value >= average {
            average = value
        } else {
            let weight = LatencyTracker.weight(of: now.nanoseconds(since: updated))
            average = average * weight + value * (1 - weight)
        }
        updated = max(updated, now)
    }

    /// e^-x for the span in units of the decay, by the reciprocal of the series' first terms: within 2 % up to 1, and falling everywhere.
    private static func weight(of nanoseconds: UInt64) -> Double {
        let x = Double(nanoseconds) / Double(decayNanoseconds)
        return 1 / (1 + x * (1 + x * (0.5 + x * (1.0 / 6))))
    }

    private mutating func halve() {
        samples = 0
        for index in histogram.indices {
            histogram[index] /= 2
            samples += Int(histogram[index])
        }
    }

    static func bucket(_ microseconds: UInt64) -> Int {
        guard microseconds >= 4 else { return Int(microseconds) }
        let exponent = 63 - microseconds.leadingZeroBitCount
        let quarter = Int(microseconds >> UInt64(exponent - 2)) & 3
        return min((exponent - 1) * 4 + quarter, 159)
    }

    static func upperMicroseconds(of bucket: Int) -> UInt64 {
        guard bucket >= 4 else { return UInt64(bucket) + 1 }
        let exponent = bucket / 4 + 1
        return UInt64(4 + bucket % 4 + 1) << UInt64(exponent - 2)
    }
}
