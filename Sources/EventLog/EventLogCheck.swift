import Storage

/// Verifies the records of an event log: for `weir store check`, and for the child process that looks at a suspect store at open.
public enum EventLogCheck {
    /// Runs the check and says what came out: call it in a process that doesn't have the store open. `isQuick` walks each database for at most
    /// half a second and verifies about 1,000 records: every one is verified again when it is read. Up to a tenth of bad records is tolerated.
    public static func run(path: String, isQuick: Bool) -> (report: StoreCheck.Report, verdict: StoreVerdict) {
        let check = StoreCheck(
            path: path, databases: EventLog.databases, valuesMax: isQuick ? 1000 : nil, millisecondsMax: isQuick ? 500 : nil,
            badPercentMax: 10)
        let report = check.run { EventLog.verify(database: $0, key: $1, value: $2) }
        return (report, check.verdict(on: report))
    }
}
