extension LogQuery {
    /// Why the query's cursor can't be used with it; `nil` where it can, or where there is none. A `LogScan` does not check it.
    public var cursorProblem: LogQueryError? {
        guard let cursor, cursor.isNewest != (order == .newest) || cursor.fingerprint != filter.fingerprint else { return nil }
        return LogQueryError("cursor", "belongs to another query")
    }
}
