/// One of the eight rules, by its name in JSON and in the configuration.
public enum GuardRule: String, Sendable, CaseIterable {
    /// Equal numbers: digits, number words, tokens that contain digits, units.
    case numbers
    /// The same presence and parity of negation, and the same things negated.
    case negation
    /// Equal quoted strings, code, URLs, paths, identifiers and symbols.
    case quoted
    /// Names of one side occur in the other.
    case entities
    /// Opposites are not split across the two.
    case antonyms
    /// Shared content words stand in the same roles.
    case order
    /// The same demands on the answer: format, length, language, time.
    case constraints
    /// Neither side says strictly more than the other, and both ask the same kind of question.
    case containment

    /// The position in `allCases`, and the bit in `GuardRules`.
    @inlinable public var index: Int {
        switch self {
        case .numbers: 0
        case .negation: 1
        case .quoted: 2
        case .entities: 3
        case .antonyms: 4
        case .order: 5
        case .constraints: 6
        case .containment: 7
        }
    }
}
