/// Up to 200 name patterns; what an empty list means is its owner's to say.
public struct PatternList: Sendable, Equatable {
    /// The most patterns in one list.
    public static let countMax = 200

    /// The patterns in the order given.
    public private(set) var patterns: [GlobPattern]

    /// The empty list.
    public init() { patterns = [] }

    /// Makes a list from its texts.
    public init(_ texts: [String]) throws(PatternError) {
        guard texts.count <= PatternList.countMax else { throw .tooMany(texts.count) }
        var patterns: [GlobPattern] = []
        for text in texts {
            guard let pattern = GlobPattern(text) else { throw .malformed(text) }
            patterns.append(pattern)
        }
        self.patterns = patterns
    }

    /// Whether there is no pattern at all.
    @inlinable public var isEmpty: Bool { patterns.isEmpty }

    /// Whether any pattern matches.
    public func matches(_ bytes: Span<UInt8>) -> Bool {
        for pattern in patterns where pattern.matches(bytes) { return true }
        return false
    }

    /// The patterns as written.
    public var texts: [String] { patterns.map(\.text) }
}
