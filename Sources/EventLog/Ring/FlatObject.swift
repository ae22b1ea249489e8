import GatewayModel
import JSON

/// A flat JSON object as text, looked into without building values: a query looks into that of every row.
enum FlatObject {
    /// Whether a text is a JSON object whose values are texts, numbers, truth values or null.
    static func isValid(_ text: String) -> Bool {
        guard let value = try? JSONValue(parsing: Array(text.utf8).span), let object = value.objectValue else { return false }
        return object.members.allSatisfy { $0.value.objectValue == nil && $0.value.arrayValue == nil }
    }

    /// The value of a member: a text's content, anything else as it is written. `nil` where there is none. Never traps; what is not a flat
    /// object ends the search.
    static func value(of name: UnsafeRawBufferPointer, in text: UnsafeRawBufferPointer) -> FlatValue? {
        var at = 0
        skipSpace(text, &at)
        guard take(0x7B, text, &at) else { return nil }
        while true {
            skipSpace(text, &at)
            guard let key = string(text, &at) else { return nil }
            skipSpace(text, &at)
            guard take(0x3A, text, &at) else { return nil }
            skipSpace(text, &at)
            guard at < text.count else { return nil }
            let value: FlatValue
            if text[at] == 0x22 {
                guard let content = string(text, &at) else { return nil }
                value = FlatValue(content: content.content, isEscaped: content.isEscaped, isText: true)
            } else {
                let start = at
                while at < text.count, text[at] != 0x2C, text[at] != 0x7D, text[at] > 0x20 { at += 1 }
                value = FlatValue(content: UnsafeRawBufferPointer(rebasing: text[start..<at]), isEscaped: false, isText: false)
            }
            if FlatValue(content: key.content, isEscaped: key.isEscaped, isText: true).equals(name) { return value }
            skipSpace(text, &at)
            guard take(0x2C, text, &at) else { return nil }
        }
    }

    private static func string(_ text: UnsafeRawBufferPointer, _ at: inout Int) -> (content: UnsafeRawBufferPointer, isEscaped: Bool)? {
        guard take(0x22, text, &at) else { return nil }
        let start = at
        var isEscaped = false
        while at < text.count, text[at] != 0x22 {
            if text[at] == 0x5C {
                isEscaped = true
                at += 1
            }
            at += 1
        }
        guard at < text.count else { return nil }
        defer { at += 1 }
        return (UnsafeRawBufferPointer(rebasing: text[start..<at]), isEscaped)
    }

    private static func skipSpace(_ text: UnsafeRawBufferPointer, _ at: inout Int) { while at < text.count, text[at] <= 0x20 { at += 1 } }

    private static func take(_ byte: UInt8, _ text: UnsafeRawBufferPointer, _ at: inout Int) -> Bool {
        guard at < text.count, text[at] == byte else { return false }
        at += 1
        return true
    }
}

/// A member's value, where it lies.
struct FlatValue {
    let content: UnsafeRawBufferPointer
    let isEscaped: Bool
    let isText: Bool

    /// The content, unescaped where that is needed: rare, as what the gateway writes escapes only quotes, backslashes and controls.
    func withPlain<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        guard isEscaped else { return body(content) }
        var quoted: [UInt8] = [0x22]
        quoted.append(contentsOf: content)
        quoted.append(0x22)
        let plain = (try? JSONValue(parsing: quoted.span))?.stringValue.map { Array($0.utf8) } ?? Array(content)
        return plain.withUnsafeBytes { body($0) }
    }

    func equals(_ other: UnsafeRawBufferPointer) -> Bool { withPlain { $0.elementsEqual(other) } }
}
