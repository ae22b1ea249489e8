// Rows of recorded traffic: lines of the gateway's own JSON log at level debug, or exported log rows. Both have the names of the wire contract;
// values may be texts or numbers, what is not known here is ignored.

import Foundation
import GatewayModel
import JSON
import RateLimiting
import Tenants

/// What one line is.
enum RecordedRow {
    /// A request that limits see.
    case request(RecordedRequest)
    /// Something else: another line of the log, or a request that was refused or answered before any limit was asked.
    case other
    /// Not a JSON object, or without a time.
    case unreadable

    /// The messages of the gateway's lines that are rows.
    private static let messages: Set = ["Request finished", "Request failed"]
    /// The codes of requests that a limit refused.
    private static let limitCodes: Set = [
        "rate_limit_exceeded", "budget_exceeded", "concurrency_limit_exceeded", "request_exceeds_limit",
    ]

    /// Reads a line.
    init(_ line: [UInt8]) {
        guard let json = try? JSONValue(parsing: line.span, limits: JSONLimits(depth: 16, values: 4096)), case .object = json else {
            self = .unreadable
            return
        }
        let fields = RowFields(json)
        if let message = fields.text("message"), !RecordedRow.messages.contains(message) {
            self = .other
            return
        }
        guard let start = fields.time("created_at") else {
            self = fields.text("message") == nil ? .unreadable : .other
            return
        }
        self = RecordedRow.request(fields, start).map { .request($0) } ?? .other
    }

    private static func request(_ fields: RowFields, _ start: WallTime) -> RecordedRequest? {
        guard let tenant = fields.text("tenant"), !tenant.isEmpty, let provider = fields.text("provider"), !provider.isEmpty else {
            return nil
        }
        let status = fields.amount("status_code") ?? 0
        // The log's lines and the rows of `weir logs` name it differently.
        let code = fields.text("code") ?? fields.text("error_code").flatMap { $0.isEmpty ? nil : $0 }
        let wasLimited = code.map(limitCodes.contains) ?? (status == 429 && fields.amount("tokens_in") == nil)
        // Refused by the gateway for what the request said, or because no target could be asked: no limit was charged.
        let wasAsked = (fields.amount("attempts") ?? 0) > 0
        if let code, !wasLimited, (400..<500).contains(status) || (code == "no_target_available" && !wasAsked) { return nil }
        return RecordedRequest(
            start: start, durationNanoseconds: fields.amount("duration", unit: 1_000_000) ?? 0, tenant: tenant,
            key: fields.text("key_id") ?? "", route: fields.text("route") ?? "", provider: provider, model: fields.text("model") ?? "",
            metadata: fields.map("metadata"), course: wasLimited ? .refused : course(fields), estimate: estimate(fields),
            use: wasLimited ? nil : use(fields))
    }

    private static func course(_ fields: RowFields) -> RecordedRequest.Course {
        if fields.flag("cached") { return .hit }
        return fields.text("cache_status")?.contains("collapsed") == true ? .followed : .fetched
    }

    private static func use(_ fields: RowFields) -> MeteredUse? {
        let input = fields.amount("tokens_in_counted") ?? fields.amount("tokens_in")
        let output = fields.amount("tokens_out_counted") ?? fields.amount("tokens_out")
        let cost = fields.amount("cost", unit: 1_000_000_000)
        guard input != nil || output != nil || cost != nil else { return nil }
        return MeteredUse(inputTokens: input ?? 0, outputTokens: output ?? 0, cost: cost ?? 0)
    }

    private static func estimate(_ fields: RowFields) -> UseEstimate? {
        guard let whole = fields.amount("tokens_reserved") else { return nil }
        let input = min(whole, fields.amount("tokens_in_reserved") ?? fields.amount("tokens_in") ?? 0)
        let assumed = min(whole - input, fields.amount("tokens_assumed") ?? 0)
        let cost = fields.amount("cost_reserved", unit: 1_000_000_000) ?? fields.amount("cost", unit: 1_000_000_000) ?? 0
        let assumedCost = min(cost, fields.amount("cost_assumed", unit: 1_000_000_000) ?? 0)
        return UseEstimate(
            MeteredUse(inputTokens: input, outputTokens: whole - input - assumed, cost: cost - assumedCost), softOutputTokens: assumed,
            softCost: assumedCost)
    }
}

/// The fields of a row. One that is missing, `null` or of another kind is nil.
struct RowFields {
    private let row: JSONValue

    init(_ row: JSONValue) { self.row = row }

    func text(_ name: String) -> String? { row[name]?.stringValue }

    func flag(_ name: String) -> Bool {
        switch row[name] {
        case .bool(let flag)?: flag
        case .string(let text)?: text == "true" || text == "1"
        case .number(let text)?: text == "1"
        default: false
        }
    }

    /// A number or the text of one times `unit`, rounded up, within 0...`Limit.amountMax`.
    func amount(_ name: String, unit: Int64 = 1) -> Int64? {
        let text: String
        switch row[name] {
        case .number(let number)?: text = number
        case .string(let number)?: text = number
        default: return nil
        }
        if unit == 1, let whole = Int64(text) { return min(max(whole, 0), Limit.amountMax) }
        guard text.utf8.count <= 64, let value = Decimal(string: text, locale: RowFields.locale), !value.isNaN else { return nil }
        var product = min(max(value, 0), Decimal(Limit.amountMax)) * Decimal(unit)
        var rounded = Decimal()
        NSDecimalRound(&rounded, &product, 0, .up)
        return NSDecimalNumber(decimal: min(rounded, Decimal(Limit.amountMax))).int64Value
    }

    private static let locale = Locale(identifier: "en_US_POSIX")

    /// Milliseconds since 1970 as a number or its text, or a time in RFC 3339 with or without a fraction.
    func time(_ name: String) -> WallTime? {
        guard case .string(let text)? = row[name] else { return amount(name).map { WallTime(milliseconds: $0) } }
        if let point = text.firstIndex(of: "."), let time = RowFields.time(text[..<point], fraction: text[point...].dropFirst()) {
            return time
        }
        return Expiry.moment(text) ?? amount(name).map { WallTime(milliseconds: $0) }
    }

    private static func time(_ seconds: Substring, fraction: Substring) -> WallTime? {
        let digits: Substring = fraction.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, let moment = Expiry.moment(String(seconds + fraction.dropFirst(digits.count))) else { return nil }
        return WallTime(milliseconds: moment.milliseconds + (Int64((digits.prefix(3) + "00").prefix(3)) ?? 0))
    }

    /// An object of texts, numbers and flags, or the text of one; all others are left out.
    func map(_ name: String) -> [String: String] {
        var object = row[name]?.objectValue
        if let text = row[name]?.stringValue {
            let bytes = Array(text.utf8)
            object = (try? JSONValue(parsing: bytes.span, limits: JSONLimits(depth: 4, values: 256)))?.objectValue
        }
        var values: [String: String] = [:]
        for member in object?.members ?? [] {
            switch member.value {
            case .string(let text), .number(let text): values[member.key] = text
            case .bool(let flag): values[member.key] = flag ? "true" : "false"
            case .null, .array, .object: continue
            }
        }
        return values
    }
}
