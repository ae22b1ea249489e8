/// Rule 7: both texts make the same demands on the answer: format, length, style, language, and the time it is about.
public enum ConstraintsRule {
    /// Passes or blocks.
    public static func outcome(_ left: GuardText, _ right: GuardText) -> GuardOutcome { left.demands == right.demands ? .pass : .block }
}
