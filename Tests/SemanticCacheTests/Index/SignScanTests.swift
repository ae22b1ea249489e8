import TestSupport
import Testing

@testable import SemanticCache

@Suite struct SignScanTests {
    /// What the scan tells of a group, and the distance by lane counted word by word.
    private func scan(_ query: [UInt64], _ group: [UInt64], limit: UInt64) -> (found: [Int: UInt64], counted: [UInt64]) {
        var found: [Int: UInt64] = [:]
        var counted: [UInt64] = []
        let given = limit
        var limit = limit
        query.withUnsafeBufferPointer { words in
            group.withUnsafeBufferPointer { group in
                guard let first = words.baseAddress, let group = group.baseAddress else { return }
                SignScan.scan(first, words: words.count, group: group, limit: &limit) { lane, distance in
                    found[lane] = distance
                    return given
                }
                counted = (0..<SignScan.lanes).map { SignScan.distance(first, words: words.count, group: group, lane: $0) }
            }
        }
        return (found, counted)
    }

    private func distance(_ query: [UInt64], _ group: [UInt64], lane: Int) -> UInt64 {
        UInt64(query.indices.reduce(0) { $0 + (query[$1] ^ group[$1 * SignScan.lanes + lane]).nonzeroBitCount })
    }

    @Test(arguments: [1, 2, 3, 5, 6, 7, 32])
    func `the adder miscounts bits`(words: Int) {
        var random = SplitMix64(seed: UInt64(words))
        for round in 0..<20 {
            let query = (0..<words).map { _ in random.next() }
            var group = (0..<words * SignScan.lanes).map { _ in random.next() }
            // Nothing alike and everything alike: the counts that could overflow a byte.
            if round == 0 { for word in 0..<words { group[word * SignScan.lanes + 3] = ~query[word] } }
            if round == 1 { for word in 0..<words { group[word * SignScan.lanes + 6] = query[word] } }
            let exact = (0..<SignScan.lanes).map { distance(query, group, lane: $0) }
            let (found, counted) = scan(query, group, limit: UInt64(words * 64))
            #expect(counted == exact)
            #expect(found == Dictionary(uniqueKeysWithValues: exact.enumerated().map { ($0, $1) }))
        }
    }

    @Test func `a distance at the limit is left out, or one beyond it told`() {
        let query: [UInt64] = [0, 0]
        var group = [UInt64](repeating: .max, count: 16)
        group[0] = 0b111
        group[8] = 0
        group[1] = 0b1111
        group[9] = 0
        #expect(scan(query, group, limit: 3).found[0] == 3)
        #expect(scan(query, group, limit: 2).found[0] == nil)
        group[0] = .max
        #expect(scan(query, group, limit: 4).found == [1: 4])
        #expect(scan(query, group, limit: 3).found.isEmpty)
    }
}

@Suite struct HammingCandidatesTests {
    @Test func `a nearer one is dropped for a farther one`() {
        var random = SplitMix64(seed: 5)
        for wanted in [1, 2, 7, 64] {
            for count in [0, wanted - 1, wanted, wanted + 1, wanted * 8 - 1, wanted * 8, wanted * 8 + 1, 900] {
                var kept = HammingCandidates(wanted: wanted, bits: 128)
                var all: [(distance: UInt64, place: UInt32)] = []
                for place in 0..<UInt32(count) {
                    let distance = random.next() % (count % 2 == 0 ? 129 : 9)
                    all.append((distance, place))
                    guard distance <= kept.limit else { continue }
                    let limit = kept.add(distance: distance, place: place)
                    #expect(limit == kept.limit)
                }
                kept.shrink()
                let nearest = all.sorted { ($0.distance, $0.place) < ($1.distance, $1.place) }.prefix(wanted)
                #expect(kept.candidates.map(\.distance).sorted() == nearest.map { UInt32($0.distance) })
                // A limit is strict: of equally far ones those that came first stay.
                #expect(Set(kept.candidates.map(\.place)) == Set(nearest.map(\.place)))
            }
        }
    }

    @Test func `many at no distance at all overflow the buffer`() {
        var kept = HammingCandidates(wanted: 4, bits: 64)
        for place in 0..<1000 as Range<UInt32> { _ = kept.add(distance: 0, place: place) }
        kept.shrink()
        #expect(kept.candidates.map(\.place) == [0, 1, 2, 3] && kept.limit == 0)
    }
}
