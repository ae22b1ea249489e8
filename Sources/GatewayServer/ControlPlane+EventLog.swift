import EventLog

extension ControlPlane {
    /// Answers a question to the rollups; `nil` if their store can't be read. A few milliseconds; control loop only.
    public func statistics(_ query: StatsQuery) -> StatsResult? { eventLog.evaluate(query) }
}
