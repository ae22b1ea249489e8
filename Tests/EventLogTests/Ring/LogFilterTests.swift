import GatewayModel
import TestSupport
import Testing

@testable import EventLog

@Suite struct LogFilterTests {
    private let now = WallTime(milliseconds: Sample.start + 1_000_000)

    private func filter(_ text: String) throws -> LogFilter {
        var filter = LogFilter()
        try filter.add(text, now: now)
        return filter
    }

    /// The numbers among 0..<400 that a filter lets through.
    private func matching(_ filter: LogFilter, _ patch: (Int) -> LogPatch? = { _ in nil }) -> [Int] {
        (0..<400).filter { number in
            var batch = EventBatch()
            batch.append(Sample.event(number))
            var matches = false
            batch.forEach {
                matches = filter.matches(
                    RowContext(row: $0.row, sequence: UInt64(number) + 1, hasPayloads: number % 2 == 0, patch: patch(number)))
            }
            return matches
        }
    }

    @Test func `every field is compared with every operator as its value says`() throws {
        let fields: [(name: String, value: (Int) -> Double)] = [
            ("sequence", { Double($0 + 1) }), ("status_code", { Double(Sample.event($0).status) }),
            ("duration", { Double(Sample.event($0).durationMicroseconds) / 1000 }),
            ("overhead_us", { Double(Sample.event($0).overheadMicroseconds) }), ("tokens_in", { Double($0 * 3) }),
            ("tokens_out", { Double($0 * 2) }), ("tokens_cached", { Double($0) }), ("tokens_saved", { Double($0 % 50) }),
            ("cost", { Double($0 * 1_234_567) / 1e9 }), ("cost_saved", { Double($0 * 7) / 1e9 }), ("request_size", { Double($0 * 11) }),
            ("response_size", { Double($0 * 13) }), ("step", { Double($0 % 4) }), ("attempts", { Double(1 + $0 % 3) }),
            ("created_at", { Double(Sample.start + Int64($0)) }),
        ]
        for (name, value) in fields {
            let pivot = value(77)
            let text = name == "created_at" ? CivilTime.text(WallTime(milliseconds: Int64(pivot))) : "\(pivot)"
            let operators: [(String, (Double) -> Bool)] = [
                ("eq", { $0 == pivot }), ("neq", { $0 != pivot }), ("lt", { $0 < pivot }), ("gt", { $0 > pivot }),
                ("lte", { $0 <= pivot }), ("gte", { $0 >= pivot }), ("in", { $0 == pivot }),
            ]
            for (comparison, holds) in operators {
                let found = matching(try filter("\(name).\(comparison):\(text)"))
                #expect(found == (0..<400).filter { holds(value($0)) }, "\(name).\(comparison)")
            }
        }
    }

    @Test func `every text is compared with every operator`() throws {
        let fields: [(name: String, value: (GatewayEvent) -> String)] = [
            ("tenant", \.tenant), ("key_id", \.keyID), ("provider", \.provider), ("model", \.model), ("route", \.route),
            ("operation", \.operation), ("path", \.path), ("event_id", \.eventID), ("error_code", \.errorCode),
            ("cache_status", \.cacheStatus), ("finish_reason", \.finishReason), ("error_kind", { $0.errorKind.name }),
            ("cache_layer", { $0.cacheLayer.name }), ("cache_reason", { $0.cacheReason?.rawValue ?? "" }), ("id", { $0.id.text }),
        ]
        for (name, value) in fields {
            let pivot = value(Sample.event(70))
            let bytes = Array(pivot.utf8)
            let operators: [(String, (String) -> Bool)] = [
                ("eq", { $0 == pivot }), ("neq", { $0 != pivot }), ("contains", { pivot.isEmpty || $0.contains(pivot) }),
                ("lt", { Array($0.utf8).lexicographicallyPrecedes(bytes) }), ("gt", { bytes.lexicographicallyPrecedes(Array($0.utf8)) }),
                ("lte", { !bytes.lexicographicallyPrecedes(Array($0.utf8)) }),
                ("gte", { !Array($0.utf8).lexicographicallyPrecedes(bytes) }),
                ("in", { $0 == pivot }),
            ]
            for (comparison, holds) in operators {
                let found = matching(try filter("\(name).\(comparison):\(pivot)"))
                #expect(found == (0..<400).filter { holds(value(Sample.event($0))) }, "\(name).\(comparison)")
            }
        }
        #expect(matching(try filter("provider.contains:OPENAI")).count == 200)
        #expect(matching(try filter("route.in:route-1|route-2")).count == 266)
    }

