import CLMDB
import Glibc

/// An open LMDB environment with its databases: what `StoreEnvironment` swaps as a whole when it reopens.
///
/// All databases are opened in one committed transaction, once: a handle opened in a transaction that is then aborted is lost (LMDB 0.9).
struct StoreHandles {
    let environment: OpaquePointer
    let databases: [String: StoreDatabase]
    /// The record version found; `nil` in a new store.
    let schemaVersionFound: UInt32?

    /// The database that holds the schema record.
    private static let schemaDatabase = "weir"

    /// Opens with a map of `mapSize` bytes, or as `options` say.
    init(folder: String, options: StoreOptions, mapSize: Int? = nil) throws(StoreError) {
        var created: OpaquePointer?
        try StoreError.check(mdb_env_create(&created), "making an environment for \(folder)")
        guard let created else { throw StoreError(kind: .other, message: "LMDB made no environment for \(folder)") }
        do {
            try StoreHandles.configure(created, folder: folder, options: options, mapSize: mapSize ?? options.mapSize)
            let opened = try StoreHandles.openDatabases(created, folder: folder, options: options)
            environment = created
            databases = opened.databases
            schemaVersionFound = opened.version
        } catch {
            mdb_env_close(created)
            throw error
        }
    }

    private static func configure(
        _ environment: OpaquePointer, folder: String, options: StoreOptions, mapSize: Int
    ) throws(StoreError) {
        mdb_env_set_mapsize(environment, StoreOptions.rounded(mapSize: mapSize))
        mdb_env_set_maxdbs(environment, UInt32(options.databases.count + 1))
        mdb_env_set_maxreaders(environment, options.maxReaders)
        var flags = UInt32(MDB_NOTLS)
        if options.durability == .noMetaSync { flags |= UInt32(MDB_NOMETASYNC) }
        if options.noReadAhead { flags |= UInt32(MDB_NORDAHEAD) }
        try StoreError.check(mdb_env_open(environment, folder, flags, 0o600), "opening the store \(folder)")
        // LMDB 0.9.24 opens the data file without this flag; a child process must not inherit it.
        var descriptor: Int32 = -1
        if mdb_env_get_fd(environment, &descriptor) == MDB_SUCCESS, descriptor >= 0 { setCloseOnExec(descriptor) }
        var dead: Int32 = 0
        try StoreError.check(mdb_reader_check(environment, &dead), "checking the readers of \(folder)")
    }

    private static func openDatabases(
        _ environment: OpaquePointer, folder: String, options: StoreOptions
    ) throws(StoreError) -> (databases: [String: StoreDatabase], version: UInt32?) {
        var begun: OpaquePointer?
        try StoreError.check(mdb_txn_begin(environment, nil, 0, &begun), "starting the first transaction in \(folder)")
        guard let handle = begun else { throw StoreError(kind: .other, message: "LMDB gave no transaction in \(folder)") }
        do {
            let transaction = WriteTransaction(handle: handle)
            let version = try compareSchema(transaction, folder: folder, schema: options.schema)
            var databases: [String: StoreDatabase] = [:]
            for name in options.databases { databases[name] = try transaction.openDatabase(name) }
            let code = mdb_txn_commit(handle)
            begun = nil
            try StoreError.check(code, "committing the first transaction in \(folder)")
            return (databases, version)
        } catch {
            if begun != nil { mdb_txn_abort(handle) }
            throw error
        }
    }

    /// Refuses records of another kind or version, and writes the record where it is absent or older.
    private static func compareSchema(
        _ transaction: borrowing WriteTransaction, folder: String, schema: StoreSchema
    ) throws(StoreError) -> UInt32? {
        let database = try transaction.openDatabase(schemaDatabase)
        let key = Array("schema".utf8)
        let found: (version: UInt32, name: String)?? = try transaction.withValue(for: key.span, in: database) { value in
            guard value.count >= 4 else { return nil }
            let version = (0..<4).reduce(UInt32(0)) { $0 | UInt32(value[$1]) << UInt32(8 * $1) }
            return (version, value.extracting(4..<value.count).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) })
        }
        if case .some(let record) = found {
            guard let record, record.name == schema.name else {
                throw StoreError(kind: .schema, message: "the store \(folder) is not a store of kind \(schema.name)")
            }
            guard schema.reads(record.version) else {
                let range = "\(schema.oldestReadable)...\(schema.version)"
                let message = "the store \(folder) has records of version \(record.version); this program reads \(range)"
                throw StoreError(kind: .schema, message: message)
            }
            if record.version == schema.version { return record.version }
        }
        var value = (0..<4).map { UInt8(truncatingIfNeeded: schema.version >> UInt32(8 * $0)) }
        value.append(contentsOf: schema.name.utf8)
        try transaction.put(value.span, for: key.span, in: database)
        return found.flatMap { $0?.version }
    }

    private static func setCloseOnExec(_ descriptor: Int32) {
        let flags = fcntl(descriptor, F_GETFD)
        if flags >= 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
    }
}
