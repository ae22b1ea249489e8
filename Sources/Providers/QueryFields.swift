/// Walks over the `name=value` fields of a query without decoding or copying. Fields without a name are skipped.
public struct QueryFields: Sendable {
    private var position = 0

    /// Starts at the first field.
    public init() {}

    /// The next field's name and value as positions in `query`, which must be the same at every call; `nil` at the end.
    public mutating func next(in query: Span<UInt8>) -> (name: Range<Int>, value: Range<Int>)? {
        while position < query.count {
            let start = position
            let end = query.firstIndex(of: 0x26, from: start) ?? query.count
            position = end + 1
            guard end > start else { continue }
            let field = query.extracting(start..<end)
            guard let sign = field.firstIndex(of: 0x3D) else { return (start..<end, end..<end) }
            guard sign > 0 else { continue }
            return (start..<(start + sign), (start + sign + 1)..<end)
        }
        return nil
    }

    /// The value of the first field of that name; `nil` if there is none. Names are compared undecoded.
    static func value(of name: StaticString, in query: Span<UInt8>) -> Range<Int>? {
        var fields = QueryFields()
        while let field = fields.next(in: query) {
            if query.extracting(field.name).equals(name) { return field.value }
        }
        return nil
    }
}
