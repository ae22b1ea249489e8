internal import GatewayModel

/// The strict recursive-descent parser behind `JSONValue.init(parsing:)`. Recursion is bounded by `JSONLimits.depth`.
///
/// It shares no tokeniser with RequestScan on purpose: each is the other's second opinion in the tests.
struct JSONParser {
    private let limits: JSONLimits
    private var bytes = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    private var position = 0
    private var depth = 0
    private var values = 0

    init(limits: JSONLimits) { self.limits = limits }

    mutating func parse(_ text: Span<UInt8>) throws(JSONError) -> JSONValue {
        // The buffer is valid inside this call only, and so is every use of it.
        let result: Result<JSONValue, JSONError> = text.withUnsafeBufferPointer { buffer in
            bytes = buffer
            defer { bytes = UnsafeBufferPointer(start: nil, count: 0) }
            do throws(JSONError) { return .success(try document()) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private mutating func document() throws(JSONError) -> JSONValue {
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { throw JSONError(.byteOrderMark, at: 0) }
        skipWhitespace()
        let value = try value()
        skipWhitespace()
        guard position == bytes.count else { throw JSONError(.trailingBytes, at: position) }
        return value
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        values += 1
        guard values <= limits.values else { throw JSONError(.tooManyValues, at: position) }
        switch try current() {
        case 0x22: return .string(try string())
        case 0x7B: return .object(try object())
        case 0x5B: return .array(try array())
        case 0x74: return try literal("true", .bool(true))
        case 0x66: return try literal("false", .bool(false))
        case 0x6E: return try literal("null", .null)
        case 0x2D, 0x30...0x39: return .number(try number())
        default: throw JSONError(.syntax, at: position)
        }
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        try enter()
        var object = JSONObject()
        var names = Set<[UInt8]>()
        skipWhitespace()
        while try current() != 0x7D {
            if object.count > 0 { try expect(0x2C) }
            let keyOffset = position
            guard try current() == 0x22 else { throw JSONError(.syntax, at: position) }
            let key = try string()
            // By bytes: Swift's == would call canonically equivalent names duplicates.
            guard names.insert(Array(key.utf8)).inserted else { throw JSONError(.duplicateKey, at: keyOffset) }
            skipWhitespace()
            try expect(0x3A)
            object.members.append(JSONObject.Member(key: key, value: try value()))
            skipWhitespace()
        }
        leave()
        return object
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        try enter()
        var elements: [JSONValue] = []
        skipWhitespace()
        while try current() != 0x5D {
            if !elements.isEmpty { try expect(0x2C) }
            elements.append(try value())
            skipWhitespace()
        }
        leave()
        return elements
    }

    private mutating func enter() throws(JSONError) {
        guard depth < limits.depth else { throw JSONError(.tooDeep, at: position) }
        depth += 1
        position += 1
    }

    private mutating func leave() {
        depth -= 1
        position += 1
    }

    /// One punctuation byte and the whitespace after it.
    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try current() == byte else { throw JSONError(.syntax, at: position) }
        position += 1
        skipWhitespace()
    }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount {
            guard try current() == word.utf8Start[index] else { throw JSONError(.syntax, at: position) }
            position += 1
        }
        return value
    }

    private mutating func number() throws(JSONError) -> String {
        let start = position
        if try current() == 0x2D { position += 1 }
        if try current() == 0x30 { position += 1 } else { try digits() }
        if position < bytes.count, bytes[position] == 0x2E {
            position += 1
            try digits()
        }
        if position < bytes.count, bytes[position] | 0x20 == 0x65 {
            position += 1
            let sign = try current()
            if sign == 0x2B || sign == 0x2D { position += 1 }
            try digits()
        }
        let text = UnsafeBufferPointer(rebasing: bytes[start..<position])
        guard jsonNumberIsFinite(text.span) else { throw JSONError(.numberOutOfRange, at: start) }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func digits() throws(JSONError) {
        guard case 0x30...0x39 = try current() else { throw JSONError(.syntax, at: position) }
        while position < bytes.count, case 0x30...0x39 = bytes[position] { position += 1 }
    }

    private mutating func skipWhitespace() {
        while position < bytes.count, case let byte = bytes[position], byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            position += 1
        }
    }

    private func current() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw JSONError(.truncated, at: position) }
        return bytes[position]
    }
}

// MARK: Strings

extension JSONParser {
    private mutating func string() throws(JSONError) -> String {
        position += 1
        var decoded: [UInt8] = []
        var start = position
        while true {
            switch try current() {
            case 0x22:
                decoded.append(contentsOf: bytes[start..<position])
                position += 1
                return String(decoding: decoded, as: UTF8.self)
            case 0x5C:
                decoded.append(contentsOf: bytes[start..<position])
                try appendEscape(to: &decoded)
                start = position
            case 0x00..<0x20: throw JSONError(.controlByte, at: position)
            case 0x20..<0x80: position += 1
            default: try skipMultibyte()
            }
        }
    }

    /// One sequence of two to four bytes, checked against table 3-7 of the Unicode standard.
    private mutating func skipMultibyte() throws(JSONError) {
        let start = position
        let count: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch bytes[start] {
        case 0xC2...0xDF: count = 2
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: count = 3
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: count = 4
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: throw JSONError(.invalidUTF8, at: start)
        }
        guard start + count <= bytes.count, second.contains(bytes[start + 1]) else { throw JSONError(.invalidUTF8, at: start) }
        for index in start + 2..<start + max(count, 2) where bytes[index] & 0xC0 != 0x80 { throw JSONError(.invalidUTF8, at: start) }
        position += count
    }

    private mutating func appendEscape(to decoded: inout [UInt8]) throws(JSONError) {
        let start = position
        position += 1
        let letter = try current()
        position += 1
        switch letter {
        case 0x22, 0x5C, 0x2F: decoded.append(letter)
        case 0x62: decoded.append(0x08)
        case 0x66: decoded.append(0x0C)
        case 0x6E: decoded.append(0x0A)
        case 0x72: decoded.append(0x0D)
        case 0x74: decoded.append(0x09)
        case 0x75: try appendUnicodeEscape(startingAt: start, to: &decoded)
        default: throw JSONError(.syntax, at: position - 1)
        }
    }

    private mutating func appendUnicodeEscape(startingAt start: Int, to decoded: inout [UInt8]) throws(JSONError) {
        var code = try fourHexDigits()
        if code & 0xFC00 == 0xD800 {
            guard position + 1 < bytes.count, bytes[position] == 0x5C, bytes[position + 1] == 0x75 else {
                throw JSONError(.loneSurrogate, at: start)
            }
            position += 2
            let low = try fourHexDigits()
            guard low & 0xFC00 == 0xDC00 else { throw JSONError(.loneSurrogate, at: start) }
            code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
        }
        guard let scalar = Unicode.Scalar(code) else { throw JSONError(.loneSurrogate, at: start) }
        decoded.append(contentsOf: Unicode.UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = hexValue(of: try current()) else { throw JSONError(.syntax, at: position) }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
