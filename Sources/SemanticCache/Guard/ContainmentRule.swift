/// Rule 8: neither text says strictly more than the other, and they ask the same kind of question. Otherwise they are only explored: an
/// addition may or may not change the answer.
///
/// With `oneWordApart`, two texts that are word for word the same but for other content words in one place are explored as well; questions
/// differ most often by one word, and which words mean the same is known only of those in the lists.
public enum ContainmentRule {
    private static let placeWordsMax = 4

    /// Passes or explores.
    public static func outcome(_ left: GuardText, _ right: GuardText, oneWordApart: Bool = true) -> GuardOutcome {
        let only = SortedKeys.difference(left.content, right.content)
        if (only.left == 0) != (only.right == 0) { return .explore }
        if left.questions != 0, right.questions != 0, left.questions & right.questions == 0 { return .explore }
        return oneWordApart && only.left > 0 && differInOnePlace(left.tokens, right.tokens) ? .explore : .pass
    }

    private static func differInOnePlace(_ left: [GuardText.Token], _ right: [GuardText.Token]) -> Bool {
        let shorter = min(left.count, right.count)
        guard max(left.count, right.count) - shorter <= placeWordsMax else { return false }
        var start = 0
        while start < shorter, left[start].key == right[start].key { start += 1 }
        var end = 0
        while end < shorter - start, left[left.count - 1 - end].key == right[right.count - 1 - end].key { end += 1 }
        return left.count - start - end <= placeWordsMax && right.count - start - end <= placeWordsMax
    }
}
