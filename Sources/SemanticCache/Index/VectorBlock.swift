import Synchronization

/// Up to 1,024 entries of one partition, in arrays: written once each, in order, and never moved, so that readers need no lock.
///
/// 600 bytes an entry at 384 and 128 dimensions: sign bits 48 + 16, codes 384 + 128, lengths 2 + 2, id 8, answer 8, owner 4.
/// One thread at a time appends (the index's writing lock); `count` publishes what is complete. An id of 0 is a tombstone: the only thing
/// that changes in a published entry, besides the mark that it was used.
final class VectorBlock: @unchecked Sendable {  // @unchecked: below `count` only atomics change; above it one thread appends
    /// Shape of every block of an index.
    struct Layout: Equatable {
        let dimensions: Int
        let gateDimensions: Int
        var words: Int { (dimensions + 63) / 64 }
        var gateWords: Int { (gateDimensions + 63) / 64 }
        /// Bytes of one entry.
        var entryBytes: Int { words * 8 + gateWords * 8 + dimensions + gateDimensions + 4 + 20 }
    }

    static let capacityMax = 1024
    /// Set in an id once the entry was served: it outlives one pass of the evictor.
    static let usedBit: UInt64 = 1 << 63
    let layout: Layout
    let capacity: Int
    private let filled = Atomic<Int>(0)
    private let dead = Atomic<Int>(0)
    let signs: UnsafeMutablePointer<UInt64>
    let gateSigns: UnsafeMutablePointer<UInt64>
    private let codes: UnsafeMutablePointer<Int8>
    private let gateCodes: UnsafeMutablePointer<Int8>
    /// Lengths as multiples of 1/`normScale`, which puts the longest possible one at 65,535.
    private let norms: UnsafeMutablePointer<UInt16>
    private let normScale: Float
    private let gateNormScale: Float
    private let gateNorms: UnsafeMutablePointer<UInt16>
    private let ids: UnsafeMutablePointer<Atomic<UInt64>>
    private let answers: UnsafeMutablePointer<UInt64>
    private let owners: UnsafeMutablePointer<UInt32>

    /// Makes room for `capacity` entries, rounded up to a multiple of eight.
    init(layout: Layout, capacity: Int) {
        let rounded = min(max(SignScan.lanes, (capacity + 7) / 8 * 8), Self.capacityMax)
        self.layout = layout
        self.capacity = rounded
        signs = .allocate(capacity: rounded * layout.words)
        signs.initialize(repeating: 0, count: rounded * layout.words)
        gateSigns = .allocate(capacity: rounded * layout.gateWords)
        gateSigns.initialize(repeating: 0, count: rounded * layout.gateWords)
        codes = .allocate(capacity: rounded * layout.dimensions)
        gateCodes = .allocate(capacity: rounded * layout.gateDimensions)
        normScale = Self.normScale(layout.dimensions)
        gateNormScale = Self.normScale(layout.gateDimensions)
        norms = .allocate(capacity: rounded)
        gateNorms = .allocate(capacity: rounded)
        ids = .allocate(capacity: rounded)
        for slot in 0..<rounded { (ids + slot).initialize(to: Atomic(0)) }
        answers = .allocate(capacity: rounded)
        owners = .allocate(capacity: rounded)
    }

    deinit {
        signs.deallocate()
        gateSigns.deallocate()
        codes.deallocate()
        gateCodes.deallocate()
        norms.deallocate()
        gateNorms.deallocate()
        ids.deallocate()
        answers.deallocate()
        owners.deallocate()
    }

    /// Entries published, tombstones included.
    var count: Int { filled.load(ordering: .acquiring) }
    /// Entries published and not removed.
    var live: Int { filled.load(ordering: .relaxed) - dead.load(ordering: .relaxed) }
    var isFull: Bool { filled.load(ordering: .relaxed) == capacity }

    /// The entry's id, 0 if it was removed.
    func id(_ slot: Int) -> UInt64 { ids[slot].load(ordering: .acquiring) & ~Self.usedBit }
    func answer(_ slot: Int) -> UInt64 { answers[slot] }
    func owner(_ slot: Int) -> UInt32 { owners[slot] }

    /// Marks an entry as used. Any thread.
    func touch(_ slot: Int) {
        let id = ids[slot].load(ordering: .relaxed)
        // An exchange, not an `or`: a tombstone must stay one.
        guard id != 0, id & Self.usedBit == 0 else { return }
        _ = ids[slot].compareExchange(expected: id, desired: id | Self.usedBit, ordering: .relaxed)
    }

