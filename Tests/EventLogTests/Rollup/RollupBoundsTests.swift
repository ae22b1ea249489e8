@testable import EventLog
import GatewayModel
import TestSupport
import Testing

/// What happens at the bounds of labels, combinations, memory and numbers.
@Suite struct RollupBoundsTests {
    private func limits(labels: Int = 3, cells: Int = 100, pending: Int = 100) -> RollupLimits {
        var limits = RollupLimits()
        limits.labelsMax = labels
        limits.minuteCellsMax = cells
        limits.hourCellsMax = cells
        limits.dayCellsMax = cells
        limits.pendingCellsMax = pending
        return limits
    }

    private func tenants(_ result: StatsResult) -> [String: UInt64] {
        Dictionary(uniqueKeysWithValues: result.groups.map { ($0.labels[0].1, $0.measures[.requests]) })
    }

    @Test func `the last tenant that fits keeps its name, the next one is other`() throws {
        let store = RecordedRollups()
        let table = RollupTable(limits: limits())
        for tenant in ["a", "b", "c", "a"] { table.record(event(at: noon, tenant: tenant)) }
        table.checkpoint(to: store, at: noon + 60)
        #expect(table.counts.labelOverflow == 0)
        #expect(tenants(try table.answer([("group_by", "tenant")], store, now: noon + 60)) == ["a": 2, "b": 1, "c": 1])
        for tenant in ["d", "a", "e", "d"] { table.record(event(at: noon, tenant: tenant)) }
        table.checkpoint(to: store, at: noon + 90)
        #expect(table.counts.labelOverflow == 3)
        let result = try table.answer([("group_by", "tenant")], store, now: noon + 60)
        #expect(tenants(result) == ["a": 3, "b": 1, "c": 1, "other": 3])
        #expect(result.labelOverflow == 3 && result.totals[.requests] == 8)
        // The next minute has room again.
        table.record(event(at: noon + 60, tenant: "d"))
        table.checkpoint(to: store, at: noon + 120)
        let minute = try table.answer([("group_by", "tenant"), ("window", "1m")], store, now: noon + 61)
        #expect(tenants(minute) == ["d": 1])
    }

    @Test func `a tenant really named other takes no room from the bound`() throws {
        let store = RecordedRollups()
        let table = RollupTable(limits: limits())
        for tenant in ["other", "a", "b", "c", "other"] { table.record(event(at: noon, tenant: tenant)) }
        table.checkpoint(to: store, at: noon + 60)
        #expect(table.counts.labelOverflow == 0)
        #expect(tenants(try table.answer([("group_by", "tenant")], store, now: noon + 60)) == ["a": 1, "b": 1, "c": 1, "other": 2])
    }

    @Test func `combinations beyond the bound are other, and the sums by one label stay exact`() throws {
        let store = RecordedRollups()
        let table = RollupTable(limits: limits(labels: 10, cells: 4))
        for tenant in ["a", "b"] { for model in ["x", "y"] { table.record(event(at: noon, tenant: tenant, model: model)) } }
        table.checkpoint(to: store, at: noon + 60)
        #expect(table.counts.labelOverflow == 0)
        table.record(event(at: noon, tenant: "a", model: "z"))
        table.record(event(at: noon, tenant: "a", model: "z", layer: .exact))
        table.checkpoint(to: store, at: noon + 90)
        #expect(table.counts.labelOverflow == 2)
        let both = try table.answer([("group_by", "tenant,model")], store, now: noon + 60)
        #expect(both.groups.count == 5 && both.groups.last?.labels.map(\.1) == ["other", "other"])
        #expect(both.groups.last?.measures[.requests] == 2)
        #expect(tenants(try table.answer([("group_by", "tenant")], store, now: noon + 60)) == ["a": 4, "b": 2])
        #expect(tenants(try table.answer([("group_by", "model")], store, now: noon + 60)) == ["x": 2, "y": 2, "z": 2])
        #expect(tenants(try table.answer([("group_by", "cache")], store, now: noon + 60)) == ["miss": 5, "exact": 1])
    }

    @Test func `a label of exactly the longest length is kept, a longer one is other`() throws {
        let store = RecordedRollups()
        let table = RollupTable()
        let longest = String(repeating: "m", count: 256)
        table.record(event(at: noon, model: longest))
        #expect(table.counts.labelOverflow == 0)
        table.record(event(at: noon, model: longest + "m"))
        #expect(table.counts.labelOverflow == 1)
        for at in [noon + 1, noon + 60] {
            let result = try table.answer([("group_by", "model")], store, now: noon + 60)
            #expect(tenants(result) == [longest: 1, "other": 1] && result.labelOverflow == 1)
            table.checkpoint(to: store, at: at)
        }
        #expect(table.counts.labelOverflow == 1)
    }

