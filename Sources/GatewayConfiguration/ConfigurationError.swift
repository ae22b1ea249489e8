/// One thing wrong with the configuration, told on one line: `config/weir.yaml:12: cache.ttl: 99999999 is above the maximum 2592000 (seconds)`.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file, as it was named.
    public let file: String
    /// The line, from 1; `nil` where the trouble is the file itself.
    public let line: Int?
    /// The field's path, such as `routes.fast.cache.ttl`; `nil` where there is none.
    public let field: String?
    /// What is wrong and what is allowed. Never holds a secret's value.
    public let message: String

    /// Makes an error.
    public init(file: String, line: Int?, field: String?, message: String) {
        self.file = file
        self.line = line
        self.field = field
        self.message = message
    }

    /// `file:line: field: message`, the parts that are missing left out.
    public var description: String {
        var text = file
        if let line { text += ":\(line)" }
        if let field { text += ": \(field)" }
        return text + ": " + message
    }
}
