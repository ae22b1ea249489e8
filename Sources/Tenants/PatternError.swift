/// Why a list of patterns was refused. The text names the entry, never a secret.
public struct PatternError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One clause: what is wrong and what is allowed.
    public let description: String

    /// Makes an error from its one clause.
    public init(_ description: String) { self.description = description }

    static func malformed(_ text: String) -> PatternError {
        PatternError(
            "\"\(printable(text))\" is not a pattern: 1 to \(GlobPattern.textBytesMax) bytes without spaces, * as the only wildcard")
    }

    static func tooMany(_ count: Int) -> PatternError {
        PatternError("\(count) patterns where at most \(PatternList.countMax) are allowed")
    }
}

/// `text` cut to 64 characters with everything unprintable replaced, fit for a message.
func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(64).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
}
