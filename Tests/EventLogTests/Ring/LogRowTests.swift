import GatewayModel
import JSON
import TestSupport
import Testing

@testable import EventLog

@Suite struct LogRowTests {
    private func row(_ event: GatewayEvent, _ patch: LogPatch? = nil, hasPayloads: Bool = false) -> LogRow {
        var batch = EventBatch()
        batch.append(event)
        var bytes: [UInt8] = []
        batch.forEach { bytes = Array($0.row.bytes) }
        return LogRow(sequence: 42, bytes: bytes, patch: patch, hasPayloads: hasPayloads)
    }

    private func json(_ row: LogRow, withAttempts: Bool = false) throws -> (text: String, object: JSONObject) {
        var bytes: [UInt8] = []
        row.appendJSON(to: &bytes, withAttempts: withAttempts)
        let object = try #require(try JSONValue(parsing: bytes.span).objectValue)
        return (String(decoding: bytes, as: UTF8.self), object)
    }

    @Test func `a row has the contract's fields with the event's values`() throws {
        var event = Sample.event(11)
        event.request = .init(bytes: [1], fullLength: 1)
        event.trace = .init(traceHigh: 1, traceLow: 2, parentSpan: 3, span: 4, isSampled: true)
        var patch = LogPatch()
        patch.feedback = -1
        patch.score = 87.5
        let (text, object) = try json(row(event, patch, hasPayloads: true), withAttempts: true)
        #expect(
            object.members.map(\.key) == [
                "id", "sequence", "created_at", "tenant", "key_id", "provider", "model", "route", "operation", "path", "event_id",
                "status_code",
                "success", "error_code", "error_kind", "cached", "cache_layer", "cache_status", "cache_reason", "duration", "overhead_us",
                "ttfb_ms", "tokens_in", "tokens_out", "tokens_cached", "tokens_saved", "cost", "cost_saved", "request_size",
                "response_size",
                "step", "attempts", "attempt_details", "stream", "estimated", "suspect", "unpriced", "custom_cost", "finish_reason",
                "metadata",
                "similarity", "feedback", "score", "has_request", "has_response", "trace_id", "span_id",
            ])
        #expect(object["id"]?.stringValue == event.id.text)
        #expect(object["sequence"]?.intValue == 42)
        #expect(object["created_at"]?.stringValue == "2026-02-02T02:40:00.011Z")
        #expect(object["status_code"]?.intValue == 200 && object["success"]?.boolValue == true)
        #expect(text.contains("\"duration\":11.033,") && text.contains("\"ttfb_ms\":5.511,"))
        #expect(text.contains("\"cost\":0.013580237,") && text.contains("\"cost_saved\":0.000000077,"))
        #expect(object["feedback"]?.intValue == -1 && text.contains("\"score\":87.5,"))
        #expect(object["has_request"]?.boolValue == true && object["has_response"]?.boolValue == false)
        #expect(object["trace_id"]?.stringValue == "00000000000000010000000000000002")
        #expect(object["span_id"]?.stringValue == "0000000000000004")
        #expect(object["metadata"]?.objectValue?["user"]?.stringValue == "u11")
        #expect(object["attempt_details"]?.arrayValue?.count == 3)
        #expect(
            text.contains("{\"provider\":\"openai\",\"model\":\"gpt-4o-mini-2024-07-18\",\"status\":503,\"failure\":\"first_byte_timeout\"")
        )
        #expect(text.contains("\"similarity\":0.973,"))
    }

    @Test func `what is absent is null and lists come without attempts`() throws {
        let event = GatewayEvent(id: Sample.id(1), createdAt: WallTime(milliseconds: 0))
        let (text, object) = try json(row(event))
        for name in ["ttfb_ms", "similarity", "feedback", "score", "trace_id", "span_id"] { #expect(object[name] == .null) }
        #expect(object["attempt_details"] == nil && object["metadata"]?.objectValue?.count == 0)
        #expect(text.contains("\"cost\":0,") && text.contains("\"duration\":0.000,"))
    }

    @Test func `hostile texts are inert in JSON`() throws {
        var event = Sample.event(1)
        let hostile = "</script><img src=x onerror=alert(1)>&\u{2028}\u{2029}\u{1B}[31m\r\n\"\\\u{0}\u{85}é"
        event.tenant = hostile
        event.model = hostile
        event.metadata = "{\"a\":\"</script>&\u{2028}\"}"
        let (text, object) = try json(row(event))
        for bad in ["<", ">", "&", "\u{2028}", "\u{2029}", "\u{1B}", "\n", "\r", "\u{85}"] { #expect(!text.contains(bad)) }
        #expect(object["tenant"]?.stringValue == hostile && object["model"]?.stringValue == hostile)
        #expect(object["metadata"]?.objectValue?["a"]?.stringValue == "</script>&\u{2028}")
    }

    @Test func `bytes that are no UTF-8 come out as replacement characters`() throws {
        var hurt = row(Sample.event(1)).bytes
        let tenantAt = EventLayout.textsAt
        hurt[tenantAt] = 0xFF
        hurt[tenantAt + 1] = 0xC3
        let (_, object) = try json(LogRow(sequence: 1, bytes: hurt, patch: nil, hasPayloads: false))
        #expect(object["tenant"]?.stringValue?.hasPrefix("\u{FFFD}\u{FFFD}nant") == true)
        var bytes: [UInt8] = []
        LogRow(sequence: 1, bytes: [1, 2, 3], patch: nil, hasPayloads: false).appendJSON(to: &bytes)
        #expect(bytes == Array("null".utf8))
    }

    @Test func `metadata that is no object is left out`() throws {
        for text in ["[1]", "{\"a\":", "x", "{\"a\":1}x"] {
            var event = Sample.event(1)
            event.metadata = text
            #expect(try json(row(event)).object["metadata"]?.objectValue?.count == 0)
        }
    }

    @Test func `a formula is no formula in CSV`() {
        var header: [UInt8] = []
        LogRow.appendCSVHeader(to: &header)
        let names = String(decoding: header, as: UTF8.self).split(separator: ",")
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            var event = Sample.event(1)
            event.tenant = text
            var bytes: [UInt8] = []
            row(event).appendCSV(to: &bytes)
            let line = String(decoding: bytes, as: UTF8.self)
            #expect(line.contains(",\"'"))
            #expect(line.hasSuffix("\r\n"))
        }
        var event = Sample.event(1)
        event.tenant = "a \"quoted\", \u{1B}text\u{0}"
        var bytes: [UInt8] = []
        row(event).appendCSV(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self).contains("\"a \"\"quoted\"\",  text \""))
        #expect(names.count == 46 && names[0] == "id")
    }

    @Test func `the largest numbers there are come out whole`() throws {
        var event = Sample.event(1)
        event.tokensIn = .max
        event.costNanoUSD = .max
        event.durationMicroseconds = .max
        event.createdAt = WallTime(milliseconds: .max)
        let (text, _) = try json(row(event))
        #expect(text.contains("\"tokens_in\":18446744073709551615,") && text.contains("\"cost\":18446744073.709551615,"))
        var bytes: [UInt8] = []
        row(event).appendCSV(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self).contains("18446744073709551615"))
        event.createdAt = WallTime(milliseconds: .min)
        event.similarity = .infinity
        #expect(try json(row(event)).object["similarity"] == .null)
    }
}
