@testable import EventLog
import GatewayModel
import Testing

@Suite struct StatsQueryTests {
    private func query(_ text: String, now: Int64 = noon + 34 * 60 + 56) throws(StatsQueryError) -> StatsQuery {
        let fields = text.split(separator: "&").map { field in
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (name: parts[0], value: parts.count > 1 ? parts[1] : "")
        }
        return try StatsQuery(fields: fields, now: WallTime(milliseconds: now * 1000))
    }

    private func span(_ text: String, now: Int64 = noon + 34 * 60 + 56) throws -> [String] {
        let query = try query(text, now: now)
        return [StatsTime.text(of: query.from), StatsTime.text(of: query.to), "\(query.stepSeconds)", query.resolution.name]
    }

    @Test func `a window ends with the running step and has whole steps before it`() throws {
        #expect(try span("") == ["2027-03-10T11:35:00Z", "2027-03-10T12:35:00Z", "60", "minute"])
        #expect(try span("window=15m") == ["2027-03-10T12:20:00Z", "2027-03-10T12:35:00Z", "60", "minute"])
        #expect(try span("window=24h") == ["2027-03-09T12:45:00Z", "2027-03-10T12:45:00Z", "900", "minute"])
        #expect(try span("window=7d") == ["2027-03-03T13:00:00Z", "2027-03-10T13:00:00Z", "3600", "hour"])
        #expect(try span("window=30d") == ["2027-02-08T18:00:00Z", "2027-03-10T18:00:00Z", "21600", "hour"])
        #expect(try span("window=30d&step=1h") == ["2027-02-08T13:00:00Z", "2027-03-10T13:00:00Z", "3600", "hour"])
        #expect(try span("window=90d") == ["2026-12-11T00:00:00Z", "2027-03-11T00:00:00Z", "86400", "day"])
        #expect(try span("window=730d") == ["2025-03-11T00:00:00Z", "2027-03-11T00:00:00Z", "86400", "day"])
        // On the second of a step's beginning, that step is the running one.
        #expect(try span("window=1h", now: noon) == ["2027-03-10T11:01:00Z", "2027-03-10T12:01:00Z", "60", "minute"])
        // A window that is no multiple of the step is rounded up.
        #expect(try span("window=90m&step=1h") == ["2027-03-10T11:00:00Z", "2027-03-10T13:00:00Z", "3600", "hour"])
    }

