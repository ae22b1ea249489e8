import GatewayModel

/// Finds the cells of intervals that a query wants, and numbers the groups they belong to.
///
/// Chooses the smallest section that knows all dimensions asked for: the total, the labels of one dimension, or the combinations.
struct CellSelector {
    private let filters: [(dimension: StatsDimension, label: [UInt8])]
    private let groupBy: [StatsDimension]
    private let dimensions: Set<StatsDimension>
    private var labels: [ByteKeyIndex]
    private var groups = ByteKeyIndex()
    private var key: [UInt8] = []

    /// Groups by no dimension is one group, number 0.
    init(filters: [StatsDimension: String], groupBy: [StatsDimension]) {
        self.filters = filters.map { ($0, Array($1.utf8)) }
        self.groupBy = groupBy
        dimensions = Set(groupBy).union(filters.keys)
        labels = groupBy.map { _ in ByteKeyIndex() }
    }

    /// How many groups were met so far.
    var groupCount: Int { groups.count }

    /// The labels of a group, in the order of the dimensions grouped by.
    func labels(ofGroup group: Int) -> [String] {
        var cursor = groups.key(group)
        return groupBy.indices.map { position in
            var place = 0
            for byte in cursor.prefix(4).reversed() { place = place << 8 | Int(byte) }
            cursor = cursor.dropFirst(4)
            return String(decoding: labels[position].key(place), as: UTF8.self)
        }
    }

    /// Hands the cells wanted, with the numbers of their groups, to `body`. Returns `false` if the record is damaged.
    mutating func forEachCell(in view: IntervalView, _ body: (Int, UnsafeBufferPointer<UInt8>) -> Void) -> Bool {
        guard let dimension = dimensions.first else {
            guard let cell = view.section(IntervalSection.total) else { return false }
            body(group { _ in nil }, cell)
            return true
        }
        guard dimensions.count == 1 else { return forEachCombination(in: view, body) }
        return view.forEachLabel(of: dimension) { label, cell in
            guard filters.allSatisfy({ label.elementsEqual($0.label) }) else { return }
            body(group { _ in label }, cell)
        }
    }

    /// The group of a pending cell; `nil` if it is not wanted.
    mutating func group(of view: RollupLabelView) -> Int? {
        func text(_ dimension: StatsDimension) -> [UInt8] {
            switch dimension {
            case .cache: CellSelector.layerName(view.kinds)
            case .error: CellSelector.errorName(view.kinds)
            default: Array(view.texts[Int(dimension.rawValue)])
            }
        }
        guard filters.allSatisfy({ text($0.dimension) == $0.label }) else { return nil }
        key.removeAll(keepingCapacity: true)
        for (position, dimension) in groupBy.enumerated() { key.append(word: place(of: text(dimension), at: position), 4) }
        return groupOfKey()
    }

    private mutating func forEachCombination(in view: IntervalView, _ body: (Int, UnsafeBufferPointer<UInt8>) -> Void) -> Bool {
        guard let lookUp = CombinationLookUp(view, dimensions) else { return false }
        var wanted: [(StatsDimension, Int)] = []
        for filter in filters {
            guard let place = lookUp.place(of: filter.label, filter.dimension) else { return true }
            wanted.append((filter.dimension, place))
        }
        // Places of the interval's labels among those of the query, found when first met.
        var known = groupBy.map { [Int32](repeating: -1, count: lookUp.count(of: $0)) }
        return view.forEachCombination { combination, cell in
            for (dimension, place) in wanted where CombinationLookUp.place(in: combination, dimension) != place { return }
            key.removeAll(keepingCapacity: true)
            for (position, dimension) in groupBy.enumerated() {
                let place = CombinationLookUp.place(in: combination, dimension)
                guard place < known[position].count else { return }
                if known[position][place] < 0 {
                    known[position][place] = Int32(clamping: self.place(of: lookUp.label(place, dimension), at: position))
                }
                key.append(word: UInt64(known[position][place]), 4)
            }
            body(groupOfKey(), cell)
        }
    }

    private mutating func group(_ label: (StatsDimension) -> UnsafeBufferPointer<UInt8>?) -> Int {
        key.removeAll(keepingCapacity: true)
        for (position, dimension) in groupBy.enumerated() {
            guard let label = label(dimension) else { continue }
            key.append(word: UInt64(labels[position].insert(label) ?? 0), 4)
        }
        return groupOfKey()
    }

    private mutating func place(of label: [UInt8], at position: Int) -> UInt64 {
        UInt64(label.withUnsafeBufferPointer { labels[position].insert($0) } ?? 0)
    }

    private mutating func groupOfKey() -> Int { key.withUnsafeBufferPointer { groups.insert($0) } ?? 0 }

    /// The name of the layer in a byte of layer and error.
    static func layerName(_ kinds: UInt8) -> [UInt8] { Array((GatewayEvent.CacheLayer(rawValue: kinds >> 4) ?? .none).name.utf8) }
    /// The name of the error in a byte of layer and error.
    static func errorName(_ kinds: UInt8) -> [UInt8] { Array((GatewayEvent.ErrorKind(rawValue: kinds & 15) ?? .none).name.utf8) }
}

/// The labels of an interval by their places, for the dimensions that a query is about.
private struct CombinationLookUp {
    private var labels: [[[UInt8]]] = Array(repeating: [], count: 6)

    init?(_ view: IntervalView, _ dimensions: Set<StatsDimension>) {
        for dimension in dimensions {
            let place = Int(dimension.rawValue)
            switch dimension {
            case .cache: labels[place] = (0..<16).map { CellSelector.layerName($0 << 4) }
            case .error: labels[place] = (0..<16).map { CellSelector.errorName($0) }
            default:
                guard view.forEachLabel(of: dimension, { label, _ in labels[place].append(Array(label)) }) else { return nil }
            }
        }
    }

    func count(of dimension: StatsDimension) -> Int { labels[Int(dimension.rawValue)].count }
    func label(_ place: Int, _ dimension: StatsDimension) -> [UInt8] { labels[Int(dimension.rawValue)][place] }
    func place(of label: [UInt8], _ dimension: StatsDimension) -> Int? { labels[Int(dimension.rawValue)].firstIndex(of: label) }

    static func place(in combination: Combination, _ dimension: StatsDimension) -> Int {
        switch dimension {
        case .cache: Int(combination.kinds >> 4)
        case .error: Int(combination.kinds & 15)
        default: combination.place(Int(dimension.rawValue))
        }
    }
}
