import GatewayModel
import Hashing

/// Which rows are wanted: conditions that all must hold, a time range and a text to search for.
public struct LogFilter: Sendable, Equatable {
    var conditions: [LogCondition] = []
    private(set) var searchText = ""
    private var folded: [UInt8] = []
    /// Rows begun at or after this.
    public var since: WallTime?
    /// Rows begun before this.
    public var until: WallTime?

    /// Conditions in a filter.
    public static let conditionsMax = 32
    /// Bytes of a text to search for.
    public static let searchBytesMax = 256
    /// Bytes of a filter's text.
    public static let textBytesMax = 8192
    private static let searched: [EventLayout.Text] = [.eventID, .path, .model, .tenant, .errorCode]

    /// All rows.
    public init() {}

    /// Whether it lets every row through.
    public var isEmpty: Bool { conditions.isEmpty && folded.isEmpty && since == nil && until == nil }

    /// Adds conditions as they stand in a query: `status_code.gte:500`, several joined by commas. `:` and `=` are alike; a comma that is not
    /// followed by a field and an operator belongs to the value; `metadata.NAME` may hold dots.
    public mutating func add(_ text: String, now: WallTime) throws(LogQueryError) {
        guard text.utf8.count <= LogFilter.textBytesMax else { throw LogQueryError("filter", "has more than 8192 bytes") }
        var value = ""
        var pending: (field: String, comparison: LogCondition.Operator)?
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            if let begun = LogFilter.head(part) {
                if let pending { try add(pending.field, pending.comparison, value, now) }
                pending = (begun.field, begun.comparison)
                value = String(begun.value)
            } else if pending != nil {
                value += "," + part
            } else {
                throw LogQueryError("filter", "is FIELD.OPERATOR:VALUE with the operators eq neq contains lt gt lte gte in")
            }
        }
        if let pending { try add(pending.field, pending.comparison, value, now) }
    }

    /// Adds the condition that a field has a value: `tenant=a`.
    public mutating func add(field: String, equals value: String, now: WallTime) throws(LogQueryError) {
        try add(field, .eq, value, now)
    }

    /// Looks for a text in id, event id, path, model, tenant and error code, ASCII letters of either case alike.
    public mutating func search(_ text: String) throws(LogQueryError) {
        guard text.utf8.count <= LogFilter.searchBytesMax else { throw LogQueryError("search", "has more than 256 bytes") }
        searchText = text
        folded = text.utf8.map(LogCondition.folded)
    }

    private mutating func add(
        _ field: String, _ comparison: LogCondition.Operator, _ value: String, _ now: WallTime
    ) throws(LogQueryError) {
        guard conditions.count < LogFilter.conditionsMax else { throw LogQueryError("filter", "has more than 32 conditions") }
        conditions.append(try LogCondition(field: field, comparison, value, now: now))
    }

    /// `FIELD.OPERATOR:` at the beginning of a text; `nil` where there is none. Whether there is such a field is checked later: a misspelt one
    /// must be refused, and not become part of the value before it.
    private static func head(_ text: Substring) -> (field: String, comparison: LogCondition.Operator, value: Substring)? {
        let bytes = text.utf8
        var at = bytes.startIndex
        while let dot = bytes[at...].firstIndex(of: 0x2E) {
            let rest = bytes[bytes.index(after: dot)...]
            if let end = rest.prefix(9).firstIndex(where: { $0 == 0x3A || $0 == 0x3D }),
                let comparison = LogCondition.Operator(rawValue: String(text[rest.startIndex..<end]))
            {
                let name = String(text[..<dot])
                let isName = name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
                guard !name.isEmpty, isName || name.hasPrefix("metadata.") else { return nil }
                return (name, comparison, text[bytes.index(after: end)...])
            }
            at = bytes.index(after: dot)
        }
        return nil
    }

    // MARK: - Matching

    /// Whether a row is let through.
    public func matches(_ row: LogRow) -> Bool {
        row.bytes.withUnsafeBytes { bytes in
            guard let view = RowView(bytes) else { return false }
            return matches(RowContext(row: view, sequence: row.sequence, hasPayloads: row.hasPayloads, patch: row.patch))
        }
    }

    /// Whether a block whose rows were begun between these times can hold a row that is wanted.
    @inline(__always)
    func mayMatch(from oldest: Int64, to newest: Int64) -> Bool {
        if let since, newest < since.milliseconds { return false }
        if let until, oldest >= until.milliseconds { return false }
        return true
    }

    func matches(_ context: borrowing RowContext) -> Bool {
        if since != nil || until != nil {
            let created = context.row.createdAt
            if let since, created < since.milliseconds { return false }
            if let until, created >= until.milliseconds { return false }
        }
        for condition in conditions where !condition.matches(context) { return false }
        return folded.isEmpty || found(in: context)
    }

    private func found(in context: borrowing RowContext) -> Bool {
        for text in LogFilter.searched where LogCondition.contains(folded, in: context.row.text(text)) { return true }
        // An id has 36 characters, all of them hexadecimal digits and dashes.
        guard folded.count <= 36, folded.allSatisfy({ hexValue(of: $0) != nil || $0 == 0x2D }) else { return false }
        return context.withText(of: .id) { LogCondition.contains(folded, in: $0) }
    }

    /// Tells filters apart, so that a cursor goes with its own only.
    var fingerprint: UInt32 {
        var text = searchText
        for condition in conditions { text += "\n" + condition.source }
        // A range that is relative to now differs from page to page; the cursor's place holds all the same.
        text += since == nil ? "-" : "s"
        text += until == nil ? "-" : "u"
        return UInt32(truncatingIfNeeded: xxh3(Array(text.utf8).span))
    }
}
