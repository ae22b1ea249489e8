/// Reads a word list, strictly: the first thing that is not understood ends it, with its line.
struct WordListReader {
    private static let bytesMax = 1 << 20
    private static let wordsOfPhraseMax = 8
    private static let sidesOfLineMax = 32

    private var table: WordTable
    private var lines: UInt32
    private let file: String
    private var line = 0
    private var section: WordListSection?

    init(adding words: GuardWords, file: String) {
        table = words.table
        lines = words.lines
        self.file = file
    }

    /// What has been read.
    var words: GuardWords { GuardWords(table: table, lines: lines) }

    mutating func read(_ bytes: [UInt8]) throws(WordListError) {
        guard bytes.count <= WordListReader.bytesMax else { throw error("longer than a megabyte") }
        for part in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            line += 1
            guard let text = String(validating: part, as: UTF8.self) else { throw error("not UTF-8") }
            try read(line: text)
        }
    }

    private mutating func read(line text: String) throws(WordListError) {
        if text.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\t" && $0 != "\r" }) { throw error("a control character") }
        let fields = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\r\n" }).map(String.init)
        guard let first = fields.first, !first.hasPrefix("#") else { return }
        if first.hasPrefix("[") {
            guard fields.count == 1, first.hasSuffix("]"), let named = WordListSection(rawValue: String(first.dropFirst().dropLast()))
            else {
                throw error("no such section: \(text)")
            }
            section = named
            return
        }
        guard let section else { throw error("before the first [section]") }
        switch section.shape {
        case .list: try list(fields, section)
        case .group: try group(fields, section)
        case .sides: try sides(fields, section)
        case .value: try value(fields)
        case .factor: try factor(fields)
        case .kind: try kind(fields)
        }
        guard table.count <= GuardWords.wordsMax else { throw error("more than \(GuardWords.wordsMax) words") }
    }

    private mutating func list(_ fields: [String], _ section: WordListSection) throws(WordListError) {
        let flag: WordEntry.Flags =
            switch section {
            case .negations: .negation
            case .idioms: .idiom
            case .openers: .opener
            case .roles: .role
            case .agents: .agent
            case .joiners: .joiner
            case .volatile: .volatile
            default: .stop
            }
        for field in fields { try update(field, inflects: section.inflects) { $0.flags.insert(flag) } }
    }

    private mutating func group(_ fields: [String], _ section: WordListSection) throws(WordListError) {
        let first = try spelling(fields[0])
        let key = first.key
        guard section != .irregular else { return try forms(fields.dropFirst(), of: first) }
        for field in fields {
            try update(field, inflects: section.inflects) { entry in
                switch section {
                case .units: entry.unit = WordHash.combine(key, WordHash.Kind.unit.rawValue)
                case .names, .languages:
                    entry.name = WordHash.combine(key, WordHash.Kind.name.rawValue)
                    if entry.group == 0 { entry.group = entry.name }
                    if section == .languages { entry.format = WordHash.combine(key, WordHash.Kind.demand.rawValue) }
                case .synonyms: if entry.group == 0 { entry.group = key }
                case .formats: entry.format = WordHash.combine(key, WordHash.Kind.demand.rawValue)
                case .times: entry.time = WordHash.combine(key, WordHash.Kind.time.rawValue)
                default: break
                }
            }
        }
    }

    private mutating func forms(_ fields: ArraySlice<String>, of base: Spelling) throws(WordListError) {
        guard !fields.isEmpty else { throw error("a base without forms") }
        for field in fields {
            try update(field, inflects: false) { entry in
                entry.base = base.key
                entry.baseStem = base.pieces[0].stem
            }
        }
    }

    private mutating func sides(_ fields: [String], _ section: WordListSection) throws(WordListError) {
        let parts = fields.split(separator: "|", omittingEmptySubsequences: false)
        guard parts.count > 1 else { throw error("no | between sides") }
        guard parts.count <= WordListReader.sidesOfLineMax else { throw error("more than \(WordListReader.sidesOfLineMax) sides") }
        guard !parts.contains(where: \.isEmpty) else { throw error("a side without words") }
        lines += 1
        var seen: [UInt64: Int] = [:]
        for (side, part) in parts.enumerated() {
            let code = lines << 5 | UInt32(side)
            for field in part {
                let key = try spelling(field).key
                if let other = seen[key], other != side { throw error("\(field) stands on two sides") }
                seen[key] = side
                var fits = true
                try update(field, inflects: section.inflects) { entry in
                    if section == .directions { entry.direction = code } else { fits = entry.add(side: code) && fits }
                }
                guard fits else { throw error("\(field) stands in more than \(WordEntry.sidesMax) lines") }
            }
        }
    }

    private mutating func value(_ fields: [String]) throws(WordListError) {
        guard fields.count == 3, fields[1] == "=" || fields[1] == "~" else { throw error("expected word = value or word ~ value") }
        let parts = fields[2].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let numerator = WordListReader.natural(parts[0]) else { throw error("\(fields[2]) is no number") }
        var denominator: UInt64 = 1
        if parts.count == 2 {
            guard let given = WordListReader.natural(parts[1]), given > 0 else { throw error("\(fields[2]) is no number") }
            denominator = given
        }
        try update(fields[0], inflects: false) { entry in
            entry.flags.insert(.number)
            if fields[1] == "~" { entry.flags.insert(.softNumber) }
            entry.numerator = numerator
            entry.denominator = denominator
        }
    }

    private mutating func factor(_ fields: [String]) throws(WordListError) {
        guard fields.count == 3, fields[1] == "=", let factor = WordListReader.natural(fields[2][...]), factor > 1 else {
            throw error("expected word = factor")
        }
        try update(fields[0], inflects: false) { $0.scale = factor }
    }

    private mutating func kind(_ fields: [String]) throws(WordListError) {
        guard fields.count > 2, fields[1] == "=" else { throw error("expected kind = words") }
        guard let bit = QuestionKind.bit(of: fields[0]) else { throw error("\(fields[0]) is no kind of question") }
        for field in fields.dropFirst(2) {
            try update(field, inflects: false) { entry in
                entry.question = bit
                entry.flags.insert(.stop)
                if fields[0] == "whether" {
                    entry.flags.insert(.startsQuestion)
                } else {
                    entry.group = WordHash.combine(UInt64(bit), WordHash.Kind.question.rawValue)
                }
            }
        }
    }

    /// Digits alone, at most fifteen.
    private static func natural(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.count <= 15, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return UInt64(text)
    }

    // MARK: - Words

    /// A word or phrase as the scanner will see it.
    private struct Spelling {
        var pieces: [TextPiece]
        /// The key of the entry.
        var key: UInt64
    }

    private func spelling(_ field: String) throws(WordListError) -> Spelling {
        guard field != "|", field != "=", field != "~" else { throw error("unexpected \(field)") }
        let text = Array(field.utf8.map { $0 == 0x5F ? 0x20 : $0 })
        let words = text.split(separator: 0x20).count
        guard words > 0, words <= WordListReader.wordsOfPhraseMax else {
            throw error("\(field) has more than \(WordListReader.wordsOfPhraseMax) words")
        }
        if words == 1, let whole = TextScanner.word(text) {
            return Spelling(pieces: [whole], key: whole.exact != 0 ? whole.exact : whole.word)
        }
        let pieces = TextScanner.scan(text, table: table).pieces
        guard !pieces.isEmpty, pieces.count <= WordListReader.wordsOfPhraseMax, pieces.count > 1 || words == 1 else {
            throw error("\(field) is not read as words")
        }
        if words == 1, pieces.count > 1 { throw error("\(field) is read as \(pieces.count) words, to be joined by _") }
        let key = pieces.count == 1 ? pieces[0].word : WordListReader.phraseKey(pieces[...])
        return Spelling(pieces: pieces, key: key)
    }

    /// The key of a phrase.
    static func phraseKey(_ pieces: ArraySlice<TextPiece>) -> UInt64 {
        var key = WordHash.Kind.phrase.rawValue
        for piece in pieces { key = WordHash.combine(key, piece.word) }
        return key
    }

    private mutating func update(_ field: String, inflects: Bool, _ change: (inout WordEntry) -> Void) throws(WordListError) {
        let spelling = try spelling(field)
        let change: (inout WordEntry) -> Void = { entry in
            entry.isBare = false
            change(&entry)
        }
        table.update(spelling.key, change)
        if spelling.pieces.count > 1 {
            let length = UInt8(truncatingIfNeeded: spelling.pieces.count)
            table.update(spelling.pieces[0].word) { $0.phraseLength = max($0.phraseLength, length) }
        } else if inflects, spelling.pieces[0].exact == 0, spelling.pieces[0].stem != 0 {
            table.update(spelling.pieces[0].stem, change)
        }
    }

    private func error(_ problem: String) -> WordListError { WordListError(file: file, line: line, problem: problem) }
}
