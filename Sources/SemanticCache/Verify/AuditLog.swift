/// The outcomes of the last audits: what an alarm looks at, and what is reported.
struct AuditLog: Equatable, Sendable {
    /// One judged audit.
    struct Outcome: Equatable, Sendable {
        var ordinal: UInt64
        var weight: Float
        var isWrong: Bool
    }

    /// Audits remembered.
    static let capacity = 200
    /// An alarm's chance to be a false one, at each look.
    private static let alarmAlpha = 0.01

    private(set) var outcomes: [Outcome] = []

    mutating func add(_ outcome: Outcome) {
        if outcomes.count == Self.capacity { outcomes.removeFirst() }
        outcomes.append(outcome)
    }

    mutating func removeAll() { outcomes.removeAll() }

    /// Wrong served ÷ all requests since the first of these audits, as far as they tell. `nil` before there are twenty.
    func bound(now ordinal: UInt64) -> RiskBound? {
        guard outcomes.count >= 20, let first = outcomes.map(\.ordinal).min(), ordinal > first else { return nil }
        var bound = RiskBound(wrong: 0, wrongSquares: 0, meanWeight: 0, meanSquare: 0, requests: Double(ordinal - first))
        for outcome in outcomes {
            let weight = Double(outcome.weight)
            bound.meanWeight += weight / Double(outcomes.count)
            bound.meanSquare += weight * weight / Double(outcomes.count)
            if outcome.isWrong {
                bound.wrong += weight
                bound.wrongSquares += weight * weight
            }
        }
        return bound
    }

    /// Whether these audits all but rule out that the bound holds.
    func isAlarming(maxError: Double, now ordinal: UInt64) -> Bool {
        guard let bound = bound(now: ordinal) else { return false }
        return bound.lower(alpha: Self.alarmAlpha) > maxError
    }
}
