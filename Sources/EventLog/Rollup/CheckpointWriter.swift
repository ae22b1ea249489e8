import GatewayModel
import Hashing

/// Adds pending counts to the intervals they belong to.
struct CheckpointWriter {
    private let limits: RollupLimits
    private let second: Int64
    /// The records to write.
    private(set) var puts: [(key: [UInt8], value: [UInt8])] = []
    /// The number of this checkpoint: greater than every one it saw.
    private(set) var generation: UInt64
    /// Events counted under `other` in at least one interval.
    private(set) var labelOverflow: UInt64 = 0
    /// Events older than any interval that is kept.
    private(set) var expired: UInt64 = 0
    /// Stored intervals that were damaged and begin anew.
    private(set) var damaged: UInt64 = 0

    /// - Parameter generation: The last checkpoint's.
    init(limits: RollupLimits, second: Int64, generation: UInt64) {
        self.limits = limits
        self.second = second
        self.generation = generation
    }

    /// Reads, adds to and encodes every interval that the cells touch, one at a time.
    mutating func write<E: Error>(_ pending: PendingCells, _ read: (_ key: [UInt8]) throws(E) -> [UInt8]?) throws(E) {
        var seeds: [UInt64] = []
        var isOther = [Bool](repeating: false, count: pending.count)
        for resolution in RollupResolution.allCases {
            let places = placesByInterval(resolution, pending)
            for start in places.keys.sorted() {
                var interval = try stored(resolution, start, read)
                for place in places[start] ?? [] where !add(pending, place, to: &interval) { isOther[place] = true }
                puts.append((RollupKey(.interval(resolution, start: start)).bytes, interval.encoded(resolution, start: start)))
                seeds.append(IntervalLayout.seed(resolution, start))
            }
        }
        // The number of this checkpoint is known only now that all have been read.
        generation += 1
        for index in puts.indices { IntervalLayout.stamp(&puts[index].value, generation: generation, seed: seeds[index]) }
        for (place, cell) in pending.cells.enumerated() where isOther[place] {
            let counted = min(cell.counters[.overflowed], cell.counters[.requests])
            labelOverflow = labelOverflow.addingSaturating(cell.counters[.requests] - counted)
        }
    }

    private func add(_ pending: PendingCells, _ place: Int, to interval: inout RollupInterval) -> Bool {
        let cell = pending.cells[place]
        return pending.index.withKey(place) { key in
            guard let labels = RollupLabelView(key) else { return true }
            return interval.add(cell, labels)
        }
    }

    /// The cells of each interval, in the order they came.
    private mutating func placesByInterval(_ resolution: RollupResolution, _ pending: PendingCells) -> [Int64: [Int]] {
        var places: [Int64: [Int]] = [:]
        let oldest = limits.oldestStart(of: resolution, now: second)
        for (place, cell) in pending.cells.enumerated() {
            guard let minute = pending.index.withKey(place, { RollupLabelView($0)?.minute }) else { continue }
            let start = resolution.start(of: minute)
            if start >= oldest {
                places[start, default: []].append(place)
            } else if resolution == .day {
                expired = expired.addingSaturating(cell.counters[.requests])
            }
        }
        return places
    }

    private mutating func stored<E: Error>(
        _ resolution: RollupResolution, _ start: Int64, _ read: (_ key: [UInt8]) throws(E) -> [UInt8]?
    ) throws(E) -> RollupInterval {
        let (labels, cells) = (limits.labelsMax, limits.cellsMax(of: resolution))
        let empty = RollupInterval(labelsMax: labels, cellsMax: cells)
        guard let bytes = try read(RollupKey(.interval(resolution, start: start)).bytes) else { return empty }
        let interval = bytes.withUnsafeBufferPointer {
            RollupInterval($0, resolution, start: start, labelsMax: labels, cellsMax: cells)
        }
        guard let interval else {
            damaged += 1
            return empty
        }
        generation = max(generation, interval.generation)
        return interval
    }
}

/// The record of the last checkpoint's number.
enum GenerationRecord {
    private static let version: UInt8 = 1

    static func bytes(_ generation: UInt64) -> [UInt8] {
        var bytes: [UInt8] = [version]
        bytes.append(word: generation, 8)
        bytes.append(word: checksum(generation), 8)
        return bytes
    }

    static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64? {
        var cursor = ByteCursor(bytes)
        guard cursor.byte() == version else { return nil }
        let generation = cursor.word(8)
        guard cursor.word(8) == checksum(generation), !cursor.isFailed, cursor.isAtEnd, generation < 1 << 62 else { return nil }
        return generation
    }

    private static func checksum(_ generation: UInt64) -> UInt64 {
        var bytes: [UInt8] = []
        bytes.append(word: generation, 8)
        return xxh3(bytes.span, seed: 1)
    }
}
