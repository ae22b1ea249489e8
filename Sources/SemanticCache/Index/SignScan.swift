// Distances between sign bits, without a population-count instruction: the module is compiled for any x86-64 and any arm64, and a carry-save
// adder over two lanes of an SSE2 or NEON register does as well as one `popcnt` a word.

/// Hamming distances of a query's sign bits to those of stored vectors, laid out in groups: word 0 of eight entries, word 1 of the eight, …
enum SignScan {
    /// Entries of one group.
    static let lanes = 8

    typealias Pair = SIMD2<UInt64>

    /// Distances to the eight entries of the group at `group`; calls `body` with the lane and the distance of those at most `limit` away.
    /// A lower limit returned by `body` holds from the next on.
    @inline(__always)
    static func scan(
        _ query: UnsafePointer<UInt64>, words: Int, group: UnsafePointer<UInt64>, limit: inout UInt64, _ body: (Int, UInt64) -> UInt64
    ) {
        var lane = 0
        while lane < lanes {
            let distances: Pair =
                switch words {
                case 6: six(query, group + lane)
                case 2: two(query, group + lane)
                default: any(query, words, group + lane)
                }
            if distances[0] <= limit { limit = body(lane, distances[0]) }
            if distances[1] <= limit { limit = body(lane + 1, distances[1]) }
            lane += 2
        }
    }

    /// The distance to one lane of a group, read word by word: for the group that is still being filled.
    @inline(__always)
    static func distance(_ query: UnsafePointer<UInt64>, words: Int, group: UnsafePointer<UInt64>, lane: Int) -> UInt64 {
        var sum = 0
        for word in 0..<words { sum &+= (query[word] ^ group[word &* lanes &+ lane]).nonzeroBitCount }
        return UInt64(truncatingIfNeeded: sum)
    }

    @inline(__always)
    private static func word(_ query: UnsafePointer<UInt64>, _ group: UnsafePointer<UInt64>, _ index: Int) -> Pair {
        let stored = UnsafeRawPointer(group + index &* lanes).loadUnaligned(as: Pair.self)
        return stored ^ Pair(repeating: query[index])
    }

    /// 384 dimensions: two full adders, one half adder, one full adder; then three counts weighted 1, 2 and 4.
    @inline(__always)
    private static func six(_ query: UnsafePointer<UInt64>, _ group: UnsafePointer<UInt64>) -> Pair {
        let (a, b, c) = (word(query, group, 0), word(query, group, 1), word(query, group, 2))
        let (d, e, f) = (word(query, group, 3), word(query, group, 4), word(query, group, 5))
        let (sum1, carry1) = add(a, b, c)
        let (sum2, carry2) = add(d, e, f)
        let ones = sum1 ^ sum2
        let carry3 = sum1 & sum2
        let (twos, fours) = add(carry1, carry2, carry3)
        return fold(bytes(ones) &+ (bytes(twos) &<< Pair(repeating: 1)) &+ (bytes(fours) &<< Pair(repeating: 2)))
    }

    /// 128 dimensions: one half adder.
    @inline(__always)
    private static func two(_ query: UnsafePointer<UInt64>, _ group: UnsafePointer<UInt64>) -> Pair {
        let (a, b) = (word(query, group, 0), word(query, group, 1))
        return fold(bytes(a ^ b) &+ (bytes(a & b) &<< Pair(repeating: 1)))
    }

    /// Any other number of words.
    @inline(__always)
    private static func any(_ query: UnsafePointer<UInt64>, _ words: Int, _ group: UnsafePointer<UInt64>) -> Pair {
        var sum = Pair(repeating: 0)
        for index in 0..<words { sum &+= fold(bytes(word(query, group, index))) }
        return sum
    }

    @inline(__always)
    private static func add(_ a: Pair, _ b: Pair, _ c: Pair) -> (sum: Pair, carry: Pair) {
        let half = a ^ b
        return (half ^ c, (a & b) | (half & c))
    }

    /// Bits set in each byte.
    @inline(__always)
    private static func bytes(_ x: Pair) -> Pair {
        let one = Pair(repeating: 1)
        let two = Pair(repeating: 2)
        let four = Pair(repeating: 4)
        var x = x &- ((x &>> one) & Pair(repeating: 0x5555_5555_5555_5555))
        x = (x & Pair(repeating: 0x3333_3333_3333_3333)) &+ ((x &>> two) & Pair(repeating: 0x3333_3333_3333_3333))
        return (x &+ (x &>> four)) & Pair(repeating: 0x0F0F_0F0F_0F0F_0F0F)
    }

    /// The sum of the eight bytes, each at most 56: in sixteen bits, since it may pass 255.
    @inline(__always)
    private static func fold(_ x: Pair) -> Pair {
        var x = (x & Pair(repeating: 0x00FF_00FF_00FF_00FF)) &+ ((x &>> Pair(repeating: 8)) & Pair(repeating: 0x00FF_00FF_00FF_00FF))
        x = x &+ (x &>> Pair(repeating: 32))
        x = x &+ (x &>> Pair(repeating: 16))
        return x & Pair(repeating: 0xFFFF)
    }
}
