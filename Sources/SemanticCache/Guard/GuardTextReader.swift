// From pieces to what the rules compare: phrases are joined, numbers computed, and every word is sorted into the lists of the rules that it
// matters to.

struct GuardTextReader {
    /// How many content words a negation reaches, and a preposition's direction.
    private static let reachOfNegation = 3
    private static let prefixedMax = 64
    private static let directionsMax = 64

    let words: GuardWords
    let pieces: [TextPiece]
    /// Whether capitals tell names from other words: not in a text that is all in capitals or written like a headline.
    private let capitalsMatter: Bool
    var text = GuardText()
    private var negationReach = 0
    private var direction: UInt32 = 0
    /// Where the content words stand.
    private var places: [GuardText.Place] = []
    /// The next word begins a clause.
    private var startsClause = false
    /// The sentence has asked its question.
    private var hasAsked = false

    private init(_ scanned: ScannedText, words: GuardWords) {
        self.words = words
        pieces = scanned.pieces
        let (capital, small) = (scanned.capitalWords, scanned.smallWords)
        capitalsMatter = capital + small < 4 || capital * 5 <= (capital + small) * 3
        text.identity = scanned.identity
        text.isTruncated = scanned.isTruncated
        text.literals = scanned.literals
        text.tokens.reserveCapacity(pieces.count)
        text.spelled = pieces.map(\.word)
        text.vocabulary.reserveCapacity(pieces.count * 3)
    }

