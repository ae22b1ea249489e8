import CLMDB

/// The write transaction of an environment, lent to a closure by `StoreEnvironment.write`: all of it is kept or none.
///
/// Confined to the thread that runs the closure. Bytes handed to a closure here are valid until the next write.
/// After any method threw, the transaction is dead: let the error out, and `write` rolls back.
public struct WriteTransaction: ~Copyable {
    let handle: OpaquePointer

    init(handle: OpaquePointer) { self.handle = handle }

    /// Hands the value under `key` to `body`; `nil` if there is none.
    public func withValue<R>(for key: Span<UInt8>, in database: StoreDatabase, _ body: (Span<UInt8>) -> R) throws(StoreError) -> R? {
        var value = MDB_val()
        let code = key.withStoreValue { mdb_get(handle, database.handle, &$0, &value) }
        if code == MDB_NOTFOUND { return nil }
        try StoreError.check(code, "reading a record")
        return body(value.bytes.span)
    }

    /// Puts `value` under `key`, in place of what was there. Keys have 1 to 511 bytes.
    public func put(_ value: Span<UInt8>, for key: Span<UInt8>, in database: StoreDatabase) throws(StoreError) {
        try put(value, for: key, in: database, flags: 0)
    }

    /// Puts `value` under a key greater than all others, which fills pages wholly instead of to a half. Throws if it is not greater.
    public func append(_ value: Span<UInt8>, for key: Span<UInt8>, in database: StoreDatabase) throws(StoreError) {
        try put(value, for: key, in: database, flags: UInt32(MDB_APPEND))
    }

    /// Puts the value made of `first` and then `second`, written straight into the page.
    public func put(
        joining first: Span<UInt8>, _ second: Span<UInt8>, for key: Span<UInt8>, in database: StoreDatabase
    ) throws(StoreError) {
        var value = MDB_val(mv_size: first.count + second.count, mv_data: nil)
        let code = key.withStoreValue { mdb_put(handle, database.handle, &$0, &value, UInt32(MDB_RESERVE)) }
        try StoreError.check(code, "writing a record")
        let room = UnsafeMutableRawBufferPointer(start: value.mv_data, count: value.mv_data == nil ? 0 : value.mv_size)
        first.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: room[..<first.count]).copyMemory(from: $0) }
        second.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: room[first.count...]).copyMemory(from: $0) }
    }

    /// Deletes the record under `key`; `false` if there was none.
    @discardableResult
    public func delete(_ key: Span<UInt8>, in database: StoreDatabase) throws(StoreError) -> Bool {
        let code = key.withStoreValue { mdb_del(handle, database.handle, &$0, nil) }
        if code == MDB_NOTFOUND { return false }
        try StoreError.check(code, "deleting a record")
        return true
    }

    /// Deletes every record of a database and frees its pages.
    public func deleteAll(in database: StoreDatabase) throws(StoreError) {
        try StoreError.check(mdb_drop(handle, database.handle, 0), "emptying a database")
    }

    /// Hands the first record at or after `key` (an empty key: the first of all) to `body`; `nil` if there is none.
    public func withFirst<R>(
        atOrAfter key: Span<UInt8>, in database: StoreDatabase, _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> R
    ) throws(StoreError) -> R? {
        var opened: OpaquePointer?
        try StoreError.check(mdb_cursor_open(handle, database.handle, &opened), "opening a cursor")
        defer { mdb_cursor_close(opened) }
        var value = MDB_val()
        var found = MDB_val()
        let code = key.withStoreValue { start in
            found = start
            return mdb_cursor_get(opened, &found, &value, start.mv_size == 0 ? MDB_FIRST : MDB_SET_RANGE)
        }
        if code == MDB_NOTFOUND { return nil }
        try StoreError.check(code, "seeking a record")
        return body(found.bytes.span, value.bytes.span)
    }

    /// Hands the records from `key` (an empty key: from the first) in rising order to `body` until it returns `false`. `body` must not write.
    public func forEach(
        from key: Span<UInt8>, in database: StoreDatabase, _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(StoreError) {
        let code = StoreCursor.walk(handle, database, from: key, .forward, body)
        try StoreError.check(code, "walking a database")
    }

    /// The number of records in a database.
    public func count(in database: StoreDatabase) throws(StoreError) -> Int {
        var statistics = MDB_stat()
        try StoreError.check(mdb_stat(handle, database.handle, &statistics), "counting records")
        return Int(clamping: statistics.ms_entries)
    }

    func openDatabase(_ name: String) throws(StoreError) -> StoreDatabase {
        var database: MDB_dbi = 0
        try StoreError.check(mdb_dbi_open(handle, name, UInt32(MDB_CREATE), &database), "opening the database \(name)")
        return StoreDatabase(handle: database)
    }

    private func put(_ value: Span<UInt8>, for key: Span<UInt8>, in database: StoreDatabase, flags: UInt32) throws(StoreError) {
        let code = key.withStoreValue { key in
            value.withStoreValue { value in mdb_put(handle, database.handle, &key, &value, flags) }
        }
        try StoreError.check(code, "writing a record")
    }
}
