import GatewayModel
import Hashing

/// What is stored of an entry besides its answer: the vectors, whose they are, and the text that the guard compares.
///
/// Little-endian. Header: magic, version, flags, checksum (XXH3-64 over all behind it), id, time, model hash, partition, answer, lengths.
/// Then tenant, key id, model, text, gate codes, codes. The format is versioned by the store's schema and by `version`.
struct EntryRecord: Equatable {
    var id: UInt64
    var created: WallTime
    var partition: Digest256
    var answer: Digest256
    var isAlias: Bool
    var owner: EntryOwner
    var text: [UInt8]
    /// XXH3 of the name of the embedding models.
    var encoder: UInt64
    var gate: QuantisedVector
    var vector: QuantisedVector

    static let magic: UInt32 = 0x3153_5857  // "WXS1"
    static let version: UInt16 = 1
    static let headerLength = 120
    private static let checkedFrom = 16

    /// Names longer than this are cut off by nobody: such an entry isn't stored.
    static let nameBytesMax = 1024

    /// The record's bytes; `nil` if a name is too long.
    func encoded() -> [UInt8]? {
        let names = [Array(owner.tenant.utf8), Array(owner.keyID.utf8), Array(owner.model.utf8)]
        guard names.allSatisfy({ $0.count <= Self.nameBytesMax }), text.count <= 1 << 20 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headerLength + names.reduce(0) { $0 + $1.count } + text.count + gate.codes.count + vector.codes.count)
        bytes.add(Self.magic)
        bytes.add(Self.version)
        bytes.add(UInt16(isAlias ? 1 : 0))
        bytes.add(UInt64(0))
        bytes.add(id)
        bytes.add(UInt64(bitPattern: created.milliseconds))
        bytes.add(encoder)
        partition.append(to: &bytes)
        answer.append(to: &bytes)
        for name in names { bytes.add(UInt16(name.count)) }
        bytes.add(UInt16(gate.codes.count))
        bytes.add(UInt32(text.count))
        bytes.add(UInt32(vector.codes.count))
        for name in names { bytes += name }
        bytes += text
        bytes += gate.codes.lazy.map { UInt8(bitPattern: $0) }
        bytes += vector.codes.lazy.map { UInt8(bitPattern: $0) }
        let checksum = xxh3(bytes.span.extracting(Self.checkedFrom..<bytes.count))
        for index in 0..<8 { bytes[8 + index] = UInt8(truncatingIfNeeded: checksum >> UInt64(8 * index)) }
        return bytes
    }

    /// Reads a record; `nil` if anything about it is not as it was written.
    init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.headerLength else { return nil }
        let found = bytes.withUnsafeBytes { raw in
            Self.isIntact(raw) ? Self.read(UnsafeRawBufferPointer(raw)) : nil
        }
        guard let found else { return nil }
        self = found
    }

    init(
        id: UInt64, created: WallTime, partition: Digest256, answer: Digest256, isAlias: Bool, owner: EntryOwner, text: [UInt8],
        encoder: UInt64, gate: QuantisedVector, vector: QuantisedVector
    ) {
        self.id = id
        self.created = created
        self.partition = partition
        self.answer = answer
        self.isAlias = isAlias
        self.owner = owner
        self.text = text
        self.encoder = encoder
        self.gate = gate
        self.vector = vector
    }

    private static func isIntact(_ raw: UnsafeRawBufferPointer) -> Bool {
        guard raw.number(0, UInt32.self) == magic, raw.number(4, UInt16.self) == version else { return false }
        let body = UnsafeBufferPointer(rebasing: raw.bindMemory(to: UInt8.self)[checkedFrom...])
        return xxh3(Span(_unsafeElements: body)) == raw.number(8, UInt64.self)
    }

    private static func read(_ raw: UnsafeRawBufferPointer) -> EntryRecord? {
        let lengths = [
            Int(raw.number(104, UInt16.self)), Int(raw.number(106, UInt16.self)), Int(raw.number(108, UInt16.self)),
            Int(raw.number(112, UInt32.self)), Int(raw.number(110, UInt16.self)), Int(raw.number(116, UInt32.self)),
        ]
        guard lengths.reduce(headerLength, +) == raw.count else { return nil }
        var at = headerLength
        var parts: [Range<Int>] = []
        for length in lengths {
            parts.append(at..<at + length)
            at += length
        }
        func codes(_ range: Range<Int>) -> [Int8] { raw[range].map { Int8(bitPattern: $0) } }
        func name(_ range: Range<Int>) -> String { String(decoding: raw[range], as: UTF8.self) }
        guard let gate = QuantisedVector(codes: codes(parts[4])), let vector = QuantisedVector(codes: codes(parts[5])),
            let partition = digest(raw, 40), let answer = digest(raw, 72)
        else { return nil }
        return EntryRecord(
            id: raw.number(16, UInt64.self), created: WallTime(milliseconds: Int64(bitPattern: raw.number(24, UInt64.self))),
            partition: partition, answer: answer, isAlias: raw.number(6, UInt16.self) & 1 == 1,
            owner: EntryOwner(tenant: name(parts[0]), keyID: name(parts[1]), model: name(parts[2])), text: Array(raw[parts[3]]),
            encoder: raw.number(32, UInt64.self), gate: gate, vector: vector)
    }

    private static func digest(_ raw: UnsafeRawBufferPointer, _ at: Int) -> Digest256? { Digest256(bytes: Array(raw[at..<at + 32]).span) }
}

extension [UInt8] {
    /// Appends a number, little-endian.
    mutating func add<Number: FixedWidthInteger>(_ number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}

extension UnsafeRawBufferPointer {
    /// A little-endian number; the caller has checked that it is inside.
    func number<Number: FixedWidthInteger>(_ at: Int, _ type: Number.Type) -> Number {
        Number(littleEndian: loadUnaligned(fromByteOffset: at, as: type))
    }
}
