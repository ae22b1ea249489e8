/// Rule 6: shared content words play the same roles.
///
/// English tells roles by order and by prepositions. Two shared words that stand in reverse have changed roles if a word that relates them
/// (a content word, a preposition, a possessive 's) stands between them in both texts: `cats chase dogs`, `from EUR to USD`. Without one they
/// have not: `reset my password`, `a password reset`. Words that are joined (and, or, between, vs) may stand in any order. A passive (chased by)
/// on one side only turns it around. And one word after opposite prepositions (to Oslo, from Oslo) has changed its role as well.
///
/// Looks at the first 64 words that stand once in both texts, and at pairs at most 12 words apart.
public enum OrderRule {
    private static let anchorsMax = 64
    private static let distanceMax = 12

    /// Passes or blocks.
    public static func outcome(_ left: GuardText, _ right: GuardText) -> GuardOutcome {
        if directionsDiffer(left.directions, right.directions) { return .block }
        let anchors = sharedWords(left, right)
        for (index, first) in anchors.enumerated() {
            var next = index + 1
            while next < anchors.count {
                let second = anchors[next]
                next += 1
                guard second.left - first.left <= distanceMax else { break }
                guard abs(second.right - first.right) <= distanceMax else { continue }
                if rolesDiffer(left, right, first, second) { return .block }
            }
        }
        return .pass
    }

    /// A word that stands once in each text, and where.
    private struct Anchor {
        var left: Int
        var right: Int
    }

    /// Where the content words stand that occur once in each text, in the order of the left one.
    private static func sharedWords(_ left: GuardText, _ right: GuardText) -> [Anchor] {
        var anchors: [Anchor] = []
        anchors.reserveCapacity(min(left.single.count, right.single.count))
        var (at, other) = (0, 0)
        while at < left.single.count, other < right.single.count {
            let (place, otherPlace) = (left.single[at], right.single[other])
            if place.key == otherPlace.key { anchors.append(Anchor(left: place.index, right: otherPlace.index)) }
            if place.key <= otherPlace.key { at += 1 }
            if otherPlace.key <= place.key { other += 1 }
        }
        anchors.sort { $0.left < $1.left }
        return anchors.count > anchorsMax ? Array(anchors[..<anchorsMax]) : anchors
    }

    private static func rolesDiffer(_ left: GuardText, _ right: GuardText, _ first: Anchor, _ second: Anchor) -> Bool {
        let (here, there) = ((first.left + 1)..<second.left, between(first.right, second.right))
        let isReversed = first.right > second.right
        let (passive, otherPassive) = (isPassive(left.tokens[here]), isPassive(right.tokens[there]))
        guard isReversed != (passive != otherPassive) else { return false }
        if left.tokens[here].contains(where: { $0.flags.contains(.joiner) })
            && right.tokens[there].contains(where: { $0.flags.contains(.joiner) })
        {
            return false
        }
        // Across clauses on one side only, the one sentence says in two clauses what the other says in one: no role is told by that order.
        guard crossesClause(left.tokens, here) == crossesClause(right.tokens, there) else { return false }
        return relates(left.tokens[here], right.tokens[there])
    }

    /// Whether a clause begins between two words, or with the second.
    private static func crossesClause(_ tokens: [GuardText.Token], _ between: Range<Int>) -> Bool {
        tokens[between.lowerBound...between.upperBound].contains { $0.flags.contains(.startsClause) }
    }

    private static func between(_ first: Int, _ second: Int) -> Range<Int> { (min(first, second) + 1)..<max(first, second) }

    /// `eaten by`: an agent's word right after a content word.
    private static func isPassive(_ tokens: ArraySlice<GuardText.Token>) -> Bool {
        var wasContent = false
        for token in tokens {
            if wasContent, token.flags.contains(.agent) { return true }
            wasContent = token.flags.contains(.content)
        }
        return false
    }

    /// Whether the same relating word stands in both.
    private static func relates(_ left: ArraySlice<GuardText.Token>, _ right: ArraySlice<GuardText.Token>) -> Bool {
        left.contains { token in
            (token.flags.contains(.content) || token.flags.contains(.role)) && right.contains { $0.key == token.key }
        }
    }

    private static func directionsDiffer(_ left: [GuardText.Direction], _ right: [GuardText.Direction]) -> Bool {
        for direction in left {
            var (same, opposite) = (false, false)
            for other in right where other.key == direction.key && other.code >> 5 == direction.code >> 5 {
                if other.code == direction.code { same = true } else { opposite = true }
            }
            guard opposite, !same else { continue }
            // The left text may have both directions as well.
            let both = left.contains { own in
                right.contains {
                    $0.key == own.key && $0.code == own.code && own.key == direction.key && own.code >> 5 == direction.code >> 5
                }
            }
            if !both { return true }
        }
        return false
    }
}
