#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why a private file can't be used. Names the path, never the content.
public struct PrivateFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence: the path, what is wrong, what to do.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Small files that hold secrets of this installation: the pepper, `admin.token`, `demo.key`. Mode 0600, written whole or not at all.
public enum PrivateFile {
    /// The largest file read, in bytes.
    public static let bytesMax = 64 << 10

    /// The content; `nil` when there is no such file. Throws when others may read or write it, or when it is no plain file.
    public static func read(_ path: String) throws(PrivateFileError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("can't be opened", path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("can't be examined", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw PrivateFileError("\(path) is not a plain file") }
        guard status.st_mode & 0o077 == 0 else {
            throw PrivateFileError("\(path) can be read or written by others; run chmod 600 \(path)")
        }
        guard status.st_size <= bytesMax else { throw PrivateFileError("\(path) is larger than \(bytesMax) bytes") }
        return try content(of: descriptor, path)
    }

    /// Makes the file with this content, durably. Throws when it exists already, unless `replacing`.
    public static func create(_ path: String, _ bytes: [UInt8], replacing: Bool = false) throws(PrivateFileError) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("can't be made", temporary) }
        let isWritten = write(bytes, to: descriptor) && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, replacing ? rename(temporary, path) == 0 : link(temporary, path) == 0 else {
            let error = failure("can't be written", path)
            unlink(temporary)
            throw error
        }
        if !replacing { unlink(temporary) }
        synchronizeFolder(of: path)
    }

    private static func content(of descriptor: Int32, _ path: String) throws(PrivateFileError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= bytesMax {
            let count = recv(descriptor, &buffer)
            if count == 0 { return bytes }
            guard count > 0 else { throw failure("can't be read", path) }
            bytes += buffer[..<count]
        }
        throw PrivateFileError("\(path) is larger than \(bytesMax) bytes")
    }

    private static func recv(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int {
        while true {
            let count = buffer.withUnsafeMutableBytes { Swift.max(-1, systemRead(descriptor, $0)) }
            if count >= 0 || errno != EINTR { return count }
        }
    }

    private static func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #else
            Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer -> Int in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[written...])
                #if canImport(Glibc)
                    return Glibc.write(descriptor, rest.baseAddress, rest.count)
                #else
                    return Darwin.write(descriptor, rest.baseAddress, rest.count)
                #endif
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }

    private static func synchronizeFolder(of path: String) {
        let slash = path.utf8.lastIndex(of: 0x2F)
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func failure(_ what: String, _ path: String) -> PrivateFileError {
        PrivateFileError("\(path) \(what): \(String(cString: strerror(errno)))")
    }
}
