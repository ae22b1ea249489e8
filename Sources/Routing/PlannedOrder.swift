/// The targets of a route in the order a request tries them, and why it does not try the others.
public struct PlannedOrder: Sendable, Equatable {
    /// One target of the route.
    public struct Entry: Sendable, Equatable {
        /// Its index in `RoutePlan.targets`.
        public var target: Int
        /// Where strategies, hints and conditions put it, before availability was looked at: 0 for the one that would come first.
        public var position: Int
        /// Why it is not tried; `nil` when it is a candidate.
        public var skip: SkipReason?
        /// Why it is tried only when no other is left; `nil` for any other candidate.
        public var lastResort: SoftReason?
        /// Its latency cost in nanoseconds when it was looked at.
        var latencyCost: Double = 0
    }

    /// First the candidates in the order of trying, then the others in the order they were considered.
    public internal(set) var entries: [Entry]
    /// How many of the entries are candidates.
    public internal(set) var candidateCount: Int

    /// An order without targets: of a route none of whose targets could be looked at.
    public static let empty = PlannedOrder(entries: [], candidateCount: 0)

    /// The candidates in the order of trying.
    public var candidates: ArraySlice<Entry> { entries[..<candidateCount] }

    /// The targets that are not tried, with reasons.
    public var skipped: ArraySlice<Entry> { entries[candidateCount...] }

    /// How long until a target that is out for now may be asked again, in nanoseconds; `nil` when none is out for now only.
    public var waitNanoseconds: UInt64? {
        var least: UInt64?
        for entry in skipped {
            let wait: UInt64
            switch entry.skip {
            case .breakerOpen(let nanoseconds): wait = nanoseconds
            case .probeUnderWay, .limited: wait = 1_000_000_000
            default: continue
            }
            least = min(least ?? .max, wait)
        }
        return least
    }
}

extension PlannedOrder {
    /// The order of a request that names its one target itself.
    public static let single = PlannedOrder(entries: [Entry(target: 0, position: 0)], candidateCount: 1)
}

extension PlannedOrder {
    /// The order of targets that a request itself lists, each with what is known of it: those that are up in the order given, then those that
    /// are a last resort; the others are skipped.
    public init(listed statuses: [TargetStatus]) {
        var ready: [Entry] = []
        var last: [Entry] = []
        var skipped: [Entry] = []
        for (index, status) in statuses.enumerated() {
            var entry = Entry(target: index, position: index)
            switch status.availability {
            case .ready: ready.append(entry)
            case .lastResort(let reason):
                entry.lastResort = reason
                last.append(entry)
            case .blocked(let reason):
                entry.skip = reason
                skipped.append(entry)
            }
        }
        self.init(entries: ready + last + skipped, candidateCount: ready.count + last.count)
    }
}
