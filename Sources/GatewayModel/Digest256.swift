/// A SHA-256 value: the name of a cache entry, a flight, a pending write or a stored virtual key.
///
/// Held as four words so that it hashes and compares without touching the heap.
public struct Digest256: Hashable, Sendable {
    /// The 32 bytes as big-endian words, first byte of the digest in the top byte of `words.0`.
    public var words: (UInt64, UInt64, UInt64, UInt64)

    /// Makes a digest from big-endian words.
    @inlinable public init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// Makes a digest from exactly 32 bytes; `nil` for any other count.
    public init?(bytes: Span<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for index in 0..<8 { words.0 = words.0 << 8 | UInt64(bytes[index]) }
        for index in 8..<16 { words.1 = words.1 << 8 | UInt64(bytes[index]) }
        for index in 16..<24 { words.2 = words.2 << 8 | UInt64(bytes[index]) }
        for index in 24..<32 { words.3 = words.3 << 8 | UInt64(bytes[index]) }
        self.words = words
    }

    /// Makes a digest from 64 hexadecimal digits of either case; `nil` for anything else.
    public init?(hex: String) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        var high: UInt8?
        for unit in hex.utf8 {
            guard let digit = hexValue(of: unit) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        guard high == nil, let digest = Digest256(bytes: bytes.span) else { return nil }
        self = digest
    }

    /// The 32 bytes, first byte first.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        append(to: &bytes)
        return bytes
    }

    /// Appends the 32 bytes to `bytes`.
    public func append(to bytes: inout [UInt8]) {
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
        }
    }

    /// 64 lower-case hexadecimal digits.
    public var hex: String {
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in bytes {
            text.append(hexDigit(byte >> 4))
            text.append(hexDigit(byte & 15))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether all 32 bytes are the same. Not in constant time: for names, not for secrets.
    @inlinable public static func == (left: Self, right: Self) -> Bool {
        left.words.0 == right.words.0 && left.words.1 == right.words.1 && left.words.2 == right.words.2 && left.words.3 == right.words.3
    }

    /// The words are uniformly distributed already, so one of them is hash enough.
    @inlinable public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// The value of one hexadecimal digit, either case; `nil` for any other byte.
@inlinable public func hexValue(of unit: UInt8) -> UInt8? {
    switch unit {
    case 0x30...0x39: unit &- 0x30
    case 0x41...0x46: unit &- 0x41 &+ 10
    case 0x61...0x66: unit &- 0x61 &+ 10
    default: nil
    }
}

/// The lower-case hexadecimal digit of a value in 0...15.
@inlinable public func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x61 &+ value &- 10 }
