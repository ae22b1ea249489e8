// From the bytes of a field name to its `FieldName`, in a few nanoseconds: one multiplicative hash without collisions (its multiplier is
// searched once, when the first parser is made), then one comparison of at most four words.

import GatewayModel

/// A field name of at most 32 bytes as four little-endian words, letters in lower case, padded with zeros.
struct FoldedName: Equatable, Sendable {
    static let bytesMax = 32

    var words: SIMD4<UInt64>
    var count: Int

    /// Folds a name. 32 bytes from `start` must be readable, whatever they hold; `count` is 1…32.
    ///
    /// Setting bit 5 makes capitals small and leaves `-` and digits alone. It also maps other bytes onto each other, none of them onto
    /// letters, digits or `-` if all are token bytes, which the caller has checked.
    @inline(__always) init(_ start: UnsafePointer<UInt8>, _ count: Int) {
        let raw = UnsafeRawPointer(start)
        self.count = count
        words = SIMD4(
            Self.word(raw, 0, count), count > 8 ? Self.word(raw, 8, count &- 8) : 0, count > 16 ? Self.word(raw, 16, count &- 16) : 0,
            count > 24 ? Self.word(raw, 24, count &- 24) : 0)
    }

    @inline(__always) private static func word(_ raw: UnsafeRawPointer, _ offset: Int, _ count: Int) -> UInt64 {
        let bytes = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) | 0x2020_2020_2020_2020
        return count >= 8 ? bytes : bytes & ((1 &<< UInt64(truncatingIfNeeded: count &* 8)) &- 1)
    }

    /// The slot of this name in a table of `1 << bits` slots.
    @inline(__always) func slot(multiplier: UInt64, bits: UInt64) -> Int {
        var mixed = words[0] ^ (words[1] &<< 23 | words[1] &>> 41) ^ (words[2] &<< 41 | words[2] &>> 23)
        mixed ^= words[3] &<< 11 | words[3] &>> 53
        mixed ^= mixed &>> 32
        return Int(truncatingIfNeeded: (mixed &* multiplier) &>> (64 &- bits))
    }
}

/// The collision-free table of `FieldName.allCases`. Immutable, shared by all threads, never freed.
///
struct FieldNameTable: @unchecked Sendable {  // @unchecked: its pointers are written in `init` and only read afterwards
    static let shared = FieldNameTable()

    private let multiplier: UInt64
    private let bits: UInt64
    /// 1-based index into `names`, 0 for an empty slot.
    private let slots: UnsafePointer<UInt8>
    private let names: UnsafePointer<(folded: FoldedName, field: FieldName)>

    private init() {
        let fields = FieldName.allCases
        precondition(fields.count <= 255 && fields.allSatisfy { 1...FoldedName.bytesMax ~= $0.name.utf8.count })
        let names = UnsafeMutablePointer<(folded: FoldedName, field: FieldName)>.allocate(capacity: fields.count)
        for (index, field) in fields.enumerated() {
            (names + index).initialize(to: (Self.fold(Array(field.name.utf8).span), field))
        }
        // With 1,024 slots about every eighth multiplier separates 64 names; a larger vocabulary gets more slots.
        var (multiplier, bits): (UInt64, UInt64) = (0x9E37_79B9_7F4A_7C15, 10)
        var attempts = 0
        while true {
            if let slots = Self.place(names, fields.count, multiplier, bits) {
                (self.multiplier, self.bits) = (multiplier, bits)
                (self.slots, self.names) = (UnsafePointer(slots), UnsafePointer(names))
                return
            }
            multiplier = multiplier &* 0xD134_2543_DE82_EF95 &+ 2
            attempts += 1
            if attempts.isMultiple(of: 64) { bits += 1 }
        }
    }

    /// The filled slots, or `nil` if two names fall into one.
    private static func place(
        _ names: UnsafePointer<(folded: FoldedName, field: FieldName)>, _ count: Int, _ multiplier: UInt64, _ bits: UInt64
    ) -> UnsafeMutablePointer<UInt8>? {
        let slots = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << Int(bits))
        slots.initialize(repeating: 0, count: 1 << Int(bits))
        for index in 0..<count {
            let slot = names[index].folded.slot(multiplier: multiplier, bits: bits)
            guard slots[slot] == 0 else {
                slots.deallocate()
                return nil
            }
            slots[slot] = UInt8(index + 1)
        }
        return slots
    }

    /// The field of a name of token bytes. 32 bytes from `start` must be readable.
    @inline(__always) func field(_ start: UnsafePointer<UInt8>, _ count: Int) -> FieldName? {
        guard count > 0, count <= FoldedName.bytesMax else { return nil }
        let folded = FoldedName(start, count)
        let index = slots[folded.slot(multiplier: multiplier, bits: bits)]
        guard index != 0 else { return nil }
        let entry = names + Int(index &- 1)
        guard entry.pointee.folded == folded else { return nil }
        return entry.pointee.field
    }

    /// Folds a name of 1…32 bytes that stands anywhere, by way of a padded copy.
    fileprivate static func fold(_ name: Span<UInt8>) -> FoldedName {
        withPaddedCopy(name) { FoldedName($0, $1) }
    }

    fileprivate static func withPaddedCopy<Result>(_ name: Span<UInt8>, _ body: (UnsafePointer<UInt8>, Int) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: FoldedName.bytesMax) { padded in
            padded.initialize(repeating: 0)
            for index in 0..<name.count { padded[index] = name[index] }
            guard let base = padded.baseAddress else { preconditionFailure("an allocation of 32 bytes has an address") }
            return body(UnsafePointer(base), name.count)
        }
    }
}

extension FieldName {
    /// The field of that name, letter case ignored; `nil` for any name that isn't in the vocabulary, including malformed ones.
    public init?(recognizing name: Span<UInt8>) {
        guard name.count > 0, name.count <= FoldedName.bytesMax else { return nil }
        for index in 0..<name.count where !ByteClass.token.contains(name[index]) { return nil }
        guard let found = FieldNameTable.withPaddedCopy(name, { FieldNameTable.shared.field($0, $1) }) else { return nil }
        self = found
    }
}
