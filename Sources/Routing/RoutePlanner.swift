// Choosing, in four steps over one array with an entry for each target: what cannot serve the request is marked with its reason; the tree is
// walked and gives every target its rank; the client's wishes reorder; and targets that are out, or only a last resort, move behind the others.

/// Puts the targets of a route into the order in which a request tries them. Pure: what is known of the targets is asked through `status`,
/// randomness is the seed.
public enum RoutePlanner {
    /// The order for one request, and the reasons for what is left out. Costs one array and up to a call of `status` for each target.
    /// - Parameters:
    ///   - seed: decides weighted draws and which two targets are compared; the same seed gives the same order.
    ///   - status: what is known of a target, by its index in `plan.targets`. Asked at most once each, and only of targets that fit.
    public static func order(
        _ plan: RoutePlan, for facts: RequestFacts, hints: RoutingHints = .none, seed: UInt64, status: (Int) -> TargetStatus
    ) -> PlannedOrder {
        var walk = PlanWalk(plan, facts, seed)
        walk.look(hints, status)
        walk.visit(0)
        walk.settleUnvisited()
        if hints != .none { walk.apply(hints) } else { walk.sort { $0.position < $1.position } }
        return walk.finish(keepsFirstOnly: !hints.allowsFallbacks && hints.order.isEmpty)
    }
}

/// The work of one planning.
private struct PlanWalk {
    typealias Entry = PlannedOrder.Entry

    /// What the best child is measured by.
    enum Measure { case latency, price }

    let plan: RoutePlan
    let facts: RequestFacts
    var random: RandomSource
    /// By target index until `finish`; afterwards in the order of trying.
    var entries: [Entry] = []
    /// Bit n: target n can be tried, as any other.
    var ready: UInt64 = 0
    /// Bit n: target n can be tried as a last resort.
    var soft: UInt64 = 0
    var ranked = 0

    init(_ plan: RoutePlan, _ facts: RequestFacts, _ seed: UInt64) {
        self.plan = plan
        self.facts = facts
        random = RandomSource(seed: seed)
        entries.reserveCapacity(plan.targets.count)
    }

    // MARK: What fits

    mutating func look(_ hints: RoutingHints, _ status: (Int) -> TargetStatus) {
        let hasHints = hints != .none
        for index in plan.targets.indices {
            var entry = Entry(target: index, position: -1)
            entry.skip = misfit(plan.targets[index], hasHints ? hints : nil)
            if entry.skip == nil {
                let status = status(index)
                entry.latencyCost = status.latencyCost
                switch status.availability {
                case .ready: ready |= 1 << UInt64(index)
                case .lastResort(let reason):
                    entry.lastResort = reason
                    soft |= 1 << UInt64(index)
                case .blocked(let reason): entry.skip = reason
                }
            }
            entries.append(entry)
        }
    }

    private func misfit(_ target: RouteTarget, _ hints: RoutingHints?) -> SkipReason? {
        if let condition = target.condition, !condition.holds(for: facts) { return .conditionNotMet }
        return facts.misfit(target.capabilities) ?? hints?.refusal(of: target)
    }

    // MARK: The tree

    mutating func visit(_ index: Int) {
        let node = plan.nodes[index]
        switch node.strategy {
        case .leaf(let target): place(target)
        case .fallback: for child in node.children { visit(child) }
        case .weighted(let weights): visitWeighted(node.children, weights)
        case .lowestLatency:
            let first = betterOfTwo(node.children)
            if let first { visit(first) }
            visitAscending(node.children, taken: first.map { 1 << UInt64($0 - node.children.lowerBound) } ?? 0, by: .latency)
        case .cheapest: visitAscending(node.children, taken: 0, by: .price)
        case .conditional(let conditions): visitConditional(node.children, conditions)
        case .percentage(let key, let ends, let salt): visitPercentage(node.children, key, ends, salt)
        }
    }

    private mutating func place(_ target: Int) {
        entries[target].position = ranked
        ranked += 1
    }

    /// Draws without replacement. A child that cannot be tried keeps its place and is skipped there, which leaves the others' shares in proportion.
    private mutating func visitWeighted(_ children: Range<Int>, _ weights: [UInt32]) {
        var taken = BitSet()
        var total = weights.reduce(0) { $0 + UInt64($1) }
        while total > 0 {
            var point = random.below(total)
            for offset in weights.indices where !taken.contains(offset) {
                let weight = UInt64(weights[offset])
                guard point < weight else {
                    point -= weight
                    continue
                }
                taken.insert(offset)
                total -= weight
                visit(children.lowerBound + offset)
                break
            }
        }
        for offset in weights.indices where !taken.contains(offset) { visit(children.lowerBound + offset) }
    }

    /// Two children drawn at random, the one with the lower latency of them; `nil` when none can be tried.
    private mutating func betterOfTwo(_ children: Range<Int>) -> Int? {
        let pool = children.contains { plan.nodes[$0].leaves & ready != 0 } ? ready : soft
        let usable = children.reduce(0) { $0 + (plan.nodes[$1].leaves & pool != 0 ? 1 : 0) }
        guard usable > 0 else { return nil }
        let first = Int(random.below(UInt64(usable)))
        guard usable > 1 else { return nth(first, of: children, in: pool) }
        var second = Int(random.below(UInt64(usable - 1)))
        if second >= first { second += 1 }
        guard let left = nth(first, of: children, in: pool), let right = nth(second, of: children, in: pool) else { return nil }
        return least(right, by: .latency) < least(left, by: .latency) ? right : left
    }

