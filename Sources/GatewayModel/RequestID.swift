/// A UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then random bits. Names one request in headers, logs and log rows.
public struct RequestID: Hashable, Sendable {
    /// Bits 127…64: the time, the version and 12 random bits.
    public var high: UInt64
    /// Bits 63…0: the variant and 62 random bits.
    public var low: UInt64

    /// Makes an id from civil time and 74 of the given random bits. Time before 1970 counts as 1970.
    public init(at time: WallTime, random: (UInt64, UInt64)) {
        let milliseconds = UInt64(clamping: time.milliseconds) & 0xFFFF_FFFF_FFFF
        high = milliseconds << 16 | 0x7000 | (random.0 & 0x0FFF)
        low = 0x8000_0000_0000_0000 | (random.1 & 0x3FFF_FFFF_FFFF_FFFF)
    }

    /// The 36 characters of the usual lower-case text form.
    public var characters: InlineArray<36, UInt8> {
        var characters = InlineArray<36, UInt8>(repeating: 0x2D)
        let (first, second) = (Self.hexDigits(high >> 32), Self.hexDigits(high))
        let (third, fourth) = (Self.hexDigits(low >> 32), Self.hexDigits(low))
        for index in 0..<8 {
            let shift = UInt64(8 * index)
            characters[index] = UInt8(truncatingIfNeeded: first >> shift)
            characters[(index < 4 ? 9 : 10) + index] = UInt8(truncatingIfNeeded: second >> shift)
            characters[(index < 4 ? 19 : 20) + index] = UInt8(truncatingIfNeeded: third >> shift)
            characters[28 + index] = UInt8(truncatingIfNeeded: fourth >> shift)
        }
        return characters
    }

    /// The eight hex digits of the lower half of a word, the first in the lowest byte.
    private static func hexDigits(_ word: UInt64) -> UInt64 {
        var nibbles = word & 0xFFFF_FFFF
        nibbles = (nibbles | nibbles << 16) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let isLetter = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return (nibbles &+ 0x3030_3030_3030_3030 &+ isLetter &* 0x27).byteSwapped
    }

    /// Appends the 36 characters of the usual lower-case text form.
    public func append(to bytes: inout [UInt8]) {
        let characters = self.characters
        bytes.append(span: characters.span)
    }

    /// The usual lower-case text form.
    public var text: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
