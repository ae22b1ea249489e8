/// What a rule says about two texts; the greater wins.
public enum GuardOutcome: UInt8, Sendable, Comparable, CaseIterable {
    /// Nothing speaks against one answer for both.
    case pass
    /// Not served on likeness alone: only once fresh answers have been seen to agree.
    case explore
    /// They ask for different things.
    case block

    /// The name in JSON.
    public var name: String {
        switch self {
        case .pass: "pass"
        case .explore: "explore"
        case .block: "block"
        }
    }

    /// By severity.
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What the guard says about two texts: an outcome per rule. Two bytes.
public struct GuardVerdict: Sendable, Hashable {
    /// Two bits per rule, at twice its index.
    @usableFromInline var bits: UInt16

    /// Every rule passes.
    public static let pass = GuardVerdict(bits: 0)

    @usableFromInline init(bits: UInt16) { self.bits = bits }

    /// The outcome of one rule.
    @inlinable public internal(set) subscript(rule: GuardRule) -> GuardOutcome {
        get { GuardOutcome(rawValue: UInt8(truncatingIfNeeded: bits >> UInt16(2 * rule.index)) & 3) ?? .block }
        set {
            let shift = UInt16(2 * rule.index)
            bits = bits & ~(3 << shift) | UInt16(newValue.rawValue) << shift
        }
    }

    /// The most severe outcome of all rules.
    public var overall: GuardOutcome {
        if bits & 0xAAAA != 0 { return .block }
        return bits == 0 ? .pass : .explore
    }

    /// Whether any rule blocks.
    @inlinable public var isBlocked: Bool { bits & 0xAAAA != 0 }

    /// A bit per rule that does not pass, at its index: features for a model, counters.
    public var raised: GuardRules {
        var set: GuardRules = []
        for rule in GuardRule.allCases where self[rule] != .pass { set.insert(GuardRules(rule)) }
        return set
    }
}
