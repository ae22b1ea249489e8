/// Rule 4: what one text names, the other names too: capitalised words that do not begin a sentence, acronyms, camelCase, and the names of the
/// word lists in any case. The other text may spell it in small letters.
public enum EntitiesRule {
    /// Passes or blocks.
    public static func outcome(_ left: GuardText, _ right: GuardText) -> GuardOutcome {
        names(of: left, occurIn: right) && names(of: right, occurIn: left) ? .pass : .block
    }

    private static func names(of text: GuardText, occurIn other: GuardText) -> Bool {
        for name in text.names where !SortedKeys.contains(other.vocabulary, name) { return false }
        for entity in text.entities where !SortedKeys.contains(other.vocabulary, entity.word) {
            if !SortedKeys.contains(other.vocabulary, entity.key) { return false }
        }
        return true
    }
}
