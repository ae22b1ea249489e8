/// The nearest few of many by Hamming distance, in one pass: candidates are collected in a buffer, and whenever it is full, all but the best are
/// dropped and the limit for newcomers sinks.
struct HammingCandidates {
    /// A candidate: its distance and where it is.
    struct Candidate {
        var distance: UInt32
        /// Block number × 1,024 + slot.
        var place: UInt32
    }

    private(set) var candidates: [Candidate] = []
    private let wanted: Int
    private let bits: Int
    /// Newcomers farther than this are not worth adding.
    private(set) var limit: UInt64

    /// Keeps the nearest `wanted` of vectors of `bits` bits.
    init(wanted: Int, bits: Int) {
        self.wanted = wanted
        self.bits = bits
        limit = UInt64(bits)
        candidates.reserveCapacity(wanted * 8)
    }

    /// Adds one and returns the limit.
    @inline(__always)
    mutating func add(distance: UInt64, place: UInt32) -> UInt64 {
        candidates.append(Candidate(distance: UInt32(truncatingIfNeeded: distance), place: place))
        if candidates.count == wanted * 8 { shrink() }
        return limit
    }

    /// Drops all but the nearest `wanted`; of equally far ones, earlier ones stay.
    mutating func shrink() {
        guard candidates.count > wanted else { return }
        var counts = [Int](repeating: 0, count: bits + 2)
        for candidate in candidates { counts[Int(candidate.distance)] += 1 }
        var cut = 0
        var below = 0
        while below + counts[cut] < wanted {
            below += counts[cut]
            cut += 1
        }
        var atCut = wanted - below
        candidates.removeAll { candidate in
            if candidate.distance < cut { return false }
            guard candidate.distance == cut, atCut > 0 else { return true }
            atCut -= 1
            return false
        }
        // Only strictly nearer ones can displace any of these.
        limit = cut > 0 ? UInt64(cut - 1) : 0
    }
}
