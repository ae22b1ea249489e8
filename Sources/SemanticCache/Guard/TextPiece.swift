/// A word, number, sign or code token of a text, before words are joined to phrases.
struct TextPiece {
    enum Kind: UInt8 {
        case word
        /// A decimal number, its value in `mantissa` and `decimals`.
        case number
        /// Anything else with a digit in it: `mp3`, `5:30`, `2024-01-05`, `1.2.3`.
        case digits
        /// An operator, a currency sign, an emoji.
        case sign
        /// A URL, a path, an identifier, a flag: compared as it is spelled.
        case code
    }

    struct Flags: OptionSet {
        let rawValue: UInt16
        static let startsSentence = Flags(rawValue: 1)
        /// After a comma, a colon, a bracket; also after the end of a sentence.
        static let startsClause = Flags(rawValue: 2)
        static let capital = Flags(rawValue: 4)
        /// Two letters or more, all capital.
        static let allCapitals = Flags(rawValue: 8)
        /// A capital after a small letter: camelCase.
        static let innerCapital = Flags(rawValue: 16)
        /// Nothing stands between it and the piece before.
        static let attached = Flags(rawValue: 32)
        static let afterHyphen = Flags(rawValue: 64)
        static let afterComma = Flags(rawValue: 128)
        static let afterSlash = Flags(rawValue: 256)
        /// Punctuation or the end of the text follows.
        static let endsClause = Flags(rawValue: 512)
        /// A single letter.
        static let letter = Flags(rawValue: 1024)
    }

    var kind: Kind
    var flags: Flags = []
    /// Digits behind the point of a number.
    var decimals: Int8 = 0
    var isNegative = false
    /// The hash of the piece in lower case; of a number, its value's; of code, that of the exact spelling.
    var word: UInt64
    /// The hash of the exact spelling if it has a capital letter, otherwise 0.
    var exact: UInt64 = 0
    /// The hash of a word's stem; 0 for all other pieces.
    var stem: UInt64 = 0
    /// The hash of the stem without its negating prefix (un-, non-, dis-, ...), if it begins like one; otherwise 0.
    var unprefixedStem: UInt64 = 0
    var mantissa: UInt64 = 0
}

/// A quoted string or a span of code: which pieces it holds, and the hash of its exact text, spaces collapsed.
struct TextLiteral {
    var first: Int
    var count: Int
    var exact: UInt64
    var isCode: Bool
}

/// A text taken apart.
struct ScannedText {
    var pieces: [TextPiece] = []
    var literals: [TextLiteral] = []
    /// The hash of the folded text.
    var identity: UInt64 = 0
    /// Letters in capital and small words, to tell whether capitals mean anything.
    var capitalWords = 0
    var smallWords = 0
    /// It was longer than the limits: the pieces are not all there are.
    var isTruncated = false
}
