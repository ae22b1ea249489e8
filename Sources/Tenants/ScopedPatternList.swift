// "openai/gpt-*" must mean OpenAI's models, not a model that another vendor happens to call "openai/gpt-oss-20b". So the provider's part and
// the rest are two patterns, cut apart once, and never matched as one text.

/// Up to 200 patterns over a provider and a name below it: a model (`gpt-4o*`, `openai/gpt-4o*`) or a path (`/v1/files*`, `openai/v1/files*`).
public struct ScopedPatternList: Sendable, Equatable {
    /// What stands behind the provider's name.
    public enum Subject: Sendable { case model, path }

    struct Entry: Sendable, Equatable {
        let text: String
        /// `nil`: at every provider.
        let provider: GlobPattern?
        let rest: GlobPattern
    }

    private(set) var entries: [Entry]

    /// The empty list.
    public init() { entries = [] }

    /// Makes a list from its texts. A model pattern without a slash, and a path pattern beginning with one, hold at every provider.
    public init(_ texts: [String], of subject: Subject) throws(PatternError) {
        guard texts.count <= PatternList.countMax else { throw .tooMany(texts.count) }
        var entries: [Entry] = []
        for text in texts {
            guard let entry = ScopedPatternList.entry(text, of: subject) else { throw .malformed(text) }
            entries.append(entry)
        }
        self.entries = entries
    }

    private static func entry(_ text: String, of subject: Subject) -> Entry? {
        guard text.utf8.count <= GlobPattern.textBytesMax else { return nil }
        guard let slash = text.utf8.firstIndex(of: 0x2F), slash != text.startIndex else {
            if subject == .path, text.utf8.first != 0x2F, text != "*" { return nil }
            return GlobPattern(text).map { Entry(text: text, provider: nil, rest: $0) }
        }
        let restStart = subject == .model ? text.utf8.index(after: slash) : slash
        guard let provider = GlobPattern(String(text[..<slash])), let rest = GlobPattern(String(text[restStart...])) else { return nil }
        return Entry(text: text, provider: provider, rest: rest)
    }

    /// Whether there is no pattern at all.
    public var isEmpty: Bool { entries.isEmpty }

    /// The patterns as written.
    public var texts: [String] { entries.map(\.text) }

    /// The provider parts written without a wildcard, for checks against the configured names.
    public var literalProviders: [String] {
        entries.compactMap { entry in entry.provider.flatMap { $0.isLiteral ? $0.text : nil } }
    }

    /// Whether any pattern matches `name` at the provider.
    public func matches(_ name: Span<UInt8>, at provider: Span<UInt8>) -> Bool {
        for entry in entries where entry.rest.matches(name) {
            guard let scope = entry.provider else { return true }
            if scope.matches(provider) { return true }
        }
        return false
    }
}
