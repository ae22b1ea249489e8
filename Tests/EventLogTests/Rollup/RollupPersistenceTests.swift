import EventLog
import GatewayModel
import Glibc
import TestSupport
import Testing

/// What survives restarts, damage and the order in which things happen.
@Suite struct RollupPersistenceTests {
    @Test func `a restart goes on with the running minute, hour and day exactly`() throws {
        let store = RecordedRollups()
        var table = RollupTable()
        for round in 0..<10 {
            for second in 0..<3 { table.record(event(at: noon + Int64(second))) }
            // Half of the restarts find a journal, half find checkpoints.
            if round % 2 == 0 { table.commit(to: store, at: noon + 3) } else { table.checkpoint(to: store, at: noon + 3) }
            table = store.restarted()
            for window in ["1m", "1h", "1d"] {
                #expect(try table.answer([("window", window)], store, now: noon + 3).totals[.requests] == UInt64(3 * round + 3))
            }
        }
    }

    @Test func `between checkpoints a transaction writes one small record`() throws {
        let store = RecordedRollups()
        let table = RollupTable()
        table.commit(to: store, at: noon)
        for index in 0..<1000 { table.record(event(at: noon, tenant: "t\(index % 5)")) }
        let changes = try table.takeChanges(now: WallTime(milliseconds: noon * 1000 + 1), read: store.read)
        #expect(changes.removals.isEmpty && changes.puts.count == 1 && changes.puts[0].value.count < 600)
        table.didCommit()
        #expect(try table.takeChanges(now: WallTime(milliseconds: noon * 1000 + 2), read: store.read).isEmpty)
    }

    @Test func `a checkpoint removes the journal and nothing is counted twice`() throws {
        let store = RecordedRollups()
        let table = RollupTable()
        for second in 0..<20 {
            table.record(event(at: noon))
            table.commit(to: store, at: noon + Int64(second))
        }
        #expect(store.keys.count == 20)
        table.commit(to: store, at: noon + 60)
        #expect(store.keys.compactMap { RollupKey(bytes: $0.span)?.isInterval } == [false, true, true, true])
        #expect(try table.answer([], store, now: noon + 60).totals[.requests] == 20)
        #expect(try store.restarted().answer([], store, now: noon + 60).totals[.requests] == 20)
    }

    @Test func `a checkpoint committed while a query reads is not counted twice`() throws {
        let store = RecordedRollups()
        let table = RollupTable()
        for minute in 0..<5 { table.record(event(at: noon + 60 * Int64(minute))) }
        table.checkpoint(to: store, at: noon + 300)
        for isConfirmed in [true, false] {
            for minute in 0..<5 { table.record(event(at: noon + 60 * Int64(minute))) }
            var visits = 0
            var late = false
            store.beforeVisit = {
                visits += 1
                // The third record of the first pass: two were read already.
                guard visits == 3 else {
                    // Memory learns of the commit a little later.
                    if visits == 5, late { table.didCommit() }
                    return
                }
                let now = WallTime(milliseconds: (noon + (isConfirmed ? 600 : 900)) * 1000)
                if let changes = try? table.takeChanges(now: now, read: store.read) { store.apply(changes) }
                if isConfirmed { table.didCommit() } else { late = true }
            }
            let result = try table.answer([("group_by", "tenant"), ("window", "10m")], store, now: noon + 300)
            #expect(visits > 3)
            let expected: UInt64 = isConfirmed ? 10 : 15
            #expect(result.totals[.requests] == expected && result.groups[0].measures[.requests] == expected)
            store.beforeVisit = {}
        }
    }

