/// Which rules are asked. A rule that is not asked passes.
public struct GuardRules: OptionSet, Sendable, Hashable {
    /// One bit per rule, at `GuardRule.index`; bit 8 is `oneWordApart`. Other bits have no meaning.
    public let rawValue: UInt16

    /// Any set of bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The set of one rule.
    public init(_ rule: GuardRule) { rawValue = 1 << UInt16(rule.index) }

    /// See `GuardRule.numbers`.
    public static let numbers = GuardRules(.numbers)
    /// See `GuardRule.negation`.
    public static let negation = GuardRules(.negation)
    /// See `GuardRule.quoted`.
    public static let quoted = GuardRules(.quoted)
    /// See `GuardRule.entities`.
    public static let entities = GuardRules(.entities)
    /// See `GuardRule.antonyms`.
    public static let antonyms = GuardRules(.antonyms)
    /// See `GuardRule.order`.
    public static let order = GuardRules(.order)
    /// See `GuardRule.constraints`.
    public static let constraints = GuardRules(.constraints)
    /// See `GuardRule.containment`.
    public static let containment = GuardRules(.containment)
    /// A part of `containment`, and nothing without it: the same sentence with other content words in one place is explored, unless the
    /// word lists call those words synonyms.
    public static let oneWordApart = GuardRules(rawValue: 1 << 8)

    /// Every rule: the default.
    public static let all = GuardRules(rawValue: 0x1FF)
    /// No rule: for traffic whose answers depend on the intent alone, such as routing to one of a fixed set of canned answers, where
    /// names and numbers do not matter.
    public static let intent: GuardRules = []

    /// Whether a rule is asked.
    @inlinable public func contains(_ rule: GuardRule) -> Bool { rawValue & (1 << UInt16(rule.index)) != 0 }
}
