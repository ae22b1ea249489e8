/// Finds the targets of a route that are so much slower than their peers that they should be a last resort. Pure; the control thread asks it
/// now and then and ejects what it names.
public enum LatencyOutlier {
    /// How many times the median of its peers a target's latency must be.
    public static let factor = 5.0
    /// A target quicker than this is never an outlier, in nanoseconds.
    public static let nanosecondsMin = 500_000_000.0

    /// The indices of outliers among latency costs in nanoseconds; costs of 0 are not known and not counted. Never more than half, and never one
    /// of fewer than three.
    public static func indices(of costs: [Double]) -> [Int] {
        let known = costs.filter { $0 > 0 }.sorted()
        guard known.count >= 3 else { return [] }
        let median = known[(known.count - 1) / 2]
        return costs.indices.filter { costs[$0] >= nanosecondsMin && costs[$0] > median * factor }
    }
}
