import SemanticCache

/// The guard's rules as the configuration names them.
public enum SemanticGuardNames {
    /// The part of `containment` that has a name of its own.
    public static let oneWordApart = "one-word-apart"

    /// Every rule, in the order of the documentation: those of `GuardRule`, then `oneWordApart`.
    public static let rules: [String] = GuardRule.allCases.map(\.rawValue) + [oneWordApart]

    /// The word for every rule.
    static let all = "all"
    /// The word for none.
    static let intent = "intent"
}
