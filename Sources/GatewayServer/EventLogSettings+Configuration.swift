import EventLog
import GatewayConfiguration
import GatewayModel

extension EventLogSettings {
    /// The settings of the log by the configuration's.
    init(_ settings: EventSettings) {
        self.init()
        rowsMax = settings.rowsMax
        bytesMax = settings.bytesMax
        ageSecondsMax = settings.ageSecondsMax > 0 ? Int64(settings.ageSecondsMax) : nil
        scope = settings.scope == .tenant ? .tenant : .global
        strategy = settings.strategy == .stopInserting ? .stopInserting : .deleteOldest
        quota = settings.quota > 0 ? Quota(limit: settings.quota, per: settings.quotaPeriod.window) : nil
        payloadsBytesMax = settings.payloadStoreBytesMax
        bodyBytesMax = settings.payloadBytesMax
        queueBytesMax = settings.pendingBytesMax
        // The patterns were checked when the configuration was read.
        redactor = settings.redacts ? (try? Redactor(patterns: settings.redactPatterns)) ?? .builtin : nil
        redactsMetadata = settings.redacts
    }
}

extension EventSettings.Period {
    fileprivate var window: CalendarWindow {
        switch self {
        case .hour: .hour
        case .day: .day
        case .month: .month
        }
    }
}
