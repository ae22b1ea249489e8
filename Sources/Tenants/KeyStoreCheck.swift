import Storage

/// Verifies a key store without opening it: what `weir store check keys` and the child of a suspect start do. Tolerates nothing.
public enum KeyStoreCheck {
    /// Walks the store in the folder `path`, every record of it.
    public static func run(path: String) -> (report: StoreCheck.Report, verdict: StoreVerdict) {
        let check = StoreCheck(path: path, databases: ["records"])
        let report = check.run { _, key, value in
            if case .success = KeyRecordCodec.result(name: key, value: value) { return true }
            return false
        }
        return (report, check.verdict(on: report))
    }
}
