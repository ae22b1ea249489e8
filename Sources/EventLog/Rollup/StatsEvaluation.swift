// Answers a query: the series from the intervals of its resolution, the groups from as few intervals as cover the window. Thirty days with a
// point per hour so read 720 totals, but the labels of some 30 days and at most 46 hours.

import GatewayModel

/// A copy of a pending cell.
struct PendingCell {
    /// As `RollupLabels` writes it.
    var key: [UInt8]
    var cell: RollupCell
}

/// One evaluation of a query.
struct StatsEvaluation {
    /// Hands records from a start key on to a visitor until it returns `false`.
    typealias Scan = (_ start: [UInt8], _ visit: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool) -> Bool

    enum Outcome {
        case done(StatsResult)
        /// The store can't be read.
        case unreadable
        /// A checkpoint was committed meanwhile: what is pending may be counted twice.
        case superseded
    }

    private enum Interruption: Error { case unreadable, superseded }

    private let query: StatsQuery
    private let pending: [PendingCell]
    private let generationMax: UInt64
    private var damaged = 0

    /// - Parameter generationMax: The last checkpoint that `pending` does not overlap with.
    init(query: StatsQuery, pending: [PendingCell], generationMax: UInt64) {
        self.query = query
        self.pending = pending
        self.generationMax = generationMax
    }

    mutating func run(_ scan: Scan) -> Outcome {
        do throws(Interruption) {
            let series = SeriesReader(query)
            try read([StatsTile(resolution: query.resolution, from: query.from, to: query.to)], series, scan)
            let groups = query.groupBy.isEmpty ? [] : try groups(scan)
            return .done(result(series.points, groups))
        } catch {
            return error == .unreadable ? .unreadable : .superseded
        }
    }

    private func result(_ points: [RollupCell], _ groups: [StatsGroup]) -> StatsResult {
        var total = RollupCounters()
        var buckets = DenseBuckets(slots: 1)
        for point in points {
            total.merge(point.counters)
            buckets.add(point.buckets, to: 0)
        }
        let series = points.enumerated().map { index, cell in
            StatsPoint(
                start: query.from + Int64(index) * query.stepSeconds,
                measures: StatsMeasures(cell.counters, cell.buckets, percentiles: query.percentiles))
        }
        return StatsResult(
            query: query, totals: StatsMeasures(total, buckets.counts(of: 0), percentiles: query.percentiles), series: series,
            groups: groups,
            labelOverflow: total[.overflowed], damaged: damaged)
    }

    private mutating func groups(_ scan: Scan) throws(Interruption) -> [StatsGroup] {
        let tiles = StatsTile.covering(from: query.from, to: query.to, query.resolution)
        let sums = GroupSumsReader(query)
        try read(tiles, sums, scan)
        let ranking = GroupRanking(query, sums.selector, sums.sums)
        let buckets = GroupBucketsReader(sums.selector, ranking)
        try read(tiles, buckets, scan)
        return ranking.groups.enumerated().map { slot, group in
            StatsGroup(
                labels: group.labels, measures: StatsMeasures(group.sums, buckets.buckets.counts(of: slot), percentiles: query.percentiles))
        }
    }

    /// Hands the reader everything pending, and all records of the tiles.
    private mutating func read(_ tiles: [StatsTile], _ reader: some IntervalReader, _ scan: Scan) throws(Interruption) {
        for cell in pending {
            cell.key.withUnsafeBufferPointer { key in
                if let labels = RollupLabelView(key) { reader.read(labels, cell.cell) }
            }
        }
        for tile in tiles { try read(tile, reader, scan) }
    }

    private mutating func read(_ tile: StatsTile, _ reader: some IntervalReader, _ scan: Scan) throws(Interruption) {
        var isSuperseded = false
        let isRead = scan(RollupKey(.interval(tile.resolution, start: tile.from)).bytes) { key, value in
            guard case .interval(tile.resolution, let start)? = RollupKey(bytes: key)?.kind, start < tile.to else { return false }
            value.withUnsafeBufferPointer { bytes in
                guard let view = IntervalView(bytes, resolution: tile.resolution, start: start) else {
                    damaged += 1
                    return
                }
                isSuperseded = view.generation > generationMax
                if !isSuperseded, !reader.read(view, start: start) { damaged += 1 }
            }
            return !isSuperseded
        }
        if isSuperseded { throw .superseded }
        if !isRead { throw .unreadable }
    }
}

/// A part of a window, covered by intervals of one resolution.
struct StatsTile: Equatable {
    var resolution: RollupResolution
    var from: Int64
    var to: Int64

    /// The coarsest intervals that cover a window exactly, whose ends are multiples of `resolution`.
    static func covering(from: Int64, to: Int64, _ resolution: RollupResolution) -> [StatsTile] {
        guard from < to else { return [] }
        guard let coarser = RollupResolution(rawValue: resolution.rawValue + 1) else {
            return [StatsTile(resolution: resolution, from: from, to: to)]
        }
        let (first, last) = (coarser.ceiling(of: from), coarser.start(of: to))
        guard first < last else { return [StatsTile(resolution: resolution, from: from, to: to)] }
        var tiles = covering(from: first, to: last, coarser)
        if from < first { tiles.insert(StatsTile(resolution: resolution, from: from, to: first), at: 0) }
        if last < to { tiles.append(StatsTile(resolution: resolution, from: last, to: to)) }
        return tiles
    }
}
