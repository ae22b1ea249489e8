import GatewayModel

/// How the log keeps rows. All of it can be changed while the log is open; the sizes in bytes grow past what they were at open only at the
/// next open, since the store's map is fixed.
public struct EventLogSettings: Sendable {
    /// Whose rows the cap of rows counts.
    public enum Scope: String, Sendable, CaseIterable {
        /// All rows together.
        case global
        /// Each tenant's on its own; the caps of bytes and age still hold for all together.
        case tenant
    }

    /// What happens to a row that comes when the cap is reached.
    public enum Strategy: String, Sendable, CaseIterable {
        /// It is kept and the oldest one goes.
        case deleteOldest = "DELETE_OLDEST"
        /// It is counted and not kept.
        case stopInserting = "STOP_INSERTING"
    }

    /// A number of rows for each window of the calendar, in UTC. Rows beyond it are counted and not kept, whatever the strategy.
    public struct Quota: Sendable, Equatable {
        /// Rows in a window.
        public var limit: Int
        /// The window.
        public var per: CalendarWindow

        /// Makes a quota.
        public init(limit: Int, per: CalendarWindow) {
            self.limit = limit
            self.per = per
        }
    }

    /// Rows kept, in all or for each tenant.
    public var rowsMax = 100_000
    /// Bytes that rows may take in the file, without payloads.
    public var bytesMax = 256 << 20
    /// Seconds after which a row goes; `nil` for never.
    public var ageSecondsMax: Int64?
    /// Whose rows `rowsMax` counts.
    public var scope = Scope.global
    /// What happens at the cap.
    public var strategy = Strategy.deleteOldest
    /// Rows in each window of the calendar; `nil` for no such limit.
    public var quota: Quota?
    /// Bytes that payloads may take in the file; the oldest go first, their rows stay.
    public var payloadsBytesMax = 256 << 20
    /// Bytes kept of one body, at most 1 MiB; a longer one is cut and flagged.
    public var bodyBytesMax = 64 << 10
    /// What is taken out of payloads before they are written; `nil` for nothing.
    public var redactor: Redactor?
    /// Whether `redactor` looks at metadata too.
    public var redactsMetadata = false
    /// Bytes of events that may wait for the writer. When half of them wait payloads are no longer taken, at three quarters no rows of
    /// requests that went well, near the end only operators' actions; all are counted in the rollups all the same.
    public var queueBytesMax = 16 << 20
    /// Bytes of feedback, scores and changed metadata.
    public var patchesBytesMax = 16 << 20
    /// Bytes that rollups may take in the file.
    public var rollupsBytesMax = 256 << 20
    /// How long the first event waits for company before it is written, in milliseconds.
    public var delayMilliseconds: UInt64 = 200

    /// The defaults.
    public init() {}

    /// The map that holds all of it, with a fifth of slack for free pages.
    var mapSize: Int {
        let parts = [bytesMax, payloadsBytesMax, patchesBytesMax * 2, rollupsBytesMax].map { min(max($0, 0), 1 << 40) }
        return parts.reduce(8 << 20, +) / 4 * 5
    }
}
