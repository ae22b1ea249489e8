import GatewayModel
import Storage

/// The entries' records by id: on disk, and in memory until they are there. Without a path they stay in memory.
///
/// An own environment, beside the exact cache's: that one's writer evicts by rules of its own. Both are disposable, and an entry whose answer is
/// gone is a miss.
final class EntryStore: @unchecked Sendable {  // @unchecked: `pending` and `isClosed` are guarded by `mutex`.
    private static let entries = "entries"
    private static let learning = "learning"

    /// An open store with its databases: asked for once, as a closed one has none.
    private struct Disk {
        let environment: StoreEnvironment
        let writer: WriterThread<OperationWork>
        let entries: StoreDatabase
        let learning: StoreDatabase
    }

    private let disk: Disk?
    private let mutex = Lock()
    private var pending: [UInt64: [UInt8]] = [:]
    private var isClosed = false

    /// What opening had to do; `nil` in memory.
    var opening: StoreOpening? { disk?.environment.opening }

    init(_ options: SemanticCacheOptions, layout: VectorBlock.Layout) throws(StoreError) {
        guard let path = options.path else {
            disk = nil
            return
        }
        // An entry takes a page and a half at worst; a map is address space.
        let entryBytes = EntryRecord.headerLength + layout.entryBytes + options.textBytesMax + 512
        let (size, overflow) = entryBytes.multipliedReportingOverflow(by: max(1000, options.entriesMax) * 2)
        let opened = try StoreEnvironment.open(
            path: path,
            options: StoreOptions(
                schema: SemanticCacheOptions.schema, databases: [Self.entries, Self.learning],
                mapSize: StoreOptions.rounded(mapSize: overflow ? Int.max : size), durability: .noMetaSync, isDisposable: true,
                checker: options.checker))
        let database = opened.database(Self.entries)
        let work = OperationWork { transaction throws(StoreError) in
            // A full map: the oldest go. They leave memory when they are next asked for.
            for _ in 0..<64 {
                var oldest: [UInt8] = []
                _ = try transaction.withFirst(atOrAfter: [UInt8]().span, in: database) { key, _ in
                    oldest = key.withUnsafeBufferPointer { Array($0) }
                }
                guard !oldest.isEmpty else { return }
                try transaction.delete(oldest.span, in: database)
            }
        }
        disk = Disk(
            environment: opened,
            writer: try WriterThread(environment: opened, work: work, limits: options.writer, name: "weir-semantic"),
            entries: database, learning: opened.database(Self.learning))
    }

