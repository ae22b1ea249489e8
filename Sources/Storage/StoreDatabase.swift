import CLMDB

/// One named database of an open environment. Valid as long as the environment, across a reopen too.
public struct StoreDatabase: Hashable, Sendable {
    let handle: MDB_dbi
}

extension Span where Element == UInt8 {
    /// Runs `body` with an LMDB value over these bytes, which LMDB only reads.
    @inline(__always)
    func withStoreValue<R>(_ body: (inout MDB_val) -> R) -> R {
        withUnsafeBufferPointer { buffer in
            var value = MDB_val(mv_size: buffer.count, mv_data: UnsafeMutableRawPointer(mutating: buffer.baseAddress))
            return body(&value)
        }
    }
}

extension MDB_val {
    /// The bytes, valid until the transaction they came from ends or writes.
    @inline(__always)
    var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: mv_data?.assumingMemoryBound(to: UInt8.self), count: mv_data == nil ? 0 : mv_size)
    }
}