    /// Takes the mark away; whether there was one.
    func takeUse(_ slot: Int) -> Bool {
        let id = ids[slot].load(ordering: .relaxed)
        guard id & Self.usedBit != 0 else { return false }
        return ids[slot].compareExchange(expected: id, desired: id & ~Self.usedBit, ordering: .relaxed).exchanged
    }

    /// Removes an entry: readers that look from now on don't see it. The appending thread only. Its id, 0 if it was removed before.
    func remove(_ slot: Int) -> UInt64 {
        let id = ids[slot].exchange(0, ordering: .acquiringAndReleasing) & ~Self.usedBit
        if id != 0 { dead.add(1, ordering: .relaxed) }
        return id
    }

    /// Adds an entry. The appending thread only; the block must not be full.
    func append(_ entry: IndexEntry) {
        let slot = filled.load(ordering: .relaxed)
        precondition(slot < capacity && entry.vector.codes.count == layout.dimensions && entry.gate.codes.count == layout.gateDimensions)
        write(entry.vector, slot, signs, layout.words, codes, layout.dimensions, norms, normScale)
        write(entry.gate, slot, gateSigns, layout.gateWords, gateCodes, layout.gateDimensions, gateNorms, gateNormScale)
        answers[slot] = entry.answer
        owners[slot] = entry.owner
        ids[slot].store(entry.id, ordering: .relaxed)
        filled.store(slot + 1, ordering: .releasing)
    }

    private func write(
        _ vector: QuantisedVector, _ slot: Int, _ signs: UnsafeMutablePointer<UInt64>, _ words: Int, _ codes: UnsafeMutablePointer<Int8>,
        _ dimensions: Int, _ norms: UnsafeMutablePointer<UInt16>, _ scale: Float
    ) {
        let group = signs + slot / SignScan.lanes * words * SignScan.lanes
        for word in 0..<words { group[word * SignScan.lanes + slot % SignScan.lanes] = vector.signs[word] }
        vector.codes.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { (codes + slot * dimensions).initialize(from: base, count: dimensions) }
        }
        norms[slot] = UInt16(min(65_535, max(1, (vector.norm * scale).rounded())))
    }

    /// A copy of an entry, for a block that replaces this one; `nil` if it was removed. The use mark stays behind.
    func entry(_ slot: Int) -> IndexEntry? {
        let id = id(slot)
        guard id != 0,
            let vector = QuantisedVector(
                codes: Array(UnsafeBufferPointer(start: codes + slot * layout.dimensions, count: layout.dimensions))),
            let gate = QuantisedVector(
                codes: Array(UnsafeBufferPointer(start: gateCodes + slot * layout.gateDimensions, count: layout.gateDimensions)))
        else { return nil }
        return IndexEntry(id: id, answer: answers[slot], owner: owners[slot], gate: gate, vector: vector)
    }

    /// The cosine of a query with an entry's vector.
    func cosine(_ query: QueryVector, _ slot: Int) -> Float {
        Self.dot(query.codes, codes + slot * layout.dimensions) / (query.norm * (Float(norms[slot]) / normScale))
    }

    /// The cosine of a query with an entry's gate vector.
    func gateCosine(_ query: QueryVector, _ slot: Int) -> Float {
        Self.dot(query.codes, gateCodes + slot * layout.gateDimensions) / (query.norm * (Float(gateNorms[slot]) / gateNormScale))
    }

    private static func normScale(_ dimensions: Int) -> Float { 65_535 / (127 * Float(dimensions).squareRoot()) }

    /// A plain loop: the compiler makes multiply-add instructions of it.
    private static func dot(_ query: [Int16], _ stored: UnsafePointer<Int8>) -> Float {
        query.withUnsafeBufferPointer { query in
            var sum: Int32 = 0
            for index in 0..<query.count { sum &+= Int32(query[index]) &* Int32(stored[index]) }
            return Float(sum)
        }
    }
}

/// An entry on its way into a block.
struct IndexEntry {
    var id: UInt64
    /// The first 8 bytes of the answer's key: enough to group by and to remove by.
    var answer: UInt64
    /// Its place in the table of owners.
    var owner: UInt32
    var gate: QuantisedVector
    var vector: QuantisedVector
}
