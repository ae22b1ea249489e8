import Glibc

/// The files of one store and what they say before anything is mapped.
///
/// `data.mdb` and `lock.mdb` are LMDB's. Ours: `LOCK` (see `StoreLock`), `CREATED` (written after the first commit: an empty data file
/// beside it is damage, for LMDB itself would take it for a new store), `DIRTY` (there while a process has the store open).
struct StoreFiles {
    /// The store's folder.
    let folder: String
    var data: String { folder + "/data.mdb" }
    private var lockTable: String { folder + "/lock.mdb" }
    private var created: String { folder + "/CREATED" }
    private var dirty: String { folder + "/DIRTY" }

    /// What the files say.
    enum State: Equatable {
        /// Nothing is there yet.
        case absent
        /// Nothing speaks against it.
        case sound
        /// It may be damaged: look before mapping. The number is the bytes the file should have.
        case suspect(bytesNeeded: Int)
        /// It is no store.
        case damaged(String)
    }

    var isDirty: Bool { StoreFiles.size(of: dirty) != nil }

    func examine() -> State {
        let isCreated = StoreFiles.size(of: created) != nil
        guard let size = StoreFiles.size(of: data) else { return isCreated ? .damaged("the data file is missing") : .absent }
        if size == 0, isCreated { return .damaged("the data file is empty") }
        // The first two pages come before the first commit: a process killed between them leaves no more than this.
        if size <= 8192, !isCreated { return .absent }
        guard let meta = MetaPages(path: data) else { return .damaged("the data file has no valid meta page") }
        if isDirty || !isCreated || size < meta.bytesNeeded { return .suspect(bytesNeeded: meta.bytesNeeded) }
        return .sound
    }

    /// Makes the folder (0700) and its missing parents.
    func makeFolder() throws(StoreError) {
        var path = folder.hasPrefix("/") ? "" : "."
        for part in folder.split(separator: "/") {
            path += "/" + part
            if mkdir(path, 0o700) == 0 || errno == EEXIST { continue }
            throw StoreError(code: errno, doing: "making the folder \(path)")
        }
    }

    /// Removes what a killed creation left.
    func removeRemains() {
        unlink(data)
        unlink(lockTable)
    }

    /// Makes the file as long as its meta page says, with a hole: a page that was never written is then zeros instead of SIGBUS.
    func extend(to bytes: Int) {
        guard let size = StoreFiles.size(of: data), size < bytes else { return }
        truncate(data, bytes)
    }

    /// Renames the data file to `data.mdb.bad-<seconds>` and removes older ones, so that damage can't fill the disk.
    func quarantine(at seconds: Int64) throws(StoreError) -> String? {
        for name in StoreFiles.names(in: folder) where name.hasPrefix("data.mdb.bad-") { unlink(folder + "/" + name) }
        unlink(created)
        unlink(lockTable)
        guard StoreFiles.size(of: data) != nil else { return nil }
        let kept = "data.mdb.bad-\(seconds)"
        guard rename(data, folder + "/" + kept) == 0 else { throw StoreError(code: errno, doing: "setting aside \(data)") }
        return kept
    }

    func markDirty() { StoreFiles.touch(dirty) }

    func markClean() {
        unlink(dirty)
        StoreFiles.synchronize(folder)
    }

    func markCreated() {
        guard StoreFiles.size(of: created) == nil else { return }
        StoreFiles.touch(created)
        StoreFiles.synchronize(folder)
    }

    /// The size of a regular file in bytes; `nil` if there is none.
    static func size(of path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }

    static func synchronize(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func touch(_ path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
