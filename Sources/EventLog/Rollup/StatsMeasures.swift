import GatewayModel

/// What was counted in a window, a point of its series or a group.
public struct StatsMeasures: Sendable {
    private let counters: RollupCounters
    private let percentiles: [[Double?]]
    private let means: [Double?]

    init(_ counters: RollupCounters, _ buckets: BucketCounts, percentiles wanted: [Int]) {
        self.counters = counters
        percentiles = RollupHistogram.allCases.map { buckets.percentiles(of: $0, wanted) }
        let sums: [RollupMeasure] = [.latencySum, .overheadSum, .firstByteSum, .rateSum]
        means = zip(RollupHistogram.allCases, sums).map { histogram, sum in
            let count = buckets.total(of: histogram)
            return count > 0 ? Double(counters[sum]) / Double(count) : nil
        }
    }

    /// A sum, in the unit that the measure names.
    public subscript(measure: RollupMeasure) -> UInt64 { counters[measure] }

    /// The requests answered by a layer.
    public subscript(layer: GatewayEvent.CacheLayer) -> UInt64 { counters[layer] }

    /// The requests that ended with a kind of error, or with none.
    public subscript(error: GatewayEvent.ErrorKind) -> UInt64 { counters[error] }

    /// A percentile by its place in the query, in the histogram's unit; `nil` where nothing was counted. Off by at most
    /// `StatsResult.percentileBounds` of itself.
    public func percentile(_ place: Int, of histogram: RollupHistogram) -> Double? {
        let values = percentiles[Int(histogram.rawValue)]
        return values.indices.contains(place) ? values[place] : nil
    }

    /// The mean, in the histogram's unit; `nil` where nothing was counted.
    public func mean(of histogram: RollupHistogram) -> Double? { means[Int(histogram.rawValue)] }

    /// Requests answered without a provider, as a share of those that were looked up; `nil` where none was.
    public var hitRatio: Double? {
        let saved = GatewayEvent.CacheLayer.allCases.filter(\.isSaved).reduce(0.0) { $0 + Double(counters[$1]) }
        let asked = saved + Double(counters[GatewayEvent.CacheLayer.miss]) + Double(counters[GatewayEvent.CacheLayer.partial])
        return asked > 0 ? saved / asked : nil
    }
}

/// A point of the series.
public struct StatsPoint: Sendable {
    /// The start, in seconds since the epoch.
    public var start: Int64
    /// What was counted from then on for the length of a step.
    public var measures: StatsMeasures
}

/// A group.
public struct StatsGroup: Sendable {
    /// Its labels, in the order of the query.
    public var labels: [(StatsDimension, String)]
    /// What was counted for it.
    public var measures: StatsMeasures
}
