import SemanticCache

/// What must hold for any two texts, bytes of any kind. Also the fuzzer's body. Returns what went wrong.
func guardFault(_ left: [UInt8], _ right: [UInt8]) -> String? {
    let (text, other) = (GuardText(left.span), GuardText(right.span))
    guard SemanticGuard.verdict(text, text) == .pass else { return "a text differs from itself" }
    let verdict = SemanticGuard.verdict(text, other)
    guard verdict == SemanticGuard.verdict(other, text) else { return "the verdict depends on the order of the texts" }
    guard SemanticGuard.verdict(text, GuardText(right.span)) == verdict else { return "the verdict depends on when a text was read" }
    for rule in GuardRule.allCases {
        let alone = SemanticGuard.verdict(text, other, rules: [GuardRules(rule), .oneWordApart])
        guard alone[rule] == verdict[rule] else { return "\(rule) depends on which other rules are asked" }
        guard alone.raised.isSubset(of: GuardRules(rule)) else { return "a rule that was not asked has spoken" }
    }
    guard SemanticGuard.verdict(text, other, rules: .intent) == .pass else { return "no rule was asked, and one spoke" }
    let equality = AnswerEquality.compare(left.span, right.span)
    guard equality == AnswerEquality.compare(right.span, left.span) else { return "answers are not compared symmetrically" }
    guard AnswerEquality.compare(left.span, left.span) == .equal else { return "an answer differs from itself" }
    return text.contentWords >= 0 ? nil : "a negative count"
}

/// Splits a fuzzer's bytes into two texts, at the first zero byte or in the middle.
func guardFault(_ bytes: [UInt8]) -> String? {
    let middle = bytes.firstIndex(of: 0) ?? bytes.count / 2
    return guardFault(Array(bytes[..<middle]), Array(bytes[middle...]))
}
