import GatewayModel

/// How the log is now: what `ring` in `/logs` and `/stats` shows.
public struct LogStatus: Sendable, Equatable {
    /// The calendar quota and its use.
    public struct Quota: Sendable, Equatable {
        /// Rows in a window.
        public var limit: Int
        /// The window.
        public var per: CalendarWindow
        /// Rows kept in this one.
        public var used: Int
        /// When the next one begins.
        public var resetsAt: WallTime
    }

    /// Rows that can be read.
    public var rows = 0
    /// The cap of rows: in all, or for each tenant where the scope says so.
    public var rowsMax = 0
    /// Bytes that rows take in the file.
    public var bytes = 0
    /// Their cap, as far as the map that was fixed at open allows.
    public var bytesMax = 0
    /// Bytes that payloads take in the file.
    public var payloadsBytes = 0
    /// Their cap.
    public var payloadsBytesMax = 0
    /// Bytes of the data file; it never shrinks while open.
    public var fileBytes = 0
    /// When the oldest row that can be read was begun.
    public var oldest: WallTime?
    /// When the newest was.
    public var newest: WallTime?
    /// The sequence of the next row.
    public var nextSequence: UInt64 = 1
    /// Whose rows the cap counts.
    public var scope = EventLogSettings.Scope.global
    /// What happens at the cap.
    public var strategy = EventLogSettings.Strategy.deleteOldest
    /// The quota; `nil` where there is none.
    public var quota: Quota?
    /// Rows lost because the writer was behind or the store failed, by class: success, error, audit.
    public var droppedByClass: [DropClass: UInt64] = [:]
    /// Payloads lost because the writer was behind; their rows were kept.
    public var droppedPayloads: UInt64 = 0
    /// Payloads withheld because redaction ran out of its time.
    public var withheldPayloads: UInt64 = 0
    /// Rows not kept because the cap was reached (`STOP_INSERTING`).
    public var stopped: UInt64 = 0
    /// Rows not kept because the quota was used up.
    public var overQuota: UInt64 = 0
    /// Events counted without a row, as their request was not to be collected.
    public var uncollected: UInt64 = 0
    /// Rows written since the start.
    public var written: UInt64 = 0
    /// Blocks that could not be read and were passed over.
    public var badBlocks: UInt64 = 0
    /// Bytes that wait for the writer.
    public var queuedBytes = 0
    /// Whether the store can be written now: an alarm if not.
    public var isWriting = true

    /// Rows lost, of all classes.
    public var dropped: UInt64 { droppedByClass.values.reduce(0, +) }

    /// The zero report.
    public init() {}
}
