// A virtual key is "wk_" and 43 characters of base64url (RFC 4648 section 5, no padding) over 32 random bytes. 43 characters hold 258 bits,
// so the last one has two zero bits: a key that breaks this was never issued and is refused without being told apart from an unknown one.

/// The text form of virtual keys and their ids.
public enum KeyFormat {
    /// What every key begins with.
    public static let prefix = "wk_"
    /// The length of a key in bytes: the prefix and 43 characters.
    public static let byteCount = 46
    /// What every stored key's id begins with.
    public static let idPrefix = "key_"

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let idAlphabet = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)

    /// The key made of 32 random bytes; `nil` for any other count.
    public static func key(from random: Span<UInt8>) -> String? {
        guard random.count == 32 else { return nil }
        var text = Array(prefix.utf8)
        var bits: UInt32 = 0
        var bitCount = 0
        for index in random.indices {
            bits = bits << 8 | UInt32(random[index])
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                text.append(alphabet[Int(bits >> UInt32(bitCount) & 63)])
            }
        }
        text.append(alphabet[Int(bits << UInt32(6 - bitCount) & 63)])
        return String(decoding: text, as: UTF8.self)
    }

    /// The id made of 10 random bytes, 80 bits in 16 characters without look-alikes; `nil` for any other count.
    public static func id(from random: Span<UInt8>) -> String? {
        guard random.count == 10 else { return nil }
        var text = Array(idPrefix.utf8)
        var bits: UInt32 = 0
        var bitCount = 0
        for index in random.indices {
            bits = bits << 8 | UInt32(random[index])
            bitCount += 8
            while bitCount >= 5 {
                bitCount -= 5
                text.append(idAlphabet[Int(bits >> UInt32(bitCount) & 31)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether the bytes have the form of a key. Takes the same time for every text of the right length.
    public static func isWellFormed(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count == byteCount else { return false }
        var wrong: UInt8 = (bytes[0] ^ 0x77) | (bytes[1] ^ 0x6B) | (bytes[2] ^ 0x5F)
        for index in 3..<byteCount where !isAlphabet(bytes[index]) { wrong |= 1 }
        return wrong == 0
    }

    /// Whether a header's value claims to be a virtual key, and is not some provider's.
    @inlinable public static func hasPrefix(_ bytes: Span<UInt8>) -> Bool {
        bytes.count >= 3 && bytes[0] == 0x77 && bytes[1] == 0x6B && bytes[2] == 0x5F
    }

    /// The four characters kept to recognise a key by.
    public static func hint(of key: String) -> String { String(key.suffix(4)) }

    private static func isAlphabet(_ unit: UInt8) -> Bool {
        switch unit {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }
}
