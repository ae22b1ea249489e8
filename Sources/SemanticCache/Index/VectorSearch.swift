import GatewayModel

/// A neighbour of a query.
struct Neighbour {
    /// The entry's id.
    var id: UInt64
    /// The first 8 bytes of the answer's key.
    var answer: UInt64
    var owner: UInt32
    var cosine: Float
    /// Where it was found.
    fileprivate var place: UInt32
}

/// A search in one partition's blocks, all as they were at a moment.
struct VectorSearch {
    private let blocks: [VectorBlock]

    /// Candidates that the sign bits of the large vectors choose.
    static let candidatesMax = 64
    /// Candidates that the gate's sign bits choose: fewer bits say less, so more of them.
    static let gateCandidatesMax = 96

    init(_ list: BlockList) { blocks = list.blocks }

    /// The nearest `count` entries, nearest first; removed ones never among them.
    func nearest(to query: QueryVector, count: Int) -> [Neighbour] {
        guard let words = blocks.first?.layout.words else { return [] }
        let bits = words * 64
        let candidates = candidates(query, words: words, bits: bits, wanted: Self.candidatesMax) { $0.signs }
        var found: [Neighbour] = []
        found.reserveCapacity(candidates.count)
        for candidate in candidates {
            let (block, slot) = entry(candidate.place)
            let id = block.id(slot)
            guard id != 0 else { continue }
            let cosine = block.cosine(query, slot)
            found.append(Neighbour(id: id, answer: block.answer(slot), owner: block.owner(slot), cosine: cosine, place: candidate.place))
        }
        // Ids decide between equals, so that a replay finds the same.
        found.sort { $0.cosine != $1.cosine ? $0.cosine > $1.cosine : $0.id < $1.id }
        return Array(found.prefix(count))
    }

    /// The greatest gate cosine of any entry; `nil` if there are none.
    func bestGateCosine(_ query: QueryVector) -> Float? {
        guard let words = blocks.first?.layout.gateWords else { return nil }
        let candidates = candidates(query, words: words, bits: words * 64, wanted: Self.gateCandidatesMax) { $0.gateSigns }
        var best: Float?
        for candidate in candidates {
            let (block, slot) = entry(candidate.place)
            guard block.id(slot) != 0 else { continue }
            best = max(best ?? -1, block.gateCosine(query, slot))
        }
        return best
    }

    /// The gate cosine of a neighbour.
    func gateCosine(_ query: QueryVector, of neighbour: Neighbour) -> Float {
        let (block, slot) = entry(neighbour.place)
        return block.gateCosine(query, slot)
    }

    /// Whether a neighbour is still there.
    func isLive(_ neighbour: Neighbour) -> Bool {
        let (block, slot) = entry(neighbour.place)
        return block.id(slot) == neighbour.id
    }

    /// Marks a neighbour as used.
    func touch(_ neighbour: Neighbour) {
        let (block, slot) = entry(neighbour.place)
        block.touch(slot)
    }

    private func entry(_ place: UInt32) -> (VectorBlock, Int) {
        (blocks[Int(place) / VectorBlock.capacityMax], Int(place) % VectorBlock.capacityMax)
    }

    private func candidates(
        _ query: QueryVector, words: Int, bits: Int, wanted: Int, _ signs: (VectorBlock) -> UnsafeMutablePointer<UInt64>
    ) -> [HammingCandidates.Candidate] {
        var nearest = HammingCandidates(wanted: wanted, bits: bits)
        var limit = nearest.limit
        query.signs.withUnsafeBufferPointer { querySigns in
            guard let querySigns = querySigns.baseAddress else { return }
            for (number, block) in blocks.enumerated() where block.live > 0 {
                scan(block, number, signs(block), querySigns, words, &limit, &nearest)
            }
        }
        nearest.shrink()
        return nearest.candidates
    }

    @inline(__always)
    private func scan(
        _ block: VectorBlock, _ number: Int, _ signs: UnsafeMutablePointer<UInt64>, _ query: UnsafePointer<UInt64>, _ words: Int,
        _ limit: inout UInt64, _ nearest: inout HammingCandidates
    ) {
        let count = block.count
        let first = UInt32(truncatingIfNeeded: number * VectorBlock.capacityMax)
        let wholeGroups = count / SignScan.lanes
        // Removed entries would otherwise crowd out live ones near a purged or evicted cluster.
        let add = { (slot: Int, distance: UInt64, nearest: inout HammingCandidates) -> UInt64 in
            block.id(slot) == 0 ? nearest.limit : nearest.add(distance: distance, place: first &+ UInt32(truncatingIfNeeded: slot))
        }
        for group in 0..<wholeGroups {
            let at = signs + group &* words &* SignScan.lanes
            SignScan.scan(query, words: words, group: at, limit: &limit) { lane, distance in
                add(group &* SignScan.lanes &+ lane, distance, &nearest)
            }
        }
        for slot in wholeGroups * SignScan.lanes..<count {
            let at = signs + wholeGroups * words * SignScan.lanes
            let distance = SignScan.distance(query, words: words, group: at, lane: slot % SignScan.lanes)
            if distance <= limit { limit = add(slot, distance, &nearest) }
        }
    }
}
