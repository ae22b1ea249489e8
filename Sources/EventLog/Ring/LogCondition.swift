import GatewayModel

/// One condition of a filter: a field, an operator, and what it is compared with.
struct LogCondition: Sendable, Equatable {
    enum Operator: String, Sendable, CaseIterable {
        case eq, neq, contains, lt, gt, lte, gte
        case among = "in"
    }

    /// What the field is compared with, in each form that may be needed.
    struct Operand: Sendable, Equatable {
        var text: [UInt8]
        /// The text with ASCII capitals made small: `contains` does not tell them apart.
        var folded: [UInt8]
        var number: Double
        var truth: Bool
        /// The two words of an id.
        var id: RequestID?
    }

    let field: LogField
    let comparison: Operator
    let operands: [Operand]
    /// As it was written: part of a cursor's fingerprint.
    let source: String

    static let operandsMax = 100
    static let valueBytesMax = 1024

    /// Reads one. Values of `in` are split at `|`.
    init(field name: String, _ comparison: Operator, _ value: String, now: WallTime) throws(LogQueryError) {
        guard let field = LogField(name: name) else { throw LogQueryError(LogCondition.shown(name), "is not a field of the log's rows") }
        guard value.utf8.count <= LogCondition.valueBytesMax else { throw LogQueryError(name, "is compared with more than 1024 bytes") }
        self.field = field
        self.comparison = comparison
        source = "\(name).\(comparison.rawValue):\(value)"
        let parts = comparison == .among ? value.split(separator: "|", omittingEmptySubsequences: false).map(String.init) : [value]
        guard parts.count <= LogCondition.operandsMax else { throw LogQueryError(name, "is compared with more than 100 values") }
        var operands: [Operand] = []
        for part in parts { operands.append(try LogCondition.operand(part, of: field, name, comparison, now)) }
        self.operands = operands
    }

    private static func operand(
        _ value: String, of field: LogField, _ name: String, _ comparison: Operator, _ now: WallTime
    ) throws(LogQueryError) -> Operand {
        let text = Array(value.utf8)
        var operand = Operand(text: text, folded: text.map(folded), number: Double(value) ?? .nan, truth: false, id: nil)
        switch field {
        case .number(.createdAt):
            guard let time = CivilTime.parse(value, now: now) else {
                throw LogQueryError(name, "is compared with something that is no time")
            }
            operand.number = Double(time.milliseconds)
        case .number:
            guard comparison == .contains || operand.number.isFinite else {
                throw LogQueryError(name, "is a number and is compared with something that is none")
            }
        case .flag:
            guard comparison == .eq || comparison == .neq || comparison == .among else {
                throw LogQueryError(name, "is true or false: only eq, neq and in apply to it")
            }
            switch value {
            case "true", "1": operand.truth = true
            case "false", "0": operand.truth = false
            default: throw LogQueryError(name, "is compared with something that is neither true nor false")
            }
        case .name(.id): operand.id = EventText.id(value)
        case .name(.errorKind):
            guard comparison != .eq || GatewayEvent.ErrorKind.allCases.contains(where: { $0.name == value }) else {
                throw LogQueryError(name, "knows no such kind of error")
            }
        case .name(.cacheLayer):
            guard comparison != .eq || GatewayEvent.CacheLayer.allCases.contains(where: { $0.name == value }) else {
                throw LogQueryError(name, "knows no such layer")
            }
        case .text, .name, .metadata: break
        }
        return operand
    }

    /// A name for an error message: cut, so that a message stays short.
    static func shown(_ name: String) -> String { name.isEmpty ? "filter" : String(name.prefix(64)) }

    // MARK: - Matching

    func matches(_ context: borrowing RowContext) -> Bool {
        switch field {
        case .text(.metadata): return context.withMetadata { matches(text: $0) }
        case .text(let text): return matches(text: context.row.text(text))
        case .name(.id) where comparison == .eq:
            guard let id = operands[0].id else { return false }
            return context.row.idLow == id.low && context.row.idHigh == id.high
        case .name(let name): return context.withText(of: name) { matches(text: $0) }
        case .number(let number): return matches(number: context.value(of: number), isTime: number == .createdAt)
        case .flag(let flag):
            let truth = context.value(of: flag)
            return comparison == .neq ? truth != operands[0].truth : operands.contains { $0.truth == truth }
        case .metadata(let name): return matchesMetadata(name, context)
        }
    }

    private func matches(number: Double?, isTime: Bool) -> Bool {
        guard let number else { return comparison == .neq }
        switch comparison {
        case .eq: return number == operands[0].number
        case .neq: return number != operands[0].number
        case .lt: return number < operands[0].number
        case .gt: return number > operands[0].number
        case .lte: return number <= operands[0].number
        case .gte: return number >= operands[0].number
        case .among: return operands.contains { $0.number == number }
        case .contains:
            let whole = Int64(exactly: number).map { String($0) } ?? number.description
            let text = isTime ? CivilTime.text(WallTime(milliseconds: Int64(exactly: number) ?? 0)) : whole
            return Array(text.utf8).withUnsafeBytes { LogCondition.contains(operands[0].folded, in: $0) }
        }
    }

    private func matches(text: UnsafeRawBufferPointer) -> Bool {
        switch comparison {
        case .eq: return LogCondition.equals(operands[0].text, text)
        case .neq: return !LogCondition.equals(operands[0].text, text)
        case .contains: return LogCondition.contains(operands[0].folded, in: text)
        case .among: return operands.contains { LogCondition.equals($0.text, text) }
        case .lt: return text.lexicographicallyPrecedes(operands[0].text)
        case .gte: return !text.lexicographicallyPrecedes(operands[0].text)
        case .gt: return operands[0].text.lexicographicallyPrecedes(text)
        case .lte: return !operands[0].text.lexicographicallyPrecedes(text)
        }
    }

    /// Numbers where both sides are numbers, texts otherwise. What is absent is unequal to everything and has no order.
    private func matchesMetadata(_ name: [UInt8], _ context: borrowing RowContext) -> Bool {
        context.withMetadata { metadata in
            name.withUnsafeBytes { name in
                guard let value = FlatObject.value(of: name, in: metadata) else { return comparison == .neq }
                return value.withPlain { text in
                    if !operands[0].number.isNaN, comparison != .contains, comparison != .among, comparison != .eq, comparison != .neq,
                        let number = Double(String(decoding: text, as: UTF8.self))
                    {
                        return matches(number: number, isTime: false)
                    }
                    return matches(text: text)
                }
            }
        }
    }

    @inline(__always)
    static func equals(_ operand: [UInt8], _ text: UnsafeRawBufferPointer) -> Bool {
        operand.count == text.count && operand.withUnsafeBytes { $0.elementsEqual(text) }
    }

    @inline(__always)
    static func folded(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// Whether a text contains another one, ASCII letters of either case alike. `needle` is folded.
    static func contains(_ needle: [UInt8], in text: UnsafeRawBufferPointer) -> Bool {
        guard let first = needle.first else { return true }
        guard text.count >= needle.count else { return false }
        return needle.withUnsafeBytes { needle in
            for start in 0...(text.count - needle.count) where folded(text[start]) == first {
                var index = 1
                while index < needle.count, folded(text[start + index]) == needle[index] { index += 1 }
                if index == needle.count { return true }
            }
            return false
        }
    }
}
