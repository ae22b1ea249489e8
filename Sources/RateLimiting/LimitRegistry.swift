// Finds or makes the bucket of each limit. The control thread binds the limits of every scope when it publishes a snapshot; the loops then
// hold the cells themselves and never come here.
import GatewayModel

/// All buckets of the process. Any thread may call it; calls take turns.
public final class LimitRegistry: @unchecked Sendable {  // @unchecked: all variables are used under `lock` only

    /// How many hits a request limit allows for each request, where no `hits` limit is set: a hit costs a fiftieth of a request's CPU, and
    /// less of anything else.
    public static let hitsFactorDefault: Int64 = 50
    /// How many metadata values of a tenant have buckets of their own.
    public static let valuesMaxDefault = 10_000

    /// What is bound and spent of one scope.
    final class ScopeCells {
        var limits: [Limit] = []
        var tenant: String?
        /// Whether the next binding must look at the limits even if they did not change.
        var isStale = false
        var bound = BoundLimits.none
        var all = CellGroup()
        var models: [(pattern: String, group: CellGroup)] = []
        var families: [MetadataFamily] = []
    }

    private(set) var hitsFactor: Int64
    private(set) var valuesMax: Int
    let lock = Lock()
    var scopes: [LimitScope: ScopeCells] = [:]
    var budgets: [String: ValueBudget] = [:]
    /// Names of records whose cells are gone.
    var removed: Set<[UInt8]> = []
    /// Where the next look for changed cells begins, so that a small `max` starves nobody.
    var scanStart = 0

    /// Makes an empty registry.
    public init(hitsFactor: Int64 = hitsFactorDefault, valuesMax: Int = valuesMaxDefault) {
        self.hitsFactor = max(1, hitsFactor)
        self.valuesMax = max(0, valuesMax)
    }

    /// Changes the two parameters; what is bound from here on goes by them, also limits that did not change.
    public func configure(hitsFactor: Int64, valuesMax: Int) {
        lock.withLock {
            let factor = max(1, hitsFactor)
            if factor != self.hitsFactor { for cells in scopes.values { cells.isStale = true } }
            self.hitsFactor = factor
            if max(0, valuesMax) != self.valuesMax {
                self.valuesMax = max(0, valuesMax)
                for budget in budgets.values { budget.setMax(self.valuesMax) }
            }
        }
    }

    /// The buckets for the limits of a scope. A limit that was bound before, whatever has changed about it, keeps what was spent of it. For a key,
    /// `tenant` says whose metadata values its own are counted with.
    public func bind(_ limits: [Limit], scope: LimitScope, tenant: String? = nil, _ now: LimitTime) -> BoundLimits {
        lock.lock()
        defer { lock.unlock() }
        let tenant = tenant ?? LimitRegistry.tenant(of: scope)
        if limits.isEmpty, scopes[scope] == nil { return .none }
        let cells = scopes[scope] ?? ScopeCells()
        scopes[scope] = cells
        if cells.limits == limits, cells.tenant == tenant, !cells.isStale { return cells.bound }
        cells.isStale = false
        cells.limits = limits
        cells.tenant = tenant
        cells.bound = bind(LimitSorting(limits, scope: scope, hitsFactor: hitsFactor), to: cells, scope, tenant, now)
        return cells.bound
    }

    /// Whose metadata values a scope's are counted with, if nothing else is said. No tenant has a slash in its id.
    private static func tenant(of scope: LimitScope) -> String {
        if case .tenant(let id) = scope { id } else { scope.kind + "/" + scope.id }
    }

    private func bind(
        _ sorting: LimitSorting, to cells: ScopeCells, _ scope: LimitScope, _ tenant: String, _ now: LimitTime
    ) -> BoundLimits {
        bind(&cells.all, sorting.all, SubjectIdentity(scope: scope, selector: .all), now)
        for (pattern, _) in sorting.models where !cells.models.contains(where: { $0.pattern == pattern }) {
            cells.models.append((pattern, CellGroup()))
        }
        for index in cells.models.indices {
            let pattern = cells.models[index].pattern
            let set = sorting.models.first { $0.pattern == pattern }?.set ?? .empty
            bind(&cells.models[index].group, set, SubjectIdentity(scope: scope, selector: .model(pattern)), now)
        }
        cells.models.removeAll { $0.group.isEmpty }
        let families = bindFamilies(sorting, cells, scope, tenant)
        // In the order of the configuration.
        let models = sorting.models.compactMap { model in
            cells.models.first { $0.pattern == model.pattern }.map { ModelLimits(pattern: model.pattern, limits: $0.group.bound) }
        }
        let all = cells.all.bound
        if models.isEmpty && families.isEmpty { return all }
        return BoundLimits(hits: all.hits, requests: all.requests, metered: all.metered, models: models, families: families)
    }

