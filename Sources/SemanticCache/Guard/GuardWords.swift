/// The word lists that the rules read: the English ones that come with the gateway, and what an operator's files add to them.
///
/// Immutable; made once when the configuration is read and shared by all threads. Texts that are compared must have been read with the same
/// lists.
public final class GuardWords: Sendable {
    /// The most words and phrases that all lists together may hold.
    public static let wordsMax = 200_000

    /// The English lists that come with the gateway: `Words/english.words`, which also describes the format.
    public static let english: GuardWords = {
        do throws(WordListError) {
            let file = PackageResources.english_words
            return try empty.extended(by: file.span, named: "english.words")
        } catch {
            preconditionFailure(error.description)
        }
    }()

    /// No lists at all: for another language, whose files then bring every list.
    public static let empty = GuardWords(table: WordTable(), lines: 0)

    let table: WordTable
    /// How many lines of opposites and directions there are, so that those of the next file get other numbers.
    let lines: UInt32

    init(table: WordTable, lines: UInt32) {
        self.table = table
        self.lines = lines
    }

    /// How many words and phrases the lists hold, stems included.
    public var count: Int { table.count }

    /// These lists and those of a file. The name is for the error, which says the line. A megabyte at most.
    public func extended(by file: Span<UInt8>, named name: String) throws(WordListError) -> GuardWords {
        var reader = WordListReader(adding: self, file: name)
        let bytes = file.withUnsafeBufferPointer { Array($0) }
        try reader.read(bytes)
        return reader.words
    }

    /// The entry of a word: by its exact spelling if it has capitals, then in lower case, then by its stem.
    @inline(__always)
    func entry(of piece: TextPiece) -> WordEntry? {
        if piece.exact != 0, let found = known(piece.exact) { return found }
        if let found = known(piece.word) { return found }
        return piece.stem == 0 ? nil : known(piece.stem)
    }

    /// The longest phrase that begins with a word.
    @inline(__always)
    func phraseLength(from piece: TextPiece) -> Int {
        let index = table.index(of: piece.word)
        return index < 0 ? 0 : Int(table.entries[index].phraseLength)
    }

    @inline(__always)
    private func known(_ key: UInt64) -> WordEntry? {
        let index = table.index(of: key)
        return index < 0 || table.entries[index].isBare ? nil : table.entries[index]
    }
}
