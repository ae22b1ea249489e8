import CLMDB
import GatewayModel
import Glibc
import Synchronization

/// One open LMDB environment: the only way to its readers and its write transaction.
///
/// Any thread may call it. It is opened once per process and folder (`LOCK` sees to that) and must be closed in order for the next open
/// to be quick; a process that dies without `close` only makes the next open look closer.
public final class StoreEnvironment: @unchecked Sendable {  // @unchecked: `handles` changes with both mutexes held and readers fenced out

    /// The store's folder.
    public let path: String
    /// How it was opened.
    public let options: StoreOptions
    /// What opening had to do.
    public let opening: StoreOpening

    /// Which opening of the environment is current; 0 while there is none. Readers look at it inside their fence.
    let epoch = Atomic<UInt64>(0)
    private var generation: UInt64 = 0
    private var handles: StoreHandles?
    private var mapSize: Int
    private let files: StoreFiles
    private var lock: StoreLock?
    /// Held by a write transaction, a reopen and a close.
    private let writing = Lock()
    /// Held by what reads the environment outside a transaction (statistics, snapshots), by a reopen and a close.
    private let control = Lock()
    private let registry = Lock()
    private var slots: [ObjectIdentifier: ReaderSlot] = [:]
    private let readFailures = Atomic<UInt64>(0)
    /// How long a reopen or close waits for a read that is running, in nanoseconds.
    private static let readerPatience: UInt64 = 5_000_000_000

    /// Opens the store in the folder `path`, making both where they are absent. Follows the recovery order of `StoreRecovery`.
    ///
    /// - Throws: `.inUse`, `.damaged` or `.schema` (stores that aren't disposable), `.notPermitted`, `.diskFull`, …
    public static func open(path: String, options: StoreOptions) throws(StoreError) -> StoreEnvironment {
        try StoreRecovery(files: StoreFiles(folder: path), options: options).open()
    }

    /// Bytes of the data file in the folder `path`; 0 if there is none.
    public static func fileBytes(at path: String) -> Int { StoreFiles.size(of: StoreFiles(folder: path).data) ?? 0 }

    init(files: StoreFiles, options: StoreOptions, handles: StoreHandles, lock: StoreLock, opening: StoreOpening) {
        self.files = files
        path = files.folder
        self.options = options
        mapSize = options.mapSize
        self.handles = handles
        self.lock = lock
        self.opening = opening
        generation = 1
        epoch.store(1, ordering: .sequentiallyConsistent)
    }

    deinit { close() }

    /// The database of that name. `name` must be one of `options.databases`.
    public func database(_ name: String) -> StoreDatabase {
        let found = control.withLock { handles?.databases[name] }
        guard let found else { preconditionFailure("the store has no database \(name), or is closed") }
        return found
    }

    /// A reader for one thread. Each takes one of `options.maxReaders` slots at its first read.
    public func makeReader() -> ReadTransaction {
        let slot = ReaderSlot()
        registry.withLock { slots[ObjectIdentifier(slot)] = slot }
        return ReadTransaction(environment: self, slot: slot)
    }

    /// Runs `body` in the write transaction and commits; rolls back if `body` throws. Blocks while another thread writes, and for the
    /// sync. Never on an event loop.
    public func write<R>(_ body: (borrowing WriteTransaction) throws(StoreError) -> R) throws(StoreError) -> R {
        writing.lock()
        defer { writing.unlock() }
        guard let handles else { throw closedError }
        var begun: OpaquePointer?
        try StoreError.check(mdb_txn_begin(handles.environment, nil, 0, &begun), "starting a write in \(path)")
        guard let handle = begun else { throw StoreError(kind: .other, message: "LMDB gave no transaction in \(path)") }
        let result: R
        do {
            result = try body(WriteTransaction(handle: handle))
        } catch {
            mdb_txn_abort(handle)
            throw error
        }
        try StoreError.check(mdb_txn_commit(handle), "committing in \(path)")
        return result
    }

    /// Makes everything committed so far survive a power cut. Blocks for the sync.
    public func synchronize() throws(StoreError) {
        control.lock()
        defer { control.unlock() }
        guard let handles else { throw closedError }
        try StoreError.check(mdb_env_sync(handles.environment, 1), "syncing \(path)")
    }

    /// Frees the slots of readers whose process died, which would pin old pages for ever. Returns how many.
    @discardableResult
    public func checkReaders() -> Int {
        control.lock()
        defer { control.unlock() }
        guard let handles else { return 0 }
        var dead: Int32 = 0
        mdb_reader_check(handles.environment, &dead)
        return Int(dead)
    }

    /// How full the store is. Walks the free list when `countingFreePages`: some milliseconds on a large store, so not on an event loop.
    public func usage(countingFreePages: Bool = true) throws(StoreError) -> StoreUsage {
        control.lock()
        defer { control.unlock() }
        guard let handles else { throw closedError }
        var usage = try StoreUsage(environment: handles.environment, countingFreePages: countingFreePages)
        usage.readFailures = readFailures.load(ordering: .relaxed)
        return usage
    }

