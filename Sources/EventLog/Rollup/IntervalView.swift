// An interval's record: version, the checkpoint that wrote it, a table of eight sections, a checksum of these, then the sections. Each section
// has a checksum of its own, so that a query over hundreds of intervals touches only the bytes it needs:
//   0 total          one cell
//   1...6            one cell per label of one dimension: tenant, provider, model, route, cache, error
//   7 combinations   one cell per combination of labels, as places in sections 1...4 and a byte of layer and error
// Every section holds all requests. The sums by one label so stay exact even where there are too many combinations.

import Hashing

/// The sections of an interval's record.
enum IntervalSection {
    static let total = 0
    static func labels(of dimension: StatsDimension) -> Int { 1 + Int(dimension.rawValue) }
    static let combinations = 7
    static let count = 8
}

/// The fixed part of an interval's record.
enum IntervalLayout {
    static let version: UInt8 = 1
    static let entryBytes = 16
    static let tableStart = 9
    static let headerBytes = tableStart + IntervalSection.count * entryBytes
    static let dataStart = headerBytes + 8

    /// Records under each other's keys are damaged.
    static func seed(_ resolution: RollupResolution, _ start: Int64) -> UInt64 {
        UInt64(bitPattern: start) << 2 | UInt64(resolution.rawValue)
    }

    /// Finishes a record: writes the number of its checkpoint, and the header's checksum.
    static func stamp(_ bytes: inout [UInt8], generation: UInt64, seed: UInt64) {
        bytes.set(word: generation, 8, at: 1)
        let checksum = bytes.withUnsafeBufferPointer { xxh3(UnsafeBufferPointer(rebasing: $0[..<headerBytes]).span, seed: seed) }
        bytes.set(word: checksum, 8, at: headerBytes)
    }
}

/// An interval's record, read in place. Valid as long as its bytes are.
struct IntervalView {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let seed: UInt64
    /// The checkpoint that wrote it.
    let generation: UInt64

    /// `nil` if the header is damaged.
    init?(_ bytes: UnsafeBufferPointer<UInt8>, resolution: RollupResolution, start: Int64) {
        guard bytes.count >= IntervalLayout.dataStart, bytes[0] == IntervalLayout.version else { return nil }
        self.bytes = bytes
        seed = IntervalLayout.seed(resolution, start)
        let header = UnsafeBufferPointer(rebasing: bytes[..<IntervalLayout.headerBytes])
        var cursor = ByteCursor(UnsafeBufferPointer(rebasing: bytes[IntervalLayout.headerBytes..<IntervalLayout.dataStart]))
        guard cursor.word(8) == xxh3(header.span, seed: seed) else { return nil }
        var head = ByteCursor(UnsafeBufferPointer(rebasing: bytes[1..<IntervalLayout.tableStart]))
        generation = head.word(8)
    }

    /// The bytes of a section; `nil` if they are damaged.
    func section(_ section: Int) -> UnsafeBufferPointer<UInt8>? {
        let entry = IntervalLayout.tableStart + section * IntervalLayout.entryBytes
        var cursor = ByteCursor(UnsafeBufferPointer(rebasing: bytes[entry..<entry + IntervalLayout.entryBytes]))
        let offset = Int(cursor.word(4))
        let length = Int(cursor.word(4))
        let checksum = cursor.word(8)
        guard offset >= IntervalLayout.dataStart, offset <= bytes.count, length <= bytes.count - offset else { return nil }
        let section = UnsafeBufferPointer(rebasing: bytes[offset..<offset + length])
        return xxh3(section.span, seed: seed) == checksum ? section : nil
    }

    /// Hands every label of a dimension and its cell to `body`. Returns `false` if the section is damaged.
    func forEachLabel(of dimension: StatsDimension, _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Void) -> Bool {
        guard let section = section(IntervalSection.labels(of: dimension)) else { return false }
        var cursor = ByteCursor(section)
        let count = cursor.number()
        for _ in 0..<count {
            let label = cursor.slice(cursor.number())
            let cell = cursor.slice(cursor.number())
            guard !cursor.isFailed else { return false }
            body(label, cell)
        }
        return cursor.isAtEnd && !cursor.isFailed
    }

    /// Hands every combination and its cell to `body`. Returns `false` if the section is damaged.
    func forEachCombination(_ body: (Combination, UnsafeBufferPointer<UInt8>) -> Void) -> Bool {
        guard let section = section(IntervalSection.combinations) else { return false }
        var cursor = ByteCursor(section)
        let count = cursor.number()
        for _ in 0..<count {
            let combination = Combination(word: cursor.number())
            let cell = cursor.slice(cursor.number())
            guard !cursor.isFailed else { return false }
            body(combination, cell)
        }
        return cursor.isAtEnd && !cursor.isFailed
    }
}

/// A combination of labels: places among the interval's labels, 14 bits each, then layer and error.
struct Combination: Hashable, Sendable {
    /// How many places there are.
    static let placeCount = 1 << 14
    /// All of it.
    let word: UInt64

    init(word: UInt64) { self.word = word }

    init(places: InlineArray<4, Int>, kinds: UInt8) {
        var word: UInt64 = 0
        for index in 0..<4 { word = word << 14 | UInt64(places[index]) }
        self.word = word << 8 | UInt64(kinds)
    }

    /// The place of a text label: of dimension 0...3.
    func place(_ dimension: Int) -> Int { Int(truncatingIfNeeded: word >> UInt64(8 + 14 * (3 - dimension))) & (Combination.placeCount - 1) }
    /// Layer in the upper, error in the lower half.
    var kinds: UInt8 { UInt8(truncatingIfNeeded: word) }
}
