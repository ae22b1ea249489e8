/// Which of the 256 sequences that begin at a block's first are meant.
struct RowBits: Sendable, Equatable {
    private(set) var words: SIMD4<UInt64>

    /// Sequences that a block covers.
    static let capacity = 256

    init(_ words: SIMD4<UInt64> = .zero) { self.words = words }

    @inline(__always)
    func contains(_ bit: Int) -> Bool { words[bit >> 6] >> UInt64(bit & 63) & 1 == 1 }

    @inline(__always)
    mutating func insert(_ bit: Int) { words[bit >> 6] |= 1 << UInt64(bit & 63) }

    @inline(__always)
    mutating func remove(_ bit: Int) { words[bit >> 6] &= ~(1 << UInt64(bit & 63)) }

    var isEmpty: Bool { words == .zero }

    var count: Int { (0..<4).reduce(0) { $0 + words[$1].nonzeroBitCount } }

    /// The lowest bit; `nil` for none.
    var first: Int? {
        for index in 0..<4 where words[index] != 0 { return index << 6 + words[index].trailingZeroBitCount }
        return nil
    }

    /// The highest bit; `nil` for none.
    var last: Int? {
        for index in (0..<4).reversed() where words[index] != 0 { return index << 6 + 63 - words[index].leadingZeroBitCount }
        return nil
    }
}