    /// For how long the longest running read of this process has been seen running, in nanoseconds; 0 if none is. As fine as the calls
    /// are frequent: it compares with what the call before saw.
    public func oldestRead(now: MonotonicTime) -> UInt64 {
        registry.withLock {
            var oldest: UInt64 = 0
            for slot in slots.values {
                let sequence = slot.sequence.load(ordering: .relaxed)
                if sequence & 1 == 1, sequence == slot.seen.sequence {
                    oldest = max(oldest, now.nanoseconds &- min(slot.seen.at, now.nanoseconds))
                } else {
                    slot.seen = (sequence, now.nanoseconds)
                }
            }
            return oldest
        }
    }

    /// Copies the store, compacted, into the existing empty folder `folder`. Pins pages while it runs. For control threads.
    func copy(into folder: String) throws(StoreError) {
        control.lock()
        defer { control.unlock() }
        guard let handles else { throw closedError }
        try StoreError.check(mdb_env_copy2(handles.environment, folder, UInt32(MDB_CP_COMPACT)), "copying \(path) to \(folder)")
    }

    /// Closes in order: waits for running reads (up to 5 s), syncs, closes, removes the `DIRTY` mark and lets go of `LOCK`. Idempotent.
    /// The writer thread must have ended before.
    public func close() {
        writing.lock()
        control.lock()
        defer {
            control.unlock()
            writing.unlock()
        }
        guard let open = handles else { return }
        let isFenced = fenceReaders()
        handles = nil
        guard isFenced else { return }
        let isSynchronized = mdb_env_sync(open.environment, 1) == MDB_SUCCESS
        mdb_env_close(open.environment)
        // A last transaction may have ended in pages it never wrote; with the hole filled in, the next open has nothing to suspect.
        if let meta = MetaPages(path: files.data) { files.extend(to: meta.bytesNeeded) }
        if isSynchronized { files.markClean() }
        lock = nil
    }

    /// Closes and opens again within one process: after `MDB_PANIC`, or to get a larger map. Reads that come meanwhile find nothing.
    /// On the writer thread, outside a transaction.
    /// - Throws: what the open threw, or `.closed` if a read would not end; the store stays closed then.
    func reopen(growingBy growth: Int = 0) throws(StoreError) {
        writing.lock()
        control.lock()
        defer {
            control.unlock()
            writing.unlock()
        }
        guard let open = handles else { throw closedError }
        let isFenced = fenceReaders()
        handles = nil
        guard isFenced else { throw StoreError(kind: .closed, message: "a read in \(path) did not end; the store stays closed") }
        mdb_env_close(open.environment)
        // LMDB would make an empty store in place of a file that somebody removed.
        guard StoreFiles.size(of: files.data) ?? 0 > 0 else {
            throw StoreError(kind: .damaged, message: "the data file of \(path) is gone")
        }
        mapSize += growth
        let opened = try StoreHandles(folder: path, options: options, mapSize: mapSize)
        precondition(opened.databases == open.databases, "databases opened in one order get the same handles")
        handles = opened
        generation += 1
        epoch.store(generation, ordering: .sequentiallyConsistent)
    }

    /// Keeps new reads out, waits for running ones and takes their transactions away. `false` if one did not end in time: the environment
    /// must then stay mapped for it. Only after this may `handles` change, since a beginning read looks at it.
    private func fenceReaders() -> Bool {
        epoch.store(0, ordering: .sequentiallyConsistent)
        let deadline = MonotonicTime.now().nanoseconds + Self.readerPatience
        let slots = registry.withLock { Array(self.slots.values) }
        for slot in slots {
            while slot.sequence.load(ordering: .sequentiallyConsistent) & 1 == 1 {
                guard MonotonicTime.now().nanoseconds < deadline else { return false }
                usleep(50)
            }
            if let transaction = slot.transaction { mdb_txn_abort(transaction) }
            slot.transaction = nil
        }
        return true
    }

    /// Begins the slot's transaction. Called by the reader inside its fence, so `handles` stands still.
    func beginRead(_ slot: ReaderSlot, epoch: UInt64) -> Int32 {
        guard let handles else { return EINVAL }
        if let old = slot.transaction { mdb_txn_abort(old) }
        slot.transaction = nil
        slot.epoch = epoch
        return mdb_txn_begin(handles.environment, nil, UInt32(MDB_RDONLY), &slot.transaction)
    }

    /// Ends a reader: frees its slot in the store.
    func retire(_ slot: ReaderSlot) {
        // Inside the fence like a read, so that it can't meet a reopen.
        slot.sequence.add(1, ordering: .sequentiallyConsistent)
        if epoch.load(ordering: .sequentiallyConsistent) == slot.epoch, let transaction = slot.transaction {
            mdb_txn_abort(transaction)
            slot.transaction = nil
        }
        slot.sequence.add(1, ordering: .sequentiallyConsistent)
        registry.withLock { _ = slots.removeValue(forKey: ObjectIdentifier(slot)) }
    }

    func countReadFailure(_ code: Int32) { readFailures.add(1, ordering: .relaxed) }

    private var closedError: StoreError { StoreError(kind: .closed, message: "the store \(path) is closed") }
}
