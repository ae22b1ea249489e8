import GatewayModel
import Storage
import Synchronization
import TestSupport
import Testing

@testable import EventLog

@Suite struct LogTests {
    private func open(
        _ folder: TemporaryFolder, _ sink: RollupTable? = nil, _ clock: TestClock = TestClock(Sample.start + 100_000),
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

    // MARK: - Counting

    @Test func `every event is counted once whatever becomes of its row`() throws {
        let folder = TemporaryFolder()
        let sink = RollupTable()
        let log = try open(folder, sink) {
            $0.queueBytesMax = 64 << 10
            $0.quota = .init(limit: 700, per: .day)
        }
        for start in stride(from: 0, to: 20_000, by: 40) {
            log.submit(Sample.batch(start..<(start + 40)) { if $0.status == 500 { $0.flags.insert(.uncollected) } })
        }
        #expect(log.close())
        #expect(sink.total == 20_000)
        let status = log.status()
        #expect(status.uncollected == 2000)
        #expect(status.written + status.overQuota + status.dropped + status.uncollected == 20_000)
        let second = try open(folder, RollupTable())
        let tenants = try second.requestsByTenant()
        #expect(tenants.count == 7 && tenants.values.reduce(0, +) == 20_000)
        for tenant in 0..<7 { #expect(tenants["tenant-\(tenant)"] == UInt64((20_000 - tenant + 6) / 7)) }
        second.close()
    }

    @Test func `submitting threads that meet a full queue lose no count`() throws {
        let folder = TemporaryFolder()
        let sink = RollupTable()
        let log = try open(folder, sink) { $0.queueBytesMax = 64 << 10 }
        onThreads(3) { thread in
            for start in 0..<100 { log.submit(Sample.batch((thread * 10_000 + start * 20)..<(thread * 10_000 + start * 20 + 20))) }
        }
        log.close()
        #expect(sink.total == 6000)
        #expect(log.status().written + log.status().dropped == 6000)
    }

    @Test func `a log without a store counts and keeps nothing`() throws {
        let sink = RollupTable()
        let log = EventLog.withoutStore(settings: EventLogSettings(), rollups: sink)
        #expect(!log.submit(Sample.batch(0..<100)))
        #expect(sink.total == 100 && log.status().dropped == 100 && !log.status().isWriting)
        #expect(try log.query(LogQuery()).rows.isEmpty)
        #expect(log.deleteAndWait(LogFilter()) != .success(0))
        #expect(log.close())
    }

    @Test func `what is submitted after the close is counted and not kept`() throws {
        let folder = TemporaryFolder()
        let sink = RollupTable()
        let log = try open(folder, sink)
        log.close()
        #expect(!log.submit(Sample.batch(0..<10)))
        #expect(sink.total == 10 && log.status().dropped == 10)
    }

    @Test func `what waits longer than a transaction takes is written by the next ones, and the queue is empty then`() throws {
        let folder = TemporaryFolder()
        let sink = RollupTable()
        let log = try open(folder, sink) { $0.bytesMax = 4 << 20 }
        defer { log.close() }
        // A transaction takes 256 KiB of rows: some 600.
        for start in stride(from: 0, to: 6000, by: 100) {
            log.submit(Sample.batch(start..<(start + 100)) { if $0.status == 500 { $0.flags.insert(.uncollected) } })
        }
        log.flush()
        let status = log.status()
        #expect(status.written == 5400 && status.uncollected == 600 && status.dropped == 0 && status.queuedBytes == 0)
        #expect(sink.total == 6000)
        #expect(log.allRows().map(\.sequence) == Array(4401...5400))
    }

    // MARK: - Preference

    @Test func `payloads go first, then rows that went well, then errors, then nothing but audits`() {
        let queue = EventQueue(bytesMax: 64 << 10)
        #expect(queue.capacity == 64 << 10)
        let one = Sample.batch(1..<2)
        let size = one.bytes.count
        var pushed = 0
        while queue.push(one, threshold: queue.capacity / 4 * 3) != nil { pushed += size }
        #expect(pushed <= queue.capacity / 4 * 3 && pushed + size > queue.capacity / 4 * 3)
        #expect(queue.push(one, threshold: queue.capacity / 20 * 19) != nil)
        #expect(queue.depth == pushed + size)
    }

    @Test func `errors and audits are kept when the writer is behind`() throws {
        let folder = TemporaryFolder()
        let sink = RollupTable()
        let log = try open(folder, sink) {
            $0.queueBytesMax = 128 << 10
            $0.delayMilliseconds = 60_000
        }
        let gate = Waiter<Bool>()
        let entered = Waiter<Bool>()
        let work = try #require(log.writer)
        #expect(
            work.perform {
                entered.set(true)
                _ = gate.get()
            })
        _ = entered.get()
        for number in 0..<400 { log.submit(Sample.batch((number * 10 + 1)..<(number * 10 + 2))) }
        let afterSuccesses = log.status()
        #expect(afterSuccesses.droppedByClass[.success] ?? 0 > 0 && afterSuccesses.droppedByClass[.error] == 0)
        #expect(log.submit(Sample.batch(0..<1)), "an error is still taken")
        var errors = 0
        while log.submit(Sample.batch(10..<11)) { errors += 1 }
        #expect(errors > 10)
        #expect(!log.submit(Sample.batch(1..<2)), "a success is not")
        #expect(log.submit(Sample.batch(1..<2) { $0.flags.insert(.audit) }), "an operator's action is")
        gate.set(true)
        log.close()
        let status = log.status()
        #expect(status.droppedByClass[.error] == 1 && status.droppedByClass[.audit] == 0)
        // An operator's action is no request: it has a row and is not counted.
        #expect(sink.total == 400 + 1 + UInt64(errors) + 1 + 1)
        #expect(status.written + status.dropped == sink.total + 1)
    }

    @Test func `a payload is dropped before its row is`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder) {
            $0.queueBytesMax = 128 << 10
            $0.delayMilliseconds = 60_000
        }
        let gate = Waiter<Bool>()
        let entered = Waiter<Bool>()
        #expect(
            log.writer?.perform {
                entered.set(true)
                _ = gate.get()
            } == true)
        _ = entered.get()
        let body = GatewayEvent.Payload(bytes: [UInt8](repeating: 0x61, count: 40 << 10), fullLength: 40 << 10)
        #expect(log.submit(Sample.batch(1..<2) { $0.request = body }))
        #expect(!log.submit(Sample.batch(2..<3) { $0.request = body }))
        gate.set(true)
        log.flush()
        #expect(log.status().droppedPayloads == 1 && log.status().dropped == 0)
        #expect(log.numbers() == [1, 2])
        #expect(log.payload(id: Sample.id(1), isResponse: false) == body)
        #expect(log.payload(id: Sample.id(2), isResponse: false) == nil)
        log.close()
    }

    // MARK: - Payloads, patches, deletions

    @Test func `payloads are kept up to their cap and their rows stay`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder) {
            $0.payloadsBytesMax = 1 << 20
            $0.bodyBytesMax = 8 << 10
        }
        defer { log.close() }
        for number in 0..<200 {
            let length = number == 199 ? (8 << 10) + 1 : 8 << 10
            let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: length)
            log.submit(
                Sample.batch(number..<(number + 1)) {
                    $0.request = .init(bytes: bytes, fullLength: UInt64(length))
                    $0.response = .init(bytes: [1], fullLength: 1)
                })
        }
        log.flush()
        let status = log.status()
        #expect(status.payloadsBytes <= 1 << 20 && status.payloadsBytes > 900 << 10)
        #expect(status.rows == 200)
        #expect(log.payload(id: Sample.id(0), isResponse: false) == nil)
        #expect(log.payload(id: Sample.id(198), isResponse: false)?.bytes.count == 8 << 10)
        #expect(log.payload(id: Sample.id(198), isResponse: false)?.isTruncated == false)
        #expect(log.payload(id: Sample.id(199), isResponse: false)?.bytes.count == 8 << 10)
        #expect(log.payload(id: Sample.id(199), isResponse: false)?.isTruncated == true)
        #expect(log.payload(id: Sample.id(199), isResponse: true)?.bytes == [1])
        var filter = LogFilter()
        try filter.add("has_request.eq:true", now: WallTime(milliseconds: 0))
        let kept = log.numbers(filter)
        #expect(kept.last == 199 && kept.count < 200 && kept.count > 50)
    }

    @Test func `payloads and metadata are redacted before they are written`() throws {
        let folder = TemporaryFolder()
        let canary = "sk-canary0123456789abcdef"
        let redactor = try Redactor(patterns: ["TOPSECRET-[0-9]+"])
        let log = try open(folder) {
            $0.redactor = redactor
            $0.redactsMetadata = true
        }
        log.submit(
            Sample.batch(1..<2) {
                $0.metadata = "{\"mail\":\"bob@example.com\",\"k\":\"\(canary)\"}"
                $0.request = .init(bytes: Array("{\"prompt\":\"\(canary) TOPSECRET-77\"}".utf8), fullLength: 44)
                $0.response = .init(bytes: Array("call +49 30 1234567".utf8), fullLength: 19)
            })
        log.flush()
        let request = try #require(log.payload(id: Sample.id(1), isResponse: false))
        #expect(String(decoding: request.bytes, as: UTF8.self) == "{\"prompt\":\"[redacted:key] [redacted:pattern]\"}")
        #expect(!request.isTruncated)
        #expect(
            log.payload(id: Sample.id(1), isResponse: true).map { String(decoding: $0.bytes, as: UTF8.self) } == "call [redacted:phone]")
        #expect(log.allRows().first?.event?.metadata == "{\"mail\":\"[redacted:email]\",\"k\":\"[redacted:key]\"}")
        log.close()
        for secret in [canary, "bob@example.com", "TOPSECRET-77", "1234567"] {
            #expect(TestFile.find(Array(secret.utf8), in: folder.file("ring/data.mdb")).isEmpty)
        }
    }

    @Test func `what is said about a row stays with it and goes with it`() throws {
        let folder = TemporaryFolder()
        var log = try open(folder) { $0.rowsMax = 100 }
        log.submit(Sample.batch(0..<100))
        log.flush()
        var change = LogChange()
        change.feedback = .set(1)
        change.score = .set(99.5)
        change.metadata = .set("{\"reviewed\":true}")
        guard case .success(let row) = log.patchAndWait(Sample.id(50), change) else {
            Issue.record("the change was refused")
            return
        }
        #expect(row.patch?.feedback == 1 && row.patch?.score == 99.5)
        log.close()
        log = try open(folder) { $0.rowsMax = 100 }
        var filter = LogFilter()
        try filter.add("metadata.reviewed.eq:true,feedback.eq:1", now: WallTime(milliseconds: 0))
        #expect(log.numbers(filter) == [50])
        var clearing = LogChange()
        clearing.feedback = .clear
        _ = log.patchAndWait(Sample.id(50), clearing)
        #expect(log.numbers(filter).isEmpty)
        #expect(log.shared.state.patches.count == 1)
        #expect(log.patchAndWait(Sample.id(101), change).failure == .notFound)
        for bad: LogChange.Part<Int> in [.set(0), .set(2)] {
            var wrong = LogChange()
            wrong.feedback = bad
            #expect(log.patchAndWait(Sample.id(50), wrong).failure != nil)
        }
        for score in [0.0, 100.0] {
            var right = LogChange()
            right.score = .set(score)
            #expect(log.patchAndWait(Sample.id(50), right).failure == nil)
        }
        for score in [-0.1, 100.1, .nan] {
            var wrong = LogChange()
            wrong.score = .set(score)
            #expect(log.patchAndWait(Sample.id(50), wrong).failure != nil)
        }
        log.submit(Sample.batch(100..<151))
        log.flush()
        #expect(log.shared.state.patches.isEmpty && log.shared.state.patchesBytes == 0)
        log.close()
    }

    @Test func `remarks end at their bytes`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder) { $0.patchesBytesMax = 128 }
        defer { log.close() }
        log.submit(Sample.batch(0..<3))
        log.flush()
        var change = LogChange()
        change.feedback = .set(1)
        #expect(log.patchAndWait(Sample.id(0), change).failure == nil)
        #expect(log.patchAndWait(Sample.id(1), change).failure == nil)
        #expect(log.patchAndWait(Sample.id(2), change).failure == .full)
        #expect(log.patchAndWait(Sample.id(1), change).failure == nil)
    }

    @Test func `deleted rows are gone from the store, also after a stop`() throws {
        let folder = TemporaryFolder()
        var log = try open(folder)
        log.submit(Sample.batch(0..<1000) { $0.request = .init(bytes: [1], fullLength: 1) })
        var filter = LogFilter()
        try filter.add("tenant.eq:tenant-3", now: WallTime(milliseconds: 0))
        let expected = (0..<1000).filter { $0 % 7 != 3 }
        #expect(log.deleteAndWait(filter) == .success(1000 - expected.count))
        #expect(log.numbers() == expected)
        #expect(log.status().rows == expected.count)
        #expect(log.payload(id: Sample.id(3), isResponse: false) == nil)
        log.submit(Sample.batch(1000..<1010))
        log.close()
        log = try open(folder)
        #expect(log.numbers() == (expected + Array(1000..<1010)).suffix(1000))
        let rows = log.status().rows
        #expect(log.deleteAndWait(LogFilter()) == .success(rows))
        #expect(log.numbers().isEmpty && log.status().bytes == 0 && log.status().payloadsBytes == 0)
        log.close()
    }

    // MARK: - Listening

    @Test func `a listener gets the new rows it asked for, in order, and is told what it missed`() throws {
        let folder = TemporaryFolder()
        let log = try open(folder)
        var filter = LogFilter()
        try filter.add("status_code.eq:500", now: WallTime(milliseconds: 0))
        let woken = Atomic<Int>(0)
        log.submit(Sample.batch(0..<10))
        log.flush()
        let tail = try #require(log.tail(filter, rowsMax: 5) { woken.add(1, ordering: .relaxed) })
        log.submit(Sample.batch(10..<100))
        log.flush()
        #expect(woken.load(ordering: .relaxed) == 1)
        func texts(_ items: [LogTail.Item]) -> [String] {
            items.map {
                switch $0 {
                case .row(let row): row.event?.eventID ?? ""
                case .gap(let missed): "gap \(missed)"
                }
            }
        }
        #expect(texts(tail.take(most: 2)) == ["event-10", "event-20"])
        log.submit(Sample.batch(100..<130))
        log.flush()
        #expect(texts(tail.take()) == ["event-30", "event-40", "event-50", "gap 4", "event-100", "gap 2"])
        #expect(tail.take().isEmpty)
        log.endTail(tail)
        log.submit(Sample.batch(130..<150))
        log.flush()
        #expect(tail.take().isEmpty)
        for _ in 0..<64 { #expect(log.tail(filter, wake: {}) != nil) }
        #expect(log.tail(filter, wake: {}) == nil)
        log.close()
    }

    // MARK: - Damage

    @Test func `a damaged store is set aside and begun anew`() throws {
        let folder = TemporaryFolder()
        let first = try open(folder)
        first.submit(Sample.batch(0..<1000))
        first.close()
        TestFile.write([UInt8](repeating: 0xA5, count: 8192), to: folder.file("ring/data.mdb"))
        let second = try open(folder)
        #expect(second.opening?.damage != nil)
        #expect(second.numbers().isEmpty)
        second.submit(Sample.batch(0..<10))
        second.flush()
        #expect(second.numbers() == Array(0..<10))
        second.close()
    }

    @Test func `a damaged block is passed over and counted`() throws {
        let folder = TemporaryFolder()
        let first = try open(folder)
        first.submit(Sample.batch(0..<1000))
        first.close()
        let places = TestFile.find(Array("event-500".utf8), in: folder.file("ring/data.mdb"))
        for place in places { TestFile.write([0x58], to: folder.file("ring/data.mdb"), at: place) }
        let second = try open(folder)
        let numbers = second.numbers()
        #expect(!numbers.contains(500) && numbers.count > 700 && numbers.count < 1000)
        #expect(second.status().badBlocks > 0)
        second.close()
    }

    @Test func `rows that a killed process had written are there, in order and once`() throws {
        let folder = TemporaryFolder()
        var lastSequence: UInt64 = 0
        for round in 0..<3 {
            let child = try #require(ChildProcess(["write-ring", folder.file("ring")]))
            var acknowledged: UInt64 = 0
            for _ in 0..<(20 + round * 7) {
                guard let line = child.line(), let number = UInt64(line) else { break }
                acknowledged = number
            }
            child.kill()
            #expect(acknowledged > lastSequence)
            let log = try open(folder, RollupTable()) { $0.rowsMax = 2000 }
            #expect(log.opening?.wasUnclean == true)
            let rows = log.allRows()
            let sequences = rows.map(\.sequence)
            #expect(sequences == sequences.sorted() && Set(sequences).count == sequences.count)
            #expect(sequences.count <= 2000)
            #expect(sequences.last ?? 0 >= acknowledged)
            #expect(rows.allSatisfy { $0.event.map { $0.eventID == "event-\($0.tokensCached)" } ?? false })
            lastSequence = sequences.last ?? 0
            log.close()
        }
    }
}

extension Result {
    var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
