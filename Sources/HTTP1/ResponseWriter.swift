// Responses as bytes. Every function appends to the caller's buffer, so that head and body go out in one write and nothing is allocated
// once the buffer has grown. What came from outside passes a check first: a CR or LF in a value would let it write a response of its own.

import GatewayModel

/// Appends the parts of an HTTP/1.1 response to a byte buffer: status line, fields, an empty line, then a body or chunks.
public enum ResponseWriter {
    // MARK: Head

    /// Appends `HTTP/1.1 STATUS reason` and CRLF. A status outside 100…999, which only a broken upstream can name, is written as 502.
    public static func appendStatusLine(_ status: Int, to output: inout [UInt8]) {
        let status = 100...999 ~= status ? status : 502
        output.append(literal: "HTTP/1.1 ")
        output.append(decimal: UInt64(status))
        output.append(.space)
        output.append(literal: reasonPhrase(status))
        output.append(literal: "\r\n")
    }

    /// Appends a field that is ours in name and value. Nothing is checked.
    public static func appendField(_ name: StaticString, _ value: StaticString, to output: inout [UInt8]) {
        output.append(literal: name)
        output.append(literal: ": ")
        output.append(literal: value)
        output.append(literal: "\r\n")
    }

    /// Appends a field with a decimal number.
    public static func appendField(_ name: StaticString, decimal value: UInt64, to output: inout [UInt8]) {
        output.append(literal: name)
        output.append(literal: ": ")
        output.append(decimal: value)
        output.append(literal: "\r\n")
    }

    /// Appends a field whose value came from outside: visible ASCII, space, tab and 0x80…0xFF may stand in it.
    ///
    /// - Returns: whether it was appended; if not, `output` is as before.
    @discardableResult
    public static func appendField(_ name: StaticString, checked value: Span<UInt8>, to output: inout [UInt8]) -> Bool {
        guard isFieldValue(value) else { return false }
        output.append(literal: name)
        output.append(literal: ": ")
        output.append(span: value)
        output.append(literal: "\r\n")
        return true
    }

    /// Appends a field whose value came from outside, as `appendField(_:checked:to:)` for bytes does.
    @discardableResult
    public static func appendField(_ name: StaticString, checked value: String, to output: inout [UInt8]) -> Bool {
        var value = value
        return value.withUTF8 { appendField(name, checked: $0.span, to: &output) }
    }

    /// Appends a field whose name and value came from outside, such as one of the upstream's.
    ///
    /// - Returns: whether it was appended; if the name is no token or the value has a control byte, `output` is as before.
    @discardableResult
    public static func appendField(checkedName name: Span<UInt8>, checked value: Span<UInt8>, to output: inout [UInt8]) -> Bool {
        guard isFieldName(name), isFieldValue(value) else { return false }
        output.append(span: name)
        output.append(literal: ": ")
        output.append(span: value)
        output.append(literal: "\r\n")
        return true
    }

    /// Appends `Content-Length: COUNT`.
    public static func appendContentLength(_ count: UInt64, to output: inout [UInt8]) {
        appendField("Content-Length", decimal: count, to: &output)
    }

    /// Appends `Transfer-Encoding: chunked`. Not for HTTP/1.0 clients: they get a body that ends with the connection.
    public static func appendChunkedEncoding(to output: inout [UInt8]) {
        output.append(literal: "Transfer-Encoding: chunked\r\n")
    }

    /// Appends `Connection: close`.
    public static func appendConnectionClose(to output: inout [UInt8]) {
        output.append(literal: "Connection: close\r\n")
    }

    /// Appends `Connection: keep-alive`, which an HTTP/1.0 client needs to hear.
    public static func appendConnectionKeepAlive(to output: inout [UInt8]) {
        output.append(literal: "Connection: keep-alive\r\n")
    }

    /// Appends the empty line that ends a head.
    public static func appendHeadEnd(to output: inout [UInt8]) {
        output.append(literal: "\r\n")
    }

    /// Appends the whole interim response `100 Continue`.
    public static func appendContinue(to output: inout [UInt8]) {
        output.append(literal: "HTTP/1.1 100 Continue\r\n\r\n")
    }

    // MARK: Chunks

    /// Appends what stands before `count` bytes of chunk data. `count` is above 0: a chunk of 0 bytes would end the body.
    public static func appendChunkStart(_ count: Int, to output: inout [UInt8]) {
        precondition(count > 0, "an empty chunk ends the body")
        var shift = (63 - count.leadingZeroBitCount) & ~3
        while shift >= 0 {
            output.append(hexDigit(UInt8(truncatingIfNeeded: count >> shift) & 15))
            shift -= 4
        }
        output.append(literal: "\r\n")
    }

    /// Appends what stands after chunk data.
    public static func appendChunkEnd(to output: inout [UInt8]) {
        output.append(literal: "\r\n")
    }

    /// Appends a whole chunk; nothing if there is no data.
    public static func appendChunk(_ data: Span<UInt8>, to output: inout [UInt8]) {
        guard data.count > 0 else { return }
        appendChunkStart(data.count, to: &output)
        output.append(span: data)
        appendChunkEnd(to: &output)
    }

    /// Appends the last chunk and an empty trailer section. Only for a body that is complete: a cut one just closes.
    public static func appendLastChunk(to output: inout [UInt8]) {
        output.append(literal: "0\r\n\r\n")
    }

    // MARK: Checks

    /// Whether the bytes may be a field name: a token, not empty.
    public static func isFieldName(_ name: Span<UInt8>) -> Bool {
        for index in 0..<name.count where !ByteClass.token.contains(name[index]) { return false }
        return name.count > 0
    }

    /// Whether the bytes may be a field value: no control byte but tab. May be empty.
    public static func isFieldValue(_ value: Span<UInt8>) -> Bool {
        value.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return true }
            return areFieldValueBytes(base, buffer.count)
        }
    }

    /// Whether a response field is about one connection only and must not be forwarded (RFC 9110 section 7.6.1). Letter case is ignored.
    public static func isHopByHop(_ name: Span<UInt8>) -> Bool {
        switch FieldName(recognizing: name) {
        case .connection, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade: true
        default:
            name.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return false }
                return equalsIgnoringCase(base, buffer.count, "proxy-authenticate")
                    || equalsIgnoringCase(base, buffer.count, "proxy-authentication-info")
            }
        }
    }

    private static func hexDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }
}
