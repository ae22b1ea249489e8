public import GatewayModel

/// The limits of one key, tenant or route, as operators write them.
///
/// One grammar serves the configuration file, the admin API, the commands and the key store: `LimitReader` reads it, `json` writes it. Text
/// that differs and means the same gives equal sets: limits stand in one order, `policies` become what they mean.
public struct LimitSet: Sendable, Equatable {
    /// Percentages at which a budget that names none gives an alert.
    public static let alertPercentsDefault = [80, 100]

    /// The limits: those of all requests, then those of models, then those of metadata names; of each, buckets before budgets.
    public private(set) var limits: [Limit]

    /// No limits.
    public init() { limits = [] }

    /// Makes a set, putting the limits in order. Nothing is validated: callers are ours.
    public init(limits: [Limit]) { self.limits = LimitSet.ordered(limits) }

    /// Whether there is no limit.
    public var isEmpty: Bool { limits.isEmpty }

    /// Patterns and names keep the order in which they first appear, budgets and limits of one measure that in which they stand.
    private static func ordered(_ limits: [Limit]) -> [Limit] {
        var groups: [LimitSelector: Int] = [:]
        for limit in limits where groups[limit.selector] == nil {
            let kind =
                switch limit.selector {
                case .all: 0
                case .model: 1
                case .metadata: 2
                }
            groups[limit.selector] = kind << 32 | groups.count
        }
        return limits.enumerated().map { index, limit in
            let measure = LimitMeasure.allCases.firstIndex(of: limit.measure) ?? 0
            let part = limit.window.isBudget ? LimitMeasure.allCases.count : measure
            return (group: groups[limit.selector] ?? 0, part: part, index: index, limit: limit)
        }.sorted { ($0.group, $0.part, $0.index) < ($1.group, $1.part, $1.index) }.map(\.limit)
    }
}
