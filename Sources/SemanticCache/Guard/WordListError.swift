/// Why a word list is refused, and where.
public struct WordListError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file, as its reader called it.
    public var file: String
    /// The line, counted from 1.
    public var line: Int
    /// What is wrong with it.
    public var problem: String

    /// `file:line: problem`
    public var description: String { "\(file):\(line): \(problem)" }
}
