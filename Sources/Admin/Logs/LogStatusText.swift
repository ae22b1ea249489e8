import EventLog
import GatewayModel
import JSON

/// The state of the event log, as `ring` in `/logs` and `/stats` tells it.
enum LogStatusText {
    static func append(_ status: LogStatus, to writer: inout JSONWriter) {
        writer.beginObject()
        let numbers: [(String, UInt64)] = [
            ("rows", UInt64(clamping: status.rows)), ("rows_max", UInt64(clamping: status.rowsMax)),
            ("bytes", UInt64(clamping: status.bytes)), ("bytes_max", UInt64(clamping: status.bytesMax)),
            ("payload_bytes", UInt64(clamping: status.payloadsBytes)), ("payload_bytes_max", UInt64(clamping: status.payloadsBytesMax)),
            ("file_bytes", UInt64(clamping: status.fileBytes)), ("dropped", status.dropped),
            ("dropped_payloads", status.droppedPayloads), ("stopped", status.stopped), ("over_quota", status.overQuota),
            ("uncollected", status.uncollected), ("written", status.written),
        ]
        for (name, number) in numbers {
            writer.key(name)
            writer.integer(number)
        }
        writer.key("oldest")
        append(status.oldest, to: &writer)
        writer.key("newest")
        append(status.newest, to: &writer)
        writer.key("strategy")
        writer.string(status.strategy.rawValue)
        writer.key("scope")
        writer.string(status.scope.rawValue)
        writer.key("writing")
        writer.bool(status.isWriting)
        writer.key("quota")
        append(status.quota, to: &writer)
        writer.endObject()
    }

    private static func append(_ quota: LogStatus.Quota?, to writer: inout JSONWriter) {
        guard let quota else { return writer.null() }
        writer.beginObject()
        writer.key("limit")
        writer.integer(quota.limit)
        writer.key("per")
        writer.string("\(quota.per)")
        writer.key("used")
        writer.integer(quota.used)
        writer.key("resets_at")
        writer.string(TimeText.seconds(quota.resetsAt))
        writer.endObject()
    }

    private static func append(_ time: WallTime?, to writer: inout JSONWriter) {
        if let time { writer.string(TimeText.milliseconds(time)) } else { writer.null() }
    }
}
