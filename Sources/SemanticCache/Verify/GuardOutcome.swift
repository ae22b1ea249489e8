/// What the guard says about a request and one stored text: the strictest of its rules' verdicts.
public enum GuardOutcome: Sendable, Equatable {
    /// Every rule passes.
    case pass
    /// May be learnt from, never served. Names the rule.
    case explore(rule: String)
    /// Must not be considered. Names the rule.
    case block(rule: String)
}
