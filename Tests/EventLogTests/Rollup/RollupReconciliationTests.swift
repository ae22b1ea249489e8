import EventLog
import GatewayModel
import TestSupport
import Testing

/// The rollups against a model that goes through all events, over days, crashes and failing transactions.
@Suite struct RollupReconciliationTests {
    /// Days of events with a clock that creeps on, jumps back now and then, and a writer that dies or fails now and then.
    private func run(events count: Int, seed: UInt64) -> (RollupModel, RecordedRollups, RollupTable, Int64) {
        var random = SplitMix64(seed: seed)
        var model = RollupModel()
        let store = RecordedRollups()
        // Long enough that journal records and checkpoints take turns.
        var limits = RollupLimits()
        limits.checkpointSeconds = 3600
        var table = RollupTable(limits: limits)
        var unwritten: [GatewayEvent] = []
        let start = (noon - 3 * 86_400) * 1000
        var clock = start
        for index in 0..<count {
            clock = start + Int64(index) * (3 * 86_400_000) / Int64(count)
            // Streams end long after they began, and clocks are set back.
            let late = random.next() % 50 == 0 ? Int64(random.next() % 40_000_000) : Int64(random.next() % 3000)
            let event = randomEvent(at: clock - late, &random)
            model.events.append(event)
            unwritten.append(event)
            table.record(event)
            guard random.next() % 800 == 0 else { continue }
            switch random.next() % 16 {
            case 0:
                // Killed: what was not committed is gone, and is asked again.
                table = store.restarted(limits)
                for event in unwritten { table.record(event) }
            case 1:
                // The transaction failed.
                _ = try? table.takeChanges(now: WallTime(milliseconds: clock), read: store.read)
                table.didFail()
            case 2...3:
                // Committed, and killed before memory knew.
                if let changes = try? table.takeChanges(now: WallTime(milliseconds: clock), read: store.read) { store.apply(changes) }
                unwritten = []
                table = store.restarted(limits)
            case 4:
                store.isReadable = false
                if table.commit(to: store, at: clock / 1000) { unwritten = [] }
                store.isReadable = true
            default:
                table.commit(to: store, at: clock / 1000)
                unwritten = []
            }
        }
        return (model, store, table, clock / 1000)
    }

    @Test func `every measure reconciles to the unit at all resolutions, over restarts, failed transactions and late events`() throws {
        let (model, store, table, now) = run(events: isLongRollupRun ? 1_000_000 : 100_000, seed: 5)
        #expect(table.counts.labelOverflow == 0 && table.counts.damaged == 0 && table.counts.expired == 0)
        for (window, step) in [("47h", "1m"), ("47h", "15m"), ("5d", "1h"), ("5d", "6h"), ("9d", "1d")] {
            let result = try table.answer([("window", window), ("step", step)], store, now: now)
            let query = result.query
            expectSame(result.totals, model.sums { query.contains($0) ? 0 : nil }[0], query, "total \(window)/\(step)")
            let points = model.sums { query.contains($0) ? ($0.createdAt.milliseconds / 1000 - query.from) / query.stepSeconds : nil }
            for (place, point) in result.series.enumerated() {
                expectSame(point.measures, points[Int64(place)], query, "point \(place) of \(window)/\(step)")
            }
            #expect(result.damaged == 0 && result.labelOverflow == 0)
        }
    }

    @Test func `groups and filters reconcile to the unit, whatever section answers`() throws {
        let (model, store, table, now) = run(events: isLongRollupRun ? 200_000 : 6000, seed: 6)
        let groupings = ["tenant", "provider", "model", "route", "cache", "error", "tenant,model", "route,cache"]
        let filters: [[(String, String)]] = [
            [], [("tenant", "acme")], [("tenant", ""), ("cache", "exact")], [("error", "none")], [("model", "no such")],
        ]
        for window in ["47h", "5d", "9d"] {
            for grouping in groupings {
                for filter in filters { try check([("window", window), ("group_by", grouping), ("top", "200")], filter, grouping) }
            }
        }
        func check(_ fields: [(String, String)], _ filter: [(String, String)], _ grouping: String) throws {
            let result = try table.answer(fields + filter, store, now: now)
            let query = result.query
            let names = grouping.split(separator: ",").map(String.init)
            func isWanted(_ event: GatewayEvent) -> Bool { query.contains(event) && filter.allSatisfy { event.label($0.0) == $0.1 } }
            let expected = model.sums { event in isWanted(event) ? names.map { event.label($0) } : nil }
            #expect(result.groups.count == expected.count)
            for group in result.groups {
                expectSame(group.measures, expected[group.labels.map(\.1)], query, "\(group.labels) of \(fields)")
            }
            expectSame(result.totals, model.sums { isWanted($0) ? 0 : nil }[0], query, "\(fields)")
        }
    }

    @Test func `expiry takes the oldest intervals of each resolution and nothing else`() throws {
        var (model, store, table, now) = run(events: 5000, seed: 7)
        // 50 hours on, the minutes of the first days are gone; the hours and days are not.
        now += 50 * 3600
        let last = event(at: now)
        table.record(last)
        model.events.append(last)
        table.checkpoint(to: store, at: now)
        let minutes = store.keys.filter { if case .interval(.minute, _)? = RollupKey(bytes: $0.span)?.kind { true } else { false } }
        #expect(minutes.count == 1)
        let result = try table.answer([("window", "9d"), ("step", "1h")], store, now: now)
        expectSame(result.totals, model.sums { result.query.contains($0) ? 0 : nil }[0], result.query, "hours")
        // 91 days on, the hours are gone.
        now += 91 * 86_400
        table.record(event(at: now))
        table.checkpoint(to: store, at: now)
        let hours = store.keys.filter { if case .interval(.hour, _)? = RollupKey(bytes: $0.span)?.kind { true } else { false } }
        #expect(hours.count == 1)
        let days = try table.answer([("window", "120d"), ("step", "1d")], store, now: now)
        #expect(days.totals[.requests] == UInt64(model.events.count + 1))
        // And two years later, the days.
        now += 731 * 86_400
        table.record(event(at: now))
        table.checkpoint(to: store, at: now)
        #expect(store.keys.filter { RollupKey(bytes: $0.span)?.isInterval == true }.count == 3)
    }
}

extension StatsQuery {
    func contains(_ event: GatewayEvent) -> Bool {
        event.createdAt.milliseconds >= from * 1000 && event.createdAt.milliseconds < to * 1000
    }
}

extension GatewayEvent {
    func label(_ dimension: String) -> String {
        switch dimension {
        case "tenant": tenant
        case "provider": provider
        case "model": model
        case "route": route
        case "cache": cacheLayer.name
        default: errorKind.name
        }
    }
}
