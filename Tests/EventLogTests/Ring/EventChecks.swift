import EventLog
import GatewayModel

/// Any bytes read in every way that bytes from outside take: as a batch, as a row, as records of the store, as a filter and a cursor. Shared by
/// the tests and the fuzzer, so only what is public is used.
enum EventChecks {
    /// Tries the bytes; traps if what was read does not come back the same. Returns how many events were read.
    @discardableResult
    static func run(_ bytes: [UInt8]) -> Int {
        let batch = EventBatch(bytes: bytes)
        let events = batch.events
        var again = EventBatch()
        for event in events { again.append(event) }
        // Bytes that are no UTF-8 are mended by the first reading, so the second reads the same.
        precondition(again.events.count == events.count, "an event that was read is lost")
        for row in batch.rows + [LogRow(sequence: 1, bytes: bytes)].compactMap({ $0 }) {
            var text: [UInt8] = []
            row.appendJSON(to: &text, withAttempts: true)
            precondition(!text.contains(0x3C) && !text.contains(0x0A), "a row in JSON is not inert")
            row.appendCSV(to: &text)
            _ = row.event
        }
        let key = Array(bytes.prefix(8))
        for database in EventLog.databases { _ = EventLog.verify(database: database, key: key.span, value: bytes.span) }
        parse(String(decoding: bytes, as: UTF8.self), batch.rows)
        return events.count
    }

    private static func parse(_ text: String, _ rows: [LogRow]) {
        let now = WallTime(milliseconds: 1_770_000_000_000)
        for name in ["filter", "search", "since", "cursor", "limit", "order", "tenant", "created_at", "metadata.a"] {
            var query = LogQuery()
            guard (try? query.take(name, text, now: now)) == true else { continue }
            for row in rows + [sample] { _ = query.filter.matches(row) }
        }
    }

    private static let sample: LogRow = {
        var event = GatewayEvent(id: RequestID(at: WallTime(milliseconds: 1), random: (1, 2)), createdAt: WallTime(milliseconds: 1))
        event.metadata = "{\"a\":\"b\",\"c\":1}"
        event.tenant = "tenant"
        var batch = EventBatch()
        batch.append(event)
        guard let row = batch.rows.first else { fatalError("a row that was just written can't be read") }
        return row
    }()
}