    private func nth(_ number: Int, of children: Range<Int>, in pool: UInt64) -> Int? {
        var left = number
        for child in children where plan.nodes[child].leaves & pool != 0 {
            if left == 0 { return child }
            left -= 1
        }
        return nil
    }

    /// Visits the children that are not taken by ascending value of the best of their leaves; equal ones in order.
    private mutating func visitAscending(_ children: Range<Int>, taken: UInt64, by measure: Measure) {
        var taken = BitSet(bits: taken)
        while true {
            var best: Int?
            var bestValue = Double.infinity
            for offset in 0..<children.count where !taken.contains(offset) {
                let found = least(children.lowerBound + offset, by: measure)
                if best == nil || found < bestValue {
                    best = offset
                    bestValue = found
                }
            }
            guard let best else { return }
            taken.insert(best)
            visit(children.lowerBound + best)
        }
    }

    /// The least value below a node: of targets that can be tried if there are any.
    private func least(_ node: Int, by measure: Measure) -> Double {
        let leaves = plan.nodes[node].leaves
        var rest = leaves & ready != 0 ? leaves & ready : leaves & soft
        var least = Double.infinity
        while rest != 0 {
            let target = rest.trailingZeroBitCount
            rest &= rest - 1
            least = min(least, measure == .price ? price(of: plan.targets[target]) : entries[target].latencyCost)
        }
        return least
    }

    private func price(of target: RouteTarget) -> Double {
        target.price?.estimate(inputTokens: facts.inputTokens, outputTokens: facts.outputTokens) ?? .infinity
    }

    private mutating func visitConditional(_ children: Range<Int>, _ conditions: [RouteCondition]) {
        for offset in conditions.indices where conditions[offset].holds(for: facts) { return visit(children.lowerBound + offset) }
        if children.count > conditions.count { visit(children.upperBound - 1) }
    }

    private mutating func visitPercentage(_ children: Range<Int>, _ key: RouteField, _ ends: [Int], _ salt: UInt64) {
        let hash = facts.value(of: key).map { StickyHash.of($0, salt: salt) } ?? random.next()
        let point = StickyHash.basisPoint(of: hash)
        let chosen = children.lowerBound + (ends.firstIndex { point < $0 } ?? ends.count - 1)
        visit(chosen)
        for child in children where child != chosen { visit(child) }
    }

    /// Targets of branches that were not chosen stand behind all others.
    mutating func settleUnvisited() {
        for index in entries.indices where entries[index].position < 0 {
            entries[index].skip = .conditionNotMet
            place(index)
        }
    }

    // MARK: The client's wishes

    /// By model wished for, then by provider wished for, then as asked to sort, then as the route has it.
    mutating func apply(_ hints: RoutingHints) {
        let plan = self.plan
        let facts = self.facts
        func provider(_ entry: Entry) -> Int { hints.order.firstIndex(of: plan.targets[entry.target].provider) ?? hints.order.count }
        func value(_ entry: Entry) -> Double {
            switch hints.sort {
            case nil: return 0
            case .price:
                let price = plan.targets[entry.target].price
                return price?.estimate(inputTokens: facts.inputTokens, outputTokens: facts.outputTokens) ?? .infinity
            case .latency, .throughput: return entry.latencyCost
            }
        }
        sort { left, right in
            let models = (
                hints.modelRank(of: plan.targets[left.target]) ?? .max, hints.modelRank(of: plan.targets[right.target]) ?? .max
            )
            if models.0 != models.1 { return models.0 < models.1 }
            let providers = (provider(left), provider(right))
            if providers.0 != providers.1 { return providers.0 < providers.1 }
            let values = (value(left), value(right))
            if values.0 != values.1 { return values.0 < values.1 }
            return left.position < right.position
        }
        for index in entries.indices { entries[index].position = index }
    }

    /// Insertion sort: the array is short, mostly in order, and must not be copied.
    mutating func sort(_ precedes: (Entry, Entry) -> Bool) {
        guard entries.count > 1 else { return }
        for start in 1..<entries.count {
            var index = start
            while index > 0, precedes(entries[index], entries[index - 1]) {
                entries.swapAt(index, index - 1)
                index -= 1
            }
        }
    }

    // MARK: Availability

    mutating func finish(keepsFirstOnly: Bool) -> PlannedOrder {
        markDuplicates()
        sort { PlanWalk.group($0) < PlanWalk.group($1) }
        var count = entries.prefix { $0.skip == nil }.count
        if keepsFirstOnly, count > 1 {
            for index in 1..<count { entries[index].skip = .hint(.allowFallbacks) }
            count = 1
        }
        return PlannedOrder(entries: entries, candidateCount: count)
    }

    private static func group(_ entry: Entry) -> Int { entry.skip != nil ? 2 : entry.lastResort != nil ? 1 : 0 }

    private mutating func markDuplicates() {
        var seen = BitSet()
        for index in entries.indices where entries[index].skip == nil {
            let kind = plan.firstOfKind[entries[index].target]
            if seen.contains(kind) { entries[index].skip = .duplicate }
            seen.insert(kind)
        }
    }
}

/// A set of small numbers, 0...63 (the bound on a route's targets); larger children counts of a node cannot occur, as each has a leaf.
private struct BitSet {
    var bits: UInt64 = 0
    func contains(_ number: Int) -> Bool { bits & (1 << UInt64(number)) != 0 }
    mutating func insert(_ number: Int) { bits |= 1 << UInt64(number) }
}
