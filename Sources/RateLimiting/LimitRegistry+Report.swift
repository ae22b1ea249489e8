import GatewayModel
import Synchronization

/// One bucket as an operator sees it.
public struct LimitReport: Sendable {
    /// The limit as it is bound.
    public let limit: Limit
    /// As in `BoundLimit.policyName`.
    public let policyName: String
    /// The metadata value, `(absent)` or `(other)`; nil for other selectors. Comes from a client.
    public let value: String?
    /// How it stands.
    public let status: LimitStatus
    /// Requests refused in the name of this limit, since the bucket was made or the process began; wraps at 2³².
    public let refused: UInt32
    /// Requests that a limit in shadow mode would have refused; likewise.
    public let shadowRefused: UInt32
    /// Settlements above their reserve; likewise.
    public let underestimated: UInt32
    /// When the current calendar window ends; nil for all others.
    public let windowEnds: WallTime?

    /// Seconds until nothing is spent any more: the bucket is full, the window has ended. Rounded up.
    public var resetSeconds: Int64 {
        let (seconds, rest) = status.resetNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return Int64(clamping: seconds) + (rest > 0 ? 1 : 0)
    }
}

/// How many values a metadata name has.
public struct FamilyReport: Sendable, Equatable {
    /// The metadata name.
    public let name: String
    /// How many values have buckets of their own.
    public let values: Int
}

extension LimitRegistry {
    /// How many values of a metadata name are reported.
    public static let reportedValuesMax = 20

    /// Every bucket of a scope; of each metadata name the buckets of the values that have used most of theirs.
    public func report(_ scope: LimitScope, _ now: LimitTime) -> [LimitReport] {
        lock.withLock {
            guard let cells = scopes[scope] else { return [] }
            var reports = cells.all.bound.all.map { LimitReport($0, nil, now) }
            for model in cells.models { reports += model.group.bound.all.map { LimitReport($0, nil, now) } }
            for family in cells.families { reports += busiest(of: family, now) }
            return reports
        }
    }

    /// How many values each metadata name of a scope has.
    public func familyReports(_ scope: LimitScope) -> [FamilyReport] {
        lock.withLock { scopes[scope]?.families.map { FamilyReport(name: $0.name, values: $0.valuesCount) } ?? [] }
    }

    private func busiest(of family: MetadataFamily, _ now: LimitTime) -> [LimitReport] {
        var found: [(use: Double, value: MetadataValue, limits: BoundLimits)] = []
        family.forEachGroup(now) { value, group in
            found.append((group.bound.use(now), value, group.bound))
            // Sorting seldom keeps this linear however many values there are.
            if found.count >= 64 * LimitRegistry.reportedValuesMax { found = LimitRegistry.top(found) }
            return true
        }
        return LimitRegistry.top(found).flatMap { entry in entry.limits.all.map { LimitReport($0, entry.value.text, now) } }
    }

    private static func top<Other, Limits>(_ all: [(use: Double, value: Other, limits: Limits)]) -> [(
        use: Double, value: Other, limits: Limits
    )] {
        Array(all.sorted { $0.use > $1.use }.prefix(reportedValuesMax))
    }
}

extension LimitReport {
    fileprivate init(_ bound: BoundLimit, _ value: String?, _ now: LimitTime) {
        let cell = bound.cell
        limit = bound.limit
        policyName = bound.policyName
        self.value = value
        status = bound.status(now)
        refused = cell.refusedCount.load(ordering: .relaxed)
        shadowRefused = cell.shadowRefusedCount.load(ordering: .relaxed)
        underestimated = cell.underestimatedCount.load(ordering: .relaxed)
        windowEnds = cell.kind.calendar.map { window in
            let known = cell.period.load(ordering: .relaxed)
            return WallTime(milliseconds: max(known, window.bounds(milliseconds: now.milliseconds).end))
        }
    }
}

extension BoundLimits {
    /// Every bucket of a scope but those of metadata values. Takes no lock.
    public func reports(_ now: LimitTime) -> [LimitReport] {
        (all + models.flatMap { $0.limits.all }).map { LimitReport($0, nil, now) }
    }

    /// The greatest part of any limit that is used.
    fileprivate func use(_ now: LimitTime) -> Double {
        all.map { bound in
            let status = bound.status(now)
            return Double(status.spent + status.outstanding) / Double(max(1, status.capacity))
        }.max() ?? 0
    }
}
