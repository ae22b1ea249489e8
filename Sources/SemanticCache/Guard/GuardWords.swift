/// The word lists that the rules read.
public final class GuardWords: Sendable {
    /// The English lists that come with the gateway.
    public static let english = GuardWords()

    init() {}

    /// These lists and those of a file; its format is described in `Words/english.words`.
    public func extended(by file: Span<UInt8>, named name: String) throws(WordListError) -> GuardWords { self }
}
