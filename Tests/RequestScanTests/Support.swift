import TestSupport
import GatewayModel
import Glibc
import JSON
import RequestScan

/// Whether the slow runs and timings were asked for.
let isMeasuring = getenv("WEIR_MEASURE") != nil

func scan(_ body: [UInt8], _ operation: Operation = .chatCompletions, limits: ScanLimits = ScanLimits()) throws(ScanError) -> RequestScan {
    var scanner = RequestScanner(limits: limits)
    return try scanner.scan(body.span, operation: operation)
}

func scan(_ body: String, _ operation: Operation = .chatCompletions, limits: ScanLimits = ScanLimits()) throws(ScanError) -> RequestScan {
    try scan(Array(body.utf8), operation, limits: limits)
}

func refusal(_ body: [UInt8], limits: ScanLimits = ScanLimits()) -> ScanError? {
    do throws(ScanError) {
        _ = try scan(body, limits: limits)
        return nil
    } catch { return error }
}

func refusal(_ body: String, limits: ScanLimits = ScanLimits()) -> ScanError? { refusal(Array(body.utf8), limits: limits) }

/// Random documents and random spellings of one document.
struct DocumentGenerator {
    var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    static let strings = [
        "", "a", "b", "c", "ab", "bc", "user", "assistant", "text", "type", "role", "\u{0}", "\n\t\"\\/", "é", "日本語", "😀", "\u{7F}",
        "averyveryverylongkey", "averyveryverylongkex", "content", "{\"x\":1}", "\u{FFFD}", "12345678", "123456789",
    ]
    static let numbers = ["0", "-0", "1", "1.0", "10", "1e0", "1E0", "0.7", "-12.5e-3", "123456789012345678901234567890"]
    static let keys = [
        "model", "messages", "stream", "stream_options", "temperature", "tools", "input", "system", "contents", "cache", "provider",
        "models",
        "n", "response_format", "max_tokens", "user", "seed", "store", "prompt", "instructions", "content", "metadata", "",
    ]

    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    mutating func pick<T>(_ values: [T]) -> T { values[int(0...values.count - 1)] }

    mutating func string() -> String {
        if int(0...60) == 0 { return String(repeating: "long ", count: int(200...450)) + pick(Self.strings) }
        return (0..<int(1...3)).map { _ in pick(Self.strings) }.joined()
    }

    mutating func value(_ depth: Int = 3) -> JSONValue {
        switch int(0...(depth > 0 ? 8 : 5)) {
        case 0: return nil
        case 1: return .bool(int(0...1) == 1)
        case 2: return .number(pick(Self.numbers))
        case 3...5: return .string(string())
        case 6: return .array((0..<int(0...3)).map { _ in value(depth - 1) })
        default: return .object(object(depth - 1))
        }
    }

    mutating func object(_ depth: Int) -> JSONObject {
        var object = JSONObject()
        for _ in 0..<int(0...4) { object[string()] = value(depth) }
        if int(0...30) == 0 { for index in 0..<int(10...40) { object["k\(index)"] = value(0) } }
        return object
    }

    /// A body: known fields at top level, sometimes with messages that look like messages.
    mutating func body() -> JSONObject {
        var body = JSONObject()
        for _ in 0..<int(0...6) { body[int(0...4) == 0 ? string() : pick(Self.keys)] = value() }
        if int(0...1) == 0 {
            let part: JSONValue = ["type": "text", "text": .string(string()), "content": [["b": 1, "a": .string(string())]]]
            body[pick(["messages", "contents", "input"])] = [["role": "user", "content": [part, value(1)], "name": value(0)], value(1)]
        }
        return body
    }

    // MARK: Spelling

    /// Random whitespace, escapes and, in a body's own object, member order.
    mutating func spelling(ofBody body: JSONObject) -> [UInt8] {
        var bytes: [UInt8] = []
        space(&bytes)
        spell(JSONObject(members: body.members.shuffled(using: &random)), &bytes)
        space(&bytes)
        return bytes
    }

    private mutating func space(_ bytes: inout [UInt8]) {
        for _ in 0..<max(0, int(-3...3)) { bytes.append(pick([0x20, 0x0A, 0x0D, 0x09])) }
    }

    private mutating func spell(_ value: JSONValue, _ bytes: inout [UInt8]) {
        switch value {
        case .string(let text): spell(text, &bytes)
        case .object(let object): spell(object, &bytes)
        case .array(let elements):
            bytes.append(0x5B)
            space(&bytes)
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(0x2C) }
                space(&bytes)
                spell(element, &bytes)
                space(&bytes)
            }
            bytes.append(0x5D)
        default: value.write(to: &bytes)
        }
    }

    private mutating func spell(_ object: JSONObject, _ bytes: inout [UInt8]) {
        bytes.append(0x7B)
        space(&bytes)
        for (index, member) in object.members.enumerated() {
            if index > 0 { bytes.append(0x2C) }
            space(&bytes)
            spell(member.key, &bytes)
            space(&bytes)
            bytes.append(0x3A)
            space(&bytes)
            spell(member.value, &bytes)
            space(&bytes)
        }
        bytes.append(0x7D)
    }

    private mutating func spell(_ text: String, _ bytes: inout [UInt8]) {
        bytes.append(0x22)
        let isLong = text.utf8.count > 200
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            if mustEscape || int(0...(isLong ? 400 : 6)) == 0 {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16, uppercase: int(0...1) == 0)
                    bytes += Array(("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
                }
            } else if scalar == "/", int(0...1) == 0 {
                bytes += Array("\\/".utf8)
            } else {
                bytes += Array(String(scalar).utf8)
            }
        }
        bytes.append(0x22)
    }
}
