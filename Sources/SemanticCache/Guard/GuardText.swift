/// What the guard knows about one text, prepared once and compared with many. Holds hashes, not the text, and is valid only within this
/// process: hashes are keyed at start.
public struct GuardText: Sendable {
    /// The number of content words (words that are not stop words, numbers included).
    public let contentWords: Int

    /// Reads a text. Any bytes will do.
    public init(_ text: Span<UInt8>, words: GuardWords = .english) { contentWords = text.count }

    /// Reads a text.
    public init(_ text: String, words: GuardWords = .english) { self.init(Array(text.utf8).span, words: words) }
}
