// Which bytes may stand where (RFC 9110 section 5.6, RFC 9112, RFC 3986 section 3): bit maps over ASCII, asked one byte at a time, and
// one scan that takes eight bytes at a time for what makes up most of a head, field values.

/// A set of ASCII bytes as a bit map.
struct ByteClass: Sendable {
    private let low: UInt64
    private let high: UInt64

    /// Makes a set from the bit maps of 0…63 and 64…127.
    init(low: UInt64, high: UInt64) {
        (self.low, self.high) = (low, high)
    }

    /// Whether the byte is in the set. Never true for 0x80…0xFF.
    @inline(__always) func contains(_ byte: UInt8) -> Bool {
        ((byte < 64 ? low : high) &>> UInt64(byte & 63)) & 1 != 0 && byte < 128
    }
}

extension ByteClass {
    // The constants are spelt as numbers because a `static let` computed from text would cost a once-check per byte. The tests judge every
    // byte in every place where these decide.

    /// `tchar`: bytes of a field name, a method or a connection option.
    @inline(__always) static var token: ByteClass { ByteClass(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }
    /// `pchar`, `/`, and `[ ] |`, which WHATWG URLs leave bare. `%` counts, its escape is checked apart.
    @inline(__always) static var path: ByteClass { ByteClass(low: 0x2FFF_FFF2_0000_0000, high: 0x57FF_FFFE_AFFF_FFFF) }
    /// What URL libraries leave bare in a query: visible ASCII without `"`, `#`, `<` and `>`.
    @inline(__always) static var query: ByteClass { ByteClass(low: 0xAFFF_FFF2_0000_0000, high: 0x7FFF_FFFF_FFFF_FFFF) }
    /// Letters, digits, `-`, `.`, `_` and `~`: a host name as it is met. Percent escapes and sub-delimiters are left out on purpose.
    @inline(__always) static var hostName: ByteClass { ByteClass(low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }
    /// What stands between the brackets of an IPv6 address.
    @inline(__always) static var addressLiteral: ByteClass { ByteClass(low: 0x07FF_4000_0000_0000, high: 0x0000_007E_0000_007E) }
}

extension UInt8 {
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let tab: UInt8 = 0x09
    static let colon: UInt8 = 0x3A
    static let slash: UInt8 = 0x2F

    /// Optional white space around a field value: space or tab.
    @inline(__always) var isBlank: Bool { self == .space || self == .tab }

    /// A byte of a field value: visible ASCII, space, tab, or one of 0x80…0xFF (`obs-text`, which real clients send as UTF-8).
    @inline(__always) var isFieldValueByte: Bool { (self >= 0x20 && self != 0x7F) || self == .tab }

    /// The value of a hexadecimal digit.
    @inline(__always) var hexValue: UInt8? {
        switch self {
        case 0x30...0x39: self &- 0x30
        case 0x41...0x46: self &- 0x37
        case 0x61...0x66: self &- 0x57
        default: nil
        }
    }

    /// The byte with ASCII capitals made small.
    @inline(__always) var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
}

/// Whether all `count` bytes may stand in a field value.
///
/// Eight at a time: a byte is bad if it is below 0x20 and no tab, or 0x7F. The word test may only err towards "bad" (a borrow from a
/// neighbour, or a tab), so a word that fails is looked at byte by byte.
@inline(__always) func areFieldValueBytes(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    let raw = UnsafeRawPointer(start)
    var index = 0
    while index &+ 8 <= count {
        let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let below = (word &- 0x2020_2020_2020_2020) & ~word
        let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
        let isDelete = (delete &- 0x0101_0101_0101_0101) & ~delete
        if (below | isDelete) & 0x8080_8080_8080_8080 != 0 {
            for offset in index..<index &+ 8 where !start[offset].isFieldValueByte { return false }
        }
        index &+= 8
    }
    while index < count {
        if !start[index].isFieldValueByte { return false }
        index &+= 1
    }
    return true
}

/// Whether `count` bytes spell `literal`, ASCII case ignored. `literal` is given in lower case.
@inline(__always) func equalsIgnoringCase(_ start: UnsafePointer<UInt8>, _ count: Int, _ literal: StaticString) -> Bool {
    guard count == literal.utf8CodeUnitCount else { return false }
    for index in 0..<count where start[index].lowercased != literal.utf8Start[index] { return false }
    return true
}