    static func key(_ id: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: id >> UInt64(56 - 8 * $0)) } }

    // MARK: - Entries

    /// Keeps a record: readers find it from now on. `dropped` is called if it will not be kept after all. `false` if it is refused.
    func put(_ id: UInt64, _ bytes: [UInt8], dropped: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = mutex.withLock {
            if !isClosed { pending[id] = bytes }
            return !isClosed
        }
        guard isTaken else { return false }
        guard let disk else { return true }
        return disk.writer.submit([.put(disk.entries, key: Self.key(id), value: bytes)], isDurable: false) { error in
            if error != nil { dropped() }
            self.mutex.withLock { _ = self.pending.removeValue(forKey: id) }
        }
    }

    /// Removes records. Not droppable: what a purge removed must not come back with the next start.
    func delete(_ ids: [UInt64]) {
        guard !ids.isEmpty else { return }
        guard let disk else { return mutex.withLock { for id in ids { pending[id] = nil } } }
        for start in stride(from: 0, to: ids.count, by: 512) {
            let part = ids[start..<min(start + 512, ids.count)]
            disk.writer.submit(part.map { .delete(disk.entries, key: Self.key($0)) }, isDurable: true)
        }
    }

    /// A reader of records for one thread.
    func makeReader() -> EntryReader {
        EntryReader(store: self, transaction: disk?.environment.makeReader(), database: disk?.entries)
    }

    func pendingRecord(_ id: UInt64) -> [UInt8]? { mutex.withLock { pending[id] } }

    /// Hands all records to `body` on the writer thread, some at a time between its writes, then calls `done`. At once, if there is no disk.
    func readAll(_ body: @escaping @Sendable (_ key: [UInt8], _ record: EntryRecord?) -> Void, done: @escaping @Sendable () -> Void) {
        guard let disk else { return done() }
        step(StoreWalk(environment: disk.environment, database: disk.entries), disk.writer, body, done)
    }

    private func step(
        _ walk: StoreWalk, _ writer: WriterThread<OperationWork>, _ body: @escaping @Sendable ([UInt8], EntryRecord?) -> Void,
        _ done: @escaping @Sendable () -> Void
    ) {
        let isQueued = writer.perform {
            if walk.next(256, body) { self.step(walk, writer, body, done) } else { done() }
        }
        if !isQueued { done() }
    }

    /// The greatest id in the store; keys that no entry has are passed over.
    func lastID() -> UInt64 {
        guard let disk else { return 0 }
        var last: UInt64 = 0
        disk.environment.makeReader().forEach(in: disk.entries, from: [UInt8]().span, .backward) { key, _ in
            last = Self.id(key) ?? 0
            return last == 0
        }
        return last
    }

    /// Ids beyond are never reached, so only a damaged key has one.
    static let idMax: UInt64 = 1 << 62

    static func id(_ key: Span<UInt8>) -> UInt64? {
        guard key.count == 8 else { return nil }
        var id: UInt64 = 0
        for index in 0..<8 { id = id << 8 | UInt64(key[index]) }
        return id <= idMax ? id : nil
    }

    /// Removes a record by the key it was found under.
    func delete(key: [UInt8]) {
        guard let disk else { return }
        disk.writer.submit([.delete(disk.entries, key: key)], isDurable: true)
    }

    // MARK: - What was learnt

    /// Keeps a blob under a name of 1 to 511 bytes; an empty one removes it.
    func putLearning(_ name: [UInt8], _ bytes: [UInt8]) {
        guard let disk else { return }
        disk.writer.submit(
            [bytes.isEmpty ? .delete(disk.learning, key: name) : .put(disk.learning, key: name, value: bytes)], isDurable: true)
    }

    /// All blobs.
    func readLearning(_ body: (_ name: [UInt8], _ bytes: [UInt8]) -> Void) {
        guard let disk else { return }
        disk.environment.makeReader().forEach(in: disk.learning, from: [UInt8]().span, .forward) { key, value in
            body(key.withUnsafeBufferPointer { Array($0) }, value.withUnsafeBufferPointer { Array($0) })
            return true
        }
    }

    /// Blocks until what was accepted so far is written.
    func flush() { disk?.writer.flush() }

    /// Writes out and closes. Idempotent; one thread calls it.
    func close() {
        guard
            mutex.withLock({
                defer { isClosed = true }
                return !isClosed
            })
        else { return }
        disk?.writer.close()
        disk?.environment.close()
    }
}

/// A walk over a database in steps, on the writer thread only.
private final class StoreWalk: @unchecked Sendable {  // @unchecked: only touched on the writer thread.
    private let transaction: ReadTransaction
    private let database: StoreDatabase
    private var from: [UInt8] = []

    init(environment: StoreEnvironment, database: StoreDatabase) {
        transaction = environment.makeReader()
        self.database = database
    }

    /// Hands on up to `count` records; `false` at the end.
    func next(_ count: Int, _ body: (_ key: [UInt8], _ record: EntryRecord?) -> Void) -> Bool {
        var records: [(key: [UInt8], record: EntryRecord?)] = []
        let start = from
        transaction.forEach(in: database, from: start.span, .forward) { key, value in
            records.append((key.withUnsafeBufferPointer { Array($0) }, EntryRecord(value)))
            return records.count < count
        }
        // Outside the transaction: inserting may take its time.
        for (key, record) in records { body(key, record) }
        guard records.count == count, let last = records.last else { return false }
        from = last.key + [0]
        return true
    }
}

/// Reads records, on one thread.
final class EntryReader {
    private let store: EntryStore
    private let transaction: ReadTransaction?
    private let database: StoreDatabase?

    init(store: EntryStore, transaction: ReadTransaction?, database: StoreDatabase?) {
        self.store = store
        self.transaction = transaction
        self.database = database
    }

    /// Whether the store can be read now.
    var isReadable: Bool { transaction?.isReadable ?? true }

    /// The record of that id; `nil` if there is none, or none that can be read.
    func record(_ id: UInt64) -> EntryRecord? {
        if let bytes = store.pendingRecord(id) { return EntryRecord(bytes.span) }
        guard let transaction, let database else { return nil }
        let key = EntryStore.key(id)
        let found = transaction.withValue(for: key.span, in: database) { EntryRecord($0) } ?? nil
        // Written between the two looks.
        if found == nil, let bytes = store.pendingRecord(id) { return EntryRecord(bytes.span) }
        return found
    }
}
