import Glibc

/// The store's own lock: `flock` on the file `LOCK` in its folder, held from before the data file is looked at until it is closed.
///
/// LMDB's locks let many processes in. Two gateways on one store would each believe their memory of it, so the second is refused.
/// `flock` belongs to the open file, so a second open within one process (which would drop LMDB's own locks) is refused as well.
final class StoreLock {
    private let descriptor: Int32

    /// Takes the lock or throws `.inUse` at once.
    init(folder: String) throws(StoreError) {
        let path = folder + "/LOCK"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StoreError(code: errno, doing: "opening the lock file \(path)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let owner = StoreLock.owner(of: descriptor)
            close(descriptor)
            guard code == EWOULDBLOCK else { throw StoreError(code: code, doing: "locking \(path)") }
            throw StoreError(kind: .inUse, message: "the store \(folder) is in use by process \(owner); stop it or use another folder")
        }
        writeOwner()
    }

    deinit {
        // Said explicitly: a child process that is just being started holds a copy of the descriptor until its `exec`.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// The process id is for people and error messages; a full disk must not keep a store from opening, so failures are ignored.
    private func writeOwner() {
        guard ftruncate(descriptor, 0) == 0 else { return }
        let text = Array("\(getpid())\n".utf8)
        _ = pwrite(descriptor, text, text.count, 0)
    }

    private static func owner(of descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let digits = bytes.prefix(max(0, count)).prefix { $0 >= 0x30 && $0 <= 0x39 }
        return digits.isEmpty ? "(unknown)" : String(decoding: digits, as: UTF8.self)
    }
}
