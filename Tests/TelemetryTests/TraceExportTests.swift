import JSON
import Telemetry
import Testing

struct TraceExportTests {
    private func exported(_ span: TelemetrySpan) throws -> JSONValue {
        let bytes = TraceExport(version: "1.2").body(of: [span])
        let request = try JSONValue(parsing: bytes.span)
        return try #require(request["resourceSpans"]?[0]?["scopeSpans"]?[0]?["spans"]?[0])
    }

    private var span: TelemetrySpan {
        TelemetrySpan(
            traceHigh: 1, traceLow: 2, id: 0xAB, parent: 0, name: "chat m", kind: .server, startNanoseconds: 1_700_000_000_123_456_789,
            endNanoseconds: 1_700_000_000_223_456_789)
    }

    @Test func `ids are base64, or numbers of 64 bits lose digits`() throws {
        let value = try exported(span)
        #expect(value["traceId"]?.stringValue == "00000000000000010000000000000002")
        #expect(value["spanId"]?.stringValue == "00000000000000ab")
        #expect(value["startTimeUnixNano"]?.stringValue == "1700000000123456789")
        #expect(value["kind"]?.intValue == 2)
        #expect(value["parentSpanId"] == nil && value["status"] == nil)
    }

    @Test func `a kind of attribute is written as another`() throws {
        var span = span
        span.attributes = [
            ("a", .text("\u{1}\"</script>")), ("b", .integer(.max)), ("c", .number(0.5)), ("d", .flag(true)), ("e", .texts(["x", "y"])),
            ("f", .number(.infinity)),
        ]
        span.parent = 9
        span.failure = "upstream_timeout"
        let value = try exported(span)
        let attributes = try #require(value["attributes"]?.arrayValue)
        #expect(attributes.map { $0["key"]?.stringValue } == ["a", "b", "c", "d", "e", "f"])
        #expect(attributes[0]["value"]?["stringValue"]?.stringValue == "\u{1}\"</script>")
        #expect(attributes[1]["value"]?["intValue"]?.stringValue == "9223372036854775807")
        #expect(attributes[2]["value"]?["doubleValue"]?.doubleValue == 0.5)
        #expect(attributes[3]["value"]?["boolValue"]?.boolValue == true)
        #expect(attributes[4]["value"]?["arrayValue"]?["values"]?[1]?["stringValue"]?.stringValue == "y")
        #expect(attributes[5]["value"]?["doubleValue"]?.doubleValue == 0)
        #expect(value["parentSpanId"]?.stringValue == "0000000000000009")
        #expect(value["status"]?["code"]?.intValue == 2)
    }

    @Test func `a clock that went back makes a span end before it began`() throws {
        var span = span
        span.endNanoseconds = 5
        #expect(try exported(span)["endTimeUnixNano"]?.stringValue == "1700000000123456789")
    }
}
