// The buckets that come with metadata values. The values come from requests, so whoever sends them must not be able to fill the memory, nor
// to win a new bucket by making the old one be forgotten: at most so many values a tenant have buckets of their own; past that, a value
// whose buckets are all full gives way, and if there is none the new value shares the overflow bucket of the name.
import GatewayModel

/// The limits of one scope that have a bucket for each value of one metadata name. One object for the life of the scope: reloads change its
/// limits in place, so that an old snapshot and a new one count in the same buckets.
public final class MetadataFamily: @unchecked Sendable {  // @unchecked: all variables are used under `lock` only

    /// The longest value with a bucket of its own, in bytes; longer ones share the overflow bucket.
    public static let valueBytesMax = 256
    /// How many values are looked at for one that can give way.
    static let evictionProbes = 16
    /// How many values are visited under one holding of the lock by what goes through all of them.
    private static let visitBatch = 256

    /// The metadata name.
    public let name: String
    let scope: LimitScope
    private let lock = Lock()
    private var set = LimitSet.empty
    private var generation: UInt32 = 0
    private var table = ValueTable()
    private var absent = CellGroup()
    private var overflow = CellGroup()
    /// nil while no limit is bound: nothing is made then.
    private var budget: ValueBudget?
    private var hand = 0
    /// Names of records whose cells are gone.
    private var removed: Set<[UInt8]> = []

    init(name: String, scope: LimitScope) {
        self.name = name
        self.scope = scope
    }

    /// The limits for the value that a request gives, nil if it gives none: one value of its own. Makes buckets for a value seen first; a value
    /// seen before costs a hash and a short lock.
    public func limits(for value: Span<UInt8>?, _ now: LimitTime) -> BoundLimits {
        lock.lock()
        defer { lock.unlock() }
        guard let value else { return current(&absent, .absent, now) }
        guard value.count <= MetadataFamily.valueBytesMax else { return current(&overflow, .overflow, now) }
        let hash = ValueTable.hash(value)
        if let position = table.position(of: value, hash: hash) {
            return table.isCurrent(at: position, generation) ? table.limits(at: position) : refresh(position, now)
        }
        return make(value, hash: hash, now)
    }

    @inline(never) private func refresh(_ position: Int, _ now: LimitTime) -> BoundLimits {
        let value = MetadataValue.value(table.value(at: position))
        return table.withGroup(at: position) { current(&$0, value, now) }
    }

    /// The limits of a group, brought up to date if they changed since it was last used.
    private func current(_ group: inout CellGroup, _ value: MetadataValue, _ now: LimitTime) -> BoundLimits {
        if group.generation != generation { dropped(group.bind(set, generation: generation, now: now), value) }
        return group.bound
    }

    @inline(never) private func make(_ value: Span<UInt8>, hash: Int, _ now: LimitTime) -> BoundLimits {
        guard !set.isEmpty else { return .none }
        guard let budget, budget.take() || (evict(now) && budget.take()) else { return current(&overflow, .overflow, now) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.count)
        for offset in value.indices { bytes.append(value[offset]) }
        let position = table.insert(bytes, hash: hash)
        let generation = generation
        let set = set
        return table.withGroup(at: position) { group in
            _ = group.bind(set, generation: generation, now: now)
            if !removed.isEmpty { group.forEachCell { reclaim($0, bytes) } }
            return group.bound
        }
    }

    /// A cell made anew under a name whose record was to be deleted: the record is overwritten instead.
    private func reclaim(_ cell: LimitCell, _ value: [UInt8]) {
        guard removed.remove(identity(.value(value)).recordName(cell)) != nil else { return }
        cell.isRecorded.store(true, ordering: .relaxed)
        cell.markDirty()
    }

    /// Makes one value give way that is as good as new and in nobody's hands.
    private func evict(_ now: LimitTime) -> Bool {
        for _ in 0..<min(MetadataFamily.evictionProbes, table.count) {
            hand = hand + 1 < table.count ? hand + 1 : 0
            if drop(at: hand, now) { return true }
        }
        return false
    }

