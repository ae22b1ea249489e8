import GatewayModel

/// What adds up the intervals of a query. One instance belongs to one evaluation.
protocol IntervalReader: AnyObject {
    /// Adds a record of the store. Returns `false` if it is damaged.
    func read(_ view: IntervalView, start: Int64) -> Bool
    /// Adds a pending cell.
    func read(_ labels: RollupLabelView, _ cell: RollupCell)
}

/// Adds up the points of the series.
final class SeriesReader: IntervalReader {
    private(set) var points: [RollupCell]
    private let from: Int64
    private let step: Int64
    private var selector: CellSelector
    private var buckets = BucketCounts()

    init(_ query: StatsQuery) {
        from = query.from
        step = query.stepSeconds
        points = Array(repeating: RollupCell(), count: Int((query.to - query.from) / query.stepSeconds))
        selector = CellSelector(filters: query.filters, groupBy: [])
    }

    func read(_ view: IntervalView, start: Int64) -> Bool {
        let place = Int((start - from) / step)
        var isSound = true
        let isWhole = selector.forEachCell(in: view) { _, bytes in
            var cell = EncodedCell(bytes)
            isSound = cell.read(into: &points[place].counters) && cell.read(into: &buckets) && isSound
            points[place].buckets.merge(buckets)
        }
        return isWhole && isSound
    }

    func read(_ labels: RollupLabelView, _ cell: RollupCell) {
        guard selector.group(of: labels) != nil else { return }
        points[Int((labels.minute - from) / step)].merge(cell)
    }
}

/// Adds up the sums of all groups: enough to rank them.
final class GroupSumsReader: IntervalReader {
    private(set) var sums: [RollupCounters] = []
    private(set) var selector: CellSelector

    init(_ query: StatsQuery) { selector = CellSelector(filters: query.filters, groupBy: query.groupBy) }

    func read(_ view: IntervalView, start: Int64) -> Bool {
        var isSound = true
        let isWhole = selector.forEachCell(in: view) { group, bytes in
            if group == sums.count { sums.append(RollupCounters()) }
            var cell = EncodedCell(bytes)
            isSound = cell.read(into: &sums[group]) && isSound
        }
        return isWhole && isSound
    }

    func read(_ labels: RollupLabelView, _ cell: RollupCell) {
        guard let group = selector.group(of: labels) else { return }
        if group == sums.count { sums.append(RollupCounters()) }
        sums[group].merge(cell.counters)
    }
}

/// Adds up the histograms of the groups that are listed, and of the rest.
final class GroupBucketsReader: IntervalReader {
    private(set) var buckets: DenseBuckets
    private var selector: CellSelector
    private let ranking: GroupRanking

    /// - Parameter selector: The one that numbered the groups.
    init(_ selector: CellSelector, _ ranking: GroupRanking) {
        self.selector = selector
        self.ranking = ranking
        buckets = DenseBuckets(slots: ranking.slotCount)
    }

    func read(_ view: IntervalView, start: Int64) -> Bool {
        var isSound = true
        let isWhole = selector.forEachCell(in: view) { group, bytes in
            var cell = EncodedCell(bytes)
            isSound = buckets.add(&cell, to: ranking.slot(of: group)) && isSound
        }
        return isWhole && isSound
    }

    func read(_ labels: RollupLabelView, _ cell: RollupCell) {
        guard let group = selector.group(of: labels) else { return }
        buckets.add(cell.buckets, to: ranking.slot(of: group))
    }
}
