import GatewayModel
import Hashing

/// Counts that are not in the intervals of the store yet, by minute and labels.
struct PendingCells: Sendable {
    private(set) var index = ByteKeyIndex()
    private(set) var cells: [RollupCell] = []

    /// How a count found its place.
    enum Placing { case exact, other, none }

    var isEmpty: Bool { cells.isEmpty }
    var count: Int { cells.count }

    /// Counts an event under `key`, which is changed to `other` when there are `max` cells already. There are never more than twice as many.
    mutating func add(_ event: GatewayEvent, key: inout [UInt8], fits: Bool, max: Int) -> Placing {
        guard let (place, placing) = place(&key, max: max) else { return .none }
        cells[place].add(event)
        let isExact = fits && placing == .exact
        if !isExact { cells[place].counters.add(1, to: .overflowed) }
        return isExact ? .exact : .other
    }

    /// Adds a cell under `key`, as `add` does.
    mutating func merge(_ cell: RollupCell, key: inout [UInt8], max: Int) -> Placing {
        guard let (place, placing) = place(&key, max: max) else { return .none }
        cells[place].merge(cell)
        let exact = cell.counters[.requests] - min(cell.counters[.overflowed], cell.counters[.requests])
        if placing == .other { cells[place].counters.add(exact, to: .overflowed) }
        return placing
    }

    /// Hands every cell with its labels to `body`, in the order they came.
    func forEach(_ body: (RollupLabelView, RollupCell) -> Void) {
        for (place, cell) in cells.enumerated() {
            index.withKey(place) { key in
                if let labels = RollupLabelView(key) { body(labels, cell) }
            }
        }
    }

    /// Forgets all, keeping the memory.
    mutating func removeAll() {
        index.removeAll()
        cells.removeAll(keepingCapacity: true)
    }

    private mutating func place(_ key: inout [UInt8], max: Int) -> (Int, Placing)? {
        if let place = key.withUnsafeBufferPointer({ index.insert($0, max: max) }) { return (grown(to: place), .exact) }
        RollupLabels.generalise(&key)
        guard let place = key.withUnsafeBufferPointer({ index.insert($0, max: 2 * max) }) else { return nil }
        return (grown(to: place), .other)
    }

    private mutating func grown(to place: Int) -> Int {
        if place == cells.count { cells.append(RollupCell()) }
        return place
    }
}

// The journal's records: version, checksum of the rest seeded with the record's number, then every cell as key and sums.
extension PendingCells {
    private static let version: UInt8 = 1

    /// The record with all cells.
    func journalRecord(sequence: UInt64) -> [UInt8] {
        var bytes: [UInt8] = [PendingCells.version]
        var cellBytes: [UInt8] = []
        var scratch: [UInt8] = []
        bytes.append(word: 0, 8)
        bytes.append(number: UInt64(count))
        for (place, cell) in cells.enumerated() {
            bytes.append(counted: Array(index.key(place)))
            cellBytes.removeAll(keepingCapacity: true)
            cell.encode(to: &cellBytes, scratch: &scratch)
            bytes.append(counted: cellBytes)
        }
        bytes.set(word: bytes.withUnsafeBufferPointer { PendingCells.checksum(of: $0, sequence) }, 8, at: 1)
        return bytes
    }

    /// Reads a record; `nil` if it is damaged.
    init?(journalRecord bytes: UnsafeBufferPointer<UInt8>, sequence: UInt64) {
        guard bytes.count > 9, bytes[0] == PendingCells.version else { return nil }
        var cursor = ByteCursor(UnsafeBufferPointer(rebasing: bytes[1...]))
        guard cursor.word(8) == PendingCells.checksum(of: bytes, sequence) else { return nil }
        let count = cursor.number()
        for place in 0..<count {
            let key = cursor.slice(cursor.number())
            guard !cursor.isFailed, RollupLabelView(key) != nil, let cell = RollupCell(encoded: cursor.slice(cursor.number())) else {
                return nil
            }
            guard index.insert(key) == Int(clamping: place) else { return nil }
            cells.append(cell)
        }
        guard !cursor.isFailed, cursor.isAtEnd else { return nil }
    }

    private static func checksum(of bytes: UnsafeBufferPointer<UInt8>, _ sequence: UInt64) -> UInt64 {
        xxh3(UnsafeBufferPointer(rebasing: bytes[9...]).span, seed: sequence &+ 1)
    }
}