    @Test func `truth values, null and what is said later are compared`() throws {
        #expect(matching(try filter("success=true".replacing("success=", with: "success.eq="))) == (0..<400).filter { $0 % 10 != 0 })
        #expect(matching(try filter("cached.eq:true")) == (0..<400).filter { (1...4).contains($0 % 8) })
        #expect(matching(try filter("stream.neq:true")) == (0..<400).filter { $0 % 2 == 0 })
        #expect(matching(try filter("custom_cost.eq:1")) == (0..<400).filter { $0 % 32 >= 16 })
        #expect(matching(try filter("ttfb_ms.lt:1000000")) == (1..<400).filter { $0 % 10 != 0 })
        #expect(matching(try filter("ttfb_ms.neq:1")).contains(0))
        #expect(matching(try filter("similarity.gte:0.973")) == (0..<400).filter { $0 % 8 == 3 })
        #expect(matching(try filter("similarity.eq:0.973")).count == 50)
        #expect(matching(try filter("trace_id.contains:0000")) == (0..<400).filter { $0 % 3 == 0 })
        #expect(matching(try filter("span_id.eq:0000000000000004")) == [3])
        #expect(matching(try filter("has_request.eq:true")).isEmpty)
        let patch: (Int) -> LogPatch? = { number in
            guard number % 100 == 0 else { return nil }
            var patch = LogPatch()
            patch.feedback = number == 0 ? -1 : 1
            patch.score = Double(number) / 4
            patch.metadata = "{\"user\":\"changed\"}"
            return patch
        }
        #expect(matching(try filter("feedback.eq:-1"), patch) == [0])
        #expect(matching(try filter("score.gt:25"), patch) == [200, 300])
        #expect(matching(try filter("metadata.user.eq:changed"), patch) == [0, 100, 200, 300])
    }

    @Test func `members of the metadata are compared`() throws {
        #expect(matching(try filter("metadata.user.eq:u17")) == [17])
        #expect(matching(try filter("metadata.team.gte:4")) == (0..<400).filter { $0 % 5 == 4 })
        #expect(matching(try filter("metadata.team.in:1|2")) == (0..<400).filter { $0 % 5 == 1 || $0 % 5 == 2 })
        #expect(matching(try filter("metadata.quoted.eq:a\"b")).count == 400)
        #expect(matching(try filter("metadata.absent.eq:")).isEmpty)
        #expect(matching(try filter("metadata.absent.neq:x")).count == 400)
        #expect(matching(try filter("metadata.user.contains:U39")) == [39] + Array(390..<400))
        #expect(matching(try filter("metadata.contains:\"u17\"")) == [17])
    }

    @Test func `conditions joined by commas all hold and a comma in a value is kept`() throws {
        #expect(matching(try filter("status_code.gte:500,tenant.eq:tenant-0")) == (0..<400).filter { $0 % 70 == 0 })
        #expect(matching(try filter("status_code.gte=500,tokens_in.lt=100")) == [0, 10, 20, 30])
        let both = try filter("model.eq:a,b,c,tenant.eq:x")
        #expect(both.conditions.count == 2)
        #expect(both.conditions[0].operands[0].text == Array("a,b,c".utf8))
        #expect(try filter("metadata.a.b.eq:c.eq:d").conditions[0].field == .metadata(Array("a.b".utf8)))
    }

    @Test func `times and searches narrow a filter`() throws {
        var some = LogFilter()
        some.since = WallTime(milliseconds: Sample.start + 10)
        some.until = WallTime(milliseconds: Sample.start + 12)
        #expect(matching(some) == [10, 11])
        var searching = LogFilter()
        try searching.search("EVENT-39")
        #expect(matching(searching) == [39] + Array(390..<400))
        try searching.search(String(Sample.id(5).text.suffix(12)))
        #expect(matching(searching) == [5])
        try searching.search("upstream_")
        #expect(matching(searching).count == 40)
    }

    @Test(arguments: [
        "nope.eq:1", "tenant", "tenant.is:1", "status_code.eq:many", "success.gt:true", "success.eq:maybe", "created_at.gt:yesterday",
        "error_kind.eq:odd", "cache_layer.eq:odd", "duration.lt:nan", "cost.gt:inf", "metadata.", ".eq:1", "tenant .eq:1", "a,b",
    ])
    func `a condition that makes no sense is refused`(_ text: String) {
        #expect(throws: LogQueryError.self) { try filter(text) }
    }

