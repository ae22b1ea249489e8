import EventLog
import GatewayModel
import TestSupport

@testable import Admin

/// A log in a folder of its own with the events handed over.
final class LogFixture {
    let folder = TemporaryFolder()
    let log: EventLog

    init(_ change: (inout EventLogSettings) -> Void = { _ in }) throws {
        var settings = EventLogSettings()
        change(&settings)
        log = try EventLog.open(path: folder.file("ring"), settings: settings)
    }

    deinit { log.close() }

    func add(_ events: [GatewayEvent]) {
        var batch = EventBatch()
        for event in events { batch.append(event) }
        log.submit(batch)
        log.flush()
    }

    /// The rows, oldest first.
    var rows: [LogRow] {
        var query = LogQuery()
        query.order = .oldest
        query.limit = 500
        return (try? log.query(query).rows) ?? []
    }
}

/// 2026-03-31T23:00:00Z and `number` milliseconds.
func event(_ number: Int = 0, _ change: (inout GatewayEvent) -> Void = { _ in }) -> GatewayEvent {
    let time = WallTime(milliseconds: 1_774_998_000_000 + Int64(number))
    var event = GatewayEvent(id: RequestID(at: time, random: (UInt64(number), UInt64(number))), createdAt: time)
    event.status = 200
    change(&event)
    return event
}

/// Texts that would do something to a page, a spreadsheet, a terminal, a line or a JSON document that takes them as they are.
let hostileTexts = [
    "<img src=x onerror=alert(1)>", "=HYPERLINK(\"http://evil\")", "+1", "-1", "@SUM(A1)", "|cmd", "%0A", "\t=1+1", "\u{FF1D}1",
    "a\",\"b\":1,\"c\":\"", "line\r\nSet-Cookie: a=b", "\u{1B}[2J\u{1B}]0;title\u{7}", "\u{9B}31m", "\u{202E}gpj.exe", "\u{2028}\u{2029}",
    "null\0byte", "\u{FEFF}bom", "é🙂\u{200D}👩", "data: x\n\nevent: gap", "\\", "'", "\"\"",
]
