/// Rule 5: no pair of opposites is split across the texts: where both take sides on a line of the list, they share one.
public enum AntonymsRule {
    /// Passes or blocks.
    public static func outcome(_ left: GuardText, _ right: GuardText) -> GuardOutcome {
        var (at, other) = (0, 0)
        while at < left.sides.count, other < right.sides.count {
            let (line, otherLine) = (left.sides[at] >> 5, right.sides[other] >> 5)
            if line == otherLine {
                if mask(left.sides, &at) & mask(right.sides, &other) == 0 { return .block }
            } else if line < otherLine {
                at += 1
            } else {
                other += 1
            }
        }
        return .pass
    }

    /// The sides taken on one line, as bits; moves on to the next line.
    private static func mask(_ sides: [UInt32], _ index: inout Int) -> UInt32 {
        let line = sides[index] >> 5
        var mask: UInt32 = 0
        while index < sides.count, sides[index] >> 5 == line {
            mask |= 1 << (sides[index] & 31)
            index += 1
        }
        return mask
    }
}
