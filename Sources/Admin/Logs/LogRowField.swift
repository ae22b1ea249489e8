// The fields of a row of the event log, in one table: JSON and CSV are written from it, and the tests compare it with the OpenAPI file.

import EventLog
import GatewayModel
import JSON

/// A field's value before it is JSON or CSV.
enum LogValue {
    case text(String)
    /// JSON text of a number, a truth value or an object.
    case raw(String)
    case null

    static func flag(_ flag: Bool) -> LogValue { .raw(flag ? "true" : "false") }
    static func number(_ number: some BinaryInteger) -> LogValue { .raw(String(number)) }
}

/// A row with its event decoded, as fields look at it.
struct DecodedRow {
    let row: LogRow
    let event: GatewayEvent

    /// `nil` for a row whose bytes do not hold.
    init?(_ row: LogRow) {
        guard let event = row.event else { return nil }
        self.row = row
        self.event = event
    }
}

/// One field of a row.
struct LogRowField: Sendable {
    let name: String
    let value: @Sendable (DecodedRow) -> LogValue

    private init(_ name: String, _ value: @escaping @Sendable (DecodedRow) -> LogValue) {
        self.name = name
        self.value = value
    }

    /// All of a row in a list; `attempt_details` stands in a single row only.
    static let all: [LogRowField] = identity + outcome + amounts + remarks

    private static let identity: [LogRowField] = [
        LogRowField("id") { .text($0.event.id.text) },
        LogRowField("sequence") { .number($0.row.sequence) },
        LogRowField("created_at") { .text(TimeText.milliseconds($0.event.createdAt)) },
        LogRowField("tenant") { .text($0.event.tenant) },
        LogRowField("key_id") { .text($0.event.keyID) },
        LogRowField("provider") { .text($0.event.provider) },
        LogRowField("model") { .text($0.event.model) },
        LogRowField("route") { .text($0.event.route) },
        LogRowField("operation") { .text($0.event.operation) },
        LogRowField("path") { .text($0.event.path) },
        LogRowField("event_id") { .text($0.event.eventID) },
    ]

    private static let outcome: [LogRowField] = [
        LogRowField("status_code") { .number($0.event.status) },
        LogRowField("success") { .flag($0.event.isSuccess) },
        LogRowField("error_code") { .text($0.event.errorCode) },
        LogRowField("error_kind") { .text($0.event.errorKind.name) },
        LogRowField("cached") { .flag($0.event.cacheLayer.isSaved) },
        LogRowField("cache_layer") { .text($0.event.cacheLayer.name) },
        LogRowField("cache_status") { .text($0.event.cacheStatus) },
        LogRowField("cache_reason") { $0.event.cacheReason.map { .text($0.rawValue) } ?? .null },
        LogRowField("duration") { .raw(thousandths($0.event.durationMicroseconds)) },
        LogRowField("overhead_us") { .number($0.event.overheadMicroseconds) },
        LogRowField("ttfb_ms") {
            $0.event.firstByteMicroseconds > 0 ? .raw(thousandths($0.event.firstByteMicroseconds)) : .null
        },
    ]

    private static let amounts: [LogRowField] = [
        LogRowField("tokens_in") { .number($0.event.tokensIn) },
        LogRowField("tokens_out") { .number($0.event.tokensOut) },
        LogRowField("tokens_cached") { .number($0.event.tokensCached) },
        LogRowField("tokens_saved") { .number($0.event.tokensSaved) },
        LogRowField("cost") { .raw(dollars($0.event.costNanoUSD)) },
        LogRowField("cost_saved") { .raw(dollars($0.event.costSavedNanoUSD)) },
        LogRowField("request_size") { .number($0.event.requestBytes) },
        LogRowField("response_size") { .number($0.event.responseBytes) },
        LogRowField("step") { .number($0.event.step) },
        LogRowField("attempts") { .number($0.event.attemptCount) },
        LogRowField("stream") { .flag($0.event.flags.contains(.stream)) },
        LogRowField("estimated") { .flag($0.event.flags.contains(.estimated)) },
        LogRowField("suspect") { .flag($0.event.flags.contains(.suspect)) },
        LogRowField("unpriced") { .flag($0.event.flags.contains(.unpriced)) },
        LogRowField("custom_cost") { .flag($0.event.flags.contains(.customCost)) },
    ]

    private static let remarks: [LogRowField] = [
        LogRowField("finish_reason") { .text($0.event.finishReason) },
        LogRowField("metadata") { .raw(object($0.row.patch?.metadata ?? $0.event.metadata)) },
        LogRowField("similarity") { $0.event.similarity == 0 ? .null : .raw($0.event.similarity.description) },
        LogRowField("feedback") { $0.row.patch?.feedback.map { .number($0) } ?? .null },
        LogRowField("score") { $0.row.patch?.score.map { .raw(JSONValue.number($0).text) } ?? .null },
        LogRowField("has_request") { .flag($0.row.hasRequest) },
        LogRowField("has_response") { .flag($0.row.hasResponse) },
        LogRowField("trace_id") { $0.event.trace.map { .text(hex($0.traceHigh) + hex($0.traceLow)) } ?? .null },
        LogRowField("span_id") { $0.event.trace.map { .text(hex($0.span)) } ?? .null },
        LogRowField("audit") { .flag($0.event.flags.contains(.audit)) },
    ]

    /// Microseconds as milliseconds with three decimals.
    static func thousandths(_ microseconds: UInt64) -> String {
        let fraction = String(microseconds % 1000)
        return "\(microseconds / 1000).\(String(repeating: "0", count: 3 - fraction.utf8.count))\(fraction)"
    }

    /// Nano-USD as USD, without trailing zeros.
    static func dollars(_ nano: UInt64) -> String {
        guard nano % 1_000_000_000 > 0 else { return String(nano / 1_000_000_000) }
        var fraction = String(nano % 1_000_000_000)
        fraction = String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(nano / 1_000_000_000).\(fraction)"
    }

    /// The metadata's object as it is, if it is one: it was checked when it was taken, but lay on a disk since.
    private static func object(_ text: String) -> String {
        guard !text.isEmpty, case .object(let object) = try? JSONValue(parsing: Array(text.utf8).span) else { return "{}" }
        return JSONValue.object(object).text
    }

    private static func hex(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

extension JSONValue {
    /// Compact JSON.
    var text: String {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
