import CLMDB
import Glibc

/// Why a store could not be opened, read or written. Says which store and what was tried; never holds a key or a value.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of trouble it is; decides whether to evict, wait, reopen, recreate or give up.
    public enum Kind: String, Sendable, CaseIterable {
        /// Another process (or another open in this one) holds the store's `LOCK`.
        case inUse = "in-use"
        /// The files are not a sound store: garbage, truncated, emptied, or a check said so.
        case damaged
        /// The store was written by a version of this program whose records we cannot read.
        case schema
        /// The map (fixed at open) has no page left.
        case mapFull = "map-full"
        /// One transaction touched too many pages.
        case transactionFull = "transaction-full"
        /// No space left on the device, or a quota is used up.
        case diskFull = "disk-full"
        /// The device refused a read, a write or a sync. A full tmpfs says this too.
        case inputOutput = "input-output"
        /// An earlier failed write of the meta page: nothing works until the environment is reopened.
        case panicked
        /// All reader slots are taken.
        case readersFull = "readers-full"
        /// The file system refuses: permissions, or mounted read-only.
        case notPermitted = "not-permitted"
        /// The environment or its writer is closed, or disabled after it could not be reopened.
        case closed
        /// The writer's queue is full and the submission was not one that displaces others.
        case queueFull = "queue-full"
        /// A key over 511 bytes, an empty key, or a submission over the queue's size.
        case tooLarge = "too-large"
        /// Anything else LMDB or the system reports.
        case other
    }

    /// What kind of trouble it is.
    public var kind: Kind
    /// The LMDB (negative) or system (positive) code; 0 where we found the trouble ourselves.
    public var code: Int32
    /// One sentence: the store's folder, what was tried, what happened.
    public var message: String

    /// Makes an error.
    public init(kind: Kind, code: Int32 = 0, message: String) {
        self.kind = kind
        self.code = code
        self.message = message
    }

    /// The kind, the message and the code.
    public var description: String { code == 0 ? "\(kind.rawValue): \(message)" : "\(kind.rawValue): \(message) (code \(code))" }

    /// Makes an error from what LMDB returned while doing `action`.
    init(code: Int32, doing action: String) {
        self.init(kind: Kind(code: code), code: code, message: "\(action): \(String(cString: mdb_strerror(code)))")
    }

    /// Throws unless `code` is success.
    @inline(__always)
    static func check(_ code: Int32, _ action: @autoclosure () -> String) throws(StoreError) {
        guard code != MDB_SUCCESS else { return }
        throw StoreError(code: code, doing: action())
    }
}

extension StoreError.Kind {
    /// The kind behind an LMDB or system code.
    init(code: Int32) {
        switch code {
        case MDB_MAP_FULL: self = .mapFull
        case MDB_TXN_FULL: self = .transactionFull
        case MDB_PANIC: self = .panicked
        case MDB_READERS_FULL: self = .readersFull
        case MDB_INVALID, MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_VERSION_MISMATCH, MDB_CURSOR_FULL, MDB_INCOMPATIBLE: self = .damaged
        case MDB_BAD_VALSIZE: self = .tooLarge
        case ENOSPC, EDQUOT, EFBIG: self = .diskFull
        case EIO, EBADF, EINVAL, ESPIPE: self = .inputOutput
        case EACCES, EPERM, EROFS: self = .notPermitted
        default: self = .other
        }
    }
}
