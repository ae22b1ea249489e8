import Glibc
import JSON
import TestSupport
import Testing

private func parse(_ text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSONValue {
    try JSONValue(parsing: Array(text.utf8).span, limits: limits)
}

private func isFinite(_ number: String) -> Bool { jsonNumberIsFinite(Array(number.utf8).span) }

private func refusal(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) -> JSONError? {
    do throws(JSONError) {
        _ = try JSONValue(parsing: bytes.span, limits: limits)
        return nil
    } catch { return error }
}

@Suite struct JSONTests {
    @Test func `members change order or numbers change text on the way through`() throws {
        let text = #"{"z":1.0,"a":[true,false,null,-0,1e2,"é\n\u0001\"\\/"],"":{}}"#
        #expect(String(decoding: try parse(text).bytes, as: UTF8.self) == text)
        #expect(try parse(" [ 1 ,\t\n\r 2 ] ") == [1, 2])
    }

    @Test func `an escape is decoded wrongly`() throws {
        #expect(try parse(#""\u0041\/\b\f\n\r\t\"\\\u20AC\uD83D\uDE00""#) == .string("A/\u{8}\u{c}\n\r\t\"\\€😀"))
    }

    @Test(arguments: [
        "", " ", "{", "[", "\"", "\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "[1", "[1,", "tru", "-", "1.", "1e", "1e+", "\"\\", "\"\\u00",
        "\"\\u12\"",
        "{,}", "[,]", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{1:2}", "{a:1}", "{'a':1}", "01", "+1", ".5", "1.e1", "0x1", "NaN", "Infinity",
        "1 2", "{}{}",
        "[1}", "{\"a\":1]", "\"\\x41\"", "\"\\u00g0\"", "nul", "True", "// c\n1", "[1]]", "\u{FEFF}1", "\u{A0}1", "\"\u{1}\"", "\"\n\"",
        "\"\t\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "\"\\ud800\\ud800\"", "--1", "1e400", "-1e400", "[1e309]", "1-",
        "1e5.5",
    ])
    func `broken JSON is accepted`(text: String) {
        #expect(refusal(Array(text.utf8)) != nil)
    }

    @Test(arguments: [
        [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
        [0xF0, 0x80, 0x80, 0x80],
        [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC2], [0xE2, 0x82], [0xF0, 0x9F, 0x98],
        [0xC2, 0x41],
        [0xE2, 0x82, 0x41], [0xF0, 0x9F, 0x98, 0x41],
    ])
    func `invalid UTF-8 is accepted`(bytes: [UInt8]) {
        #expect(refusal([0x22] + bytes + [0x22])?.kind == .invalidUTF8)
    }

    @Test func `the last valid sequence of each length is refused`() throws {
        for scalar: Unicode.Scalar in [
            "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}",
        ] {
            #expect(try parse("\"\(scalar)\"") == .string(String(scalar)))
        }
    }

    @Test func `duplicate keys pass, plain or escaped`() {
        #expect(refusal(Array(#"{"a":1,"a":2}"#.utf8)) == JSONError(.duplicateKey, at: 7))
        #expect(refusal(Array(#"{"a":1,"\u0061":2}"#.utf8))?.kind == .duplicateKey)
        #expect(refusal(Array(#"[{"b":{"a":1,"a":2}}]"#.utf8))?.kind == .duplicateKey)
        #expect(refusal(Array("{\"\u{E9}\":1,\"e\u{301}\":2}".utf8)) == nil, "canonically equivalent names are two names")
    }

    @Test func `depth is limited at 64`() {
        func nested(_ depth: Int) -> [UInt8] { [UInt8](repeating: 0x5B, count: depth) + [UInt8](repeating: 0x5D, count: depth) }
        #expect(refusal(nested(64)) == nil)
        #expect(refusal(nested(65)) == JSONError(.tooDeep, at: 64))
        #expect(refusal([UInt8](repeating: 0x5B, count: 10_000))?.kind == .tooDeep)
    }

    @Test func `values are limited in number`() {
        let limits = JSONLimits(values: 4)
        #expect(refusal(Array("[1,2,3]".utf8), limits: limits) == nil)
        #expect(refusal(Array("[1,2,3,4]".utf8), limits: limits)?.kind == .tooManyValues)
    }

    @Test(arguments: [
        ("1e308", true), ("1e309", false), ("1.7976931348623157e308", true), ("1.7976931348623158e308", true),
        ("1.7976931348623159e308", false),
        ("17976931348623157e292", true), ("0e999999999999999999999", true), ("0.0000e400", true), ("1e-400", true), ("-1e309", false),
        ("0.00001e313", true), ("0.00001e314", false), ("1e99999999999999999999999", false), ("1e-99999999999999999999999", true),
        ("10e307", true), ("10e308", false),
    ])
    func `finiteness differs from the nearest Double`(text: String, expected: Bool) {
        #expect(isFinite(text) == expected)
        #expect(Double(text)?.isFinite == expected, "the vector itself")
    }

    @Test func `finiteness near the limit differs from the library's`() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<5_000 {
            var text = "179769313486231580"
            text.removeLast(Int.random(in: 0...17, using: &random))
            for _ in 0..<Int.random(in: 0...300, using: &random) { text += String(Int.random(in: 0...9, using: &random)) }
            let point = Int.random(in: 0...text.utf8.count, using: &random)
            let exponent = 309 - point + Int.random(in: -1...1, using: &random)
            text = String(text.prefix(point)) + "." + text.dropFirst(point) + "0e\(exponent)"
            if point == 0 { text = "0" + text }
            #expect(isFinite(text) == Double(text)?.isFinite, "\(text)")
        }
    }

    @Test func `seeded mutations break the round trip`() {
        let seeds = [
            #"{"model":"m","messages":[{"role":"user","content":"h\u00e9 \ud83d\ude00 é"}],"temperature":0.70,"n":1e2,"x":[null,true,{}]}"#,
            #"[1,-0.0,1E+3,"",[[]],{"a":{"b":[{}]}}]"#,
        ].map { Array($0.utf8) }
        var random = SplitMix64(seed: 11)
        for _ in 0..<4_000 {
            var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
            for _ in 0...Int.random(in: 0...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: index)
                default: bytes.swapAt(index, Int.random(in: 0..<bytes.count, using: &random))
                }
            }
            #expect(roundTripFault(bytes) == nil, "\(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test func `the accessors answer for the wrong kind`() throws {
        let value = try parse(#"{"s":"t","i":12,"d":1.5,"big":99999999999999999999,"b":true,"a":[1],"n":null}"#)
        #expect(value["s"]?.stringValue == "t" && value["s"]?.intValue == nil)
        #expect(value["i"]?.intValue == 12 && value["i"]?.doubleValue == 12 && value["i"]?.stringValue == nil)
        #expect(value["d"]?.intValue == nil && value["d"]?.doubleValue == 1.5)
        #expect(value["big"]?.intValue == nil)
        #expect(value["b"]?.boolValue == true && value["n"]?.isNull == true)
        #expect(value["a"]?[0] == 1 && value["a"]?[1] == nil && value["a"]?[-1] == nil && value[0] == nil && value["a"]?["s"] == nil)
        #expect(value["missing"] == nil && value["a"]?.arrayValue?.count == 1 && value.objectValue?.count == 7)
    }

    @Test func `setting a member moves or doubles it`() {
        var object = JSONObject()
        object["a"] = 1
        object["b"] = 2
        object["a"] = 3
        object["c"] = nil
        #expect(JSONValue.object(object).bytes == Array(#"{"a":3,"b":2}"#.utf8))
        object["a"] = nil
        #expect(object.count == 1 && object["b"] == 2)
    }

    @Test func `the writer misplaces a comma`() throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("a")
        writer.beginArray()
        writer.integer(1)
        writer.string("x\"")
        writer.beginObject()
        writer.endObject()
        writer.endArray()
        writer.key("b")
        writer.double(.nan)
        writer.key("c")
        writer.bool(true)
        writer.key("d")
        writer.value([1, nil])
        writer.key("e")
        writer.raw(Array("{}".utf8).span)
        writer.endObject()
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"a":[1,"x\"",{}],"b":null,"c":true,"d":[1,null],"e":{}}"#)
    }
}
