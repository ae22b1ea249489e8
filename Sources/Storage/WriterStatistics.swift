/// What a writer thread has done since it started, and how it is.
public struct WriterStatistics: Sendable {
    /// Submissions that wait.
    public var queuedEntries = 0
    /// Bytes that wait.
    public var queuedBytes = 0
    /// Transactions committed.
    public var commits: UInt64 = 0
    /// Submissions committed.
    public var committedItems: UInt64 = 0
    /// Submissions that were not written, by cause; `queueFull` counts displaced ones.
    public var discarded: [StoreError.Kind: UInt64] = [:]
    /// Transactions that failed and were rolled back, by cause.
    public var failures: [StoreError.Kind: UInt64] = [:]
    /// How often room was made because the map was full.
    public var roomMade: UInt64 = 0
    /// How often the map was made larger because not even deletions fitted.
    public var growths: UInt64 = 0
    /// How often the environment was reopened after a failed write of its meta page.
    public var reopens: UInt64 = 0
    /// Whether droppable writes are paused after a failure: an alarm.
    public var isBackingOff = false
    /// Whether the store was given up until the next start: an alarm.
    public var isDisabled = false
    /// The last failure; stays after recovery.
    public var lastError: StoreError?
    /// How long the last transaction took, in nanoseconds.
    public var lastCommitNanoseconds: UInt64 = 0
    /// How long the slowest transaction took, in nanoseconds.
    public var slowestCommitNanoseconds: UInt64 = 0
    /// How full the store was at the last housekeeping.
    public var usage = StoreUsage()
    /// How long the longest running read was seen running at the last housekeeping, in nanoseconds. Over 1 s is a fault.
    public var oldestReadNanoseconds: UInt64 = 0
    /// Slots of dead readers that were freed.
    public var deadReadersFreed: UInt64 = 0

    /// The zero report.
    public init() {}
}
