import GatewayModel
import Glibc
import Storage
import TestSupport
import Testing

@testable import EventLog

/// Timings, printed with WEIR_MEASURE=1 in a release build: `WEIR_MEASURE=1 swift test -c release --filter LogMeasurements`.
@Suite(.enabled(if: getenv("WEIR_MEASURE") != nil), .serialized) struct LogMeasurements {
    private func best(_ name: String, _ per: String, rounds: Int, _ body: () -> Void) {
        var best = Double.infinity
        for _ in 0..<5 {
            let begin = MonotonicTime.now()
            body()
            best = min(best, Double(MonotonicTime.now().nanoseconds(since: begin)) / Double(rounds))
        }
        print("measured: \(name): \(best) ns \(per)")
    }

    @Test func `encoding and decoding of events`() {
        let events = (0..<256).map { Sample.event($0) }
        var hits: [GatewayEvent] = events
        for index in hits.indices {
            hits[index].attempts = []
            hits[index].attemptCount = 0
            hits[index].metadata = ""
        }
        for (name, list) in [("with attempts and metadata", events), ("of a hit", hits)] {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(1 << 20)
            best("encoding an event \(name)", "each", rounds: 256 * 100) {
                for _ in 0..<100 {
                    bytes.removeAll(keepingCapacity: true)
                    for event in list { event.append(to: &bytes) }
                }
            }
            let batch = EventBatch(bytes: bytes)
            print("measured: bytes of a row \(name): \(bytes.count / 256)")
            best("decoding an event \(name)", "each", rounds: 256 * 20) { for _ in 0..<20 { _ = batch.events.count } }
        }
    }

    @Test func `queries over a full ring of 100,000 rows`() throws {
        let folder = TemporaryFolder()
        var settings = EventLogSettings()
        settings.delayMilliseconds = 50
        let log = try EventLog.open(path: folder.file("ring"), settings: settings)
        defer { log.close() }
        let begin = MonotonicTime.now()
        for start in stride(from: 0, to: 1_000_000, by: 200) {
            log.submit(Sample.batch(start..<(start + 200)))
            if start % 10_000 == 0 { log.flush() }
        }
        log.flush()
        let seconds = Double(MonotonicTime.now().nanoseconds(since: begin)) / 1e9
        let status = log.status()
        print("measured: a million rows made and written in \(seconds) s")
        print("measured: rows \(status.rows), bytes \(status.bytes), file \(status.fileBytes), dropped \(status.dropped)")
        for text in [
            "status_code.eq:404", "tokens_in.gt:99999999999,cost.lt:1", "model.contains:nothing-like-this", "metadata.user.eq:nobody",
            "tenant.eq:nobody", "id.contains:zzz",
        ] {
            var query = LogQuery()
            try query.filter.add(text, now: .now())
            best("query \(text) without a match", "each", rounds: 1) { _ = try? log.query(query) }
        }
        var searching = LogQuery()
        try searching.filter.search("nothing like this")
        best("search without a match", "each", rounds: 1) { _ = try? log.query(searching) }
        best("newest page of 50", "each", rounds: 1) { _ = try? log.query(LogQuery()) }
        best("a row by its id", "each", rounds: 1) { _ = log.row(id: Sample.id(950_000)) }
        best("status", "each", rounds: 1) { _ = log.status() }
        var bytes: [UInt8] = []
        best("a row as JSON", "each", rounds: 500) {
            var query = LogQuery()
            query.limit = 500
            bytes.removeAll(keepingCapacity: true)
            for row in (try? log.query(query))?.rows ?? [] { row.appendJSON(to: &bytes) }
        }
        log.close()
        let again = MonotonicTime.now()
        let second = try EventLog.open(path: folder.file("ring"), settings: settings)
        print("measured: opening a full ring: \(Double(MonotonicTime.now().nanoseconds(since: again)) / 1e6) ms")
        second.close()
    }

    @Test func `the file beside its cap`() throws {
        for cap in [16, 64] {
            let folder = TemporaryFolder()
            var settings = EventLogSettings()
            settings.rowsMax = 100_000_000
            settings.bytesMax = cap << 20
            settings.delayMilliseconds = 50
            let log = try EventLog.open(path: folder.file("ring"), settings: settings)
            var number = 0
            while log.status().written < UInt64(cap) * 24_000 {
                log.submit(Sample.batch(number..<(number + 200)))
                number += 200
                if number % 2000 == 0 { log.flush() }
            }
            let status = log.status()
            print("measured: cap \(cap) MiB: file is \(Double(status.fileBytes) / Double(status.bytesMax)) of it, \(status.rows) rows")
            log.close()
        }
    }

    @Test func `redaction of a body of 64 KiB`() throws {
        let redactor = try Redactor(patterns: ["employee [0-9]{6}"])
        let builtin = try Redactor()
        let text = Array(String(repeating: "The quick brown fox, 42 of them, wrote to bob about \"things\": 2026-02-03. ", count: 900).utf8)
        best("built-in forms over 64 KiB", "each", rounds: 1) { _ = builtin.redact(text.span, isCut: false) }
        best("and one pattern", "each", rounds: 1) { _ = redactor.redact(text.span, isCut: false) }
        let slow = try Redactor(kinds: [], patterns: ["a*b"])
        let worst = [UInt8](repeating: 0x61, count: 64 << 10)
        best("a pattern at its worst", "each", rounds: 1) { _ = slow.redact(worst.span, isCut: false) }
        for unit in ["sk-", "eyJ-", "a@", "4 ", "AA11 "] {
            let hostile = Array(String(repeating: unit, count: (64 << 10) / unit.utf8.count).utf8)
            best("64 KiB of \(unit)", "each", rounds: 1) { _ = builtin.redact(hostile.span, isCut: false) }
        }
    }
}
