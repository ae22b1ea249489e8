import GatewayModel
import Hashing

/// One interval's counts, taken apart so that more can be added. Lives only while a checkpoint writes it.
struct RollupInterval {
    private var total = RollupCell()
    private var labels: [ByteKeyIndex] = Array(repeating: ByteKeyIndex(), count: 6)
    private var labelCells: [[RollupCell]] = Array(repeating: [], count: 6)
    private var combinations: [Combination: Int] = [:]
    private var combinationKeys: [Combination] = []
    private var combinationCells: [RollupCell] = []
    private let labelsMax: Int
    private let cellsMax: Int
    /// The checkpoint that wrote it; 0 for a new one.
    private(set) var generation: UInt64 = 0

    /// An empty one.
    init(labelsMax: Int, cellsMax: Int) {
        self.labelsMax = min(max(labelsMax, 1), 16_000)
        self.cellsMax = cellsMax
    }

    /// Adds counts under their labels, or under `other` where there is no room. Returns whether all labels are their own.
    mutating func add(_ cell: RollupCell, _ view: RollupLabelView) -> Bool {
        var places = InlineArray<4, Int>(repeating: 0)
        var isExact = true
        for dimension in 0..<RollupLabels.textCount {
            let place = place(of: view.texts[dimension], dimension, &isExact)
            labelCells[dimension][place].merge(cell)
            places[dimension] = place
        }
        add(cell, layer: GatewayEvent.CacheLayer(rawValue: view.kinds >> 4) ?? .none)
        add(cell, error: GatewayEvent.ErrorKind(rawValue: view.kinds & 15) ?? .none)
        add(cell, places, view.kinds, &isExact)
        total.merge(cell)
        let exact = cell.counters[.requests] - min(cell.counters[.overflowed], cell.counters[.requests])
        if !isExact { total.counters.add(exact, to: .overflowed) }
        return isExact
    }

    private mutating func add(_ cell: RollupCell, layer: GatewayEvent.CacheLayer) { add(cell, kind: layer.name, .cache) }
    private mutating func add(_ cell: RollupCell, error: GatewayEvent.ErrorKind) { add(cell, kind: error.name, .error) }

    private mutating func add(_ cell: RollupCell, kind: String, _ dimension: StatsDimension) {
        var kind = kind
        guard let place = kind.withUTF8({ insert($0, Int(dimension.rawValue), max: .max) }) else { return }
        labelCells[Int(dimension.rawValue)][place].merge(cell)
    }

    private mutating func add(_ cell: RollupCell, _ places: InlineArray<4, Int>, _ kinds: UInt8, _ isExact: inout Bool) {
        var combination = Combination(places: places, kinds: kinds)
        if combinations[combination] == nil, combinationCells.count >= cellsMax {
            isExact = false
            var others = InlineArray<4, Int>(repeating: 0)
            for dimension in 0..<RollupLabels.textCount { others[dimension] = otherPlace(dimension) }
            combination = Combination(places: others, kinds: kinds)
        }
        combinationCells[place(of: combination)].merge(cell)
    }

    private mutating func place(of combination: Combination) -> Int {
        if let place = combinations[combination] { return place }
        combinations[combination] = combinationCells.count
        combinationKeys.append(combination)
        combinationCells.append(RollupCell())
        return combinationCells.count - 1
    }

    /// `other` itself never counts against the bound.
    private mutating func place(of text: UnsafeBufferPointer<UInt8>, _ dimension: Int, _ isExact: inout Bool) -> Int {
        let hasOther = RollupLabels.other.withUnsafeBufferPointer { labels[dimension].find($0) } != nil
        if let place = insert(text, dimension, max: labelsMax + (hasOther ? 1 : 0)) { return place }
        let other = otherPlace(dimension)
        if !text.elementsEqual(RollupLabels.other) { isExact = false }
        return other
    }

    private mutating func otherPlace(_ dimension: Int) -> Int {
        RollupLabels.other.withUnsafeBufferPointer { insert($0, dimension, max: .max) } ?? 0
    }

    private mutating func insert(_ text: UnsafeBufferPointer<UInt8>, _ dimension: Int, max: Int) -> Int? {
        guard let place = labels[dimension].insert(text, max: max) else { return nil }
        if place == labelCells[dimension].count { labelCells[dimension].append(RollupCell()) }
        return place
    }
}

