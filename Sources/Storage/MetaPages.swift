import Glibc

/// The two meta pages at the start of a data file, read with `pread` and never mapped: what can be known of a file before trusting it.
///
/// Offsets are those of LMDB 0.9 on a 64-bit little-endian machine (`MDB_page`, `MDB_meta` in mdb.c): a 16-byte page header, then magic,
/// version, address, map size, two 48-byte database records (the first begins with the page size), last page, transaction.
struct MetaPages {
    /// Bytes of a page.
    var pageSize: Int
    /// The last page in use by the newest transaction.
    var lastPage: Int
    /// The newest transaction.
    var transaction: UInt64

    private static let magic: UInt32 = 0xBEEF_C0DE
    private static let dataVersion: UInt32 = 1

    /// Bytes the file needs for every page up to the last.
    var bytesNeeded: Int {
        let (pages, carried) = lastPage.addingReportingOverflow(1)
        let (bytes, overflow) = pages.multipliedReportingOverflow(by: pageSize)
        return carried || overflow ? Int.max : bytes
    }

    /// Reads the newer of the two meta pages; `nil` if neither or only a nonsensical one is there.
    init?(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let first = MetaPages(descriptor: descriptor, offset: 0) else { return nil }
        guard let second = MetaPages(descriptor: descriptor, offset: first.pageSize) else { return nil }
        self = first.transaction >= second.transaction ? first : second
    }

    private init?(descriptor: Int32, offset: Int) {
        var bytes = [UInt8](repeating: 0, count: 152)
        guard pread(descriptor, &bytes, bytes.count, offset) == bytes.count else { return nil }
        guard word(bytes, 16, 4) == UInt64(Self.magic), word(bytes, 20, 4) == UInt64(Self.dataVersion) else { return nil }
        let size = Int(word(bytes, 40, 4))
        guard size >= 512, size <= 65536, size & (size - 1) == 0 else { return nil }
        let last = word(bytes, 136, 8)
        guard last >= 1, last < UInt64(Int64.max) / 65536 else { return nil }
        pageSize = size
        lastPage = Int(last)
        transaction = word(bytes, 144, 8)
    }
}

/// The little-endian number of `count` bytes at `offset`.
private func word(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in (0..<count).reversed() { value = value << 8 | UInt64(bytes[offset + index]) }
    return value
}
