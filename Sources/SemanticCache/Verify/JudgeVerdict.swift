/// Whether two answers say the same.
public enum JudgeVerdict: UInt8, Sendable {
    /// They do.
    case equal
    /// They do not.
    case different
    /// Nobody could tell; counts as different.
    case unsure
}
