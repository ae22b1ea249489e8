import GatewayModel

/// What `GET /logs` asks for.
public struct LogQuery: Sendable, Equatable {
    /// Which rows come first.
    public enum Order: String, Sendable, CaseIterable { case newest, oldest }

    /// Which rows.
    public var filter = LogFilter()
    /// In which order, by sequence.
    public var order = Order.newest
    /// How many, 1 to 500.
    public var limit = 50
    /// Where the page before ended; `nil` for the first.
    public var cursor: LogCursor?

    /// The largest page.
    public static let limitMax = 500

    /// The first page of all rows.
    public init() {}

    private static let shorthands: Set<String> = [
        "tenant", "model", "provider", "status_code", "success", "cached", "error_kind", "cache_layer", "route", "key_id", "operation",
        "error_code", "event_id", "path",
    ]

    /// Takes a parameter of the request's query. `false` if the log knows none of that name.
    public mutating func take(_ name: String, _ value: String, now: WallTime) throws(LogQueryError) -> Bool {
        switch name {
        case "limit":
            guard let number = Int(value), (1...LogQuery.limitMax).contains(number) else {
                throw LogQueryError(name, "is a number from 1 to 500")
            }
            limit = number
        case "order":
            guard let order = Order(rawValue: value) else { throw LogQueryError(name, "is newest or oldest") }
            self.order = order
        case "cursor":
            guard let cursor = LogCursor(value) else { throw LogQueryError(name, "is not one that this log gave out") }
            self.cursor = cursor
        case "search": try filter.search(value)
        case "filter": try filter.add(value, now: now)
        case "since": filter.since = try LogQuery.time(name, value, now)
        case "until": filter.until = try LogQuery.time(name, value, now)
        default:
            guard LogQuery.shorthands.contains(name) || name.hasPrefix("metadata.") else { return false }
            try filter.add(field: name, equals: value, now: now)
        }
        return true
    }

    private static func time(_ name: String, _ value: String, _ now: WallTime) throws(LogQueryError) -> WallTime {
        guard let time = CivilTime.parse(value, now: now) else {
            throw LogQueryError(name, "is a time such as 2026-02-03T04:05:06Z, or how long ago it was, such as 15m")
        }
        return time
    }
}

/// Where a page ended. Opaque to clients; goes with the query it came from.
public struct LogCursor: Sendable, Equatable {
    /// The last row of the page.
    var sequence: UInt64
    /// The first sequence that was not overwritten yet when the page was made.
    var floor: UInt64
    var isNewest: Bool
    var fingerprint: UInt32

    init(sequence: UInt64, floor: UInt64, isNewest: Bool, fingerprint: UInt32) {
        self.sequence = sequence
        self.floor = floor
        self.isNewest = isNewest
        self.fingerprint = fingerprint
    }

    /// Reads the text form; `nil` for anything else.
    public init?(_ text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 41, digits[0] == 0x6E || digits[0] == 0x6F else { return nil }
        var words: [UInt64] = []
        for range in [1..<17, 17..<33, 33..<41] {
            var word: UInt64 = 0
            for digit in digits[range] {
                guard let value = hexValue(of: digit) else { return nil }
                word = word << 4 | UInt64(value)
            }
            words.append(word)
        }
        self.init(sequence: words[0], floor: words[1], isNewest: digits[0] == 0x6E, fingerprint: UInt32(truncatingIfNeeded: words[2]))
    }

    /// The text form: letters and digits.
    public var text: String {
        var bytes: [UInt8] = [isNewest ? 0x6E : 0x6F]
        EventText.append(hex: sequence, to: &bytes)
        EventText.append(hex: floor, to: &bytes)
        var last: [UInt8] = []
        EventText.append(hex: UInt64(fingerprint), to: &last)
        bytes.append(contentsOf: last.suffix(8))
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A page of rows.
public struct LogPage: Sendable {
    /// The rows, in the query's order.
    public var rows: [LogRow] = []
    /// Where the next page begins; `nil` where there is none.
    public var next: LogCursor?
    /// Whether rows that would stand at this place (before the page's first row in the order oldest, after its last in the order newest) were
    /// overwritten since the cursor was given out.
    public var hasGap = false
    /// Rows looked at.
    public var scanned = 0

    /// An empty page.
    public init() {}
}
