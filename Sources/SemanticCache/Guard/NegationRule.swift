/// Rule 2: both texts negate, or neither does; equally often modulo two; and they do not negate each other's affirmations.
///
/// A word with a negating prefix counts as a negation when the word without it stands in the other text: `unlocked` against `locked`, also
/// `unable` against `able`.
public enum NegationRule {
    /// Passes or blocks.
    public static func outcome(_ left: GuardText, _ right: GuardText) -> GuardOutcome {
        let (count, other) = (left.negations + prefixes(of: left, against: right), right.negations + prefixes(of: right, against: left))
        guard (count > 0) == (other > 0), count % 2 == other % 2 else { return .block }
        return crosses(left, right) && crosses(right, left) ? .block : .pass
    }

    private static func prefixes(of text: GuardText, against other: GuardText) -> Int {
        text.prefixed.count { prefixed in
            SortedKeys.contains(other.vocabulary, prefixed.rest) && !SortedKeys.contains(other.vocabulary, prefixed.word)
                && !SortedKeys.contains(text.vocabulary, prefixed.rest)
        }
    }

    /// Whether something that one text negates is affirmed by the other, and nowhere negated.
    private static func crosses(_ text: GuardText, _ other: GuardText) -> Bool {
        guard text.negations > 0, other.negations > 0 else { return false }
        var checked = 0
        for token in text.tokens where token.flags.contains(.negated) {
            // Enough for any question; keeps two long answers from costing the product of their lengths.
            checked += 1
            guard checked <= 64 else { return false }
            guard SortedKeys.contains(other.content, token.key) else { continue }
            if !other.tokens.contains(where: { $0.key == token.key && $0.flags.contains(.negated) }) { return true }
        }
        return false
    }
}
