import GatewayModel

/// Adds up what happens at each limit of a replay.
struct SimulationTally {
    private struct Name: Hashable {
        let scope: LimitScope
        let policyName: String
    }

    private(set) var results: [SimulationReport.LimitResult] = []
    private var places: [Name: Int] = [:]
    /// The same by the definitions of the two sets of buckets: hashing an address is much cheaper than a name.
    private var known: [ObjectIdentifier: Int] = [:]
    /// Kept alive, so that no other definition gets the address of one.
    private var definitions: [LimitDefinition] = []
    /// Refusals in the minute that the replay is in, by limit.
    private var minutes: [(minute: Int64, count: Int)] = []

    /// The place of a limit among the results, made on first sight.
    private mutating func place(of bound: BoundLimit) -> Int {
        if let place = known[ObjectIdentifier(bound.definition)] { return place }
        let name = Name(scope: bound.scope, policyName: bound.policyName)
        let place = places[name] ?? results.count
        if place == results.count {
            results.append(SimulationReport.LimitResult(scope: bound.scope, policyName: bound.policyName, limit: bound.limit))
            minutes.append((.min, 0))
            places[name] = place
        }
        known[ObjectIdentifier(bound.definition)] = place
        definitions.append(bound.definition)
        return place
    }

    /// Takes limits up into the results, in their order, before they are met under any other form.
    mutating func list(_ limits: [BoundLimit]) { for bound in limits { _ = place(of: bound) } }

    /// A request was asked about; what the bucket holds now is what it left.
    mutating func meet(_ limits: [BoundLimit], _ now: LimitTime) {
        for bound in limits {
            let place = place(of: bound)
            let status = bound.status(now)
            let percent = (Int128(status.spent) + Int128(status.outstanding)) * 100 / Int128(max(1, status.capacity))
            results[place].met += 1
            results[place].peakPercent = max(results[place].peakPercent, Int(clamping: percent))
        }
    }

    /// A limit refused, or in shadow mode would have.
    mutating func refuse(_ bound: BoundLimit, _ refusal: LimitRefusal?, _ now: LimitTime) {
        let place = place(of: bound)
        results[place].refused += 1
        if results[place].firstRefusal == nil { results[place].firstRefusal = now.civil }
        if let refusal {
            if refusal.isPermanent { results[place].refusedForGood += 1 }
            if refusal.retryAfterNanoseconds != nil {
                results[place].retryAfterSecondsMax = max(results[place].retryAfterSecondsMax ?? 0, refusal.retryAfterSeconds())
            }
        }
        let minute = floorDivide(now.milliseconds, 60_000)
        minutes[place] = (minute, minutes[place].minute == minute ? minutes[place].count + 1 : 1)
        if minutes[place].count > results[place].worstMinuteRefused {
            results[place].worstMinuteRefused = minutes[place].count
            results[place].worstMinute = WallTime(milliseconds: minute * 60_000)
        }
    }

    /// A request was let into buckets that have room for everything: what they hold is what would have been enough for it.
    mutating func measure(_ limits: [BoundLimit], isAdmitted: Bool, _ now: LimitTime) {
        for bound in limits {
            let place = place(of: bound)
            guard isAdmitted, let enough = results[place].enough else {
                results[place].enough = nil
                continue
            }
            let status = bound.status(now)
            results[place].enough = max(enough, status.spent + status.outstanding)
        }
    }

    /// In the order of the scopes' first appearance, and within them in that of their limits.
    var sorted: [SimulationReport.LimitResult] {
        var scopes: [LimitScope: Int] = [:]
        for result in results where scopes[result.scope] == nil { scopes[result.scope] = scopes.count }
        return results.enumerated().sorted {
            (scopes[$0.element.scope] ?? 0, $0.offset) < (scopes[$1.element.scope] ?? 0, $1.offset)
        }.map(\.element)
    }
}
