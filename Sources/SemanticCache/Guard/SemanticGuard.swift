/// The guard on the raw texts: eight rules that notice what an embedding does not.
///
/// Embeddings place `best` beside `worst`, and 200 mg beside 800 mg. The rules are about language alone and know nothing of any traffic; they
/// would rather refuse a true paraphrase than let a near miss pass.
public enum SemanticGuard {
    /// Compares two prepared texts; both must have been read with the same word lists. Symmetric, and `pass` for a text and itself. A text that
    /// was too long to be read whole is blocked by every rule asked, unless the other is the same.
    public static func verdict(_ left: GuardText, _ right: GuardText, rules: GuardRules = .all) -> GuardVerdict {
        guard left.identity != right.identity else { return .pass }
        var verdict = GuardVerdict.pass
        for rule in GuardRule.allCases where rules.contains(rule) {
            verdict[rule] =
                left.isTruncated || right.isTruncated
                ? .block : outcome(of: rule, left, right, oneWordApart: rules.contains(GuardRules.oneWordApart))
        }
        return verdict
    }

    private static func outcome(of rule: GuardRule, _ left: GuardText, _ right: GuardText, oneWordApart: Bool) -> GuardOutcome {
        switch rule {
        case .numbers: NumbersRule.outcome(left, right)
        case .negation: NegationRule.outcome(left, right)
        case .quoted: QuotedRule.outcome(left, right)
        case .entities: EntitiesRule.outcome(left, right)
        case .antonyms: AntonymsRule.outcome(left, right)
        case .order: OrderRule.outcome(left, right)
        case .constraints: ConstraintsRule.outcome(left, right)
        case .containment: ContainmentRule.outcome(left, right, oneWordApart: oneWordApart)
        }
    }
}
