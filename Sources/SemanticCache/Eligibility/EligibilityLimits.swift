/// The bounds of what the semantic cache takes part in.
public struct EligibilityLimits: Sendable, Equatable {
    /// The highest temperature whose answers may be shared, inclusive.
    public var temperature: Double
    /// The most tokens of a last user message, inclusive.
    public var tokens: Int
    /// The fewest content words, inclusive.
    public var contentWords: Int
    /// The longest life, in seconds, inclusive, of an entry whose question depends on the time of asking.
    public var timeDependentTTLSeconds: Int

    /// A text that opens like a follow-up needs this many content words more to stand on its own.
    static let followUpMargin = 2

    /// Bounds.
    public init(temperature: Double = 1, tokens: Int = 128, contentWords: Int = 2, timeDependentTTLSeconds: Int = 300) {
        self.temperature = temperature
        self.tokens = tokens
        self.contentWords = contentWords
        self.timeDependentTTLSeconds = timeDependentTTLSeconds
    }
}
