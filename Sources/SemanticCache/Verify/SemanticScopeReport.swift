/// What a scope has done and learnt: for `/stats`, the report and the dashboard.
public struct SemanticScopeReport: Sendable, Equatable {
    /// A tenant, or a tenant, a slash and a route.
    public var scope: String
    /// Requests that asked the semantic cache, near match or not.
    public var requests: UInt64
    /// Answered from it.
    public var served: UInt64
    /// Would-be hits that got a fresh answer instead, to compare with.
    public var audits: UInt64
    /// Of these, judged so far.
    public var auditsJudged: UInt64
    /// Of these, with a wrong stored answer. Risky ones are audited more often: `auditedError` sets that right.
    public var auditsWrong: UInt64
    /// Misses that were learnt from.
    public var explored: UInt64
    /// Requests judged in all.
    public var labels: UInt64
    /// What would have been served without audits and shadow mode.
    public var wouldHaveServed: UInt64
    /// How often audits showed that the bound did not hold.
    public var alarms: UInt64
    /// Whether it only explores for now.
    public var isAlarmed: Bool
    /// Wrong served ÷ all requests over the last audits (at most 200), as they tell; `nil` before twenty.
    public var auditedError: Double?
    /// The ends of its 95 % intervals, one-sided each.
    public var auditedErrorInterval: ClosedRange<Double>?
    /// The smallest probability served, by the bound asked for; a bound without one is missing.
    public var thresholds: [Double: Double]
    /// The upper end of the 95 % interval of the error at the threshold, by the bound asked for.
    public var errorBounds: [Double: Double]
}

extension ScopeLearner {
    func report(scope: String) -> SemanticScopeReport {
        let audited = auditLog.bound(now: counters.requests)
        return SemanticScopeReport(
            scope: scope, requests: counters.requests, served: counters.served, audits: counters.audits,
            auditsJudged: counters.auditsJudged, auditsWrong: counters.auditsWrong, explored: counters.explored, labels: counters.labels,
            wouldHaveServed: counters.wouldHaveServed, alarms: counters.alarms, isAlarmed: isAlarmed, auditedError: audited?.estimate,
            auditedErrorInterval: audited.map { min($0.lower(), $0.upper())...$0.upper() },
            thresholds: calibrations.compactMapValues(\.threshold),
            errorBounds: calibrations.compactMapValues { $0.threshold == nil ? nil : $0.upper })
    }
}
