// Texts that look alike to a reader are brought to one spelling before the rules see them. The standard library has no NFKC, and NFKC is not
// quite what is wanted either: it turns 10² into 102. What is done, and nothing else:
//
//   spaces      U+00A0, 1680, 2000-200A, 2028, 2029, 202F, 205F, 3000: a space (2028, 2029: a line feed)
//   invisible   soft hyphen, zero-width characters, directional marks, BOM, variation selectors, tags: dropped
//   accents     U+0300-036F dropped; composed Latin letters to their base letter (U+00C0-017F, 01CD-01DC, 1E00-1EFF), ß ss, æ ae, œ oe, þ th;
//               composed Greek and Cyrillic letters that decompose likewise (ά α, й и, ё е)
//   widths      full-width forms U+FF01-FF5E, currency signs FFE0-FFE6
//   letters     mathematical alphabets 1D400-1D6A3, ligatures FB00-FB06, long s, circled letters, Roman numerals 2160-217F, K and Å signs, ℓ, №
//   digits      superscripts as ^2, subscripts, circled 2460-2473, fractions as 1/2 between spaces, mathematical digits 1D7CE-1D7FF,
//               Arabic-Indic, Devanagari and Bengali digits
//   quotes      ‘’‚‛′ as ', “”„‟″«»「」『』 as ", ‹› as '
//   dashes      2010-2015, 2212, FE58, FE63: -; a dash that joins clauses (2014, 2015) stands between spaces; … as ...
//   signs       ™ ® © dropped, ° as the word degrees between spaces, × as *, ÷ as /, · as *, ⁄ as /
//
// Not done: Hangul jamo, half-width kana, compatibility ideographs, Arabic presentation forms. Invalid UTF-8 becomes U+FFFD, one for each
// byte that fits nowhere.