    @Test func `an event from before the clock was set back goes into its own minute, hour and day`() throws {
        let store = RecordedRollups()
        let table = RollupTable()
        table.record(event(at: noon))
        table.checkpoint(to: store, at: noon + 60)
        // A minute in the store gets a latecomer, and the clock jumps back a day.
        table.record(event(at: noon + 1))
        table.record(event(at: noon - 86_400))
        table.checkpoint(to: store, at: noon - 86_000)
        let day = try table.answer([("window", "3d"), ("step", "1d")], store, now: noon)
        #expect(day.series.map { $0.measures[.requests] } == [0, 1, 2])
        let minutes = try table.answer([("window", "47h"), ("step", "1m")], store, now: noon)
        #expect(minutes.series.last?.measures[.requests] == 2 && minutes.totals[.requests] == 3)
    }

    @Test func `an event older than the minutes counts in its hour, older than the hours in its day, older than the days nowhere`() throws {
        let store = RecordedRollups()
        let table = RollupTable()
        let limits = RollupLimits()
        for resolution in RollupResolution.allCases {
            let oldest = limits.oldest(resolution, noon)
            table.record(event(at: oldest))
            table.record(event(at: oldest - 1))
        }
        table.checkpoint(to: store, at: noon)
        func count(_ resolution: RollupResolution) -> Int {
            store.keys.filter { if case .interval(resolution, _)? = RollupKey(bytes: $0.span)?.kind { true } else { false } }.count
        }
        // The second before the oldest minute is of another hour but of the same day, and so on.
        #expect(count(.minute) == 1 && count(.hour) == 3 && count(.day) == 3)
        #expect(table.counts.expired == 1)
    }

    @Test func `an operator's action is no request`() throws {
        let table = RollupTable()
        var action = event(at: noon)
        action.flags.insert(.audit)
        table.record(action)
        #expect(try table.answer([], RecordedRollups(), now: noon).totals[.requests] == 0)
        #expect(table.counts.recorded == 0)
    }