    @Test func `from and to are moved outwards to whole steps`() throws {
        #expect(
            try span("from=2027-03-10T09:10:11Z&to=2027-03-10T10:00:00Z") == [
                "2027-03-10T09:10:00Z", "2027-03-10T10:00:00Z", "60", "minute",
            ])
        #expect(
            try span("from=2027-03-10T09:10:11Z&to=2027-03-10T10:00:01Z&step=1h") == [
                "2027-03-10T09:00:00Z", "2027-03-10T11:00:00Z", "3600", "hour",
            ])
        #expect(try span("from=2027-03-10T11:10:11+02:00&step=1h") == ["2027-03-10T09:00:00Z", "2027-03-10T13:00:00Z", "3600", "hour"])
        #expect(try span("from=2027-03-08&to=2027-03-09&step=1d") == ["2027-03-08T00:00:00Z", "2027-03-09T00:00:00Z", "86400", "day"])
        #expect(try span("window=1h&to=2027-03-10T10:00:00.999Z") == ["2027-03-10T09:00:00Z", "2027-03-10T10:00:00Z", "60", "minute"])
    }

    @Test func `days are those of UTC, through the hours that clocks skip or repeat elsewhere`() throws {
        // Central Europe skipped an hour on 2027-03-28 and repeats one on 2027-10-31.
        for (day, next) in [("2027-03-28", "2027-03-29"), ("2026-10-25", "2026-10-26"), ("2028-02-29", "2028-03-01")] {
            let now = try #require(StatsTime.second(of: next + "T05:00:00Z"))
            let query = try query("from=\(day)&to=\(next)&step=1h", now: now)
            #expect(query.to - query.from == 86_400 && (query.to - query.from) / query.stepSeconds == 24)
        }
    }

    @Test func `a step is refused where its intervals are no longer kept, and auto takes one that is`() throws {
        #expect(try span("window=48h&step=1m")[2] == "60")
        #expect(throws: StatsQueryError(field: "step", message: "is kept for 48 hours only; take a longer step or a later window")) {
            try query("window=2881m&step=1m")
        }
        #expect(try span("window=2881m")[3] == "hour")
        #expect(try span("window=90d&step=1h")[2] == "3600")
        #expect(throws: StatsQueryError(field: "step", message: "is kept for 90 days only; take a longer step or a later window")) {
            try query("window=2161h&step=1h")
        }
        #expect(try query("window=730d").to - query("window=730d").from == 730 * 86_400)
    }

    @Test(arguments: [
        ("window=0m", "window"), ("window=731d", "window"), ("window=1w", "window"), ("window=", "window"), ("window=-1h", "window"),
        ("window=99999999999999999999d", "window"), ("window=1h&from=2027-03-10", "window"), ("window=1h&window=1h", "window"),
        ("from=yesterday", "from"), ("from=2027-03-11T00:00:00Z", "from"), ("from=2027-02-29", "from"), ("from=2024-01-01", "from"),
        ("from=1969-12-31", "from"), ("from=2027-03-10T11:00:00Z&to=2027-03-10T11:00:00Z", "from"), ("to=2027-03-12", "to"), ("to=x", "to"),
        ("window=730d&to=2027-03-08", "window"), ("step=2m", "step"), ("step=", "step"), ("group_by=colour", "group_by"),
        ("group_by=", "group_by"),
        ("group_by=tenant,tenant", "group_by"), ("group_by=tenant&group_by=tenant", "group_by"), ("cache=warm", "cache"),
        ("error=bad", "error"),
        ("tenant=a&tenant=b", "tenant"), ("top=0", "top"), ("top=201", "top"), ("top=1e2", "top"), ("top=９", "top"),
        ("order=size", "order"),
        ("percentiles=", "percentiles"), ("percentiles=101", "percentiles"), ("percentiles=100.01", "percentiles"),
        ("percentiles=50,,90", "percentiles"),
        ("percentiles=1.234", "percentiles"), ("percentiles=1,2,3,4,5,6,7,8,9,10,11", "percentiles"), ("format=xml", "format"),
        ("limit=5", "limit"),
    ])
    func `what can't be answered names its field`(text: String, field: String) {
        #expect {
            try query(text)
        } throws: { error in
            guard let error = (error as? StatsQueryError) else { return false }
            let shown = error.gatewayError
            return error.field == field && shown.status == 400 && shown.code == "invalid_query" && shown.param == field
        }
    }

    @Test func `every field is read, and numbers at their bounds`() throws {
        let query = try query(
            "group_by=model,tenant&group_by=cache&tenant=acme&route=&cache=exact&error=none&top=200&order=tokens&percentiles=99.9,50,0,100,50.00&format=csv"
        )
        #expect(query.groupBy == [.model, .tenant, .cache] && query.top == 200 && query.order == .tokens && query.format == .csv)
        #expect(query.filters == [.tenant: "acme", .route: "", .cache: "exact", .error: "none"])
        #expect(query.percentiles == [0, 5000, 9990, 10_000])
        #expect(query.percentiles.map(StatsResult.percentileName) == ["p0", "p50", "p99.9", "p100"])
        #expect(try self.query("percentiles=1,2,3,4,5,6,7,8,9,10").percentiles.count == 10)
        #expect(try self.query("top=1").top == 1)
    }

    @Test func `a filter of the longest label is taken, a longer one refused`() throws {
        let longest = String(repeating: "x", count: 256)
        #expect(try query("model=\(longest)").filters[.model] == longest)
        #expect(throws: StatsQueryError.self) { try query("model=\(longest)x") }
    }

    @Test func `a window is covered by whole coarser intervals and the finer ones at its ends`() {
        func tiles(_ from: String, _ to: String, _ resolution: RollupResolution) -> [String] {
            StatsTile.covering(from: StatsTime.second(of: from) ?? 0, to: StatsTime.second(of: to) ?? 0, resolution).map {
                "\($0.resolution) \(StatsTime.text(of: $0.from).dropFirst(8).prefix(8)) \(StatsTime.text(of: $0.to).dropFirst(8).prefix(8))"
            }
        }
        #expect(
            tiles("2027-03-08T22:59:00Z", "2027-03-10T01:01:00Z", .minute) == [
                "minute 08T22:59 08T23:00", "hour 08T23:00 09T00:00", "day 09T00:00 10T00:00", "hour 10T00:00 10T01:00",
                "minute 10T01:00 10T01:01",
            ])
        #expect(tiles("2027-03-10T01:00:00Z", "2027-03-10T02:00:00Z", .minute) == ["hour 10T01:00 10T02:00"])
        #expect(tiles("2027-03-10T01:01:00Z", "2027-03-10T02:59:00Z", .minute) == ["minute 10T01:01 10T02:59"])
        #expect(tiles("2027-03-09T23:00:00Z", "2027-03-10T01:00:00Z", .hour) == ["hour 09T23:00 10T01:00"])
        #expect(tiles("2027-03-09T00:00:00Z", "2027-03-10T00:00:00Z", .hour) == ["day 09T00:00 10T00:00"])
        #expect(tiles("2027-03-09T00:00:00Z", "2027-03-09T00:00:00Z", .day).isEmpty)
    }

    @Test func `times are read and written as the calendar has them`() {
        for text in ["1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2100-03-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            #expect(StatsTime.second(of: text).map(StatsTime.text) == text)
        }
        #expect(StatsTime.second(of: "2100-02-29") == nil && StatsTime.second(of: "2027-03-10T24:00:00Z") == nil)
        #expect(StatsTime.second(of: "1970-01-01T00:00:00+00:01") == nil)
        #expect(StatsTime.second(of: "2027-03-10T12:00:00") == nil && StatsTime.second(of: "2027-03-10T12:00:00.Z") == nil)
        #expect(StatsTime.second(of: "2027-03-10T12:00Z") == noon && StatsTime.second(of: "2027-03-10t14:00:00.123456789+02:00") == noon)
    }
}