enum CompatibilityFolding {
    /// Appends the folded text. Never longer than six times the input.
    static func fold(_ bytes: UnsafeBufferPointer<UInt8>, into folded: inout [UInt8]) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x80 {
                folded.append(byte)
                index += 1
                continue
            }
            let (scalar, length) = UTF8Reading.decode(bytes, at: index)
            index += length
            fold(scalar, into: &folded)
        }
    }

    private static func fold(_ scalar: UInt32, into folded: inout [UInt8]) {
        switch scalar {
        case 0xC0...0x17F: latin(scalar, into: &folded)
        case 0x1CD...0x1DC: folded.append(base(pinyin, scalar - 0x1CD))
        case 0x1E00...0x1EFF: additional(scalar, into: &folded)
        case 0x300...0x36F, 0xAD, 0x34F, 0x61C, 0x180E, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x206F, 0xFE00...0xFE0F, 0xFEFF, 0x2122,
            0xAE, 0xA9, 0xE0000...0xE0FFF:
            break
        case 0x2028, 0x2029, 0x85: folded.append(0x0A)
        case 0xA0, 0x1680, 0x2000...0x200A, 0x202F, 0x205F, 0x3000: folded.append(0x20)
        case 0xFF01...0xFF5E: folded.append(UInt8(truncatingIfNeeded: scalar - 0xFEE0))
        case 0x370...0x3FF, 0x400...0x4FF: UTF8Reading.append(greekOrCyrillic(scalar), to: &folded)
        case 0x1D400...0x1D6A3: folded.append(mathematicalLetter((scalar - 0x1D400) % 52))
        default:
            if !digit(scalar, into: &folded), !sign(scalar, into: &folded) { UTF8Reading.append(scalar, to: &folded) }
        }
    }

    private static func latin(_ scalar: UInt32, into folded: inout [UInt8]) {
        switch scalar {
        case 0xDF: append("ss", to: &folded)
        case 0xC6: append("AE", to: &folded)
        case 0xE6: append("ae", to: &folded)
        case 0xDE: append("Th", to: &folded)
        case 0xFE: append("th", to: &folded)
        case 0xD7: append("*", to: &folded)
        case 0xF7: append("/", to: &folded)
        case 0x152: append("OE", to: &folded)
        case 0x153: append("oe", to: &folded)
        default:
            let letter = base(latinBases, scalar - 0xC0)
            if letter == 0x3F { UTF8Reading.append(scalar, to: &folded) } else { folded.append(letter) }
        }
    }

    private static func additional(_ scalar: UInt32, into folded: inout [UInt8]) {
        if scalar == 0x1E9E { return append("SS", to: &folded) }
        let letter = base(additionalBases, scalar - 0x1E00)
        if letter == 0x3F { UTF8Reading.append(scalar, to: &folded) } else { folded.append(letter) }
    }

    /// Digits of other forms; whether it was one.
    private static func digit(_ scalar: UInt32, into folded: inout [UInt8]) -> Bool {
        switch scalar {
        case 0xB2, 0xB3: append(power: scalar - 0xB0, to: &folded)
        case 0xB9: append(power: 1, to: &folded)
        case 0x2070, 0x2074...0x2079: append(power: scalar - 0x2070, to: &folded)
        case 0x2080...0x2089: folded.append(UInt8(truncatingIfNeeded: scalar - 0x2080 + 0x30))
        case 0x660...0x669: folded.append(UInt8(truncatingIfNeeded: scalar - 0x660 + 0x30))
        case 0x6F0...0x6F9: folded.append(UInt8(truncatingIfNeeded: scalar - 0x6F0 + 0x30))
        case 0x966...0x96F: folded.append(UInt8(truncatingIfNeeded: scalar - 0x966 + 0x30))
        case 0x9E6...0x9EF: folded.append(UInt8(truncatingIfNeeded: scalar - 0x9E6 + 0x30))
        case 0x1D7CE...0x1D7FF: folded.append(UInt8(truncatingIfNeeded: (scalar - 0x1D7CE) % 10 + 0x30))
        case 0x2460...0x2473:
            folded.append(0x20)
            if scalar >= 0x2469 { folded.append(scalar == 0x2473 ? 0x32 : 0x31) }
            folded.append(UInt8(truncatingIfNeeded: (scalar - 0x245F) % 10 + 0x30))
            folded.append(0x20)
        case 0xBC: append(" 1/4 ", to: &folded)
        case 0xBD: append(" 1/2 ", to: &folded)
        case 0xBE: append(" 3/4 ", to: &folded)
        case 0x2153: append(" 1/3 ", to: &folded)
        case 0x2154: append(" 2/3 ", to: &folded)
        case 0x215B: append(" 1/8 ", to: &folded)
        case 0x2160...0x216B: append(roman[Int(scalar - 0x2160)], to: &folded)
        case 0x2170...0x217B: append(roman[Int(scalar - 0x2170)], to: &folded)
        default: return false
        }
        return true
    }

    /// Punctuation, ligatures and letter-like signs; whether it was one.
    private static func sign(_ scalar: UInt32, into folded: inout [UInt8]) -> Bool {
        switch scalar {
        case 0x2018...0x201B, 0x2032, 0x2039, 0x203A, 0x2BC, 0xB4: folded.append(0x27)
        case 0x201C...0x201F, 0x2033, 0xAB, 0xBB, 0x300C...0x300F: folded.append(0x22)
        case 0x2010...0x2013, 0x2212, 0xFE58, 0xFE63: folded.append(0x2D)
        case 0x2014, 0x2015: append(" - ", to: &folded)
        case 0x2026: append("...", to: &folded)
        case 0xB0: append(" degrees ", to: &folded)
        case 0x2103: append(" degrees C", to: &folded)
        case 0x2109: append(" degrees F", to: &folded)
        case 0xB7, 0x22C5: folded.append(0x2A)
        case 0x2044, 0x2215: folded.append(0x2F)
        case 0xFB00...0xFB06: append(ligatures[Int(scalar - 0xFB00)], to: &folded)
        case 0x24B6...0x24CF: folded.append(UInt8(truncatingIfNeeded: scalar - 0x24B6 + 0x41))
        case 0x24D0...0x24E9: folded.append(UInt8(truncatingIfNeeded: scalar - 0x24D0 + 0x61))
        case 0x212A: folded.append(0x4B)
        case 0x212B: folded.append(0x41)
        case 0x2113: folded.append(0x6C)
        case 0x2116: append("No", to: &folded)
        case 0xFFE0: append("\u{A2}", to: &folded)
        case 0xFFE1: append("\u{A3}", to: &folded)
        case 0xFFE5: append("\u{A5}", to: &folded)
        case 0xFFE6: append("\u{20A9}", to: &folded)
        default: return false
        }
        return true
    }

    private static func greekOrCyrillic(_ scalar: UInt32) -> UInt32 {
        switch scalar {
        case 0x386: 0x391
        case 0x388: 0x395
        case 0x389: 0x397
        case 0x38A, 0x3AA: 0x399
        case 0x38C: 0x39F
        case 0x38E, 0x3AB: 0x3A5
        case 0x38F: 0x3A9
        case 0x390, 0x3AF, 0x3CA: 0x3B9
        case 0x3AC: 0x3B1
        case 0x3AD: 0x3B5
        case 0x3AE: 0x3B7
        case 0x3B0, 0x3CB, 0x3CD: 0x3C5
        case 0x3CC: 0x3BF
        case 0x3CE: 0x3C9
        case 0x3C2: 0x3C3
        case 0x400, 0x401: 0x415
        case 0x450, 0x451: 0x435
        case 0x407: 0x406
        case 0x457: 0x456
        case 0x40D, 0x419: 0x418
        case 0x439, 0x45D: 0x438
        default: scalar
        }
    }

    private static func mathematicalLetter(_ offset: UInt32) -> UInt8 {
        UInt8(truncatingIfNeeded: offset < 26 ? 0x41 + offset : 0x61 + offset - 26)
    }

    private static func base(_ bases: StaticString, _ offset: UInt32) -> UInt8 { bases.utf8Start[Int(offset)] }

    private static func append(_ text: StaticString, to folded: inout [UInt8]) {
        folded.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func append(power: UInt32, to folded: inout [UInt8]) {
        if folded.count < 2 || folded[folded.count - 2] != 0x5E { folded.append(0x5E) }
        folded.append(UInt8(truncatingIfNeeded: power + 0x30))
    }

    private static let roman: [StaticString] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
    private static let ligatures: [StaticString] = ["ff", "fi", "fl", "ffi", "ffl", "st", "st"]

    // From the Unicode Character Database 15.0: the canonical decomposition without its marks, and the letters with strokes; ? is kept.
    private static let latinBases: StaticString = """
        AAAAAAACEEEEIIIIDNOOOOO?OUUUUY?saaaaaaaceeeeiiiidnooooo?ouuuuy?yAaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGg\
        GgGgHhHhIiIiIiIiIi??JjKk?LlLlLl??LlNnNnNn???OoOoOo??RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs
        """
    private static let pinyin: StaticString = "AaIiOoUuUuUuUuUu"
    private static let additionalBases: StaticString = """
        AaBbBbBbCcDdDdDdDdDdEeEeEeEeEeFfGgHhHhHhHhHhIiIiKkKkKkLlLlLlLlMmMmMmNnNnNnNnOoOoOoOoPpPpRrRrRrRr\
        SsSsSsSsSsTtTtTtTtUuUuUuUuUuVvVvWwWwWwWwWwXxXxYyZzZzZzhtwy?s????AaAaAaAaAaAaAaAaAaAaAaAaEeEeEeEe\
        EeEeEeEeIiIiOoOoOoOoOoOoOoOoOoOoOoOoUuUuUuUuUuUuUuYyYyYyYy??????
        """
}
