// Reading and writing the rollups' records: little-endian words and LEB128 numbers. Stored bytes are checked by checksum first; the reader
// still never leaves its bytes, whatever they hold.

/// Reads numbers and byte strings one after the other. A read beyond the end gives zero or nothing and marks the reader as failed.
struct ByteCursor {
    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0
    private(set) var isFailed = false

    /// The bytes must stay where they are while the reader is used.
    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func byte() -> UInt8 {
        guard position < bytes.count else { return fail() }
        defer { position += 1 }
        return bytes[position]
    }

    /// A little-endian number of `width` bytes.
    mutating func word(_ width: Int) -> UInt64 {
        guard bytes.count - position >= width else { return fail() }
        var value: UInt64 = 0
        for index in 0..<width { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
        position += width
        return value
    }

    /// An LEB128 number of at most ten bytes.
    mutating func number() -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { break }
        }
        return fail()
    }

    /// The next `count` bytes.
    mutating func slice(_ count: UInt64) -> UnsafeBufferPointer<UInt8> {
        guard count <= UInt64(bytes.count - position) else {
            _ = fail() as Int
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        let start = position
        position += Int(count)
        return UnsafeBufferPointer(rebasing: bytes[start..<position])
    }

    /// Everything up to the end.
    mutating func rest() -> UnsafeBufferPointer<UInt8> { slice(UInt64(bytes.count - position)) }

    private mutating func fail<Number: FixedWidthInteger>() -> Number {
        isFailed = true
        position = bytes.count
        return 0
    }
}

extension [UInt8] {
    /// Appends an LEB128 number.
    mutating func append(number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends the `width` low bytes of a number, lowest first.
    mutating func append(word: UInt64, _ width: Int) {
        for index in 0..<width { append(UInt8(truncatingIfNeeded: word >> UInt64(8 * index))) }
    }

    /// Overwrites `width` bytes at `offset` with a number, lowest first.
    mutating func set(word: UInt64, _ width: Int, at offset: Int) {
        for index in 0..<width { self[offset + index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * index)) }
    }

    /// Appends bytes behind their count.
    mutating func append(counted bytes: [UInt8]) {
        append(number: UInt64(bytes.count))
        append(contentsOf: bytes)
    }
}
