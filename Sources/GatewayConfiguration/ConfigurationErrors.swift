/// Everything found wrong in one load: at least one error, at most 20, in the order of files and lines.
public struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// How many errors are kept.
    public static let countMax = 20

    /// The errors.
    public private(set) var errors: [ConfigurationError]
    /// How many more there were.
    public private(set) var omittedCount: Int

    /// Collects errors; those past `countMax` are only counted.
    init(_ errors: [ConfigurationError], omittedCount: Int = 0) {
        let sorted = errors.enumerated().sorted { left, right in
            (left.element.file, left.element.line ?? 0, left.offset) < (right.element.file, right.element.line ?? 0, right.offset)
        }
        self.errors = sorted.prefix(ConfigurationErrors.countMax).map(\.element)
        self.omittedCount = omittedCount + max(0, errors.count - ConfigurationErrors.countMax)
    }

    /// What keeps a configuration without fault from being used.
    public init(_ message: String) { self.init([ConfigurationError(file: "weir.yaml", line: nil, field: nil, message: message)]) }

    /// One line per error.
    public var description: String {
        let lines = errors.map(\.description) + (omittedCount > 0 ? ["… and \(omittedCount) more"] : [])
        return lines.joined(separator: "\n")
    }
}

/// Where errors gather during one load. Confined to the loading thread.
final class ErrorCollector {
    private(set) var errors: [ConfigurationError] = []
    private(set) var omittedCount = 0

    /// How many there were so far.
    var count: Int { errors.count + omittedCount }

    /// Adds an error, or counts it when enough have been kept.
    func add(_ error: ConfigurationError) {
        if errors.count < ConfigurationErrors.countMax { errors.append(error) } else { omittedCount += 1 }
    }

    /// Throws what has gathered, if anything has.
    func throwIfAny() throws(ConfigurationErrors) {
        if !errors.isEmpty { throw ConfigurationErrors(errors, omittedCount: omittedCount) }
    }
}
