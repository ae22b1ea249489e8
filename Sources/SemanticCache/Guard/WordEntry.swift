/// What the lists say about one word or phrase. Trivial to copy: it is looked up for every word of every text.
struct WordEntry {
    struct Flags: OptionSet {
        let rawValue: UInt16
        static let stop = Flags(rawValue: 1)
        static let negation = Flags(rawValue: 2)
        static let idiom = Flags(rawValue: 4)
        static let number = Flags(rawValue: 8)
        static let softNumber = Flags(rawValue: 16)
        static let role = Flags(rawValue: 32)
        static let joiner = Flags(rawValue: 64)
        static let agent = Flags(rawValue: 128)
        static let opener = Flags(rawValue: 256)
        static let volatile = Flags(rawValue: 1024)
        /// A word of the question kind `whether`, which asks only at the beginning of a clause.
        static let startsQuestion = Flags(rawValue: 512)
    }

    /// The most lines of [opposites] that one word may stand in.
    static let sidesMax = 8

    var flags: Flags = []
    /// Nothing is known of the word but that phrases begin with it.
    var isBare = true
    /// The longest phrase, in words, that begins with this word; 0 or 1 if none does.
    var phraseLength: UInt8 = 0
    /// A bit of `QuestionKind`, or 0.
    var question: UInt16 = 0
    /// The base form's hash, for irregular forms; otherwise 0. Likewise 0 means none below.
    var base: UInt64 = 0
    var baseStem: UInt64 = 0
    /// The group that the word is read as: synonyms, names, question words.
    var group: UInt64 = 0
    var name: UInt64 = 0
    var format: UInt64 = 0
    var time: UInt64 = 0
    var unit: UInt64 = 0
    /// The value of a number word: numerator and denominator.
    var numerator: UInt64 = 0
    var denominator: UInt64 = 1
    var scale: UInt64 = 0
    /// A line of [directions] and the side, as in `sides`.
    var direction: UInt32 = 0
    private(set) var sideCount: UInt8 = 0
    private var sides = SIMD8<UInt32>()

    /// A line of [opposites] and the side on it: line << 5 | side.
    subscript(index: Int) -> UInt32 { sides[index] }

    /// Adds a side; whether there was room.
    mutating func add(side: UInt32) -> Bool {
        for index in 0..<Int(sideCount) where sides[index] == side { return true }
        guard Int(sideCount) < WordEntry.sidesMax else { return false }
        sides[Int(sideCount)] = side
        sideCount += 1
        return true
    }
}

/// The kinds of questions that are told apart, as bits.
enum QuestionKind {
    /// `what` has no bit: it asks for whatever the other words say.
    static let names = [
        "what", "how", "how-much", "how-many", "how-long", "how-often", "how-far", "how-old", "why", "when", "where", "who", "whether",
    ]
    /// A question word without a kind of its own.
    static let what: UInt16 = 1

    static func bit(of name: String) -> UInt16? { names.firstIndex(of: name).map { 1 << UInt16($0) } }
}
