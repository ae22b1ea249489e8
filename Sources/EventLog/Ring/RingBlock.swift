// Rows are kept in blocks: one record of the store holds up to 256 rows or 48 KiB, so that pages are full and trimming is a deletion every
// few hundred rows. The last block is written anew with every commit until it is full.
//
// Layout, little-endian: magic (4 bytes), version (2), rows (2), XXH3 of everything behind the head (8), first sequence (8), oldest and newest
// time (8 each), least and greatest upper word of the ids (8 each), which sequences it has (32), XXH3 of the head (8); then for each row, by
// rising sequence, its distance from the first sequence (8 bits) and where it begins among the rows (24 bits); then the rows.

import GatewayModel
import Hashing

/// What is known of a block without reading it.
struct BlockInfo: Sendable, Equatable {
    /// The sequence its key says. Its first row may have a later one.
    var first: UInt64
    /// Rows it has in the store, hidden ones included.
    var present = 0
    /// The rows that can be read.
    var live = RowBits()
    /// Bytes it takes in the file.
    var cost = 0
    var oldest = Int64.max
    var newest = Int64.min
    var idLeast = UInt64.max
    var idGreatest: UInt64 = 0

    init(first: UInt64) { self.first = first }

    mutating func note(_ row: RowView, sequence: UInt64) {
        present += 1
        live.insert(Int(sequence - first))
        oldest = min(oldest, row.createdAt)
        newest = max(newest, row.createdAt)
        idLeast = min(idLeast, row.idHigh)
        idGreatest = max(idGreatest, row.idHigh)
    }
}

enum RingBlock {
    static let magic: UInt32 = 0x3142_5257
    static let version: UInt16 = 1
    static let headLength = 96
    /// Bytes of a block: twelve pages of 4 KiB less the 16 bytes that the store needs in them.
    static let bytesMax = 12 * 4096 - 16

    /// Key of a block, a payload or a patch: 8 bytes, big-endian.
    static func key(_ sequence: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: sequence >> UInt64(56 - 8 * $0)) }
    }

    static func sequence(ofKey key: UnsafeRawBufferPointer) -> UInt64? {
        guard key.count == 8 else { return nil }
        return UInt64(bigEndian: key.loadUnaligned(as: UInt64.self))
    }

    /// Bytes of the file that a record of this length takes: its share of a leaf page, or pages of its own.
    static func cost(ofValue length: Int) -> Int {
        let node = length + 8 + 8 + 2
        if node <= 2038 { return 4096 / max(1, 4080 / node) }
        return (length + 16 + 4095) / 4096 * 4096 + 64
    }
}

/// A block that is being filled.
struct RingBlockBuilder: Sendable {
    let first: UInt64
    private var entries: [UInt32] = []
    private var rows: [UInt8] = []
    private var info: BlockInfo

    init(first: UInt64) {
        self.first = first
        info = BlockInfo(first: first)
    }

    var length: Int { RingBlock.headLength + 4 * entries.count + rows.count }
    var isEmpty: Bool { entries.isEmpty }

    /// Whether a row fits.
    func hasRoom(for sequence: UInt64, bytes: Int) -> Bool {
        sequence - first < UInt64(RowBits.capacity) && (entries.isEmpty || length + 4 + bytes <= RingBlock.bytesMax)
    }

    mutating func append(_ row: RowView, sequence: UInt64) {
        precondition(sequence >= first && sequence - first < UInt64(RowBits.capacity), "a row goes into the block of its sequence")
        entries.append(UInt32(truncatingIfNeeded: rows.count) << 8 | UInt32(truncatingIfNeeded: sequence - first))
        rows.append(contentsOf: row.bytes)
        info.note(row, sequence: sequence)
    }

    /// The record.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length)
        bytes.append(littleEndian: RingBlock.magic)
        bytes.append(littleEndian: RingBlock.version)
        bytes.append(littleEndian: UInt16(truncatingIfNeeded: entries.count))
        bytes.append(littleEndian: UInt64(0))
        bytes.append(littleEndian: first)
        bytes.append(littleEndian: info.oldest)
        bytes.append(littleEndian: info.newest)
        bytes.append(littleEndian: info.idLeast)
        bytes.append(littleEndian: info.idGreatest)
        for index in 0..<4 { bytes.append(littleEndian: info.live.words[index]) }
        bytes.append(littleEndian: UInt64(0))
        for entry in entries { bytes.append(littleEndian: entry) }
        bytes.append(contentsOf: rows)
        RingBlock.seal(&bytes)
        return bytes
    }
}

extension RingBlock {
    /// Puts both checksums in.
    static func seal(_ bytes: inout [UInt8]) {
        guard bytes.count >= headLength else { return }
        put(xxh3(bytes.span.extracting(headLength..<bytes.count)), at: 8, in: &bytes)
        put(xxh3(bytes.span.extracting(0..<(headLength - 8))), at: headLength - 8, in: &bytes)
    }

    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 { bytes.withMemoryRebound(to: UInt8.self) { xxh3($0.span) } }

    private static func put(_ word: UInt64, at offset: Int, in bytes: inout [UInt8]) {
        for index in 0..<8 { bytes[offset + index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * index)) }
    }
}

/// A look at a stored block. The bytes may be damaged: then there is no view, or it ends early.
struct RingBlockView {
    private let bytes: UnsafeRawBufferPointer
    let info: BlockInfo
    private let rowsAt: Int

    /// Reads the head; `nil` where it does not hold. Rows are to be trusted only after `isWhole`.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= RingBlock.headLength, bytes.count <= 1 << 24 else { return nil }
        func word(_ offset: Int) -> UInt64 { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
        let head = UnsafeRawBufferPointer(rebasing: bytes[..<(RingBlock.headLength - 8)])
        let versions = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) == RingBlock.magic, versions & 0xFFFF == UInt32(RingBlock.version),
            RingBlock.checksum(head) == word(RingBlock.headLength - 8)
        else { return nil }
        let count = Int(versions >> 16)
        var info = BlockInfo(first: word(16))
        info.present = count
        info.oldest = Int64(bitPattern: word(24))
        info.newest = Int64(bitPattern: word(32))
        info.idLeast = word(40)
        info.idGreatest = word(48)
        info.live = RowBits(SIMD4(word(56), word(64), word(72), word(80)))
        info.cost = RingBlock.cost(ofValue: bytes.count)
        rowsAt = RingBlock.headLength + 4 * count
        guard count > 0, count <= RowBits.capacity, info.live.count == count, rowsAt <= bytes.count,
            info.first < UInt64.max - UInt64(RowBits.capacity)
        else { return nil }
        self.bytes = bytes
        self.info = info
    }

    /// Whether the rows are what was written.
    var isWhole: Bool {
        let sum = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        return RingBlock.checksum(UnsafeRawBufferPointer(rebasing: bytes[RingBlock.headLength...])) == sum
    }

    /// A row by its place in the block; `nil` where it does not hold.
    @inline(__always)
    func row(_ index: Int) -> (bit: Int, row: RowView)? {
        let entry = self.entry(index)
        let start = rowsAt + Int(entry >> 8)
        let end = index + 1 < info.present ? rowsAt + Int(self.entry(index + 1) >> 8) : bytes.count
        guard start <= end, end <= bytes.count, let row = RowView(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) else { return nil }
        return (Int(entry & 0xFF), row)
    }

    @inline(__always)
    private func entry(_ index: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: RingBlock.headLength + 4 * index, as: UInt32.self))
    }
}