    /// Reads a text.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>, words: GuardWords) -> GuardText {
        var reader = GuardTextReader(TextScanner.scan(bytes, table: words.table), words: words)
        reader.run()
        return reader.text
    }

    private mutating func run() {
        var index = 0
        while index < pieces.count {
            let piece = pieces[index]
            if piece.flags.contains(.startsSentence) { hasAsked = false }
            if piece.flags.contains(.startsClause) {
                negationReach = 0
                direction = 0
                startsClause = true
            }
            let count = piece.kind == .word ? phraseCount(at: index) : 1
            if count > 1 {
                addPhrase(index, count)
                index += count
            } else {
                index = addPiece(at: index)
            }
        }
        finish()
    }

    /// The number of pieces of the longest phrase at an index; 1 if none begins there.
    private func phraseCount(at index: Int) -> Int {
        var longest = min(words.phraseLength(from: pieces[index]), pieces.count - index)
        while longest > 1 {
            let range = pieces[index..<(index + longest)]
            if range.dropFirst().allSatisfy({ !$0.flags.contains(.startsSentence) && !$0.flags.contains(.afterComma) }),
                words.table.index(of: WordListReader.phraseKey(range)) >= 0
            {
                return longest
            }
            longest -= 1
        }
        return 1
    }

    private mutating func addPhrase(_ index: Int, _ count: Int) {
        let key = WordListReader.phraseKey(pieces[index..<(index + count)])
        guard let entry = words.table.entry(of: key) else { return }
        let isTransparent = entry.flags.contains(.stop)
        for piece in pieces[index..<(index + count)] {
            note(spelling: piece)
            // `the best way to` is a question word, but still says `best`.
            if isTransparent, let part = words.entry(of: piece) { addSides(of: part) }
        }
        add(entry, key: entry.group != 0 ? entry.group : key, piece: pieces[index], isPhrase: true)
    }

    /// Adds a single piece, or a number with all that belongs to it; returns the index of what comes next.
    private mutating func addPiece(at index: Int) -> Int {
        let piece = pieces[index]
        switch piece.kind {
        case .number: return addNumber(at: index)
        case .digits:
            note(spelling: piece)
            addQuantity(piece.word, unit: 0, isSoft: false)
        case .sign:
            if isCurrency(at: index) { return index + 1 }
            note(spelling: piece)
            text.signs.append(piece.word)
            append(piece.word, [])
        case .code:
            note(spelling: piece)
            text.code.append(piece.word)
            addContent(piece.word)
        case .word: return addWord(at: index)
        }
        return index + 1
    }

    private mutating func addWord(at index: Int) -> Int {
        let piece = pieces[index]
        let entry = words.entry(of: piece)
        if let entry, entry.flags.contains(.number) || entry.scale != 0, let next = addNumberWord(entry, at: index) { return next }
        note(spelling: piece)
        if let roman = romanValue(at: index) {
            addQuantity(WordHash.number(roman, decimals: 0), unit: 0, isSoft: false)
            return index + 1
        }
        guard var entry else {
            addContent(piece.stem)
            addEntity(piece, key: piece.stem)
            notePrefix(piece)
            return index + 1
        }
        var key = piece.stem
        if entry.base != 0 {
            key = entry.baseStem
            if let base = words.table.entry(of: entry.base) { entry = GuardTextReader.merged(entry, base) }
        }
        if entry.group != 0 { key = entry.group }
        add(entry, key: key, piece: piece, isPhrase: false)
        return index + 1
    }

    /// What the lists say of an irregular form, completed by what they say of its base.
    private static func merged(_ form: WordEntry, _ base: WordEntry) -> WordEntry {
        var entry = form
        if entry.group == 0 { entry.group = base.group }
        if entry.name == 0 { entry.name = base.name }
        if entry.format == 0 { entry.format = base.format }
        entry.flags.formUnion(base.flags.intersection([.stop, .negation]))
        for index in 0..<Int(base.sideCount) { _ = entry.add(side: base[index]) }
        return entry
    }

    private mutating func add(_ entry: WordEntry, key: UInt64, piece: TextPiece, isPhrase: Bool) {
        let flags = entry.flags
        addSides(of: entry)
        if entry.format != 0 { text.demands.append(entry.format) }
        if entry.time != 0 {
            text.demands.append(entry.time)
            text.dependsOnTime = true
        }
        if flags.contains(.volatile) { text.dependsOnTime = true }
        if flags.contains(.opener), text.tokens.isEmpty { text.opensLikeFollowUp = true }
        ask(entry, piece)
        var token = GuardText.Token.Flags()
        if flags.contains(.role) { token.insert(.role) }
        if flags.contains(.joiner) { token.insert(.joiner) }
        if flags.contains(.agent) { token.insert(.agent) }
        if flags.contains(.joiner) { negationReach = 0 }
        let negates = flags.contains(.negation) && !flags.contains(.idiom)
        if entry.name != 0 {
            text.names.append(entry.name)
            text.vocabulary.append(entry.name)
        } else if !isPhrase, !negates, entry.unit == 0, !flags.contains(.stop) || isLoneCapital(piece) {
            addEntity(piece, key: key)
        }
        if entry.direction != 0 { direction = entry.direction }
        if flags.contains(.stop) || flags.contains(.idiom) || flags.contains(.role) || flags.contains(.joiner) || entry.question != 0 {
            append(key, token)
            text.vocabulary.append(key)
        } else if negates, entry.sideCount == 0, entry.group == 0 {
            append(key, [])
            text.vocabulary.append(key)
        } else {
            addContent(key, token)
        }
        if negates {
            text.negations += 1
            negationReach = GuardTextReader.reachOfNegation
        } else if !isPhrase, !flags.contains(.stop) {
            notePrefix(piece)
        }
    }

    private mutating func ask(_ entry: WordEntry, _ piece: TextPiece) {
        guard entry.question != 0, !hasAsked else { return }
        if entry.flags.contains(.startsQuestion), !piece.flags.contains(.startsClause) { return }
        hasAsked = true
        if entry.question != QuestionKind.what { text.questions |= entry.question }
    }

    private mutating func addSides(of entry: WordEntry) {
        for index in 0..<Int(entry.sideCount) { text.sides.append(entry[index]) }
    }

    /// Adds a word that carries content.
    mutating func addContent(_ key: UInt64, _ flags: GuardText.Token.Flags = []) {
        var flags = flags
        flags.insert(.content)
        if negationReach > 0 {
            flags.insert(.negated)
            negationReach -= 1
        }
        if direction != 0 {
            if text.directions.count < GuardTextReader.directionsMax {
                text.directions.append(GuardText.Direction(key: key, code: direction))
            }
            direction = 0
        }
        append(key, flags)
        text.vocabulary.append(key)
        places.append(GuardText.Place(key: key, index: text.tokens.count - 1))
    }

    private mutating func append(_ key: UInt64, _ flags: GuardText.Token.Flags) {
        text.tokens.append(GuardText.Token(key: key, flags: startsClause ? flags.union(.startsClause) : flags))
        startsClause = false
    }

    /// Makes a piece findable from the other text.
    mutating func note(spelling piece: TextPiece) {
        text.vocabulary.append(piece.word)
        if piece.stem != 0 { text.vocabulary.append(piece.stem) }
        // A single letter names something only as a capital: vitamin A is not in every text with an `a`.
        if piece.exact != 0, piece.flags.contains(.letter) { text.vocabulary.append(piece.exact) }
    }

    private mutating func addEntity(_ piece: TextPiece, key: UInt64) {
        guard capitalsMatter, piece.kind == .word else { return }
        if piece.flags.contains(.innerCapital) || piece.flags.contains(.allCapitals) {
            text.entities.append((piece.word, key))
        } else if piece.flags.contains(.capital), !piece.flags.contains(.startsSentence) {
            if piece.flags.contains(.letter) {
                text.entities.append((piece.exact, piece.exact))
            } else {
                text.entities.append((piece.word, key))
            }
        }
    }

    /// A single capital letter that the lists know only as a small one: vitamin A.
    private func isLoneCapital(_ piece: TextPiece) -> Bool {
        piece.flags.contains(.letter) && piece.exact != 0 && words.table.index(of: piece.exact) < 0
    }

    private mutating func notePrefix(_ piece: TextPiece) {
        guard piece.unprefixedStem != 0, text.prefixed.count < GuardTextReader.prefixedMax else { return }
        text.prefixed.append(GuardText.Prefixed(word: piece.stem, rest: piece.unprefixedStem))
    }

    private mutating func finish() {
        sortContent()
        text.code.sort()
        text.signs.sort()
        text.quantities.sort { ($0.value, $0.unit) < ($1.value, $1.unit) }
        SortedKeys.makeSet(&text.names)
        SortedKeys.makeSet(&text.sides)
        SortedKeys.makeSet(&text.demands)
        text.vocabulary.sort()
    }

    private mutating func sortContent() {
        text.contentWords = places.count
        places.sort { $0.key < $1.key }
        text.content.reserveCapacity(places.count)
        text.single.reserveCapacity(places.count)
        for (index, place) in places.enumerated() {
            let isFirst = index == 0 || places[index - 1].key != place.key
            if isFirst { text.content.append(place.key) }
            if isFirst, index + 1 == places.count || places[index + 1].key != place.key { text.single.append(place) }
        }
    }
}
