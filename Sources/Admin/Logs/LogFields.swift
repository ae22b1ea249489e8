import EventLog
import GatewayModel

/// Reads the query fields of the calls under `/logs`. Unknown names, and names that may come once and come twice, are 400 `invalid_query`.
struct LogFields {
    /// What a call takes besides conditions.
    struct Extras: OptionSet {
        let rawValue: UInt8
        static let page = Extras(rawValue: 1)
        static let order = Extras(rawValue: 2)
        static let format = Extras(rawValue: 4)
        static let all = Extras(rawValue: 8)
        static let payloads = Extras(rawValue: 16)
    }

    private(set) var query = LogQuery()
    /// `csv` or `jsonl`.
    private(set) var isCSV = false
    /// Whether rows come with the bodies that are kept of them.
    private(set) var hasPayloads = false
    /// Whether the caller said that it means every row.
    private(set) var isAll = false

    private static let single: Set<String> = ["limit", "cursor", "order", "search", "since", "until", "format", "all", "payloads"]

    /// - Parameter now: what `since=15m` is relative to.
    init(_ fields: [QueryField], _ extras: Extras, now: WallTime) throws(GatewayError) {
        var seen: Set<String> = []
        for field in fields {
            if LogFields.single.contains(field.name), !seen.insert(field.name).inserted {
                throw LogFields.invalid(field.name, "\(field.name) is given twice")
            }
            try take(field, extras, now)
        }
        if isCSV, hasPayloads { throw LogFields.invalid("payloads", "bodies come in jsonl only") }
        if let problem = query.cursorProblem { throw LogFields.invalid(problem.field, problem.description) }
    }

    private mutating func take(_ field: QueryField, _ extras: Extras, _ now: WallTime) throws(GatewayError) {
        switch field.name {
        case "limit" where !extras.contains(.page), "cursor" where !extras.contains(.page), "order" where !extras.contains(.order):
            throw LogFields.unknown(field.name)
        case "format":
            guard extras.contains(.format) else { throw LogFields.unknown(field.name) }
            guard field.value == "jsonl" || field.value == "csv" else { throw LogFields.invalid("format", "format is jsonl or csv") }
            isCSV = field.value == "csv"
        case "payloads":
            guard extras.contains(.payloads) else { throw LogFields.unknown(field.name) }
            guard field.value == "true" || field.value == "false" else { throw LogFields.invalid("payloads", "payloads is true or false") }
            hasPayloads = field.value == "true"
        case "all":
            guard extras.contains(.all) else { throw LogFields.unknown(field.name) }
            guard field.value == "true" else { throw LogFields.invalid("all", "all is true where it is given") }
            isAll = true
        default:
            do throws(LogQueryError) {
                guard try query.take(field.name, field.value, now: now) else { throw LogQueryError("", "") }
            } catch {
                throw error.field.isEmpty ? LogFields.unknown(field.name) : LogFields.invalid(error.field, error.description)
            }
        }
    }

    private static func unknown(_ name: String) -> GatewayError {
        let shown = String(name.prefix(64))
        return invalid(shown, "there is no field \"\(shown)\" here")
    }

    /// 400 `invalid_query`.
    static func invalid(_ name: String, _ sentence: String) -> GatewayError {
        GatewayError(status: 400, code: "invalid_query", message: "The query is wrong: \(sentence).", param: name)
    }
}
