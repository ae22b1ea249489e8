/// Rule 1: both texts contain the same numbers, in digits or in words, as often, and in the same units where both name one.
///
/// A token with a digit in it that is no number (`mp3`, `5:30`, `2024-01-05`) equals only its own spelling. A soft number (one, first) may be
/// missing on the other side. `50%` is not `0.5`, and `3.10` not `3.1`: what could be two things counts as two.
public enum NumbersRule {
    /// Passes or blocks.
    public static func outcome(_ left: GuardText, _ right: GuardText) -> GuardOutcome {
        agree(left.quantities, right.quantities) ? .pass : .block
    }

    private static func agree(_ left: [GuardText.Quantity], _ right: [GuardText.Quantity]) -> Bool {
        var (at, other) = (0, 0)
        while at < left.count || other < right.count {
            if at < left.count, other < right.count, left[at].value == right[other].value {
                let (ends, otherEnds) = (end(of: at, in: left), end(of: other, in: right))
                if !agree(left[at..<ends], right[other..<otherEnds]) { return false }
                (at, other) = (ends, otherEnds)
            } else if other == right.count || (at < left.count && left[at].value < right[other].value) {
                guard left[at].isSoft else { return false }
                at += 1
            } else {
                guard right[other].isSoft else { return false }
                other += 1
            }
        }
        return true
    }

    private static func end(of start: Int, in quantities: [GuardText.Quantity]) -> Int {
        var end = start
        while end < quantities.count, quantities[end].value == quantities[start].value { end += 1 }
        return end
    }

    /// The same value on both sides: as often, soft ones apart, and with the same units as far as units are named.
    private static func agree(_ left: ArraySlice<GuardText.Quantity>, _ right: ArraySlice<GuardText.Quantity>) -> Bool {
        let (hard, otherHard) = (left.count { !$0.isSoft }, right.count { !$0.isSoft })
        guard hard <= right.count, otherHard <= left.count else { return false }
        let (named, otherNamed) = (left.filter { $0.unit != 0 }, right.filter { $0.unit != 0 })
        let (fewer, more) = named.count <= otherNamed.count ? (named, otherNamed) : (otherNamed, named)
        return fewer.allSatisfy { quantity in more.contains { $0.unit == quantity.unit } }
    }
}
