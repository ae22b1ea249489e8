/// A JSON document in memory, for cold paths: conversions between representations, the admin API, records.
///
/// Nothing is lost but whitespace and the spelling of escapes: members keep their order, numbers their text (`1.0` stays `1.0`).
public enum JSONValue: Sendable, Equatable {
    /// `null`
    case null
    /// `true` or `false`
    case bool(Bool)
    /// A number as its text. Whoever makes one is responsible for its being a JSON number.
    case number(String)
    /// A string, escapes decoded.
    case string(String)
    /// An array.
    case array([JSONValue])
    /// An object, members in order.
    case object(JSONObject)

    /// Parses one JSON text (RFC 8259), strictly: one value, UTF-8, no byte order mark, no duplicate member names (escapes decoded), no lone
    /// surrogates, no number beyond a Double's range, nothing but whitespace after it.
    public init(parsing bytes: Span<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        var parser = JSONParser(limits: limits)
        self = try parser.parse(bytes)
    }

    /// Strings compare by code points, numbers by their text, objects in order.
    public static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)), (.string(let left), .string(let right)): hasSameBytes(left, right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    /// A whole number.
    public static func number(_ value: Int) -> JSONValue { .number(String(value)) }

    /// A finite number in its shortest text that reads back the same; `null` for NaN and infinities, which JSON does not have.
    public static func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value.description) : .null }

    /// The text of a string; `nil` for every other kind.
    public var stringValue: String? { if case .string(let text) = self { text } else { nil } }

    /// The truth value of a bool; `nil` for every other kind.
    public var boolValue: Bool? { if case .bool(let truth) = self { truth } else { nil } }

    /// A number that is an integer within Int's range and written as one (no point, no exponent); else `nil`.
    public var intValue: Int? { if case .number(let text) = self { Int(text) } else { nil } }

    /// A number's nearest Double; `nil` for every other kind.
    public var doubleValue: Double? { if case .number(let text) = self { Double(text) } else { nil } }

    /// The elements of an array; `nil` for every other kind.
    public var arrayValue: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

    /// The object; `nil` for every other kind.
    public var objectValue: JSONObject? { if case .object(let object) = self { object } else { nil } }

    /// Whether this is `null`.
    public var isNull: Bool { if case .null = self { true } else { false } }

    /// The member of that name; `nil` when this is no object or has none.
    public subscript(key: String) -> JSONValue? { if case .object(let object) = self { object[key] } else { nil } }

    /// The element at a 0-based index; `nil` when this is no array or the index is outside it.
    public subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// Appends the value as compact JSON: no whitespace, minimal escapes.
    public func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let truth): bytes.append(contentsOf: (truth ? "true" : "false").utf8)
        case .number(let text): bytes.append(contentsOf: text.utf8)
        case .string(let text): appendJSONString(text, to: &bytes)
        case .array(let elements):
            bytes.append(0x5B)
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(0x2C) }
                element.write(to: &bytes)
            }
            bytes.append(0x5D)
        case .object(let object):
            bytes.append(0x7B)
            for (index, member) in object.members.enumerated() {
                if index > 0 { bytes.append(0x2C) }
                appendJSONString(member.key, to: &bytes)
                bytes.append(0x3A)
                member.value.write(to: &bytes)
            }
            bytes.append(0x7D)
        }
    }

    /// The value as compact JSON.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    public init(integerLiteral value: Int) { self = .number(value) }
    /// A bool.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An array.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// An object; of members with one name, the last wins.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }
    /// `null`
    public init(nilLiteral: ()) { self = .null }
}
