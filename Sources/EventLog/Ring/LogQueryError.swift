/// A query, filter or change that can't be served: 400 `invalid_query` in the admin API.
public struct LogQueryError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The parameter or field.
    public var field: String
    /// What is wrong with it, to follow its name: `is not a number`.
    public var reason: String

    /// Makes an error.
    public init(_ field: String, _ reason: String) {
        self.field = field
        self.reason = reason
    }

    /// The sentence.
    public var description: String { "\(field) \(reason)" }
}
