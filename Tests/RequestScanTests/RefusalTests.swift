import GatewayModel
import RequestScan
import Testing

/// A21: what a body must not hold.
@Suite struct RefusalTests {
    private func nested(_ depth: Int) -> String {
        #"{"a":"# + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
    }

    @Test func `nesting is limited at 64 and at 10,000 ends at once`() {
        #expect(refusal(nested(64)) == nil)
        #expect(refusal(nested(65)) == .tooDeep(offset: 68))
        #expect(refusal(nested(10_000)) == .tooDeep(offset: 68))
        #expect(refusal(String(repeating: #"{"a":"#, count: 10_000))?.code == "json_too_deep")
    }

    @Test func `a sibling counts as nesting`() {
        let pairs = String(repeating: "[[]],", count: 100)
        #expect(refusal(#"{"a":[\#(pairs)1]}"#, limits: ScanLimits(depth: 4)) == nil)
    }

    private func members(_ count: Int) -> String { "{" + (0..<count).map { "\"k\($0)\":0" }.joined(separator: ",") + "}" }

    @Test func `members of one object are limited`() {
        let limits = ScanLimits(membersPerObject: 20)
        #expect(refusal(members(20), limits: limits) == nil)
        #expect(refusal(members(21), limits: limits)?.code == "json_too_many_members")
    }

    @Test func `members of all objects together are limited`() {
        let limits = ScanLimits(members: 5)
        #expect(refusal(#"{"a":{"b":1},"c":[{"d":1,"e":1}]}"#, limits: limits) == nil)
        #expect(refusal(#"{"a":{"b":1},"c":[{"d":1,"e":1,"f":1}]}"#, limits: limits)?.code == "json_too_many_members")
    }

    @Test func `a million keys cost more than their refusal`() {
        let body = "{" + (0..<1_000_000).map { "\"k\($0)\":0" }.joined(separator: ",") + "}"
        #expect(refusal(body)?.code == "json_too_many_members")
        let spread = #"{"a":["# + (0..<300_000).map { _ in "{\"k\":0}" }.joined(separator: ",") + "]}"
        #expect(refusal(spread)?.code == "json_too_many_members")
    }

    @Test(arguments: [
        #"{"model":"a","model":"b"}"#, #"{"model":"a","\u006dodel":"b"}"#, #"{"a":{"b":[{"x":1,"y":2,"x":3}]}}"#, #"{"":1,"":2}"#,
        #"{"messages":[{"role":"user","content":"a","role":"system"}]}"#, #"{"12345678":1,"12345678":2}"#,
        #"{"a-key-longer-than-eight":1,"b":2,"a-key-longer-than-eight":2}"#, #"{"\u0000":1,"\u0000":2}"#, #"{"é":1,"\u00e9":2}"#,
    ])
    func `a duplicate key passes`(body: String) {
        #expect(refusal(body)?.code == "duplicate_key")
    }

    @Test(arguments: [2, 15, 16, 17, 18, 40, 1000]) func `a duplicate key passes in an object of many`(count: Int) {
        for place in Set([0, 1, count / 2, count - 1]) {
            let keys = (0..<count).map { "\"common-prefix-\($0)\":0" } + ["\"common-prefix-\(place)\":1"]
            for body in ["{" + keys.joined(separator: ",") + "}", #"{"t":[{"# + keys.joined(separator: ",") + "}]}"] {
                #expect(refusal(body)?.code == "duplicate_key")
                #expect(refusal(body.replacing("-\(place)\":1", with: "-x\":1")) == nil)
            }
        }
    }

    @Test func `keys that differ after a NUL or in length count as duplicates`() {
        #expect(refusal(#"{"a":1,"a\u0000":2,"a\u0000\u0000":3,"":4,"\u0000":5}"#) == nil)
        #expect(refusal(#"{"abcdefgh":1,"abcdefghi":2,"abcdefghj":3}"#) == nil)
    }

