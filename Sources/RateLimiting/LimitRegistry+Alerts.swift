import GatewayModel
import Synchronization

/// A budget has reached one of its percentages.
public struct LimitAlert: Sendable, Equatable {
    /// Whose budget.
    public let scope: LimitScope
    /// What it counts.
    public let measure: LimitMeasure
    /// `all`, `model gpt-4o*` or `metadata user`.
    public let selectorText: String
    /// The metadata value, `(absent)` or `(other)`; nil for other selectors. Comes from a client.
    public let value: String?
    /// As in `BoundLimit.policyName`.
    public let policyName: String
    /// The percentage that was reached.
    public let percent: Int
    /// What was spent, in the unit of the measure; without reservations.
    public let spent: Int64
    /// What the budget allows.
    public let amount: Int64
    /// The first moment of the next calendar window; nil for a rolling budget.
    public let windowEnds: WallTime?
    /// Whether the budget only counts what it would refuse.
    public let isShadow: Bool
}

extension LimitRegistry {
    /// The budgets that reached a percentage of theirs since the last call, lowest percentage first. Each percentage is told once per window; of
    /// a rolling budget, once until its span has passed and the use has fallen below it. Once a second or so.
    public func takeAlerts(_ now: LimitTime) -> [LimitAlert] {
        lock.withLock {
            var alerts: [LimitAlert] = []
            for cells in scopes.values {
                takeAlerts(of: cells.all.bound, nil, now, into: &alerts)
                for model in cells.models { takeAlerts(of: model.group.bound, nil, now, into: &alerts) }
                for family in cells.families where family.hasAlerts {
                    family.forEachGroup(now) { value, group in
                        takeAlerts(of: group.bound, value, now, into: &alerts)
                        return true
                    }
                }
            }
            return alerts
        }
    }

    private func takeAlerts(of limits: BoundLimits, _ value: MetadataValue?, _ now: LimitTime, into alerts: inout [LimitAlert]) {
        guard limits.hasAlerts else { return }
        for group in [limits.metered, limits.requests, limits.hits] {
            for bound in group where !bound.limit.alertPercents.isEmpty && bound.cell.kind.isBudget {
                guard let reached = bound.cell.takeAlerts(bound.limit.alertPercents, now) else { continue }
                for percent in reached.percents {
                    alerts.append(
                        LimitAlert(
                            scope: bound.scope, measure: bound.measure, selectorText: bound.limit.selector.text, value: value?.text,
                            policyName: bound.policyName, percent: percent, spent: reached.spent, amount: bound.limit.amount,
                            windowEnds: reached.windowEnds.map { WallTime(milliseconds: $0) }, isShadow: bound.isShadow))
                }
            }
        }
    }
}

extension LimitCell {
    /// The percentages of `all` that were reached since the last call; nil if none.
    func takeAlerts(_ all: [Int], _ now: LimitTime) -> (percents: [Int], spent: Int64, windowEnds: Int64?)? {
        withLock {
            _ = availableLocked(now)
            let percent = spentPercent
            if kind == .rolling, alertedPercent.load(ordering: .relaxed) > percent,
                now.milliseconds - extra.load(ordering: .relaxed) >= period.load(ordering: .relaxed)
            {
                alertedPercent.store(percent, ordering: .relaxed)
            }
            let alerted = alertedPercent.load(ordering: .relaxed)
            let reached = all.filter { $0 > Int(alerted) && $0 <= Int(percent) }.sorted()
            guard let highest = reached.last else { return nil }
            alertedPercent.store(UInt8(clamping: highest), ordering: .relaxed)
            if kind == .rolling { extra.store(now.milliseconds, ordering: .relaxed) }
            markDirty()
            return (reached, word.load(ordering: .relaxed), kind == .rolling ? nil : period.load(ordering: .relaxed))
        }
    }
}

extension LimitSelector {
    /// `all`, `model gpt-4o*` or `metadata user`.
    public var text: String {
        switch self {
        case .all: "all"
        case .model(let pattern): "model \(pattern)"
        case .metadata(let name): "metadata \(name)"
        }
    }
}

extension MetadataValue {
    /// For operators: the value itself, as far as it is text.
    var text: String {
        switch self {
        case .absent: "(absent)"
        case .overflow: "(other)"
        case .value(let bytes): String(decoding: bytes, as: UTF8.self)
        }
    }
}
