// A row as JSON, under the wire contract's names. Written so that it does no harm wherever it is put: `<`, `>` and `&` are escaped, and so are
// U+2028 and U+2029, so that the text can stand in a page or a script; bytes that are no UTF-8 become U+FFFD.

import GatewayModel
import JSON

extension LogRow {
    /// Appends the row as a JSON object; with its attempts where they are asked for. Appends `null` where the row's bytes do not hold.
    public func appendJSON(to bytes: inout [UInt8], withAttempts: Bool = false) {
        self.bytes.withUnsafeBytes { raw in
            guard let row = RowView(raw) else { return bytes.append(literal: "null") }
            var writer = RowWriter(bytes: bytes)
            bytes = []
            writer.write(RowContext(row: row, sequence: sequence, hasPayloads: hasPayloads, patch: patch), withAttempts: withAttempts)
            bytes = writer.bytes
        }
    }
}

/// Writes rows as JSON.
private struct RowWriter {
    var bytes: [UInt8]

    mutating func write(_ context: RowContext, withAttempts: Bool) {
        let row = context.row
        bytes.append(literal: "{\"id\":\"")
        EventText.append(id: row, to: &bytes)
        bytes.append(literal: "\",\"sequence\":")
        bytes.append(decimal: context.sequence)
        bytes.append(literal: ",\"created_at\":\"")
        CivilTime.append(WallTime(milliseconds: row.createdAt), to: &bytes)
        bytes.append(0x22)
        texts(row, [.tenant, .keyID, .provider, .model, .route, .operation, .path, .eventID])
        number("status_code", UInt64(row.status))
        flag(.success, context)
        texts(row, [.errorCode])
        name("error_kind", row.errorKind.name)
        flag(.cached, context)
        name("cache_layer", row.layer.name)
        texts(row, [.cacheStatus])
        name("cache_reason", row.cacheReason?.rawValue ?? "")
        key("duration")
        bytes.append(decimalOf: row.number(.duration), places: 3, keepingZeros: true)
        number("overhead_us", row.number(.overhead))
        key("ttfb_ms")
        let firstByte = row.number(.firstByte)
        if firstByte == 0 { bytes.append(literal: "null") } else { bytes.append(decimalOf: firstByte, places: 3, keepingZeros: true) }
        number("tokens_in", row.number(.tokensIn))
        number("tokens_out", row.number(.tokensOut))
        number("tokens_cached", row.number(.tokensCached))
        number("tokens_saved", row.number(.tokensSaved))
        key("cost")
        bytes.append(decimalOf: row.number(.cost), places: 9)
        key("cost_saved")
        bytes.append(decimalOf: row.number(.costSaved), places: 9)
        number("request_size", row.number(.requestBytes))
        number("response_size", row.number(.responseBytes))
        number("step", UInt64(row.step))
        number("attempts", UInt64(row.attemptCount))
        if withAttempts { attempts(row) }
        for name: LogField.Flag in [.stream, .estimated, .suspect, .unpriced, .customCost] { flag(name, context) }
        texts(row, [.finishReason])
        key("metadata")
        context.withMetadata { metadata($0) }
        key("similarity")
        let similarity = row.similarity
        bytes.append(text: similarity == 0 || !similarity.isFinite ? "null" : similarity.description)
        key("feedback")
        bytes.append(text: context.patch?.feedback.map { String($0) } ?? "null")
        key("score")
        bytes.append(text: context.patch?.score.map { RowText.score($0) } ?? "null")
        flag(.hasRequest, context)
        flag(.hasResponse, context)
        trace(row)
        if row.flags.contains(.audit) { bytes.append(literal: ",\"audit\":true") }
        bytes.append(0x7D)
    }

    private mutating func texts(_ row: RowView, _ fields: [EventLayout.Text]) {
        for field in fields {
            key(field.fieldName)
            RowText.appendString(row.text(field), to: &bytes)
        }
    }

    private mutating func attempts(_ row: RowView) {
        bytes.append(literal: ",\"attempt_details\":[")
        for (place, attempt) in (row.attempts ?? []).enumerated() {
            bytes.append(text: place == 0 ? "{" : ",{")
            bytes.append(literal: "\"provider\":")
            RowText.appendString(attempt.provider, to: &bytes)
            bytes.append(literal: ",\"model\":")
            RowText.appendString(attempt.model, to: &bytes)
            number("status", UInt64(clamping: attempt.status))
            bytes.append(literal: ",\"failure\":")
            RowText.appendString(attempt.failure, to: &bytes)
            bytes.append(literal: ",\"duration_ms\":")
            bytes.append(decimalOf: attempt.microseconds, places: 3, keepingZeros: true)
            bytes.append(text: attempt.isRepeat ? ",\"is_repeat\":true}" : ",\"is_repeat\":false}")
        }
        bytes.append(0x5D)
    }

