import JSON

/// Whether two answers say the same, as far as their texts alone decide it.
public enum AnswerEquality: String, Sendable, CaseIterable {
    /// The same but for case, spacing, punctuation and the spelling of numbers, or the same JSON.
    case equal
    /// Different JSON, or short answers that give different numbers, or yes and no.
    case different
    /// Only their meaning could tell.
    case unsure

    private static let jsonBytesMax = 1 << 18
    /// The most words of an answer that is a value and little else.
    private static let shortWordsMax = 12

    /// Compares two answers. Symmetric. Any bytes will do.
    public static func compare(_ left: Span<UInt8>, _ right: Span<UInt8>, words: GuardWords = .english) -> AnswerEquality {
        let (bytes, others) = (left.withUnsafeBufferPointer { Array($0) }, right.withUnsafeBufferPointer { Array($0) })
        if bytes == others { return .equal }
        switch (document(bytes), document(others)) {
        case (let value?, let other?): return areEqual(value, other) ? .equal : .different
        case (nil, nil): break
        default: return .unsure
        }
        let (scanned, otherScanned) = (TextScanner.scan(bytes, table: words.table), TextScanner.scan(others, table: words.table))
        guard !scanned.isTruncated, !otherScanned.isTruncated else { return .unsure }
        if haveSameWords(scanned, otherScanned) { return .equal }
        return compareValues(bytes, others, words: words)
    }

    // MARK: - Words

    /// The same words, numbers, signs and code in the same order; an empty text equals only an empty one.
    private static func haveSameWords(_ left: ScannedText, _ right: ScannedText) -> Bool {
        guard left.pieces.count == right.pieces.count else { return false }
        guard !left.pieces.isEmpty || left.identity == right.identity else { return false }
        for (piece, other) in zip(left.pieces, right.pieces) where piece.word != other.word { return false }
        let (code, otherCode) = (left.literals.filter(\.isCode), right.literals.filter(\.isCode))
        return code.count == otherCode.count && zip(code, otherCode).allSatisfy { $0.exact == $1.exact }
    }

    // MARK: - Short values

    /// Short answers are compared by their numbers: `42` and `The answer is 42.`
    private static func compareValues(_ left: [UInt8], _ right: [UInt8], words: GuardWords) -> AnswerEquality {
        let (text, other) = (GuardText(left.span, words: words), GuardText(right.span, words: words))
        guard text.tokens.count <= shortWordsMax, other.tokens.count <= shortWordsMax else { return .unsure }
        let haveNumbers = text.quantities.contains { !$0.isSoft } && other.quantities.contains { !$0.isSoft }
        guard haveNumbers else { return .unsure }
        guard NumbersRule.outcome(text, other) == .pass else { return .different }
        let isBare = text.content.count == text.quantities.count || other.content.count == other.quantities.count
        let rest = QuotedRule.outcome(text, other) == .pass && NegationRule.outcome(text, other) == .pass && text.names == other.names
        return rest && (text.content == other.content || isBare) && haveSameUnits(text, other) ? .equal : .unsure
    }

    /// `5 km` and `5` may or may not be the same.
    private static func haveSameUnits(_ left: GuardText, _ right: GuardText) -> Bool {
        left.quantities.count == right.quantities.count && zip(left.quantities, right.quantities).allSatisfy { $0.unit == $1.unit }
    }

    // MARK: - JSON

    /// The answer as JSON, an object or an array, within a code fence or not.
    private static func document(_ bytes: [UInt8]) -> JSONValue? {
        var text = trimmed(bytes[...])
        let fence: [UInt8] = [0x60, 0x60, 0x60]
        if text.starts(with: fence), text.count > 6, text.suffix(3).elementsEqual(fence), let line = text.firstIndex(of: 0x0A) {
            text = trimmed(text[(line + 1)..<max(line + 1, text.endIndex - 3)])
        }
        guard let first = text.first, first == 0x7B || first == 0x5B, text.count <= jsonBytesMax else { return nil }
        let document = Array(text)
        return try? JSONValue(parsing: document.span)
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let first = bytes.firstIndex(where: { !$0.isSpace }), let last = bytes.lastIndex(where: { !$0.isSpace }) else { return [] }
        return bytes[first...last]
    }

    /// Members in any order, numbers by value, strings to the letter.
    private static func areEqual(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch (left, right) {
        case (.object(let object), .object(let other)):
            guard object.count == other.count else { return false }
            var members: [String: JSONValue] = [:]
            for member in other.members { members[member.key] = member.value }
            return object.members.allSatisfy { member in members[member.key].map { areEqual(member.value, $0) } ?? false }
        case (.array(let elements), .array(let others)):
            return elements.count == others.count && zip(elements, others).allSatisfy { areEqual($0, $1) }
        case (.number(let text), .number(let other)):
            return text == other || exactlyEqual(text, other)
        default: return left == right
        }
    }

    /// Whether two JSON numbers have the same value, decided on their digits: a Double would call large integers equal that are not.
    private static func exactlyEqual(_ left: String, _ right: String) -> Bool { DecimalText(left) == DecimalText(right) }
}
