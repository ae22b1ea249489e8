import EventLog
import GatewayModel
import JSON

/// Rows of the event log as JSON and CSV.
enum LogRowText {
    /// Appends a row as an object; nothing for one whose bytes do not hold.
    /// - Parameters:
    ///   - hasDetails: with `attempt_details`, as a single row is shown.
    ///   - payloads: the log to take the bodies from, if they are wanted.
    /// - Returns: whether it was appended.
    @discardableResult
    static func append(_ row: LogRow, hasDetails: Bool = false, payloads: EventLog? = nil, to writer: inout JSONWriter) -> Bool {
        guard let decoded = DecodedRow(row) else { return false }
        writer.beginObject()
        for field in LogRowField.all {
            writer.key(field.name)
            switch field.value(decoded) {
            case .text(let text): writer.string(text)
            case .raw(let text): writer.raw(Array(text.utf8).span)
            case .null: writer.null()
            }
        }
        if hasDetails { append(decoded.event.attempts, to: &writer) }
        if let payloads { append(bodiesOf: decoded, in: payloads, to: &writer) }
        writer.endObject()
        return true
    }

    /// `request` and `response` as texts, `null` for one that is not kept, and whether the text is only the beginning.
    private static func append(bodiesOf row: DecodedRow, in log: EventLog, to writer: inout JSONWriter) {
        for (name, isResponse, isKept) in [("request", false, row.row.hasRequest), ("response", true, row.row.hasResponse)] {
            let payload = isKept ? log.payload(id: row.event.id, isResponse: isResponse) : nil
            writer.key(name)
            if let payload { writer.string(String(decoding: payload.bytes, as: UTF8.self)) } else { writer.null() }
            writer.key(name + "_truncated")
            writer.bool(payload?.isTruncated ?? false)
        }
    }

    private static func append(_ attempts: [GatewayEvent.Attempt], to writer: inout JSONWriter) {
        writer.key("attempt_details")
        writer.beginArray()
        for attempt in attempts {
            writer.beginObject()
            writer.key("provider")
            writer.string(attempt.provider)
            writer.key("model")
            writer.string(attempt.model)
            writer.key("status")
            writer.integer(attempt.status)
            writer.key("failure")
            writer.string(attempt.failure)
            writer.key("duration_ms")
            writer.raw(Array(LogRowField.thousandths(attempt.microseconds).utf8).span)
            writer.key("is_repeat")
            writer.bool(attempt.isRepeat)
            writer.endObject()
        }
        writer.endArray()
    }

    /// The first line of CSV.
    static var header: [UInt8] { Array((LogRowField.all.map(\.name).joined(separator: ",") + "\r\n").utf8) }

    /// Appends a row as a line of CSV (RFC 4180). Absent values are empty.
    static func appendCSV(_ row: LogRow, to bytes: inout [UInt8]) {
        guard let decoded = DecodedRow(row) else { return }
        for (index, field) in LogRowField.all.enumerated() {
            if index > 0 { bytes.append(0x2C) }
            switch field.value(decoded) {
            case .text(let text): CSVText.append(text, to: &bytes)
            // An object has quotes and commas; numbers and truth values have neither.
            case .raw(let text) where text.hasPrefix("{"): CSVText.append(text, to: &bytes)
            case .raw(let text): bytes.append(contentsOf: text.utf8)
            case .null: break
            }
        }
        bytes.append(literal: "\r\n")
    }
}

/// Texts in CSV, inert for the spreadsheet or terminal that shows them.
enum CSVText {
    /// Appends a text in quotes. One that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, "CSV Injection"); what a
    /// terminal would obey, and what turns the direction of writing, becomes `\u{1B}`.
    static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        if let first = text.unicodeScalars.first(where: { !$0.properties.isWhitespace }), isFormulaStart(first) { bytes.append(0x27) }
        for scalar in InertText.of(text).unicodeScalars {
            if scalar == "\"" { bytes.append(0x22) }
            bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
        bytes.append(0x22)
    }

    private static func isFormulaStart(_ scalar: Unicode.Scalar) -> Bool {
        "=+-@|%\u{FF1D}\u{FF0B}\u{FF0D}\u{FF20}".unicodeScalars.contains(scalar)
    }
}
