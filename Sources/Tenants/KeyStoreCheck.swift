import Storage

/// Verifies a key store without opening it: what `weir store check keys` and the child of a suspect start do. Tolerates nothing but bad
/// records of spending, which are reported and don't condemn the store.
public enum KeyStoreCheck {
    /// Walks the store in the folder `path`, every record of it.
    public static func run(path: String) -> (report: StoreCheck.Report, verdict: StoreVerdict) {
        let records = StoreCheck(path: path, databases: ["records"])
        var report = records.run { _, key, value in
            if case .success = KeyRecordCodec.result(name: key, value: value) { return true }
            return false
        }
        guard case .sound = records.verdict(on: report) else { return (report, records.verdict(on: report)) }
        let spending = StoreCheck(path: path, databases: [KeyStore.spendingDatabaseName], badPercentMax: 100)
        let further = spending.run { _, name, value in SpendingRecord.decode(name: name, value: value) != nil }
        report.entries += further.entries
        report.verified += further.verified
        report.bad += further.bad
        report.bytes += further.bytes
        report.failure = further.failure
        return (report, spending.verdict(on: further))
    }
}
