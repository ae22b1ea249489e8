/// What bounds the rollups. Beyond a bound, events are counted under the label `other`; none is lost.
public struct RollupLimits: Sendable, Equatable {
    /// Hours for which minutes are kept.
    public var minuteHours: Int64 = 48
    /// Days for which hours are kept.
    public var hourDays: Int64 = 90
    /// Days for which days are kept.
    public var dayDays: Int64 = 730
    /// Distinct tenants, providers, models and routes, of each, in one interval; 1...16,000.
    public var labelsMax = 1000
    /// Distinct combinations of all labels in one minute.
    public var minuteCellsMax = 1000
    /// Distinct combinations of all labels in one hour.
    public var hourCellsMax = 2000
    /// Distinct combinations of all labels in one day.
    public var dayCellsMax = 4000
    /// Bytes of a label's text. A longer one counts as `other`.
    public var labelBytesMax = 256
    /// Combinations of minute and labels held in memory between two checkpoints. A checkpoint is due at half of it.
    /// Some 600 bytes each.
    public var pendingCellsMax = 65_536
    /// Seconds between two checkpoints, in which pending counts are added to the intervals in the store.
    public var checkpointSeconds: Int64 = 30

    /// The defaults.
    public init() {}

    /// How far back intervals are kept.
    public func retentionSeconds(of resolution: RollupResolution) -> Int64 {
        switch resolution {
        case .minute: minuteHours * 3600
        case .hour: hourDays * 86_400
        case .day: dayDays * 86_400
        }
    }

    /// The start of the oldest interval that is kept. Aligned to the longest step that is made of such intervals, so that a window's first
    /// point is whole as long as the window is shorter than the retention.
    func oldestStart(of resolution: RollupResolution, now second: Int64) -> Int64 {
        let oldest = max(0, second - retentionSeconds(of: resolution))
        return oldest - oldest % (StatsStep.longest(of: resolution)?.seconds ?? resolution.seconds)
    }

    func cellsMax(of resolution: RollupResolution) -> Int {
        switch resolution {
        case .minute: minuteCellsMax
        case .hour: hourCellsMax
        case .day: dayCellsMax
        }
    }
}

/// What became of the events handed to the rollups, since the start of the process. For counters.
public struct RollupCounts: Sendable, Equatable {
    /// Events counted.
    public var recorded: UInt64 = 0
    /// Events counted under `other` in at least one dimension and resolution, because a bound was reached.
    public var labelOverflow: UInt64 = 0
    /// Events older than the days that are kept: counted nowhere.
    public var expired: UInt64 = 0
    /// Events counted nowhere because memory for pending counts was full, which takes a store that can't be written.
    public var dropped: UInt64 = 0
    /// Stored values found damaged, and ignored.
    public var damaged: UInt64 = 0
    /// Checkpoints committed.
    public var checkpoints: UInt64 = 0
    /// Combinations of minute and labels in memory now.
    public var pendingCells = 0

    /// All zero.
    public init() {}
}
