/// Rule 3: quoted strings, code, URLs, paths, identifiers and signs of one text stand in the other.
///
/// A quoted string may stand in the other text without quotes, word for word; so may code, but against other code it must be equal to the
/// letter, runs of white space apart. Signs (operators, emoji) must be the same, as often.
public enum QuotedRule {
    /// Passes or blocks.
    public static func outcome(_ left: GuardText, _ right: GuardText) -> GuardOutcome {
        guard left.signs == right.signs else { return .block }
        return contains(right, literalsOf: left) && contains(left, literalsOf: right) ? .pass : .block
    }

    private static func contains(_ text: GuardText, literalsOf other: GuardText) -> Bool {
        for token in other.code where !SortedKeys.contains(text.vocabulary, token) { return false }
        return other.literals.allSatisfy { contains(text, $0, of: other) }
    }

    private static func contains(_ text: GuardText, _ literal: TextLiteral, of other: GuardText) -> Bool {
        if text.literals.contains(where: { $0.exact == literal.exact }) { return true }
        if literal.isCode, text.literals.contains(where: \.isCode) { return false }
        guard literal.count > 0 else { return false }
        return run(other.spelled, literal.first, literal.count, occursIn: text.spelled)
    }

    private static func run(_ words: [UInt64], _ first: Int, _ count: Int, occursIn text: [UInt64]) -> Bool {
        guard first + count <= words.count, count <= text.count else { return false }
        for start in 0...(text.count - count) {
            var matched = 0
            while matched < count, text[start + matched] == words[first + matched] { matched += 1 }
            if matched == count { return true }
        }
        return false
    }
}
