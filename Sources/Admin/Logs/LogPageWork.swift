import EventLog
import JSON

/// Collects one page of `GET /logs`, a slice of the ring at a time: a filter that finds little may have to look at all of it.
final class LogPageWork {
    /// Rows looked at per slice: some 5 ms.
    static let scannedPerSlice = 4000

    private let log: EventLog
    private let limit: Int
    private var scan: LogScan
    private var writer = JSONWriter()
    private var count = 0
    private var scanned = 0
    private var hasGap = false
    private var next: LogCursor?

    init(_ log: EventLog, _ query: LogQuery) {
        self.log = log
        limit = query.limit
        scan = log.scan(query)
        writer.beginObject()
        writer.key("rows")
        writer.beginArray()
    }

    /// Does a slice; `false` when the page is complete.
    func slice() -> Bool {
        let page = scan.next(maxRows: limit - count, scannedMax: Self.scannedPerSlice)
        for row in page.rows { LogRowText.append(row, to: &writer) }
        count += page.rows.count
        scanned += page.scanned
        hasGap = hasGap || page.hasGap
        next = page.next
        return !scan.isDone && count < limit
    }

    /// The body, once `slice` said that it is complete.
    func body() -> [UInt8] {
        writer.endArray()
        writer.key("next_cursor")
        if let next { writer.string(next.text) } else { writer.null() }
        writer.key("gap")
        writer.bool(hasGap)
        writer.key("scanned")
        writer.integer(scanned)
        writer.key("ring")
        LogStatusText.append(log.status(), to: &writer)
        writer.endObject()
        return writer.bytes + [0x0A]
    }
}
