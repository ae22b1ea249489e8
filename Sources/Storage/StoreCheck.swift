import CLMDB
import GatewayModel
import Glibc

/// Walks a store read-only and verifies its records: what `weir store check` does, in a process of its own.
///
/// A damaged file can kill who maps it (SIGBUS past a cut, an assertion inside LMDB). So a gateway never runs this on its own store: it
/// starts a child (`ChildProcessCheck`) and takes the child's death for a verdict. It works beside a running gateway too, but never
/// within a process that has the same store open.
public struct StoreCheck: Sendable {
    /// What a walk found.
    public struct Report: Sendable, Equatable {
        /// Records seen.
        public var entries = 0
        /// Records whose value was handed to the verifier.
        public var verified = 0
        /// Of those, the ones it refused.
        public var bad = 0
        /// Bytes of keys and values seen.
        public var bytes = 0
        /// Whether time ran out before the end.
        public var isPartial = false
        /// What LMDB refused, if it did.
        public var failure: StoreError?
    }

    /// The store's folder.
    public var path: String
    /// The databases to walk.
    public var databases: [String]
    /// At most about so many values of each database are verified, evenly spread; `nil` for all.
    public var valuesMax: Int?
    /// Time for each database's walk, in milliseconds; `nil` for no limit.
    public var millisecondsMax: UInt64?
    /// The share of verified values, in percent, that may be bad in a store still called sound. 0 for keys; a cache takes a bad record for
    /// a miss, so only many of them condemn it.
    public var badPercentMax: Int

    /// Makes a check. The defaults look at everything and tolerate nothing.
    public init(path: String, databases: [String], valuesMax: Int? = nil, millisecondsMax: UInt64? = nil, badPercentMax: Int = 0) {
        self.path = path
        self.databases = databases
        self.valuesMax = valuesMax
        self.millisecondsMax = millisecondsMax
        self.badPercentMax = badPercentMax
    }

    /// Walks. `verify` says whether a record holds; it gets the database's name, the key and the value.
    public func run(verify: (_ database: String, _ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool) -> Report {
        var report = Report()
        do { try walk(&report, verify) } catch { report.failure = error }
        return report
    }

    /// What a report means.
    public func verdict(on report: Report) -> StoreVerdict {
        if let failure = report.failure { return failure.kind == .damaged ? .damaged(failure.description) : .unknown(failure.description) }
        guard report.bad * 100 <= report.verified * badPercentMax else {
            return .damaged("\(report.bad) of \(report.verified) records are bad")
        }
        return .sound
    }

    private func walk(_ report: inout Report, _ verify: (String, Span<UInt8>, Span<UInt8>) -> Bool) throws(StoreError) {
        guard MetaPages(path: path + "/data.mdb") != nil else {
            let exists = StoreFiles.size(of: path + "/data.mdb") != nil
            throw StoreError(kind: exists ? .damaged : .other, message: "\(path) has \(exists ? "no valid meta page" : "no data file")")
        }
        var created: OpaquePointer?
        try StoreError.check(mdb_env_create(&created), "making an environment")
        defer { mdb_env_close(created) }
        mdb_env_set_maxdbs(created, UInt32(databases.count + 1))
        try StoreError.check(mdb_env_open(created, path, UInt32(MDB_RDONLY | MDB_NOTLS), 0o600), "opening \(path)")
        var begun: OpaquePointer?
        try StoreError.check(mdb_txn_begin(created, nil, UInt32(MDB_RDONLY), &begun), "reading \(path)")
        defer { mdb_txn_abort(begun) }
        for name in databases { try walk(name, begun, &report, verify) }
    }

    private func walk(
        _ name: String, _ transaction: OpaquePointer?, _ report: inout Report, _ verify: (String, Span<UInt8>, Span<UInt8>) -> Bool
    ) throws(StoreError) {
        var handle: MDB_dbi = 0
        let code = mdb_dbi_open(transaction, name, 0, &handle)
        // A store killed during its first transaction has no databases yet, and nothing to lose.
        if code == MDB_NOTFOUND { return }
        try StoreError.check(code, "opening the database \(name)")
        var statistics = MDB_stat()
        try StoreError.check(mdb_stat(transaction, handle, &statistics), "counting \(name)")
        let stride = valuesMax.map { max(1, Int(clamping: statistics.ms_entries) / max(1, $0)) } ?? 1
        let deadline = millisecondsMax.map { MonotonicTime.now().adding(milliseconds: $0) }
        var seen = Report()
        let none: [UInt8] = []
        let result = StoreCursor.walk(transaction, StoreDatabase(handle: handle), from: none.span, .forward) { key, value in
            if seen.entries % stride == 0 {
                seen.verified += 1
                if !verify(name, key, value) { seen.bad += 1 }
            }
            seen.entries += 1
            seen.bytes += key.count + value.count
            guard seen.entries % 256 == 0, let deadline, MonotonicTime.now() >= deadline else { return true }
            seen.isPartial = true
            return false
        }
        report.entries += seen.entries
        report.verified += seen.verified
        report.bad += seen.bad
        report.bytes += seen.bytes
        report.isPartial = report.isPartial || seen.isPartial
        try StoreError.check(result, "walking \(name)")
        guard seen.isPartial || seen.entries == Int(clamping: statistics.ms_entries) else {
            throw StoreError(kind: .damaged, message: "\(name) holds \(seen.entries) records and claims \(statistics.ms_entries)")
        }
    }
}
