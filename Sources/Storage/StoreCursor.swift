import CLMDB

/// Which way a walk goes.
public enum StoreDirection: Sendable {
    /// By rising keys, from the first key at or after the start.
    case forward
    /// By falling keys, from the last key at or before the start.
    case backward
}

/// A walk over the records of one database within a running transaction.
enum StoreCursor {
    /// Hands records to `body` until it returns `false` or there are no more. An empty start is the near end. Returns an LMDB code.
    static func walk(
        _ transaction: OpaquePointer?, _ database: StoreDatabase, from start: Span<UInt8>, _ direction: StoreDirection,
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) -> Int32 {
        var opened: OpaquePointer?
        let failure = mdb_cursor_open(transaction, database.handle, &opened)
        guard failure == MDB_SUCCESS else { return failure }
        defer { mdb_cursor_close(opened) }
        return start.withStoreValue { start in
            var key = start
            var value = MDB_val()
            var code = seek(opened, start, &key, &value, direction)
            while code == MDB_SUCCESS {
                guard body(key.bytes.span, value.bytes.span) else { return MDB_SUCCESS }
                code = mdb_cursor_get(opened, &key, &value, direction == .forward ? MDB_NEXT : MDB_PREV)
            }
            return code == MDB_NOTFOUND ? MDB_SUCCESS : code
        }
    }

    private static func seek(
        _ cursor: OpaquePointer?, _ start: MDB_val, _ key: inout MDB_val, _ value: inout MDB_val, _ direction: StoreDirection
    ) -> Int32 {
        if start.mv_size == 0 { return mdb_cursor_get(cursor, &key, &value, direction == .forward ? MDB_FIRST : MDB_LAST) }
        let code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE)
        guard direction == .backward else { return code }
        if code == MDB_NOTFOUND { return mdb_cursor_get(cursor, &key, &value, MDB_LAST) }
        guard code == MDB_SUCCESS, !key.bytes.elementsEqual(start.bytes) else { return code }
        return mdb_cursor_get(cursor, &key, &value, MDB_PREV)
    }
}