    /// What the gateway wrote itself, so it is an object; checked all the same, since half an object would break the whole answer.
    private mutating func metadata(_ text: UnsafeRawBufferPointer) {
        let isObject = (try? JSONValue(parsing: Array(text).span))?.objectValue != nil
        guard isObject else { return bytes.append(literal: "{}") }
        RowText.appendInert(text, to: &bytes)
    }

    private mutating func trace(_ row: RowView) {
        guard let trace = row.trace else { return bytes.append(literal: ",\"trace_id\":null,\"span_id\":null") }
        bytes.append(literal: ",\"trace_id\":\"")
        EventText.append(hex: trace.traceHigh, to: &bytes)
        EventText.append(hex: trace.traceLow, to: &bytes)
        bytes.append(literal: "\",\"span_id\":\"")
        EventText.append(hex: trace.span, to: &bytes)
        bytes.append(0x22)
    }

    private mutating func number(_ name: StaticString, _ value: UInt64) {
        bytes.append(literal: ",\"")
        bytes.append(literal: name)
        bytes.append(literal: "\":")
        bytes.append(decimal: value)
    }

    private mutating func name(_ name: StaticString, _ value: String) {
        bytes.append(literal: ",\"")
        bytes.append(literal: name)
        bytes.append(literal: "\":")
        RowText.appendString(value, to: &bytes)
    }

    private mutating func flag(_ flag: LogField.Flag, _ context: RowContext) {
        key(flag.rawValue)
        bytes.append(text: context.value(of: flag) ? "true" : "false")
    }

    private mutating func key(_ name: String) {
        bytes.append(literal: ",\"")
        bytes.append(text: name)
        bytes.append(literal: "\":")
    }
}

/// Texts and numbers of rows for JSON and CSV.
enum RowText {
    /// A JSON string with its quotes, inert in HTML and in scripts. Bytes that are no UTF-8 become U+FFFD.
    static func appendString(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        if isPlain(text) {
            bytes.append(contentsOf: text)
        } else {
            // Rare: anything but printable ASCII. Decoding repairs what is no UTF-8.
            for scalar in String(decoding: text, as: UTF8.self).unicodeScalars { append(escaping: scalar, to: &bytes) }
        }
        bytes.append(0x22)
    }

    static func appendString(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { appendString(UnsafeRawBufferPointer($0), to: &bytes) }
    }

    /// JSON text with what could matter outside of JSON escaped: in valid JSON such characters stand only inside of strings.
    static func appendInert(_ json: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x3C, 0x3E, 0x26, 0x7F...0x9F, 0x2028, 0x2029: append(escaping: scalar, to: &bytes)
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }

    private static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
        for byte in text where byte < 0x20 || byte > 0x7E || byte == 0x22 || byte == 0x5C || byte == 0x3C || byte == 0x3E || byte == 0x26 {
            return false
        }
        return true
    }

    private static func append(escaping scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        switch scalar.value {
        case 0x22, 0x5C: bytes.append(contentsOf: [0x5C, UInt8(truncatingIfNeeded: scalar.value)])
        case 0x0A: bytes.append(literal: "\\n")
        case 0x0D: bytes.append(literal: "\\r")
        case 0x09: bytes.append(literal: "\\t")
        case 0x00..<0x20, 0x7F...0x9F, 0x3C, 0x3E, 0x26, 0x2028, 0x2029:
            bytes.append(literal: "\\u")
            for shift in [12, 8, 4, 0] { bytes.append(hexDigit(UInt8(truncatingIfNeeded: scalar.value >> UInt32(shift)) & 15)) }
        default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }

    /// A score without a needless fraction.
    static func score(_ value: Double) -> String { Int(exactly: value).map { String($0) } ?? value.description }
}

extension [UInt8] {
    mutating func append(text: String) { append(contentsOf: text.utf8) }

    /// Appends a number of units, 10 to the power of `places` of which make one; at most three or nine decimals, trailing zeros only on demand.
    mutating func append(decimalOf units: UInt64, places: Int, keepingZeros: Bool = false) {
        var divisor: UInt64 = 1
        for _ in 0..<places { divisor *= 10 }
        append(decimal: units / divisor)
        var rest = units % divisor
        guard rest > 0 || keepingZeros else { return }
        append(0x2E)
        for _ in 0..<places {
            guard rest > 0 || keepingZeros else { return }
            divisor /= 10
            append(UInt8(truncatingIfNeeded: 0x30 + rest / divisor))
            rest %= divisor
        }
    }
}