    private func bind(_ group: inout CellGroup, _ set: LimitSet, _ identity: SubjectIdentity, _ now: LimitTime) {
        noteRemoved(group.bind(set, generation: group.generation &+ 1, now: now), identity)
        guard !removed.isEmpty else { return }
        // A cell made anew under the name of a record that was to be deleted: the record is overwritten instead.
        group.forEachCell { cell in
            guard removed.remove(identity.recordName(cell)) != nil else { return }
            cell.isRecorded.store(true, ordering: .relaxed)
            cell.markDirty()
        }
    }

    private func bindFamilies(
        _ sorting: LimitSorting, _ cells: ScopeCells, _ scope: LimitScope, _ tenant: String
    ) -> [MetadataFamily] {
        let budget = budgets[tenant] ?? ValueBudget(max: valuesMax)
        if !sorting.families.isEmpty { budgets[tenant] = budget }
        for (name, _) in sorting.families where !cells.families.contains(where: { $0.name == name }) {
            cells.families.append(MetadataFamily(name: name, scope: scope))
        }
        for family in cells.families {
            let set = sorting.families.first { $0.name == family.name }?.set ?? .empty
            family.bind(set, budget: budget)
        }
        return sorting.families.compactMap { named in cells.families.first { $0.name == named.name } }
    }

    // MARK: Letting go

    /// Drops the cells of all other scopes: their keys, tenants or routes are deleted. What was spent of them is forgotten, here and in the store.
    public func retain(only kept: Set<LimitScope>, _ now: LimitTime) {
        lock.withLock {
            for (scope, cells) in scopes where !kept.contains(scope) {
                drop(cells, of: scope, now)
                scopes[scope] = nil
            }
            let tenants = Set(scopes.values.compactMap(\.tenant))
            budgets = budgets.filter { tenants.contains($0.key) }
        }
    }

    private func drop(_ cells: ScopeCells, of scope: LimitScope, _ now: LimitTime) {
        noteRemoved(cells.all, SubjectIdentity(scope: scope, selector: .all))
        for model in cells.models { noteRemoved(model.group, SubjectIdentity(scope: scope, selector: .model(model.pattern))) }
        for family in cells.families {
            family.bind(.empty, budget: nil)
            family.forEachGroup(now) { value, group in
                noteRemoved(group, SubjectIdentity(scope: scope, selector: .metadata(family.name), value: value))
                return true
            }
            removed.formUnion(family.takeRemoved(.max))
        }
    }

    private func noteRemoved(_ group: CellGroup, _ identity: SubjectIdentity) {
        group.forEachCell { noteRemoved([$0], identity) }
    }

    private func noteRemoved(_ cells: [LimitCell], _ identity: SubjectIdentity) {
        for cell in cells where cell.isRecorded.load(ordering: .relaxed) { removed.insert(identity.recordName(cell)) }
    }

    /// Lets go of what nobody would miss: cells of removed limits, and of metadata values, in which nothing is spent any more. Once a minute
    /// or so.
    public func sweep(_ now: LimitTime) {
        lock.withLock {
            for (scope, cells) in scopes {
                noteRemoved(cells.all.dropDetached(now), SubjectIdentity(scope: scope, selector: .all))
                for index in cells.models.indices {
                    let identity = SubjectIdentity(scope: scope, selector: .model(cells.models[index].pattern))
                    noteRemoved(cells.models[index].group.dropDetached(now), identity)
                }
                cells.models.removeAll { $0.group.isEmpty }
                for family in cells.families { family.sweep(now) }
                for family in cells.families where family.isEmpty { family.bind(.empty, budget: nil) }
                cells.families.removeAll { $0.isEmpty }
            }
        }
    }
}