    @Test func `a store that can't be written costs labels first and counts last, in bounded memory`() throws {
        let store = RecordedRollups()
        store.isReadable = false
        let table = RollupTable(limits: limits(labels: 1000, cells: 1000, pending: 8))
        for index in 0..<8 { table.record(event(at: noon, tenant: "t\(index)")) }
        table.commit(to: store, at: noon + 1)
        #expect(table.counts.labelOverflow == 0 && table.counts.pendingCells == 8)
        for index in 8..<20 { table.record(event(at: noon, tenant: "t\(index)")) }
        table.commit(to: store, at: noon + 2)
        #expect(table.counts.labelOverflow == 12 && table.counts.dropped == 0 && table.counts.pendingCells == 9)
        // Every minute needs a cell of its own: at twice the bound, nothing more is kept.
        for minute in 1...20 { table.record(event(at: noon + 60 * Int64(minute), tenant: "late")) }
        table.commit(to: store, at: noon + 3)
        #expect(table.counts.pendingCells == 16 && table.counts.dropped == 13)
        store.isReadable = true
        table.commit(to: store, at: noon + 4)
        let result = try table.answer([("window", "2h")], store, now: noon + 3600)
        #expect(result.totals[.requests] == 27 && table.counts.pendingCells == 0)
    }

    @Test func `a million tenants and models leave bounded records behind`() throws {
        let store = RecordedRollups()
        let table = RollupTable(limits: limits(labels: 50, cells: 60, pending: 512))
        var random = SplitMix64(seed: 8)
        let count = isLongRollupRun ? 1_000_000 : 20_000
        for index in 0..<count {
            table.record(event(at: noon, tenant: "tenant-\(random.next())", model: "model-\(random.next())"))
            if index % 200 == 199 { table.commit(to: store, at: noon + 1 + Int64(index) / 1000) }
        }
        table.checkpoint(to: store, at: noon + 7200)
        let result = try table.answer([("window", "1d"), ("step", "1h"), ("group_by", "tenant"), ("top", "200")], store, now: noon + 3600)
        #expect(result.totals[.requests] == UInt64(count) && result.groups.count == 51)
        #expect(table.counts.dropped == 0)
        // 201 labels, 60 combinations and their overflow, three times.
        #expect(store.records.values.reduce(0) { $0 + $1.count } < 3 * 300 * 200)
    }

    @Test func `sums and buckets stop at their maximum instead of beginning anew`() throws {
        let store = RecordedRollups()
        let table = RollupTable()
        for second in [noon, noon, noon + 60] {
            var event = event(at: second)
            event.costNanoUSD = .max - 1
            event.tokensIn = .max
            event.durationMicroseconds = .max
            event.attemptCount = .max
            table.record(event)
            table.checkpoint(to: store, at: noon + 120)
        }
        let result = try table.answer([("group_by", "tenant")], store, now: noon + 120)
        for measures in [result.totals, result.groups[0].measures] {
            #expect(measures[.cost] == .max && measures[.tokensIn] == .max && measures[.latencySum] == .max)
            #expect(measures[.requests] == 3 && measures[.attempts] == .max)
            #expect(measures.percentile(0, of: .latency) ?? 0 >= Double(LogLinearBuckets.valueMax) * 0.95)
        }
        var buckets = BucketCounts()
        let isAppended = buckets.append(key: 7, count: BucketCounts.countMax - 1)
        #expect(isAppended)
        for _ in 0..<3 { buckets.add(7, to: .latency) }
        #expect(buckets.total(of: .latency) == BucketCounts.countMax && buckets.words.count == 1)
        let isTooMuch = !buckets.append(key: 8, count: BucketCounts.countMax + 1)
        #expect(isTooMuch)
    }

    @Test func `retries, fallbacks and first attempts add up to the attempts, described or not`() throws {
        let store = RecordedRollups()
        let table = RollupTable()
        var request = event(at: noon)
        request.attemptCount = 20
        request.attempts = (0..<16).map { .init(provider: "", model: "", status: 0, failure: "", microseconds: 0, isRepeat: $0 % 4 != 0) }
        table.record(request)
        request.attemptCount = 0
        request.attempts = []
        table.record(request)
        let totals = try table.answer([], store, now: noon).totals
        #expect(totals[.attempts] == 20 && totals[.fallbacks] == 3 && totals[.retries] == 16)
    }
}
