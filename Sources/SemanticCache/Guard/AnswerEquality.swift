/// Whether two answers say the same, as far as their texts alone decide it.
public enum AnswerEquality: String, Sendable, CaseIterable {
    /// The same but for case, spacing, punctuation and the spelling of numbers, or the same JSON.
    case equal
    /// Different numbers, or different JSON.
    case different
    /// Only their meaning could tell.
    case unsure

    /// Compares two answers. Symmetric.
    public static func compare(_ left: Span<UInt8>, _ right: Span<UInt8>) -> AnswerEquality { .unsure }
}
