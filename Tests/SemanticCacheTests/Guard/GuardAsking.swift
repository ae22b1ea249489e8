import SemanticCache

/// What one rule says about two texts.
func outcome(_ rule: GuardRule, _ left: String, _ right: String, words: GuardWords = .english) -> GuardOutcome {
    SemanticGuard.verdict(GuardText(left, words: words), GuardText(right, words: words))[rule]
}
