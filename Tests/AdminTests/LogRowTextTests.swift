import EventLog
import GatewayModel
import JSON
import Testing

@testable import Admin

@Suite struct LogRowTextTests {
    private func json(_ event: GatewayEvent, hasDetails: Bool = false) throws -> JSONValue {
        let fixture = try LogFixture()
        fixture.add([event])
        var writer = JSONWriter()
        let row = try #require(fixture.rows.first)
        #expect(LogRowText.append(row, hasDetails: hasDetails, to: &writer))
        return try JSONValue(parsing: writer.bytes.span)
    }

    @Test func `numbers have the units and decimals of the contract`() throws {
        let row = try json(
            event(1) {
                $0.durationMicroseconds = 12_345
                $0.overheadMicroseconds = 7
                $0.firstByteMicroseconds = 1_000_001
                $0.costNanoUSD = 1_250_000_000
                $0.costSavedNanoUSD = 19
                $0.similarity = 0.9
                $0.cacheLayer = .semantic
            })
        #expect(row["created_at"] == "2026-03-31T23:00:00.001Z")
        #expect(row["duration"] == .number("12.345") && row["overhead_us"] == 7 && row["ttfb_ms"] == .number("1000.001"))
        #expect(row["cost"] == .number("1.25") && row["cost_saved"] == .number("0.000000019"))
        #expect(row["cached"] == true && row["cache_layer"] == "semantic" && row["similarity"] == .number("0.9"))
    }

    @Test func `what is absent is null and not zero`() throws {
        let row = try json(event())
        for name in ["ttfb_ms", "similarity", "feedback", "score", "cache_reason", "trace_id", "span_id"] { #expect(row[name] == .null) }
        #expect(row["metadata"] == .object(JSONObject()) && row["attempt_details"] == nil)
    }

    @Test func `attempts are told for a single row`() throws {
        let row = try json(
            event {
                $0.attemptCount = 1
                $0.attempts = [.init(provider: "p", model: "m", status: 0, failure: "connect_refused", microseconds: 1500, isRepeat: true)]
            }, hasDetails: true)
        #expect(
            row["attempt_details"] == [
                [
                    "provider": "p", "model": "m", "status": 0, "failure": "connect_refused", "duration_ms": .number("1.500"),
                    "is_repeat": true,
                ]
            ])
    }

    @Test func `metadata that is no object is an empty one`() throws {
        for text in ["", "[1]", "{", "{\"a\":1}x", "null"] {
            #expect(try json(event { $0.metadata = text })["metadata"] == .object(JSONObject()))
        }
        #expect(try json(event { $0.metadata = "{\"a\":1}" })["metadata"] == ["a": 1])
    }

    @Test(arguments: hostileTexts) func `a hostile text is the same text in JSON`(text: String) throws {
        let row = try json(
            event {
                $0.tenant = text
                $0.model = text
                $0.path = text
                $0.attempts = [.init(provider: text, model: text, status: 1, failure: text, microseconds: 1, isRepeat: false)]
                $0.attemptCount = 1
            }, hasDetails: true)
        #expect(row["tenant"] == .string(text) && row["model"] == .string(text) && row["path"] == .string(text))
        #expect(row["attempt_details"]?[0]?["failure"] == .string(text))
    }

    @Test(arguments: hostileTexts) func `a hostile text is inert in CSV`(text: String) throws {
        let fixture = try LogFixture()
        fixture.add([event { $0.model = text }])
        var bytes: [UInt8] = []
        LogRowText.appendCSV(try #require(fixture.rows.first), to: &bytes)
        let line = String(decoding: bytes, as: UTF8.self)
        #expect(line.hasSuffix("\r\n") && line.dropLast().allSatisfy { !$0.isNewline })
        #expect(!line.unicodeScalars.dropLast(2).contains(where: InertText.isActive))
        let fields = try parse(line)
        #expect(fields.count == LogRowField.all.count)
        let model = fields[try #require(LogRowField.all.firstIndex { $0.name == "model" })]
        #expect(!"=+-@|%\t\r\u{FF1D}".contains(try #require(model.first)))
        #expect(model == (model.hasPrefix("'") && !text.hasPrefix("'") ? "'" : "") + InertText.of(text))
    }

    /// One line of RFC 4180.
    private func parse(_ line: String) throws -> [String] {
        var fields = [""]
        var isQuoted = false
        var scalars = Array(line.unicodeScalars.dropLast(2))[...]
        while let scalar = scalars.popFirst() {
            switch (scalar, isQuoted) {
            case ("\"", true) where scalars.first == "\"":
                fields[fields.count - 1] += "\""
                scalars.removeFirst()
            case ("\"", _): isQuoted.toggle()
            case (",", false): fields.append("")
            default: fields[fields.count - 1].unicodeScalars.append(scalar)
            }
        }
        #expect(!isQuoted)
        return fields
    }

    @Test func `the header names the fields in the order of the lines`() {
        let names = String(decoding: LogRowText.header, as: UTF8.self).dropLast().split(separator: ",").map(String.init)
        #expect(names == LogRowField.all.map(\.name) && Set(names).count == names.count)
    }

    @Test(arguments: hostileTexts) func `a hostile text cannot end an event of the tail`(text: String) throws {
        let fixture = try LogFixture()
        fixture.add([event { $0.model = text }])
        var piece: [UInt8] = []
        LogTailStream.append(.row(try #require(fixture.rows.first)), to: &piece)
        let lines = piece.split(separator: 0x0A, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        #expect(lines.count == 5 && lines[0] == "event: row" && lines[1] == "id: 1" && lines[3] == "" && lines[4] == "")
        #expect(try JSONValue(parsing: Array(lines[2].utf8.dropFirst(6)).span)["model"] == .string(text))
    }

    @Test func `a gap tells how many were left out`() {
        var piece: [UInt8] = []
        LogTailStream.append(.gap(12), to: &piece)
        #expect(String(decoding: piece, as: UTF8.self) == "event: gap\ndata: {\"dropped\":12}\n\n")
    }
}

@Suite struct InertTextTests {
    @Test func `what a terminal obeys is shown as its number`() {
        #expect(InertText.of("a\u{1B}[31mb") == "a\\u{1B}[31mb")
        #expect(InertText.of("\u{0}\u{7F}\u{85}\u{9B}") == "\\u{0}\\u{7F}\\u{85}\\u{9B}")
        #expect(InertText.of("\u{202E}\u{2066}\u{200E}\u{FEFF}\u{2028}") == "\\u{202E}\\u{2066}\\u{200E}\\u{FEFF}\\u{2028}")
        #expect(InertText.of("\r\n\t") == "\\u{D}\\u{A}\\u{9}")
    }

    @Test func `what is only text stays`() {
        for text in ["", "plain", "é ü ß", "日本語", "🙂👩‍💻", "a\u{301}", "\u{A0}"] { #expect(InertText.of(text) == text) }
    }
}
