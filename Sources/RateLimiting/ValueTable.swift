// Metadata values and their cells: an open-addressed index over an array, so that a look-up hashes the bytes of the request as they are
// and allocates nothing. Linear probing, deletion by shifting back, at most half full.
import Synchronization

/// The cells of each value of one metadata name.
struct ValueTable {
    struct Entry {
        let hash: Int
        let value: [UInt8]
        var group: CellGroup
    }

    private(set) var count = 0
    private var entries: [Entry] = []
    /// Positions in `entries`; -1 is free.
    private var index: [Int32] = []

    /// The hash is seeded per process: nobody can choose values that collide.
    static func hash(_ value: Span<UInt8>) -> Int {
        var hasher = Hasher()
        value.withUnsafeBufferPointer { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        return hasher.finalize()
    }

    /// Where a value is.
    func position(of value: Span<UInt8>, hash: Int) -> Int? {
        if index.isEmpty { return nil }
        let mask = index.count - 1
        var place = hash & mask
        while index[place] >= 0 {
            let position = Int(index[place])
            if entries[position].hash == hash, ValueTable.isEqual(entries[position].value, value) { return position }
            place = (place + 1) & mask
        }
        return nil
    }

    private static func isEqual(_ value: [UInt8], _ other: Span<UInt8>) -> Bool {
        guard value.count == other.count else { return false }
        for offset in value.indices where value[offset] != other[offset] { return false }
        return true
    }

    func value(at position: Int) -> [UInt8] { entries[position].value }

    /// Whether the limits of the value at a position are of this version.
    func isCurrent(at position: Int, _ generation: UInt32) -> Bool { entries[position].group.generation == generation }

    func limits(at position: Int) -> BoundLimits { entries[position].group.bound }

    /// Works on the cells of the value at a position.
    mutating func withGroup<Result>(at position: Int, _ body: (inout CellGroup) -> Result) -> Result { body(&entries[position].group) }

    /// Adds a value that is not in the table. Returns its position.
    mutating func insert(_ value: [UInt8], hash: Int) -> Int {
        if (count + 1) * 2 > index.count { grow() }
        let position = count
        entries.append(Entry(hash: hash, value: value, group: CellGroup()))
        count += 1
        index[freePlace(for: hash)] = Int32(position)
        return position
    }

    /// Removes the value at a position; the last one moves there.
    mutating func remove(at position: Int) {
        clearPlace(place(of: position))
        let last = count - 1
        if position != last {
            let moved = place(of: last)
            entries.swapAt(position, last)
            index[moved] = Int32(position)
        }
        entries.removeLast()
        count -= 1
    }

    private func freePlace(for hash: Int) -> Int {
        let mask = index.count - 1
        var place = hash & mask
        while index[place] >= 0 { place = (place + 1) & mask }
        return place
    }

    private func place(of position: Int) -> Int {
        let mask = index.count - 1
        var place = entries[position].hash & mask
        while index[place] != Int32(position) { place = (place + 1) & mask }
        return place
    }

    /// Frees a place, moving back what only lies further on because of it (Knuth, volume 3, algorithm 6.4R).
    private mutating func clearPlace(_ start: Int) {
        let mask = index.count - 1
        var (free, place) = (start, (start + 1) & mask)
        while index[place] >= 0 {
            let home = entries[Int(index[place])].hash & mask
            if (place - home) & mask >= (place - free) & mask {
                index[free] = index[place]
                free = place
            }
            place = (place + 1) & mask
        }
        index[free] = -1
    }

    private mutating func grow() {
        index = Array(repeating: -1, count: max(8, index.count * 2))
        for position in 0..<count { index[freePlace(for: entries[position].hash)] = Int32(position) }
    }
}

/// How many metadata values a tenant may still get buckets for, over all its names and keys.
final class ValueBudget: Sendable {
    private let max: Atomic<Int>
    private let used = Atomic<Int>(0)

    init(max: Int) { self.max = Atomic(max) }

    /// Changes how many there may be; values that have buckets keep them.
    func setMax(_ count: Int) { max.store(count, ordering: .relaxed) }

    /// Takes one; false if none is left.
    func take() -> Bool {
        if used.wrappingAdd(1, ordering: .relaxed).newValue <= max.load(ordering: .relaxed) { return true }
        used.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    /// Counts values that are there already, or no longer (negative).
    func add(_ count: Int) { used.wrappingAdd(count, ordering: .relaxed) }
}
