/// Tells the items of an embeddings `input` apart while it is scanned.
struct EmbeddingItems {
    private(set) var ranges: [Range<Int>] = []
    /// What the elements are so far.
    private enum Shape: UInt8 { case empty, strings, numbers, arrays, other }
    private var shape = Shape.empty
    private var isBroken = false

    /// Whether `input` is one array of token ids.
    var areNumbers: Bool { shape == .numbers }

    /// An element of `input` or, nested, of an array in it. Beyond `limit` items, none are told apart.
    mutating func note(_ kind: ValueKind, range: Range<Int>, isNested: Bool, limit: Int) {
        if isNested {
            if kind != .number { isBroken = true }
            return
        }
        let seen: Shape =
            switch kind {
            case .string: .strings
            case .number: .numbers
            case .array: .arrays
            default: .other
            }
        if shape == .empty { shape = seen }
        if shape != seen || seen == .other { isBroken = true }
        // A single array of token ids is one item: its ids are not kept.
        guard !isBroken, seen != .numbers else { return }
        guard ranges.count < limit else {
            isBroken = true
            ranges = []
            return
        }
        ranges.append(range)
    }

    /// What the whole `input`, a value of `kind`, holds.
    func result(of kind: ValueKind) -> RequestScan.EmbeddingInput {
        if kind == .string { return .strings }
        guard kind == .array, !isBroken else { return .whole }
        return shape == .strings ? .strings : .tokens
    }
}
