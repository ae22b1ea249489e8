import GatewayModel

/// Which groups are listed, in which order, and which are summed into `other`.
struct GroupRanking {
    /// A group to list.
    struct Group {
        var labels: [(StatsDimension, String)]
        var sums: RollupCounters
    }

    /// The groups to list; the rest last, if there is any.
    private(set) var groups: [Group] = []
    /// How many are listed, the rest not counted.
    let listedCount: Int
    private var slots: [Int] = []

    init(_ query: StatsQuery, _ selector: CellSelector, _ sums: [RollupCounters]) {
        let names = sums.indices.map { selector.labels(ofGroup: $0) }
        let ranked = sums.indices.filter { !GroupRanking.isOther(names[$0], query.groupBy) }.sorted { left, right in
            let (first, second) = (GroupRanking.rank(of: sums[left], query.order), GroupRanking.rank(of: sums[right], query.order))
            return first != second ? first > second : names[left].lexicographicallyPrecedes(names[right]) { $0 < $1 }
        }
        let listed = ranked.prefix(query.top)
        listedCount = listed.count
        slots = Array(repeating: listed.count, count: sums.count)
        for (slot, group) in listed.enumerated() {
            slots[group] = slot
            groups.append(Group(labels: Array(zip(query.groupBy, names[group])), sums: sums[group]))
        }
        guard listed.count < sums.count else { return }
        var rest = Group(labels: query.groupBy.map { ($0, String(decoding: RollupLabels.other, as: UTF8.self)) }, sums: RollupCounters())
        for group in sums.indices where slots[group] == listed.count { rest.sums.merge(sums[group]) }
        // Where only combinations found no room, `other` is a label that nothing was counted under.
        if !rest.sums.isZero { groups.append(rest) }
    }

    /// The place among `groups` of a group; `nil` if it belongs to the rest, as does one that a change of the store brought meanwhile.
    func slot(of group: Int) -> Int? { group < slots.count && slots[group] < listedCount ? slots[group] : nil }

    /// What a bound left no room for joins the rest, which has the same name.
    private static func isOther(_ labels: [String], _ dimensions: [StatsDimension]) -> Bool {
        let texts = zip(dimensions, labels).filter { $0.0 != .cache && $0.0 != .error }
        return !texts.isEmpty && texts.count == labels.count && texts.allSatisfy { $0.1.utf8.elementsEqual(RollupLabels.other) }
    }

    private static func rank(of sums: RollupCounters, _ order: StatsQuery.Order) -> UInt64 {
        switch order {
        case .requests: sums[.requests]
        case .cost: sums[.cost]
        case .errors: sums[.requests] - min(sums[GatewayEvent.ErrorKind.none], sums[.requests])
        case .tokens: sums[.tokensIn].addingSaturating(sums[.tokensOut])
        }
    }
}

/// Bucket counts of several groups, an array for all: adding is one index, whatever the order.
struct DenseBuckets {
    private var counts: [UInt64]

    init(slots: Int) { counts = Array(repeating: 0, count: slots * BucketCounts.keyCount) }

    mutating func add(_ buckets: BucketCounts, to slot: Int) {
        for word in buckets.words { add(word & BucketCounts.countMax, key: Int(word >> BucketCounts.countBits), slot) }
    }

    /// Returns `false` if the bytes are no cell.
    mutating func add(_ cell: inout EncodedCell, to slot: Int) -> Bool {
        cell.forEachBucket { key, count in
            guard key < UInt64(BucketCounts.keyCount) else { return false }
            add(count, key: Int(key), slot)
            return true
        }
    }

    /// Takes one slot's counts from another's. What would be negative, as only damaged records make it, is zero.
    mutating func subtract(_ slot: Int, from other: Int) {
        for key in 0..<BucketCounts.keyCount {
            let place = other * BucketCounts.keyCount + key
            counts[place] -= min(counts[place], counts[slot * BucketCounts.keyCount + key])
        }
    }

    /// The counts of a group.
    func counts(of slot: Int) -> BucketCounts {
        var buckets = BucketCounts()
        for key in 0..<BucketCounts.keyCount {
            let count = counts[slot * BucketCounts.keyCount + key]
            if count > 0 { _ = buckets.append(key: UInt64(key), count: min(count, BucketCounts.countMax)) }
        }
        return buckets
    }

    private mutating func add(_ count: UInt64, key: Int, _ slot: Int) {
        let place = slot * BucketCounts.keyCount + key
        counts[place] = counts[place].addingSaturating(count)
    }
}
