import GatewayModel
import Storage
import TestSupport
import Testing

@testable import EventLog

@Suite struct RingTests {
    private func open(
        _ folder: TemporaryFolder, _ sink: RollupTable? = nil, _ clock: TestClock = TestClock(),
        _ change: (inout EventLogSettings) -> Void = { _ in }
    ) throws -> EventLog {
        var settings = EventLogSettings()
        settings.rowsMax = 1000
        settings.bytesMax = 8 << 20
        settings.payloadsBytesMax = 4 << 20
        settings.rollupsBytesMax = 4 << 20
        settings.delayMilliseconds = 5
        change(&settings)
        return try EventLog.open(path: folder.file("ring"), settings: settings, rollups: sink, clock: { clock.now })
    }

    @Test func `the newest rows are kept and no others when ten times the cap comes`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder)
        defer { log.close() }
        var last: UInt64 = 0
        for start in stride(from: 0, to: 10_000, by: 100) {
            log.submit(Sample.batch(start..<(start + 100)))
            log.flush()
            let rows = log.allRows()
            #expect(rows.count == min(1000, start + 100))
            #expect(rows.last?.sequence ?? 0 > last)
            last = rows.last?.sequence ?? 0
        }
        #expect(log.numbers() == Array(9000..<10_000))
        let sequences = log.allRows().map(\.sequence)
        #expect(sequences == Array(9001...10_000))
        #expect(log.status().rows == 1000)
    }

    @Test func `a cap that is less than a block is exact`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder) { $0.rowsMax = 3 }
        defer { log.close() }
        for number in 0..<700 { log.submit(Sample.batch(number..<(number + 1))) }
        log.flush()
        #expect(log.numbers() == [697, 698, 699])
        log.settings.rowsMax = 1
        log.flush()
        #expect(log.numbers() == [699])
    }

    @Test func `the file stays within the cap of bytes and a quarter when ten times as much comes`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder) {
            $0.rowsMax = 10_000_000
            $0.bytesMax = 4 << 20
        }
        let perBatch = 500
        var number = 0
        while number < 100_000 {
            log.submit(Sample.batch(number..<(number + perBatch)))
            number += perBatch
            if number % 5000 == 0 { log.flush() }
        }
        log.flush()
        let status = log.status()
        #expect(status.bytes <= 4 << 20 && status.bytes > 3 << 20)
        // And one batch: a transaction writes at most a sixteenth of the cap.
        #expect(status.fileBytes <= (4 << 20) / 4 * 5 + (4 << 20) / 16, "\(status.fileBytes)")
        let rows = log.numbers()
        #expect(rows == Array((100_000 - rows.count)..<100_000))
        log.close()
    }

    @Test func `rows and their sequence survive a stop`() throws {
        let folder = TemporaryFolder()
        let first = try open(folder)
        first.submit(Sample.batch(0..<1500))
        #expect(first.close())
        let second = try open(folder)
        #expect(second.opening?.wasUnclean == false)
        #expect(second.numbers() == Array(500..<1500))
        second.submit(Sample.batch(1500..<1600))
        second.flush()
        #expect(second.allRows().map(\.sequence) == Array(601...1600))
        second.close()
    }

    @Test func `a sequence is not given again when the ring was emptied before a stop`() throws {
        let folder = TemporaryFolder()
        let first = try open(folder)
        first.submit(Sample.batch(0..<10))
        #expect(first.deleteAndWait(LogFilter()) == .success(10))
        #expect(first.allRows().isEmpty)
        first.close()
        let second = try open(folder)
        second.submit(Sample.batch(10..<11))
        second.flush()
        #expect(second.allRows().map(\.sequence) == [11])
        second.close()
    }

    @Test func `paging while rows are overwritten gives no row twice and tells the gap`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder)
        defer { log.close() }
        for order in LogQuery.Order.allCases {
            log.submit(Sample.batch(0..<1000))
            log.flush()
            var query = LogQuery()
            query.order = order
            query.limit = 100
            var seen: [UInt64] = []
            var hadGap = false
            var next = 10_000
            while true {
                let page = try log.query(query)
                seen += page.rows.map(\.sequence)
                hadGap = hadGap || page.hasGap
                guard let cursor = page.next, seen.count < 3000 else { break }
                query.cursor = LogCursor(cursor.text)
                #expect(query.cursor == cursor)
                log.submit(Sample.batch(next..<(next + 250)))
                next += 250
                log.flush()
            }
            #expect(Set(seen).count == seen.count)
            #expect(seen == seen.sorted { order == .newest ? $0 > $1 : $0 < $1 })
            #expect(hadGap)
        }
    }

    @Test func `no gap is told where none is`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder)
        defer { log.close() }
        log.submit(Sample.batch(0..<1000))
        log.flush()
        for order in LogQuery.Order.allCases {
            var query = LogQuery()
            query.order = order
            query.limit = 500
            let first = try log.query(query)
            #expect(first.rows.count == 500 && !first.hasGap)
            query.cursor = first.next
            let second = try log.query(query)
            #expect(second.rows.count == 500 && !second.hasGap && second.next == nil)
            query.filter.since = WallTime(milliseconds: 0)
            #expect(throws: LogQueryError.self) { try log.query(query) }
        }
    }

    @Test func `STOP_INSERTING keeps what is there and counts the rest`() throws {
        let folder = TemporaryFolder()
        let sink = RollupTable()
        let log = try open(folder, sink) { $0.strategy = .stopInserting }
        defer { log.close() }
        log.submit(Sample.batch(0..<999))
        log.flush()
        #expect(log.status().stopped == 0)
        log.submit(Sample.batch(999..<1001))
        log.flush()
        #expect(log.numbers() == Array(0..<1000))
        #expect(log.status().stopped == 1)
        #expect(sink.total == 1001)
        var filter = LogFilter()
        try filter.add("event_id.eq:event-5", now: WallTime(milliseconds: 0))
        #expect(log.deleteAndWait(filter) == .success(1))
        log.submit(Sample.batch(1001..<1003))
        log.flush()
        #expect(log.numbers().count == 1000 && log.numbers().last == 1001)
    }

    @Test func `each tenant has its own newest rows where the cap is per tenant`() throws {
        let folder = TemporaryFolder()
        var log = try open(folder) {
            $0.scope = .tenant
            $0.rowsMax = 50
        }
        var batch = EventBatch()
        for number in 0..<20 { batch.append(Sample.event(number, tenant: "quiet")) }
        for number in 20..<5020 { batch.append(Sample.event(number, tenant: "busy")) }
        log.submit(batch)
        log.flush()
        func check(_ expected: [Int]) { #expect(log.numbers() == expected) }
        check(Array(0..<20) + Array(4970..<5020))
        log.close()
        log = try open(folder) {
            $0.scope = .tenant
            $0.rowsMax = 50
        }
        check(Array(0..<20) + Array(4970..<5020))
        log.settings.rowsMax = 10
        log.flush()
        check(Array(10..<20) + Array(5010..<5020))
        log.settings.scope = .global
        log.flush()
        check(Array(5010..<5020))
        log.close()
    }

    @Test func `a quiet tenant's rows do not keep a busy tenant's blocks in the file`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder) {
            $0.scope = .tenant
            $0.rowsMax = 300
        }
        defer { log.close() }
        for round in 0..<50 {
            var batch = EventBatch()
            batch.append(Sample.event(round * 1000, tenant: "quiet"))
            for number in 1..<500 { batch.append(Sample.event(round * 1000 + number, tenant: "busy")) }
            log.submit(batch)
            log.flush()
        }
        for _ in 0..<20 {
            log.settings.rowsMax = 300
            log.flush()
        }
        let status = log.status()
        #expect(status.rows == 350)
        #expect(status.bytes < 400 << 10, "\(status.bytes)")
    }

    @Test func `the quota ends with its window and begins anew with the next`() throws {
        let folder = TemporaryFolder()
        let clock = TestClock()
        let change: (inout EventLogSettings) -> Void = { $0.quota = .init(limit: 10, per: .month) }
        var log = try open(folder, nil, clock, change)
        let february = try #require(CivilTime.parse("2026-02-27T23:59:59.999Z"))
        clock.now = february
        log.submit(Sample.batch(0..<10))
        log.flush()
        #expect(log.status().overQuota == 0)
        log.submit(Sample.batch(10..<12))
        log.flush()
        let quota = try #require(log.status().quota)
        #expect(quota.used == 10 && quota.limit == 10 && quota.per == .month)
        #expect(CivilTime.text(quota.resetsAt) == "2026-03-01T00:00:00.000Z")
        #expect(log.status().overQuota == 2)
        log.close()
        log = try open(folder, nil, clock, change)
        #expect(log.status().quota?.used == 10)
        clock.now = WallTime(milliseconds: february.milliseconds - 40 * 86_400_000)
        log.submit(Sample.batch(12..<13))
        log.flush()
        #expect(log.numbers() == Array(0..<10), "a clock that goes back opens no new window")
        clock.now = try #require(CivilTime.parse("2026-03-01T00:00:00Z"))
        #expect(log.status().quota?.used == 0)
        log.submit(Sample.batch(13..<14))
        log.flush()
        #expect(log.numbers() == Array(0..<10) + [13])
        #expect(log.status().quota.map { CivilTime.text($0.resetsAt) } == "2026-04-01T00:00:00.000Z")
        log.close()
    }

    @Test func `rows past their age go and are not shown before they went`() throws {
        let folder = TemporaryFolder()
        let clock = TestClock()
        let log = try open(folder, nil, clock) { $0.ageSecondsMax = 60 }
        defer { log.close() }
        var batch = EventBatch()
        for number in 0..<100 { batch.append(Sample.event(number, at: Sample.start + Int64(number) * 1000)) }
        clock.now = WallTime(milliseconds: Sample.start + 60_000)
        log.submit(batch)
        log.flush()
        #expect(log.numbers() == Array(0..<100))
        clock.now = WallTime(milliseconds: Sample.start + 60_001)
        #expect(log.numbers() == Array(1..<100))
        clock.now = WallTime(milliseconds: Sample.start + 160_000)
        log.settings.rowsMax = 1000
        log.flush()
        #expect(log.status().rows == 0 && log.status().bytes == 0)
    }

    @Test func `rows stand in the order of their sequence though the clock goes back`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder)
        defer { log.close() }
        for number in 0..<300 {
            var batch = EventBatch()
            batch.append(Sample.event(number, at: Sample.start - Int64(number) * 10_000))
            log.submit(batch)
        }
        log.flush()
        #expect(log.numbers() == Array(0..<300))
        var query = LogQuery()
        query.limit = 2
        #expect(try log.query(query).rows.map(\.sequence) == [300, 299])
        query.filter.since = WallTime(milliseconds: Sample.start - 10_000)
        #expect(try log.query(query).rows.map(\.sequence) == [2, 1])
    }

    @Test func `a row is found by its id and told apart from a dropped and an unknown one`() throws {
        let folder = TemporaryFolder()
        let clock = TestClock()
        let log = try open(folder, nil, clock) { $0.rowsMax = 100 }
        defer { log.close() }
        log.submit(Sample.batch(0..<1000))
        log.flush()
        clock.now = WallTime(milliseconds: Sample.start + 5000)
        for number in 900..<1000 {
            guard case .row(let row) = log.row(id: Sample.id(number).text) else {
                Issue.record("row \(number) is missing")
                return
            }
            #expect(row.sequence == UInt64(number) + 1)
        }
        func kind(_ text: String) -> String {
            switch log.row(id: text) {
            case .row: "row"
            case .dropped: "dropped"
            case .notFound: "not found"
            }
        }
        #expect(kind(Sample.id(899).text) == "dropped")
        #expect(kind(Sample.id(1, at: Sample.start + 5000).text) == "dropped")
        #expect(kind(Sample.id(1, at: Sample.start + 5001).text) == "not found")
        #expect(kind(Sample.id(1, at: Sample.start - 1).text) == "not found")
        #expect(kind("") == "not found" && kind("x") == "not found")
    }
}
