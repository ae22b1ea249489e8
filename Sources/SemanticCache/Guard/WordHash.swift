// Words are compared by 64-bit hashes, keyed at random when the process starts, so that nobody can prepare two words that collide.
// A hash is therefore worth nothing outside the process, and is never stored.

enum WordHash {
    /// What a hash stands for, so that a stem never equals a word.
    enum Kind: UInt64 {
        case word = 1
        case exactCase, stem, phrase, name, number, unit, demand, time, question, literal
    }

    private static let key = UInt64.random(in: .min ... .max)

    /// The hash of bytes.
    @inline(__always)
    static func hash(_ bytes: UnsafeBufferPointer<UInt8>, _ kind: Kind) -> UInt64 {
        var state = key ^ kind.rawValue &* 0x9E37_79B9_7F4A_7C15
        var word: UInt64 = 0
        var filled: UInt64 = 0
        for byte in bytes {
            word |= UInt64(byte) << filled
            filled += 8
            if filled == 64 {
                state = fold(state ^ word)
                word = 0
                filled = 0
            }
        }
        return fold(fold(state ^ word) ^ UInt64(truncatingIfNeeded: bytes.count))
    }

    /// The hash of a sequence, one member at a time.
    @inline(__always)
    static func combine(_ state: UInt64, _ next: UInt64) -> UInt64 { fold(fold(state ^ 0xD6E8_FEB8_6659_FD93) ^ next) }

    /// The hash of a number's value: a decimal mantissa and how many of its digits stand behind the point.
    @inline(__always)
    static func number(_ mantissa: UInt64, decimals: Int, isNegative: Bool = false) -> UInt64 {
        combine(combine(key ^ Kind.number.rawValue, mantissa), UInt64(truncatingIfNeeded: decimals &* 2 &+ (isNegative ? 1 : 0)))
    }

    /// A multiplication to 128 bits, its halves joined (the step of wyhash, Wang Yi 2019, public domain), with a shift that keeps zero moving.
    @inline(__always)
    private static func fold(_ value: UInt64) -> UInt64 {
        let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low ^ (value >> 32)
    }
}
