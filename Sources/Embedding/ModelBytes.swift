import Glibc

/// Bytes that stay where they are as long as this object lives: a file mapped read-only, or a copy of an array.
///
/// A mapped file must not be shortened by others while it is mapped (the kernel answers that with SIGBUS): `weir model install` replaces
/// files by renaming, never in place.
final class ModelBytes: @unchecked Sendable {  // @unchecked: nothing writes to the bytes after `init`.
    let base: UnsafeRawPointer
    let count: Int
    private let isMapped: Bool

    /// Maps a whole file.
    init(mapping path: String) throws(EmbeddingModelError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == ENOENT ? .notFound(path: path) : .unreadable(path: path, code: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, code: EINVAL) }
        guard status.st_size > 0 else { throw .damaged(path: path, "it is empty") }
        let size = Int(status.st_size)
        guard let mapped = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), mapped != MAP_FAILED else {
            throw .unreadable(path: path, code: errno)
        }
        base = UnsafeRawPointer(mapped)
        count = size
        isMapped = true
    }

    /// Copies bytes, aligned like a page of a file.
    init(copying bytes: [UInt8]) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 4096)
        bytes.withUnsafeBytes { if let start = $0.baseAddress { memory.copyMemory(from: start, byteCount: $0.count) } }
        base = UnsafeRawPointer(memory)
        count = bytes.count
        isMapped = false
    }

    deinit {
        if isMapped { munmap(UnsafeMutableRawPointer(mutating: base), count) } else { base.deallocate() }
    }

    /// A number at an offset that the caller has checked.
    func uint32(at offset: Int) -> UInt32 { UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }

    /// A number at an offset that the caller has checked.
    func uint64(at offset: Int) -> UInt64 { UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
}