    @Test(arguments: [
        ("", ScanError.empty), (" \n", .empty), ("[]", .notAnObject(offset: 0)), (" 1", .notAnObject(offset: 1)),
        ("\"a\"", .notAnObject(offset: 0)),
        ("\u{FEFF}{}", .byteOrderMark), ("{} x", .trailingBytes(offset: 3)), ("{}{}", .trailingBytes(offset: 2)),
        ("{", .truncated(offset: 1)),
        ("{\"a\":1e400}", .numberOutOfRange(offset: 5)), ("{\"a\":[-1e309]}", .numberOutOfRange(offset: 6)),
        ("{\"a\":\"\\ud800\"}", .loneSurrogate(offset: 6)), ("{\"a\":\"\\udc00\\ud800\"}", .loneSurrogate(offset: 6)),
        ("{\"a\":\"\\ud800\\u0041\"}", .loneSurrogate(offset: 6)), ("{\"\\ud800\":1}", .loneSurrogate(offset: 2)),
        ("{\"a\":\"\n\"}", .controlByte(offset: 6)), ("{\"a\":\"12345678901234567890\u{1F}\"}", .controlByte(offset: 26)),
        ("{\"a\":01}", .syntax(offset: 6)), ("{\"a\":+1}", .syntax(offset: 5)), ("{\"a\":1,}", .syntax(offset: 7)),
        ("{,}", .syntax(offset: 1)),
        ("{\"a\":[1,]}", .syntax(offset: 8)), ("{\"a\":tru}", .syntax(offset: 8)), ("{\"a\":\"\\x\"}", .syntax(offset: 7)),
        ("{\"a\":1", .truncated(offset: 6)), ("{\"a\":\"b", .truncated(offset: 7)), ("{\"a\":\"\\u12", .truncated(offset: 10)),
        ("{\"a\":-", .truncated(offset: 6)),
    ])
    func `broken JSON gets another refusal`(body: String, error: ScanError) {
        #expect(refusal(body) == error)
    }

    @Test(arguments: [
        [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
        [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC2], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xC2, 0x41], [0xE2, 0x82, 0x41],
        [0xF0, 0x9F, 0x98, 0x41],
    ])
    func `invalid UTF-8 passes at some offset of a long string`(bytes: [UInt8]) {
        for before in [0, 1, 7, 8, 63, 64, 65, 200] {
            let head = Array(#"{"a":""#.utf8) + [UInt8](repeating: 0x78, count: before)
            let body = head + bytes + [UInt8](repeating: 0x78, count: 100) + Array("\"}".utf8)
            #expect(refusal(body) == .invalidUTF8(offset: head.count))
            #expect(refusal(head + bytes)?.code != nil, "at the very end of the body")
        }
    }

    @Test func `a special byte is missed at some offset of a long string`() {
        for special in [UInt8(0x00), 0x1F, 0x22, 0x5C, 0x80, 0xFF] {
            for before in 0...150 {
                let body =
                    Array(#"{"a":""#.utf8) + [UInt8](repeating: 0x7F, count: before) + [special] + [UInt8](repeating: 0x21, count: 150) + [
                        0x22, 0x7D,
                    ]
                #expect(refusal(body)?.offset == 6 + before + (special == 0x22 || special == 0x5C ? 1 : 0))
            }
        }
    }

    @Test func `every prefix of a body is refused as the body is not`() throws {
        let body = Array(#"{"a":[1.5e3,"x\u00e9\ud83d\ude00é",{"b":null}],"c":true}"#.utf8)
        #expect(refusal(body) == nil)
        for count in 0..<body.count { #expect(refusal(Array(body[..<count])) != nil) }
    }

    @Test func `a refusal tells the payload or lacks a stable code`() {
        let errors: [(ScanError, String)] = [
            (.empty, "invalid_json"), (.byteOrderMark, "invalid_json"), (.notAnObject(offset: 3), "invalid_json"),
            (.syntax(offset: 3), "invalid_json"),
            (.truncated(offset: 3), "invalid_json"), (.trailingBytes(offset: 3), "invalid_json"), (.controlByte(offset: 3), "invalid_json"),
            (.tooDeep(offset: 3), "json_too_deep"), (.tooManyMembers(offset: 3), "json_too_many_members"),
            (.duplicateKey(offset: 3), "duplicate_key"),
            (.invalidUTF8(offset: 3), "invalid_utf8"), (.loneSurrogate(offset: 3), "invalid_utf8"),
            (.numberOutOfRange(offset: 3), "number_out_of_range"),
        ]
        for (error, code) in errors {
            #expect(error.gatewayError.status == 400 && error.gatewayError.code == code && error.gatewayError.source == .client)
        }
        #expect(refusal(#"{"secret":"s3cr3t","secret":1}"#)?.gatewayError.message.contains("s3cr3t") == false)
    }

    @Test func `a refused body spoils the scan of the next`() throws {
        var scanner = RequestScanner()
        let good = Array(#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#.utf8)
        let first = try scanner.scan(good.span, operation: .chatCompletions)
        for bad in [#"{"a":{"b":[{"c":"d"#, #"{"a":1,"a":2}"#, "", #"{"input":["x",1e999]}"#] {
            #expect((try? scanner.scan(Array(bad.utf8).span, operation: .embeddings)) == nil)
        }
        #expect(try scanner.scan(good.span, operation: .chatCompletions) == first)
    }
}
