import GatewayModel
import Storage

/// Verifies the records of a cache's store: for `weir store check`, and for the child process that looks at a suspect store at open.
public enum CacheCheck {
    /// The check of the store in the folder `path`. `isQuick` walks each database for at most half a second and verifies about 1,000
    /// records, which is what a start can wait for: every record is verified again when it is read. Up to a tenth of bad records is tolerated.
    public static func check(path: String, isQuick: Bool) -> StoreCheck {
        StoreCheck(
            path: path, databases: CacheStore.databases, valuesMax: isQuick ? 1000 : nil, millisecondsMax: isQuick ? 500 : nil,
            badPercentMax: 10)
    }

    /// Whether one record of one database holds.
    public static func verify(database: String, key: Span<UInt8>, value: Span<UInt8>) -> Bool {
        switch database {
        case "val": Digest256(bytes: key).map { CacheRecordView(value, digest: $0) != nil } ?? false
        case "ord": OrderEntry(key: key, value: value) != nil
        default: EvictionState(value) != nil
        }
    }

    /// Runs the check and says what came out: call it in a process that doesn't have the store open.
    public static func run(path: String, isQuick: Bool) -> (report: StoreCheck.Report, verdict: StoreVerdict) {
        let check = check(path: path, isQuick: isQuick)
        let report = check.run { verify(database: $0, key: $1, value: $2) }
        return (report, check.verdict(on: report))
    }
}