    @Test func `limits hold at their number and not beyond`() throws {
        var some = LogFilter()
        for _ in 0..<32 { try some.add("tenant.eq:a", now: now) }
        #expect(throws: LogQueryError.self) { try some.add("tenant.eq:a", now: now) }
        _ = try filter("tenant.eq:" + String(repeating: "x", count: 1024))
        #expect(throws: LogQueryError.self) { try filter("tenant.eq:" + String(repeating: "x", count: 1025)) }
        _ = try filter("tenant.in:" + Array(repeating: "a", count: 100).joined(separator: "|"))
        #expect(throws: LogQueryError.self) { try filter("tenant.in:" + Array(repeating: "a", count: 101).joined(separator: "|")) }
        var searching = LogFilter()
        try searching.search(String(repeating: "x", count: 256))
        #expect(throws: LogQueryError.self) { try searching.search(String(repeating: "x", count: 257)) }
    }

    @Test func `parameters of a query are taken or refused by name`() throws {
        var query = LogQuery()
        #expect(try query.take("limit", "500", now: now) && query.limit == 500)
        #expect(throws: LogQueryError.self) { try query.take("limit", "501", now: now) }
        #expect(throws: LogQueryError.self) { try query.take("limit", "0", now: now) }
        #expect(try query.take("order", "oldest", now: now) && query.order == .oldest)
        #expect(throws: LogQueryError.self) { try query.take("order", "odd", now: now) }
        #expect(try query.take("since", "15m", now: now))
        #expect(query.filter.since == now.adding(seconds: -900))
        #expect(try query.take("until", "2026-02-03T04:05:06.5+01:00", now: now))
        #expect(query.filter.until.map { CivilTime.text($0) } == "2026-02-03T03:05:06.500Z")
        #expect(throws: LogQueryError.self) { try query.take("since", "soon", now: now) }
        #expect(try query.take("tenant", "a", now: now) && query.take("metadata.user", "u1", now: now))
        #expect(query.filter.conditions.count == 2)
        #expect(try !query.take("unknown", "a", now: now))
        #expect(throws: LogQueryError.self) { try query.take("cursor", "x", now: now) }
    }

    @Test func `a cursor comes back from its text and nothing else is one`() {
        var random = SplitMix64(seed: 4)
        for _ in 0..<100 {
            let cursor = LogCursor(
                sequence: random.next(), floor: random.next(), isNewest: random.next() % 2 == 0,
                fingerprint: UInt32(truncatingIfNeeded: random.next()))
            #expect(LogCursor(cursor.text) == cursor)
            #expect(LogCursor(String(cursor.text.dropLast())) == nil && LogCursor(cursor.text + "0") == nil)
        }
    }

    @Test func `any text can be parsed as a filter and matched`() {
        var random = SplitMix64(seed: 5)
        var accepted = 0
        for _ in 0..<5000 { if EventLogTrial.filter(&random, now) { accepted += 1 } }
        #expect(accepted > 300)
    }

    @Test func `times read as RFC 3339 says`() {
        let good = [
            ("2026-02-03T04:05:06Z", "2026-02-03T04:05:06.000Z"), ("2026-02-03", "2026-02-03T00:00:00.000Z"),
            ("2024-02-29T23:59:60Z", "2024-02-29T23:59:59.000Z"), ("2026-12-31T23:30:00.123456-01:00", "2027-01-01T00:30:00.123Z"),
            ("1969-12-31t23:59:59z", "1969-12-31T23:59:59.000Z"), ("2000-03-01 00:00:00Z", "2000-03-01T00:00:00.000Z"),
        ]
        for (text, expected) in good { #expect(CivilTime.parse(text).map { CivilTime.text($0) } == expected) }
        for text in [
            "", "2026-02-30", "2026-13-01", "2026-00-01", "2026-02-03T24:00:00Z", "2026-02-03T04:05:06", "2026-02-03T04:05:06+0100", "x",
            "2026-02-03T04:05:06.Z", "2026-02-03T04:05:06Zx", "2025-02-29", "99999999999d",
        ] { #expect(CivilTime.parse(text, now: now) == nil, "\(text)") }
        for day in stride(from: Int64(-800_000), to: 2_000_000, by: 997) {
            let time = WallTime(milliseconds: day * 86_400_000 + 1)
            let text = CivilTime.text(time)
            if text.hasPrefix("0000") || text.hasPrefix("9999") { continue }
            #expect(CivilTime.parse(text) == time)
        }
    }
}
