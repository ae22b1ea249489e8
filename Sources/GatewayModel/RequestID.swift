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

    /// Appends the 36 characters of the usual lower-case text form.
    public func append(to bytes: inout [UInt8]) {
        for nibble in 0..<32 {
            if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 { bytes.append(0x2D) }
            let word = nibble < 16 ? high : low
            bytes.append(hexDigit(UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (nibble & 15))) & 15))
        }
    }

    /// The usual lower-case text form.
    public var text: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
