// Append-style output: the caller owns the bytes, the writer only knows whether a comma is due. Used where a document is written once, in
// order, and building a JSONValue first would be waste.

internal import GatewayModel

/// Appends a JSON string with its quotes: `"`, `\` and control characters escaped, everything else as it is.
///
/// `text` must be UTF-8; bytes are not checked. A NUL comes out as `\u0000`.
public func appendJSONString(_ text: Span<UInt8>, to bytes: inout [UInt8]) {
    text.withUnsafeBufferPointer { appendEscaped($0, to: &bytes) }
}

/// Appends a JSON string with its quotes: `"`, `\` and control characters escaped, everything else as it is.
public func appendJSONString(_ text: String, to bytes: inout [UInt8]) {
    let appended: Void? = text.utf8.withContiguousStorageIfAvailable { appendEscaped($0, to: &bytes) }
    guard appended == nil else { return }
    appendJSONString(Array(text.utf8).span, to: &bytes)
}

private func appendEscaped(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
    bytes.append(0x22)
    var start = 0
    for index in text.indices {
        let byte = text[index]
        guard byte < 0x20 || byte == 0x22 || byte == 0x5C else { continue }
        bytes.append(contentsOf: text[start..<index])
        appendEscape(of: byte, to: &bytes)
        start = index + 1
    }
    bytes.append(contentsOf: text[start...])
    bytes.append(0x22)
}

private func appendEscape(of byte: UInt8, to bytes: inout [UInt8]) {
    bytes.append(0x5C)
    switch byte {
    case 0x22, 0x5C: bytes.append(byte)
    case 0x08: bytes.append(0x62)
    case 0x09: bytes.append(0x74)
    case 0x0A: bytes.append(0x6E)
    case 0x0C: bytes.append(0x66)
    case 0x0D: bytes.append(0x72)
    default:
        bytes.append(contentsOf: [0x75, 0x30, 0x30])
        bytes.append(hexDigit(byte >> 4))
        bytes.append(hexDigit(byte & 15))
    }
}

/// Writes one JSON document piece by piece, compactly. Commas are the writer's business; the nesting is the caller's.
public struct JSONWriter: Sendable {
    /// What has been written so far.
    public var bytes: [UInt8]
    private var needsComma = false

    /// Starts a document that is appended to `bytes`.
    public init(appendingTo bytes: [UInt8] = []) { self.bytes = bytes }

    /// `{`
    public mutating func beginObject() { open(0x7B) }
    /// `}`
    public mutating func endObject() { close(0x7D) }
    /// `[`
    public mutating func beginArray() { open(0x5B) }
    /// `]`
    public mutating func endArray() { close(0x5D) }

    /// A member's name; its value must follow.
    public mutating func key(_ name: String) {
        separate()
        appendJSONString(name, to: &bytes)
        bytes.append(0x3A)
        needsComma = false
    }

    /// A string value.
    public mutating func string(_ text: String) {
        separate()
        appendJSONString(text, to: &bytes)
    }

    /// A string value from UTF-8, unchecked.
    public mutating func string(_ text: Span<UInt8>) {
        separate()
        appendJSONString(text, to: &bytes)
    }

    /// An integer value.
    public mutating func integer(_ value: some FixedWidthInteger) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
    }

    /// A number value; `null` for NaN and infinities, which JSON does not have.
    public mutating func double(_ value: Double) {
        separate()
        bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
    }

    /// `true` or `false`.
    public mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// `null`
    public mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// A whole value.
    public mutating func value(_ value: JSONValue) {
        separate()
        value.write(to: &bytes)
    }

    /// A value that is JSON text already, unchecked.
    public mutating func raw(_ json: Span<UInt8>) {
        separate()
        json.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(0x2C) }
        needsComma = true
    }
}
