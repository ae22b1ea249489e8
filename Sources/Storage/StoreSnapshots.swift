import GatewayModel
import Glibc

/// Compacted copies of a store in a folder beside it, the newest few kept: what a damaged keys store is restored from.
public struct StoreSnapshots: Sendable {
    /// Where the copies lie, each in a folder `snapshot-<seconds>`.
    public var folder: String
    /// How many are kept, at least 1.
    public var keep: Int

    /// Makes a collection; nothing is touched yet.
    public init(folder: String, keep: Int = 3) {
        self.folder = folder
        self.keep = max(1, keep)
    }

    /// Copies `environment` and removes the oldest copies beyond `keep`. Readers and the writer go on; pages freed meanwhile are kept
    /// until it ends. For control threads. Returns the new copy's folder.
    @discardableResult
    public func take(of environment: StoreEnvironment, at time: WallTime) throws(StoreError) -> String {
        let unfinished = StoreFiles(folder: folder + "/unfinished")
        try unfinished.makeFolder()
        unfinished.removeRemains()
        try environment.copy(into: unfinished.folder)
        unfinished.markCreated()
        StoreFiles.synchronize(unfinished.data)
        let final = folder + "/snapshot-" + StoreSnapshots.digits(time.milliseconds)
        guard rename(unfinished.folder, final) == 0 else { throw StoreError(code: errno, doing: "naming the snapshot \(final)") }
        StoreFiles.synchronize(folder)
        for old in all.dropLast(keep) { StoreSnapshots.remove(old) }
        return final
    }

    /// The folders of the copies, oldest first.
    public var all: [String] {
        StoreFiles.names(in: folder).filter { $0.hasPrefix("snapshot-") }.sorted().map { folder + "/" + $0 }
    }

    /// Puts the newest copy in place of the store in the folder `path`, whose data file is kept as `data.mdb.bad-<seconds>`. Nobody may
    /// have the store open. Returns the copy's folder.
    public func restoreNewest(to path: String, at time: WallTime) throws(StoreError) -> String {
        guard let newest = all.last else { throw StoreError(kind: .other, message: "there is no snapshot in \(folder)") }
        let files = StoreFiles(folder: path)
        try files.makeFolder()
        let lock = try StoreLock(folder: path)
        defer { withExtendedLifetime(lock) {} }
        let staged = path + "/data.mdb.restored"
        try StoreSnapshots.copy(newest + "/data.mdb", to: staged)
        _ = try files.quarantine(at: time.milliseconds / 1000)
        guard rename(staged, files.data) == 0 else { throw StoreError(code: errno, doing: "restoring \(files.data)") }
        files.markCreated()
        return newest
    }

    /// 15 digits, so that names sort as the times do.
    private static func digits(_ milliseconds: Int64) -> String {
        let text = String(max(0, milliseconds))
        return String(repeating: "0", count: max(0, 15 - text.count)) + text
    }

    private static func remove(_ snapshot: String) {
        for name in StoreFiles.names(in: snapshot) where name != "." && name != ".." { unlink(snapshot + "/" + name) }
        rmdir(snapshot)
    }

    private static func copy(_ source: String, to target: String) throws(StoreError) {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw StoreError(code: errno, doing: "opening \(source)") }
        defer { close(input) }
        let output = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw StoreError(code: errno, doing: "making \(target)") }
        defer { close(output) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(input, &buffer, buffer.count)
            guard count >= 0 else { throw StoreError(code: errno, doing: "reading \(source)") }
            if count == 0 { break }
            var written = 0
            while written < count {
                let step = buffer.withUnsafeBytes { write(output, $0.baseAddress?.advanced(by: written), count - written) }
                guard step > 0 else { throw StoreError(code: errno, doing: "writing \(target)") }
                written += step
            }
        }
        guard fsync(output) == 0 else { throw StoreError(code: errno, doing: "syncing \(target)") }
    }
}