extension RollupInterval {
    /// The record to store, once `IntervalLayout.stamp` has finished it.
    func encoded(_ resolution: RollupResolution, start: Int64) -> [UInt8] {
        let seed = IntervalLayout.seed(resolution, start)
        var bytes = [UInt8](repeating: 0, count: IntervalLayout.dataStart)
        bytes[0] = IntervalLayout.version
        var writer = SectionWriter(bytes: bytes, seed: seed)
        writer.write(total)
        writer.endSection(IntervalSection.total)
        for dimension in StatsDimension.allCases { write(dimension, to: &writer) }
        writer.bytes.append(number: UInt64(combinationKeys.count))
        for (key, cell) in zip(combinationKeys, combinationCells) {
            writer.bytes.append(number: key.word)
            writer.writeCounted(cell)
        }
        writer.endSection(IntervalSection.combinations)
        return writer.bytes
    }

    private func write(_ dimension: StatsDimension, to writer: inout SectionWriter) {
        let place = Int(dimension.rawValue)
        writer.bytes.append(number: UInt64(labelCells[place].count))
        for (index, cell) in labelCells[place].enumerated() {
            writer.bytes.append(counted: Array(labels[place].key(index)))
            writer.writeCounted(cell)
        }
        writer.endSection(IntervalSection.labels(of: dimension))
    }

    /// Takes a record apart; `nil` if anything in it is damaged.
    init?(
        _ bytes: UnsafeBufferPointer<UInt8>, _ resolution: RollupResolution, start: Int64, labelsMax: Int, cellsMax: Int
    ) {
        guard let view = IntervalView(bytes, resolution: resolution, start: start) else { return nil }
        self.init(labelsMax: labelsMax, cellsMax: cellsMax)
        generation = view.generation
        guard let section = view.section(IntervalSection.total), let total = RollupCell(encoded: section) else { return nil }
        self.total = total
        for dimension in StatsDimension.allCases {
            guard read(dimension, from: view) else { return nil }
        }
        guard readCombinations(from: view) else { return nil }
    }

    private mutating func read(_ dimension: StatsDimension, from view: IntervalView) -> Bool {
        let place = Int(dimension.rawValue)
        var isSound = true
        let isWhole = view.forEachLabel(of: dimension) { label, bytes in
            guard isSound, let cell = RollupCell(encoded: bytes), labels[place].insert(label) == labelCells[place].count else {
                isSound = false
                return
            }
            labelCells[place].append(cell)
        }
        return isWhole && isSound
    }

    private mutating func readCombinations(from view: IntervalView) -> Bool {
        var isSound = true
        let isWhole = view.forEachCombination { combination, bytes in
            let exists = (0..<RollupLabels.textCount).allSatisfy { combination.place($0) < labelCells[$0].count }
            guard isSound, exists, combinations[combination] == nil, let cell = RollupCell(encoded: bytes) else {
                isSound = false
                return
            }
            combinationCells[place(of: combination)] = cell
        }
        return isWhole && isSound
    }
}

/// Writes the sections of an interval's record one after the other, and fills in their table.
private struct SectionWriter {
    var bytes: [UInt8]
    let seed: UInt64
    private var start = IntervalLayout.dataStart
    private var cellBytes: [UInt8] = []
    private var scratch: [UInt8] = []

    init(bytes: [UInt8], seed: UInt64) {
        self.bytes = bytes
        self.seed = seed
    }

    mutating func write(_ cell: RollupCell) { cell.encode(to: &bytes, scratch: &scratch) }

    mutating func writeCounted(_ cell: RollupCell) {
        cellBytes.removeAll(keepingCapacity: true)
        cell.encode(to: &cellBytes, scratch: &scratch)
        bytes.append(counted: cellBytes)
    }

    mutating func endSection(_ section: Int) {
        let entry = IntervalLayout.tableStart + section * IntervalLayout.entryBytes
        bytes.set(word: UInt64(start), 4, at: entry)
        bytes.set(word: UInt64(bytes.count - start), 4, at: entry + 4)
        bytes.set(word: checksum(start..<bytes.count), 8, at: entry + 8)
        start = bytes.count
    }

    private func checksum(_ range: Range<Int>) -> UInt64 {
        bytes.withUnsafeBufferPointer { xxh3(UnsafeBufferPointer(rebasing: $0[range]).span, seed: seed) }
    }
}
