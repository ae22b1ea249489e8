/// What the guard knows about one text, prepared once and compared with many. Holds hashes, not the text, and is valid only within this
/// process: hashes are keyed at start. Seven kilobytes or so for a text of 128 tokens; at most 32,768 bytes and 4,096 words are read, and a
/// longer text equals only itself.
public struct GuardText: Sendable {
    /// A word or phrase in its place.
    struct Token {
        struct Flags: OptionSet {
            let rawValue: UInt8
            static let content = Flags(rawValue: 1)
            static let role = Flags(rawValue: 2)
            static let joiner = Flags(rawValue: 4)
            static let agent = Flags(rawValue: 8)
            /// Within reach of a negation.
            static let negated = Flags(rawValue: 16)
            /// The first word after a comma, a full stop or the like.
            static let startsClause = Flags(rawValue: 32)
        }

        /// What it is read as: its name, its synonym, its value, or its stem.
        var key: UInt64
        var flags: Flags
    }

    /// A number, the unit it is given in (0 if none), and whether it may be left out.
    struct Quantity {
        var value: UInt64
        var unit: UInt64
        var isSoft: Bool
    }

    /// A word that could be another's negation: `unlocked`.
    struct Prefixed {
        var word: UInt64
        var rest: UInt64
    }

    /// A content word and the preposition before it: `line << 5 | side`.
    struct Direction {
        var key: UInt64
        var code: UInt32
    }

    /// Where a word stands.
    struct Place {
        var key: UInt64
        var index: Int
    }

    /// The number of content words (words that are not stop words, numbers included).
    public internal(set) var contentWords = 0
    /// It ties its question to the time of asking: `today`, `latest`.
    public internal(set) var dependsOnTime = false
    /// It begins like a bare follow-up: `and why?`
    public internal(set) var opensLikeFollowUp = false
    /// It was longer than what is read.
    public internal(set) var isTruncated = false

    /// The hash of the whole text.
    var identity: UInt64 = 0
    var tokens: [Token] = []
    /// Every piece as it is spelled, in small letters, in order: where quoted strings are looked for. Literals count in its indices.
    var spelled: [UInt64] = []
    var literals: [TextLiteral] = []
    /// Single tokens of code, sorted.
    var code: [UInt64] = []
    /// Signs, sorted, repeated as often as they occur.
    var signs: [UInt64] = []
    /// Sorted by value.
    var quantities: [Quantity] = []
    /// Capitalised words: what to look for in the other text, and another spelling of it.
    var entities: [(word: UInt64, key: UInt64)] = []
    /// Names from the lists, sorted.
    var names: [UInt64] = []
    /// Lines and sides of opposites, sorted.
    var sides: [UInt32] = []
    var directions: [Direction] = []
    /// Demands on the answer, sorted.
    var demands: [UInt64] = []
    var negations = 0
    var prefixed: [Prefixed] = []
    /// Bits of `QuestionKind`.
    var questions: UInt16 = 0
    /// Keys of content words, sorted, each once.
    var content: [UInt64] = []
    /// The content words that stand only once, and the indices of their tokens, sorted by key.
    var single: [Place] = []
    /// Everything the text contains, sorted: spellings, stems, keys.
    var vocabulary: [UInt64] = []

    init() {}

    /// Reads a text. Any bytes will do.
    public init(_ text: Span<UInt8>, words: GuardWords = .english) {
        self = text.withUnsafeBufferPointer { GuardTextReader.read($0, words: words) }
    }

    /// Reads a text.
    public init(_ text: String, words: GuardWords = .english) {
        var text = text
        self = text.withUTF8 { GuardTextReader.read($0, words: words) }
    }
}