    private func drop(at position: Int, _ now: LimitTime) -> Bool {
        guard let cells = table.withGroup(at: position, { $0.takeIfUnused(now) }) else { return false }
        dropped(cells, .value(table.value(at: position)))
        table.remove(at: position)
        budget?.add(-1)
        return true
    }

    /// Notes that the records of these cells can be deleted.
    private func dropped(_ cells: [LimitCell], _ value: MetadataValue) {
        for cell in cells where cell.isRecorded.load(ordering: .relaxed) { removed.insert(identity(value).recordName(cell)) }
    }

    private func identity(_ value: MetadataValue) -> SubjectIdentity {
        SubjectIdentity(scope: scope, selector: .metadata(name), value: value)
    }

    // MARK: For the registry

    /// Counts by these limits from now on; each value is brought up to date when it is next used.
    func bind(_ new: LimitSet, budget newBudget: ValueBudget?) {
        lock.withLock {
            if newBudget !== budget {
                budget?.add(-table.count)
                newBudget?.add(table.count)
                budget = newBudget
            }
            guard !new.isSame(as: set) || generation == 0 else { return }
            set = new
            generation &+= 1
        }
    }

    /// Adds a restored cell.
    func restore(_ cell: LimitCell, value: MetadataValue) -> Bool {
        lock.withLock {
            switch value {
            case .absent: return absent.restore(cell)
            case .overflow: return overflow.restore(cell)
            case .value(let bytes):
                let hash = ValueTable.hash(bytes.span)
                let known = table.position(of: bytes.span, hash: hash)
                if known == nil { budget?.add(1) }
                let position = known ?? table.insert(bytes, hash: hash)
                return table.withGroup(at: position) { $0.restore(cell) }
            }
        }
    }

    /// How many values have buckets of their own.
    public var valuesCount: Int { lock.withLock { table.count } }

    /// Whether nothing is bound, spent or recorded here any more.
    var isEmpty: Bool { lock.withLock { set.isEmpty && table.count == 0 && absent.isEmpty && overflow.isEmpty && removed.isEmpty } }

    /// Whether any limit has alerts.
    var hasAlerts: Bool { lock.withLock { set.all.contains { !$0.limit.alertPercents.isEmpty } } }

    /// Lets values go in which nothing is spent.
    func sweep(_ now: LimitTime) {
        var position = lock.withLock { table.count }
        while position > 0 {
            lock.withLock {
                let end = max(0, min(position, table.count) - MetadataFamily.visitBatch)
                for index in stride(from: min(position, table.count) - 1, through: end, by: -1) where !drop(at: index, now) {
                    let cells = table.withGroup(at: index) { $0.dropDetached(now) }
                    if !cells.isEmpty { dropped(cells, .value(table.value(at: index))) }
                }
                position = end
            }
        }
        lock.withLock {
            dropped(absent.dropDetached(now), .absent)
            dropped(overflow.dropDetached(now), .overflow)
        }
    }

    /// Calls `body` with every value's cells, up to date, some hundred under one lock; stops when it returns false. A value that moves
    /// meanwhile may be missed once.
    func forEachGroup(_ now: LimitTime, _ body: (MetadataValue, CellGroup) -> Bool) {
        var goesOn = lock.withLock {
            _ = current(&absent, .absent, now)
            _ = current(&overflow, .overflow, now)
            return (absent.isEmpty || body(.absent, absent)) && (overflow.isEmpty || body(.overflow, overflow))
        }
        var position = 0
        while goesOn {
            goesOn = lock.withLock {
                let end = min(position + MetadataFamily.visitBatch, table.count)
                guard position < end else { return false }
                for index in position..<end {
                    let value = MetadataValue.value(table.value(at: index))
                    let goesOn = table.withGroup(at: index) { group in
                        _ = current(&group, value, now)
                        return body(value, group)
                    }
                    if !goesOn { return false }
                }
                position = end
                return true
            }
        }
    }

    /// The names of records that can be deleted, at most so many; they are forgotten here.
    func takeRemoved(_ max: Int) -> [[UInt8]] {
        lock.withLock {
            if removed.isEmpty { return [] }
            let taken = Array(removed.prefix(max))
            removed.subtract(taken)
            return taken
        }
    }
}
