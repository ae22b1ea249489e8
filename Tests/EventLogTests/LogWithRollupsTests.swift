// The ring and the rollups in one store.

import EventLog
import GatewayModel
import TestSupport
import Testing

struct LogWithRollupsTests {
    private func event(_ number: Int, _ flags: GatewayEvent.Flags = []) -> GatewayEvent {
        let now = WallTime.now()
        var event = GatewayEvent(id: RequestID(at: now, random: (UInt64(number), 1)), createdAt: now)
        event.tenant = "t\(number % 3)"
        event.status = 200
        event.cacheLayer = .miss
        event.tokensIn = 7
        event.costNanoUSD = UInt64(number)
        event.attemptCount = 1
        event.flags = flags
        return event
    }

    private func batch(_ events: [GatewayEvent]) -> EventBatch {
        var batch = EventBatch()
        for event in events { batch.append(event) }
        return batch
    }

    private func totals(_ log: EventLog) throws -> StatsMeasures {
        let query = try StatsQuery(fields: [("window", "1h")], now: .now())
        return try #require(log.evaluate(query)).totals
    }

    @Test func `sums are lost at a restart, or counted twice`() throws {
        let folder = TemporaryFolder()
        for run in 1...4 {
            let log = try EventLog.open(path: folder.file("ring"), settings: EventLogSettings(), rollups: RollupTable())
            log.submit(batch((0..<100).map { event($0) }))
            log.flush()
            let sums = try totals(log)
            #expect(sums[.requests] == UInt64(100 * run))
            #expect(sums[.tokensIn] == UInt64(700 * run))
            #expect(sums[.cost] == UInt64(4950 * run))
            #expect(log.close())
        }
    }

    @Test func `a row that is not wanted, or not admitted, is missing from the sums`() throws {
        let folder = TemporaryFolder()
        var settings = EventLogSettings()
        settings.rowsMax = 10
        settings.strategy = .stopInserting
        let log = try EventLog.open(path: folder.file("ring"), settings: settings, rollups: RollupTable())
        defer { log.close() }
        log.submit(batch((0..<50).map { event($0, $0 % 2 == 0 ? .uncollected : []) }))
        log.flush()
        #expect(try totals(log)[.requests] == 50)
        #expect(log.status().rows == 10)
    }

    @Test func `an answer without a request counts as one, or not at all`() throws {
        let folder = TemporaryFolder()
        let log = try EventLog.open(path: folder.file("ring"), settings: EventLogSettings(), rollups: RollupTable())
        defer { log.close() }
        log.submit(batch([event(1), event(2, .background)]))
        log.flush()
        let sums = try totals(log)
        #expect(sums[.requests] == 1 && sums[.attempts] == 2 && sums[.tokensIn] == 14 && sums[.cost] == 3)
    }

    @Test func `a log without a store counts nothing`() throws {
        let log = EventLog.withoutStore(settings: EventLogSettings(), rollups: RollupTable())
        log.submit(batch((0..<5).map { event($0) }))
        #expect(try totals(log)[.requests] == 5)
        log.close()
    }
}
