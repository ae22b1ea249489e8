import CLMDB

/// How full a store is, in pages of its fixed map.
public struct StoreUsage: Sendable, Equatable {
    /// Bytes of a page.
    public var pageSize = 4096
    /// Bytes of the map.
    public var mapSize = 0
    /// Pages up to the highest ever used: the file's size. It never falls.
    public var reachedPages = 0
    /// Of those, pages that the next transaction may use again; 0 if they were not counted. What the last one freed isn't among them yet.
    public var freePages = 0
    /// Reader slots in use, of this and other processes.
    public var readers = 0
    /// Reads that failed for another reason than an absent record, since open.
    public var readFailures: UInt64 = 0

    /// Pages holding something.
    public var usedPages: Int { max(0, reachedPages - freePages) }
    /// The used part of the map in percent, 0...100.
    public var usedPercent: Int { mapSize > 0 ? min(100, usedPages * pageSize * 100 / mapSize) : 0 }

    /// Makes an empty report.
    public init() {}

    init(environment: OpaquePointer, countingFreePages: Bool) throws(StoreError) {
        var information = MDB_envinfo()
        var statistics = MDB_stat()
        try StoreError.check(mdb_env_info(environment, &information), "asking for the state of the map")
        try StoreError.check(mdb_env_stat(environment, &statistics), "asking for the page size")
        pageSize = Int(statistics.ms_psize)
        mapSize = information.me_mapsize
        reachedPages = Int(clamping: information.me_last_pgno) + 1
        readers = Int(information.me_numreaders)
        guard countingFreePages else { return }
        var begun: OpaquePointer?
        try StoreError.check(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &begun), "reading the free list")
        defer { mdb_txn_abort(begun) }
        // Database 0 is LMDB's free list: by the transaction that freed them, lists of page numbers led by their count.
        var free = 0
        let last = information.me_last_txnid
        let none: [UInt8] = []
        let code = StoreCursor.walk(begun, StoreDatabase(handle: 0), from: none.span, .forward) { key, value in
            guard key.count == 8, key.withUnsafeBytes({ $0.loadUnaligned(as: Int.self) }) < last else { return false }
            if value.count >= 8 { free += value.withUnsafeBytes { Int(clamping: $0.loadUnaligned(as: UInt.self)) } }
            return true
        }
        try StoreError.check(code, "walking the free list")
        freePages = free
    }
}
