@testable import EventLog
import GatewayModel
import JSON
import TestSupport
import Testing

@Suite struct StatsResultTests {
    private let hostile = [
        "</script><script>alert(1)</script>", "=HYPERLINK(\"http://x\")", " +1", "-2", "@SUM(A1)", "a,b\"c", "line\r\nbreak\ttab",
        "\u{1B}[31mred", "\u{0}nul",
        "\u{202E}gnp.exe", "\u{FF1D}1+1", "\u{85}\u{9B}31m", "plain", "|cmd", "e\u{301}", "é",
    ]

    private func result(_ fields: [(String, String)]) throws -> StatsResult {
        let table = RollupTable()
        var random = SplitMix64(seed: 11)
        for label in hostile {
            for _ in 0..<3 {
                var event = randomEvent(at: noon * 1000, &random)
                event.tenant = label
                event.model = label
                table.record(event)
            }
        }
        return try table.answer(fields, RecordedRollups(), now: noon)
    }

    @Test func `hostile labels come back from the JSON as they went in`() throws {
        let result = try result([("group_by", "tenant,model")])
        let document = try JSONValue(parsing: result.json.span)
        let keys = try #require(document["groups"]?.arrayValue).map { $0["key"]?["tenant"]?.stringValue ?? "?" }
        #expect(Set(keys.map { Array($0.utf8) }) == Set(hostile.map { Array($0.utf8) }))
    }

