// Which cell a limit gets. A limit that is configured again must find the cell it had before, however the list around it changed, or else
// every edit of a list would be a free refill: cells are matched to limits by what they count and over which window, first exactly, then
// the closest; and a cell whose limit is gone is kept while anything is spent in it.
import GatewayModel

/// The cells of one subject: of a scope, a model pattern of it, or a metadata value.
struct CellGroup {
    /// The limits of now with their cells.
    private(set) var bound = BoundLimits.none
    /// Cells that no limit has now: removed limits, or restored records whose limits are not bound yet.
    private(set) var detached: [LimitCell] = []
    /// Which version of the limits `bound` is.
    private(set) var generation: UInt32 = 0

    var isEmpty: Bool { bound.isEmpty && detached.isEmpty }

    /// Calls `body` with each cell.
    @inline(__always) func forEachCell(_ body: (LimitCell) -> Void) {
        bound.forEachLimit { body($0.cell) }
        for cell in detached { body(cell) }
    }

    /// Whether a cell may have changed since it was last recorded.
    var isDirty: Bool { bound.isDirty || detached.contains { $0.isDirty.load(ordering: .relaxed) } }

    /// Adds a restored cell, unless one with its measure and ordinal is there.
    mutating func restore(_ cell: LimitCell) -> Bool {
        var isTaken = false
        forEachCell { isTaken = isTaken || ($0.measure == cell.measure && $0.ordinal == cell.ordinal) }
        if !isTaken { detached.append(cell) }
        return !isTaken
    }

    /// Gives each limit of the set its cell. Returns the cells that are no longer needed.
    mutating func bind(_ set: LimitSet, generation: UInt32, now: LimitTime) -> [LimitCell] {
        self.generation = generation
        var matching = CellMatching(definitions: set.all, bound: bound.all.map(\.cell), detached: detached)
        let limits = matching.run(now)
        let hitsEnd = set.hits.count
        let requestsEnd = hitsEnd + set.requests.count
        bound =
            limits.isEmpty
            ? .none
            : BoundLimits(
                hits: Array(limits[..<hitsEnd]), requests: Array(limits[hitsEnd..<requestsEnd]), metered: Array(limits[requestsEnd...]))
        detached = matching.pool
        return dropDetached(now)
    }

    /// Lets go of the detached cells in which nothing is spent any more, and returns them.
    mutating func dropDetached(_ now: LimitTime) -> [LimitCell] {
        if detached.isEmpty { return [] }
        let dropped = detached.filter { $0.isUnused(now) }
        if !dropped.isEmpty { detached.removeAll { $0.isUnused(now) } }
        return dropped
    }

    /// Empties the group if nothing is spent in it and nobody else holds any of its cells: whoever asks for them next then gets new ones,
    /// and nobody charges the old ones any more. nil if it has to stay.
    mutating func takeIfUnused(_ now: LimitTime) -> [LimitCell]? {
        var isUnused = true
        forEachCell { isUnused = isUnused && $0.isUnused(now) }
        guard isUnused, bound === BoundLimits.none || isKnownUniquelyReferenced(&bound) else { return nil }
        var limits = bound.all
        let (hitsEnd, requestsEnd) = (bound.hits.count, bound.hits.count + bound.requests.count)
        bound = .none
        var isHeld = false
        for index in limits.indices where !isKnownUniquelyReferenced(&limits[index].cell) { isHeld = true }
        for index in detached.indices where !isKnownUniquelyReferenced(&detached[index]) { isHeld = true }
        guard !isHeld else {
            bound = BoundLimits(
                hits: Array(limits[..<hitsEnd]), requests: Array(limits[hitsEnd..<requestsEnd]), metered: Array(limits[requestsEnd...]))
            return nil
        }
        defer { detached = [] }
        return limits.map(\.cell) + detached
    }
}

/// Matches limits to cells.
private struct CellMatching {
    let definitions: [LimitDefinition]
    /// The cells that no limit has got yet.
    private(set) var pool: [LimitCell]
    /// Those that a limit had until now.
    private let bound: [LimitCell]
    private var chosen: [LimitCell?]
    private var usedOrdinals: [(LimitMeasure, UInt8)]

    init(definitions: [LimitDefinition], bound: [LimitCell], detached: [LimitCell]) {
        self.definitions = definitions
        self.bound = bound
        pool = bound + detached
        chosen = Array(repeating: nil, count: definitions.count)
        usedOrdinals = pool.map { ($0.measure, $0.ordinal) }
    }

    mutating func run(_ now: LimitTime) -> [BoundLimit] {
        choose { $0.parameters == $1 }
        choose { $0.parameters.kind == $1.kind && $0.parameters.period == $1.period }
        choose { $0.parameters.kind == $1.kind }
        return definitions.indices.map { index in
            let definition = definitions[index]
            guard let cell = chosen[index] else { return BoundLimit(definition, fresh(definition, now)) }
            cell.change(to: definition.parameters, now: now)
            // A limit that comes back in the place of another kind has not seen what was used under that.
            if !isBound(cell), let other = predecessor(of: cell, where: isBound) { cell.takeOver(other, now: now) }
            return BoundLimit(definition, cell)
        }
    }

    private mutating func choose(where matches: (LimitDefinition, CellParameters) -> Bool) {
        for index in definitions.indices where chosen[index] == nil {
            let definition = definitions[index]
            let place = pool.indices.filter { pool[$0].measure == definition.limit.measure && matches(definition, pool[$0].parameters) }
                .min { pool[$0].ordinal < pool[$1].ordinal }
            if let place { chosen[index] = pool.remove(at: place) }
        }
    }

    /// A new cell. It takes over what was used of a cell of the same measure and another kind that no limit has any more: the limit was
    /// changed from a bucket to a budget, say.
    private mutating func fresh(_ definition: LimitDefinition, _ now: LimitTime) -> LimitCell {
        let measure = definition.limit.measure
        let ordinal = (1...UInt8.max).first { ordinal in !usedOrdinals.contains { $0 == (measure, ordinal) } } ?? UInt8.max
        usedOrdinals.append((measure, ordinal))
        let cell = LimitCell(definition.parameters, measure: measure, ordinal: ordinal, now: now)
        if let other = predecessor(of: cell, where: isBound) ?? predecessor(of: cell, where: { _ in true }) {
            cell.takeOver(other, now: now)
        }
        return cell
    }

    private func isBound(_ cell: LimitCell) -> Bool { bound.contains { $0 === cell } }

    /// A cell without a limit that counted the same in another way.
    private func predecessor(of cell: LimitCell, where condition: (LimitCell) -> Bool) -> LimitCell? {
        pool.first { $0.measure == cell.measure && $0.kind != cell.kind && condition($0) }
    }
}
