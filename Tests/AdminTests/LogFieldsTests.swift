import EventLog
import GatewayModel
import GatewayServer
import JSON
import Testing

@testable import Admin

@Suite struct LogFieldsTests {
    private let now = WallTime(milliseconds: 1_774_998_000_000)

    private func fields(_ pairs: [(String, String)], _ extras: LogFields.Extras = [.page, .order]) throws(GatewayError) -> LogFields {
        try LogFields(pairs.map { QueryField(name: $0.0, value: $0.1) }, extras, now: now)
    }

    private func refusal(_ pairs: [(String, String)], _ extras: LogFields.Extras = [.page, .order]) -> GatewayError? {
        do throws(GatewayError) {
            _ = try fields(pairs, extras)
            return nil
        } catch { return error }
    }

    @Test(arguments: [("nonsense", "1"), ("", ""), ("limits", "5"), ("Limit", "5"), (String(repeating: "x", count: 9000), "1")])
    func `an unknown field is refused by name`(field: (String, String)) throws {
        let error = try #require(refusal([field]))
        #expect(error.status == 400 && error.code == "invalid_query")
        #expect(error.param == String(field.0.prefix(64)) && error.message.utf8.count < 200)
    }

    @Test(arguments: [
        ("limit", "0"), ("limit", "501"), ("limit", "ten"), ("limit", ""), ("order", "up"), ("cursor", "nonsense"), ("since", "soon"),
        ("until", "2026-13-01"), ("filter", "status_code"), ("filter", "nothing.eq:1"), ("filter", "status_code.like:1"),
        ("filter", "status_code.gte:x"), ("search", String(repeating: "x", count: 257)), ("success", "maybe"), ("cache_layer", "disk"),
    ])
    func `a value that can't be is refused by name`(field: (String, String)) throws {
        let error = try #require(refusal([field]))
        #expect(error.status == 400 && error.code == "invalid_query" && error.param != nil)
    }

    @Test(arguments: [
        ("limit", "1"), ("limit", "500"), ("order", "oldest"), ("since", "15m"), ("tenant", ""), ("filter", "metadata.a.b.eq:1"),
    ])
    func `a value at the bound is taken`(field: (String, String)) { #expect(refusal([field]) == nil) }

    @Test func `a field that may come once is refused twice and a filter is not`() {
        for name in ["limit", "order", "search", "since"] {
            let value = ["limit": "5", "order": "newest", "search": "a", "since": "1h"][name] ?? ""
            #expect(refusal([(name, value), (name, value)])?.message.contains("given twice") == true)
        }
        #expect(refusal([("filter", "status_code.gte:500"), ("filter", "model.eq:m"), ("tenant", "a"), ("tenant", "b")]) == nil)
    }

    @Test func `bodies are asked for where there are none`() throws {
        #expect(try fields([("payloads", "true")], [.format, .payloads]).hasPayloads)
        #expect(try !fields([("payloads", "false")], [.format, .payloads]).hasPayloads)
        #expect(refusal([("payloads", "yes")], .payloads)?.param == "payloads")
        #expect(refusal([("payloads", "true")]) != nil)
        #expect(refusal([("payloads", "true"), ("format", "csv")], [.format, .payloads])?.param == "payloads")
    }

    @Test func `what belongs to pages is no field of exports and tails`() {
        for extras in [LogFields.Extras.format, []] {
            for (name, value) in [("limit", "5"), ("cursor", "x"), ("all", "true")] { #expect(refusal([(name, value)], extras) != nil) }
        }
        #expect(refusal([("format", "csv")], .format) == nil)
        #expect(refusal([("format", "xml")], .format) != nil)
        #expect(refusal([("format", "csv")]) != nil)
        #expect(refusal([("order", "oldest")], []) != nil)
    }

    @Test func `a cursor goes with its own query only`() throws {
        let fixture = try LogFixture()
        fixture.add((0..<3).map { event($0) })
        var query = LogQuery()
        query.limit = 1
        let cursor = try #require(try fixture.log.query(query).next).text
        #expect(refusal([("cursor", cursor)]) == nil)
        #expect(refusal([("cursor", cursor), ("order", "oldest")])?.param == "cursor")
        #expect(refusal([("cursor", cursor), ("tenant", "a")])?.param == "cursor")
    }
}

@Suite struct LogRemarksTests {
    private func change(_ text: String) throws -> LogChange {
        try LogRemarks.change(of: try #require(try JSONValue(parsing: Array(text.utf8).span).objectValue))
    }

    @Test(arguments: [
        "{}", #"{"feedback":0}"#, #"{"feedback":2}"#, #"{"feedback":"1"}"#, #"{"feedback":1.5}"#, #"{"score":-0.1}"#, #"{"score":100.1}"#,
        #"{"score":"5"}"#, #"{"metadata":[]}"#, #"{"metadata":"x"}"#, #"{"metadata":{"a":{"b":1}}}"#, #"{"status_code":200}"#,
        #"{"feedback":1,"tenant":"other"}"#,
    ])
    func `a remark that can't be is refused`(text: String) {
        #expect(throws: GatewayError.self) { try self.change(text) }
    }

    @Test func `remarks are taken, at their bounds too, and null takes them back`() throws {
        let change = try change(#"{"feedback":-1,"score":100,"metadata":{"a":"b"}}"#)
        #expect(change.feedback == .set(-1) && change.score == .set(100) && change.metadata == .set(#"{"a":"b"}"#))
        let back = try self.change(#"{"feedback":null,"score":null,"metadata":null}"#)
        #expect(back.feedback == .clear && back.score == .clear && back.metadata == .clear)
        #expect(try self.change(#"{"score":0}"#).feedback == .keep)
    }
}

@Suite struct EntityTagTests {
    @Test func `a tag is known in a list, with and without its weakness`() {
        let tag = "W/\"abc\""
        for text in ["W/\"abc\"", "\"abc\"", "*", "\"x\", W/\"abc\"", "\"x\",\"abc\"", "  \"abc\""] {
            #expect(EntityTag.matches(text, tag))
        }
        for text in ["", "abc", "\"ab\"", "W/\"abcd\"", "\"x\", \"y\""] { #expect(!EntityTag.matches(text, tag), "\(text)") }
    }

    @Test func `an answer that is known is 304 without a body`() {
        let whole = EntityTag.tagged(AdminResponse(body: [1, 2, 3]), ifNoneMatch: nil)
        let tag = whole.fields.first { $0.name.description == "etag" }?.value
        #expect(whole.status == 200 && whole.body == [1, 2, 3] && tag?.hasPrefix("W/\"") == true)
        let known = EntityTag.tagged(AdminResponse(body: [1, 2, 3]), ifNoneMatch: tag)
        #expect(known.status == 304 && known.body.isEmpty)
        #expect(EntityTag.tagged(AdminResponse(body: [1, 2, 4]), ifNoneMatch: tag).status == 200)
    }
}