    @Test func `a damaged interval is ignored, counted and begun anew`() throws {
        var random = SplitMix64(seed: 9)
        let store = RecordedRollups()
        let table = RollupTable()
        for _ in 0..<50 { table.record(randomEvent(at: noon * 1000, &random)) }
        table.checkpoint(to: store, at: noon + 60)
        let key = RollupKey(.interval(.minute, start: noon)).bytes
        let sound = try #require(store.records[key])
        for round in 0..<400 {
            var bytes = sound
            switch round % 4 {
            case 0: bytes = Array(bytes.prefix(Int(random.next() % UInt64(bytes.count))))
            case 1: bytes = []
            default: bytes[Int(random.next() % UInt64(bytes.count))] ^= UInt8(1 + random.next() % 255)
            }
            store.set(bytes, for: key)
            for grouping in ["tenant", "model", "tenant,model"] {
                let result = try table.answer([("group_by", grouping), ("window", "10m")], store, now: noon + 60)
                #expect([0, 50].contains(result.totals[.requests]))
                #expect(
                    result.damaged > 0 || (result.totals[.requests] == 50 && result.groups.reduce(0) { $0 + $1.measures[.requests] } == 50))
            }
        }
        let before = table.counts.damaged
        #expect(before > 0)
        table.record(event(at: noon))
        table.checkpoint(to: store, at: noon + 120)
        #expect(table.counts.damaged == before + 1)
        #expect(try table.answer([("window", "10m")], store, now: noon + 60).totals[.requests] == 1)
        #expect(try table.answer([("window", "1d"), ("step", "1h")], store, now: noon + 60).totals[.requests] == 51)
    }

    @Test func `a record under another interval's key is damaged`() throws {
        let store = RecordedRollups()
        let table = RollupTable()
        table.record(event(at: noon))
        table.checkpoint(to: store, at: noon + 60)
        let minute = try #require(store.records[RollupKey(.interval(.minute, start: noon)).bytes])
        store.set(minute, for: RollupKey(.interval(.minute, start: noon - 60)).bytes)
        let result = try table.answer([("window", "10m")], store, now: noon)
        #expect(result.totals[.requests] == 1 && result.damaged == 1)
    }

    @Test func `damaged journal records and numbers are ignored and counted, whatever they hold`() throws {
        var random = SplitMix64(seed: 10)
        let store = RecordedRollups()
        let table = RollupTable()
        table.commit(to: store, at: noon)
        for _ in 0..<20 { table.record(randomEvent(at: noon * 1000, &random)) }
        table.commit(to: store, at: noon + 1)
        let key = RollupKey(.journal(sequence: 0)).bytes
        let sound = try #require(store.records[key])
        for round in 0..<400 {
            var bytes = sound
            if round % 3 == 0 {
                bytes = Array(bytes.prefix(Int(random.next() % UInt64(bytes.count))))
            } else {
                bytes[Int(random.next() % UInt64(bytes.count))] ^= UInt8(1 + random.next() % 255)
            }
            store.set(bytes, for: key)
            let restarted = store.restarted()
            #expect(restarted.counts.damaged == 1)
            #expect(try restarted.answer([], store, now: noon).totals[.requests] == 0)
        }
        let fresh = RollupTable()
        for (key, value) in [
            ([UInt8](), [UInt8]()), ([0x10], [1]), (RollupKey(.generation).bytes, [1, 2]), ([0xFF, 1, 2, 3, 4, 5, 6, 7, 8], []),
        ] {
            let isTaken = fresh.restore(key: key.span, value: value.span)
            #expect(!isTaken)
        }
        #expect(fresh.counts.damaged == 4)
    }

    @Test func `the number of the last checkpoint lost does not stop queries`() throws {
        let store = RecordedRollups()
        let table = RollupTable()
        for round in 0..<3 {
            table.record(event(at: noon))
            table.checkpoint(to: store, at: noon + 60 * Int64(round))
        }
        store.set(nil, for: RollupKey(.generation).bytes)
        let restarted = store.restarted()
        #expect(try restarted.answer([], store, now: noon).totals[.requests] == 3)
        restarted.record(event(at: noon))
        restarted.checkpoint(to: store, at: noon + 300)
        #expect(try restarted.answer([], store, now: noon).totals[.requests] == 4)
    }

    @Test func `a store that can't be read gives no answer rather than a wrong one`() {
        let store = RecordedRollups()
        let table = RollupTable()
        table.record(event(at: noon))
        store.isReadable = false
        #expect(throws: RecordedRollups.ReadFailure.self) { try table.answer([], store, now: noon) }
    }

    @Test func `keys read back as they were written, and in order of time`() {
        let kinds: [RollupKey.Kind] = [
            .generation, .journal(sequence: 0), .journal(sequence: .max), .interval(.minute, start: 0), .interval(.minute, start: 256 * 60),
            .interval(.hour, start: 3600), .interval(.day, start: .max),
        ]
        let bytes = kinds.map { RollupKey($0).bytes }
        #expect(bytes.map { RollupKey(bytes: $0.span)?.kind } == kinds)
        #expect(zip(bytes, bytes.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
    }

    @Test func `events from many threads are all counted while queries and transactions run`() async throws {
        let table = RollupTable()
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask { for index in 0..<2000 { table.record(event(at: noon, tenant: "t\(thread)", model: "m\(index % 7)")) } }
            }
            group.addTask {
                // The store belongs to this task: transactions and queries take turns as they do on one writer and its readers.
                let store = RecordedRollups()
                for second in 0..<200 {
                    table.commit(to: store, at: noon + Int64(second))
                    _ = try? table.answer([("group_by", "tenant")], store, now: noon)
                    _ = table.counts
                }
            }
        }
        #expect(table.counts.recorded == 8000)
    }
}

extension RollupLimits {
    /// The first second of the oldest interval kept, as the documentation has it.
    func oldest(_ resolution: RollupResolution, _ now: Int64) -> Int64 {
        let step: Int64 = resolution == .minute ? 900 : resolution == .hour ? 21_600 : 86_400
        let oldest = now - retentionSeconds(of: resolution)
        return oldest - oldest % step
    }
}