    @Test func `the CSV has the same fields in every row and no formula, control or turned text`() throws {
        let csv = String(decoding: try result([("group_by", "tenant,model")]).csv, as: UTF8.self)
        let rows = parse(csv)
        #expect(rows.count == 2 + 60 + hostile.count)
        #expect(rows.allSatisfy { $0.count == rows[0].count })
        for row in rows where row[0] == "group" {
            for label in row[2...3] {
                let first = label.unicodeScalars.first { $0 != " " }
                #expect(!("=+-@|\u{FF1D}".unicodeScalars.contains(first ?? "x")))
                #expect(label.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) && $0.value != 0x202E })
            }
        }
        #expect(
            rows.contains { $0[2] == "a,b\"c" } && rows.contains { $0[2] == "'=HYPERLINK(\"http://x\")" }
                && rows.contains { $0[2] == "\\u{1B}[31mred" })
    }

    /// RFC 4180.
    private func parse(_ text: String) -> [[String]] {
        var rows: [[String]] = [[]]
        var field = ""
        var isQuoted = false
        var scalars = Array(text.unicodeScalars)[...]
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "\"" where isQuoted && scalars.first == "\"": field.unicodeScalars.append(scalars.removeFirst())
            case "\"": isQuoted.toggle()
            case "," where !isQuoted:
                rows[rows.count - 1].append(field)
                field = ""
            case "\r" where !isQuoted: continue
            case "\n" where !isQuoted:
                rows[rows.count - 1].append(field)
                field = ""
                rows.append([])
            default: field.unicodeScalars.append(scalar)
            }
        }
        return rows.dropLast()
    }

    @Test func `the JSON has the members of the contract, numbers in their units`() throws {
        let table = RollupTable()
        var hit = event(at: noon, layer: .exact)
        hit.durationMicroseconds = 20
        hit.overheadMicroseconds = 20
        hit.firstByteMicroseconds = 20
        hit.tokensSaved = 700
        hit.costSavedNanoUSD = 1_230_000_000
        table.record(hit)
        var miss = event(at: noon + 1, layer: .miss)
        miss.durationMicroseconds = 30
        miss.overheadMicroseconds = 25
        miss.attemptCount = 1
        miss.costNanoUSD = 5
        miss.errorKind = .timeout
        miss.status = 504
        table.record(miss)
        let answer = try table.answer(
            [("window", "2m"), ("group_by", "cache"), ("percentiles", "50,99.5")], RecordedRollups(), now: noon + 2)
        let document = try JSONValue(parsing: answer.json.span)
        #expect(
            document.objectValue?.members.map(\.key) == ["window", "totals", "series", "groups", "percentile_bounds", "label_overflow"])
        let window = try #require(document["window"])
        #expect(window == ["from": "2027-03-10T11:59:00Z", "to": "2027-03-10T12:01:00Z", "step_seconds": 60, "resolution": "minute"])
        let totals = String(decoding: document["totals"]?.bytes ?? [], as: UTF8.self)
        #expect(
            totals == """
                {"requests":2,"attempts":1,"successes":1,"errors":{"refused":0,"unauthenticated":0,"limited":0,"overloaded":0,"timeout":1,"upstream":0,\
                "rejected":0,"client_left":0},"hits":{"exact":1,"stale":0,"semantic":0,"collapsed":0,"partial":0},"misses":1,"bypasses":0,"hit_ratio":0.5,\
                "tokens_in":0,"tokens_out":0,"tokens_cached":0,"tokens_saved":700,"cost":0.000000005,"cost_saved":1.23,"request_bytes":0,\
                "response_bytes":0,"retries":0,"fallbacks":0,"latency_ms":{"p50":0.02,"p99.5":0.03,"mean":0.025},\
                "overhead_us":{"p50":20,"p99.5":25,"mean":22.5},"ttfb_ms":{"p50":0.02,"p99.5":0.02,"mean":0.02},\
                "tokens_per_second":{"p50":null,"p99.5":null,"mean":null}}
                """)
        let series = try #require(document["series"]?.arrayValue)
        #expect(series.map { $0["t"]?.stringValue } == ["2027-03-10T11:59:00Z", "2027-03-10T12:00:00Z"])
        #expect(
            series[0]["requests"]?.intValue == 0 && series[0]["hit_ratio"]?.isNull == true
                && series[0]["latency_ms"]?["p50"]?.isNull == true)
        #expect(document["groups"]?.arrayValue?.map { $0["key"]?["cache"]?.stringValue } == ["exact", "miss"])
        #expect(document["percentile_bounds"]?.doubleValue == 0.05 && document["label_overflow"]?.intValue == 0)
    }

    @Test func `the groups beyond the top are summed into other, which comes last`() throws {
        let table = RollupTable()
        for (index, tenant) in ["a", "b", "c", "d"].enumerated() {
            for _ in 0...index {
                var event = event(at: noon, tenant: tenant)
                event.costNanoUSD = UInt64(100 - index * 10)
                event.tokensIn = tenant == "b" ? 1000 : 1
                event.errorKind = tenant == "a" ? .upstream : .none
                event.durationMicroseconds = 7
                table.record(event)
            }
        }
        func top(_ order: String, _ count: Int) throws -> [String] {
            try table.answer([("group_by", "tenant"), ("order", order), ("top", "\(count)")], RecordedRollups(), now: noon).groups.map {
                "\($0.labels[0].1)\($0.measures[.requests])"
            }
        }
        #expect(try top("requests", 4) == ["d4", "c3", "b2", "a1"])
        #expect(try top("requests", 3) == ["d4", "c3", "b2", "other1"])
        #expect(try top("cost", 2) == ["d4", "c3", "other3"])
        #expect(try top("tokens", 1) == ["b2", "other8"])
        #expect(try top("errors", 1) == ["a1", "other9"])
        let rest = try table.answer([("group_by", "tenant"), ("top", "1")], RecordedRollups(), now: noon).groups[1]
        #expect(rest.measures.percentile(0, of: .latency) == 7)
    }

    @Test func `the rest shows what was used without a request`() throws {
        let table = RollupTable()
        table.record(event(at: noon, tenant: "listed"))
        var refresh = event(at: noon, tenant: "unlisted")
        refresh.flags.insert(.background)
        refresh.costNanoUSD = 5
        table.record(refresh)
        let result = try table.answer([("group_by", "tenant"), ("top", "1")], RecordedRollups(), now: noon)
        #expect(result.groups.map { $0.labels[0].1 } == ["listed", "other"])
        #expect(result.groups.reduce(0) { $0 + $1.measures[.cost] } == result.totals[.cost] && result.totals[.cost] == 5)
        #expect(result.totals[.requests] == 1)
    }

    @Test func `nothing counted is an answer too, with every point of the series`() throws {
        for format in ["json", "csv"] {
            let result = try RollupTable().answer(
                [("window", "30d"), ("group_by", "tenant"), ("format", format)], RecordedRollups(), now: noon)
            #expect(result.series.count == 120 && result.groups.isEmpty && result.totals.hitRatio == nil)
            #expect(String(decoding: result.csv, as: UTF8.self).split(separator: "\r\n").count == 122)
            #expect(try JSONValue(parsing: result.json.span)["series"]?.arrayValue?.count == 120)
        }
    }

    @Test func `numbers are exact in decimal`() {
        func text(_ value: UInt64, _ decimals: Int) -> String {
            var bytes: [UInt8] = []
            DecimalText.append(value, decimals: decimals, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(text(0, 9) == "0" && text(1, 9) == "0.000000001" && text(.max, 0) == "18446744073709551615")
        #expect(text(.max, 9) == "18446744073.709551615" && text(1_500_000_000, 9) == "1.5" && text(1050, 3) == "1.05")
        var bytes: [UInt8] = []
        DecimalText.append(1e30, scale: 1, decimals: 3, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "18446744073709551.615")
    }

    @Test func `the entity tag follows the content`() {
        let tags = [[UInt8](), [1], [2]].map { StatsResult.entityTag(of: $0.span) }
        #expect(Set(tags).count == 3 && tags.allSatisfy { $0.hasPrefix("W/\"") && $0.hasSuffix("\"") && $0.utf8.count == 36 })
        #expect(StatsResult.entityTag(of: [1].span) == tags[1])
    }
}
