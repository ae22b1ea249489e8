// Takes a text apart into words, numbers, signs and code, in one pass over its folded bytes. It decides by the form of the bytes, except for
// two questions that it asks the lists: whether letters after a number are a unit (5kg, but mp3), and whether a word may keep its 's (it's,
// but Anna's).
//
// Linear: nothing looks ahead further than a fixed distance, or twice over the same bytes.

struct TextScanner {
    /// The most bytes of a text that are read, after folding; enough for any prompt that is eligible, and for most answers.
    static let bytesMax = 32_768
    static let piecesMax = 4_096
    static let literalsMax = 64

    let bytes: UnsafeBufferPointer<UInt8>
    let table: WordTable
    var text = ScannedText()
    var position = 0
    /// The end of the text, or of the literal that is being read.
    var limit: Int
    /// What the next piece begins.
    var pending: TextPiece.Flags = [.startsSentence, .startsClause]
    var isNegative = false
    /// A word in lower case.
    var scratch: [UInt8] = []
    private var lastEnd = -1
    /// Letters of the last word, for abbreviations before a full stop.
    var lastLength = 0
    private var isChunkStart = true
    private var literal: (first: Int, resume: Int, exact: UInt64, isCode: Bool)?

    private init(_ bytes: UnsafeBufferPointer<UInt8>, _ table: WordTable) {
        self.bytes = bytes
        self.table = table
        limit = bytes.count
        text.pieces.reserveCapacity(min(TextScanner.piecesMax, bytes.count / 4 + 8))
        scratch.reserveCapacity(64)
    }

    /// Takes a text apart. Any bytes will do.
    static func scan(_ bytes: [UInt8], table: WordTable) -> ScannedText { bytes.withUnsafeBufferPointer { scan($0, table: table) } }

    static func scan(_ bytes: UnsafeBufferPointer<UInt8>, table: WordTable) -> ScannedText {
        var folded: [UInt8] = []
        let head = UnsafeBufferPointer(rebasing: bytes.prefix(bytesMax))
        folded.reserveCapacity(head.count + head.count / 4)
        CompatibilityFolding.fold(head, into: &folded)
        return folded.withUnsafeBufferPointer { buffer in
            var scanner = TextScanner(buffer, table)
            scanner.run()
            var identity = WordHash.hash(buffer, .literal)
            if bytes.count > bytesMax {
                scanner.text.isTruncated = true
                identity = WordHash.combine(identity, WordHash.hash(UnsafeBufferPointer(rebasing: bytes.dropFirst(bytesMax)), .literal))
            }
            scanner.text.identity = identity
            return scanner.text
        }
    }

    /// A single word of letters, apostrophes and signs as the lists spell it; `nil` if it is anything else.
    static func word(_ bytes: [UInt8]) -> TextPiece? {
        // The possessive, which the scanner makes a piece of its own.
        if bytes == [0x27, 0x73] { return TextPiece(kind: .word, word: bytes.withUnsafeBufferPointer { WordHash.hash($0, .word) }) }
        guard bytes.allSatisfy({ $0.isLetter || $0 == 0x27 || $0 >= 0x80 }), let first = bytes.first, first != 0x27 else { return nil }
        var folded: [UInt8] = []
        bytes.withUnsafeBufferPointer { CompatibilityFolding.fold($0, into: &folded) }
        return folded.withUnsafeBufferPointer { buffer in
            var scanner = TextScanner(buffer, WordTable.none)
            scanner.keepsPossessive = true
            scanner.run()
            return scanner.text.pieces.count == 1 && scanner.text.pieces[0].kind == .word ? scanner.text.pieces[0] : nil
        }
    }

    /// Reading a list: `today's` is the word that it says.
    var keepsPossessive = false

    private mutating func run() {
        while true {
            if position >= limit {
                guard literal != nil else { break }
                closeLiteral()
                continue
            }
            let byte = bytes[position]
            if byte.isSpace {
                if byte == 0x0A {
                    pending.formUnion([.startsSentence, .startsClause])
                    endClause()
                }
                isChunkStart = true
                position += 1
                continue
            }
            guard text.pieces.count < TextScanner.piecesMax else {
                text.isTruncated = true
                break
            }
            if isChunkStart {
                isChunkStart = false
                if literal == nil, openLiteral(byte) { continue }
                if scanCode() { continue }
            }
            step(byte)
        }
        endClause()
    }

    private mutating func step(_ byte: UInt8) {
        if byte.isDigit { return scanNumber() }
        if byte.isLetter { return scanWord() }
        guard byte >= 0x80 else { return scanPunctuation(byte) }
        let (scalar, length) = UTF8Reading.decode(bytes, at: position)
        switch ScalarKind.of(scalar) {
        case .letter: scanWord()
        case .ideograph, .sign:
            let kind: TextPiece.Kind = ScalarKind.of(scalar) == .sign ? .sign : .word
            let end = min(position + length, limit)
            emit(TextPiece(kind: kind, word: hash(position..<end, .word)), end: end)
        case .space, .punctuation:
            position += length
            pending.formUnion(scalar == 0x3002 || scalar == 0x964 ? [.startsSentence, .startsClause] : .startsClause)
            endClause()
        }
    }

    /// Appends a piece that ends at `end` and goes on from there.
    mutating func emit(_ piece: TextPiece, end: Int) {
        var piece = piece
        piece.flags.formUnion(pending)
        if lastEnd == position { piece.flags.insert(.attached) }
        pending = []
        isNegative = false
        text.pieces.append(piece)
        position = end
        lastEnd = end
    }

    /// Marks the last piece as the end of a clause.
    mutating func endClause() {
        if !text.pieces.isEmpty { text.pieces[text.pieces.count - 1].flags.insert(.endsClause) }
    }

    @inline(__always)
    func hash(_ range: Range<Int>, _ kind: WordHash.Kind) -> UInt64 { WordHash.hash(UnsafeBufferPointer(rebasing: bytes[range]), kind) }

    @inline(__always)
    func byte(at index: Int) -> UInt8 { index >= 0 && index < bytes.count ? bytes[index] : 0x20 }

    // MARK: - Literals

    /// Begins a quoted string or a code span if one opens here and is closed soon enough.
    private mutating func openLiteral(_ mark: UInt8) -> Bool {
        switch mark {
        case 0x60: open(mark, width: byte(at: position + 1) == mark && byte(at: position + 2) == mark ? 3 : 1, reach: bytes.count)
        case 0x22: open(mark, width: 1, reach: bytes.count)
        case 0x27: byte(at: position + 1).isSpace ? false : open(mark, width: 1, reach: 256)
        default: false
        }
    }

    private mutating func open(_ mark: UInt8, width: Int, reach: Int) -> Bool {
        // A mark that nothing closes is looked for once only: the search goes to the end, and none of its kind opens again.
        let bit: UInt64 = mark == 0x60 ? (width == 3 ? 1 : 2) : mark == 0x22 ? 4 : 0
        guard unclosed & bit == 0 else { return false }
        let start = position + width
        var end = start
        let stop = min(bytes.count, start + reach)
        while end < stop, !closes(mark, width, at: end) { end += 1 }
        guard end < stop else {
            unclosed |= bit
            return false
        }
        guard end > start else { return false }
        guard text.literals.count < TextScanner.literalsMax else {
            text.isTruncated = true
            return false
        }
        literal = (text.pieces.count, end + width, collapsedHash(start..<end), mark == 0x60)
        pending.formUnion([.startsSentence])
        position = start
        limit = end
        isChunkStart = true
        return true
    }

    private func closes(_ mark: UInt8, _ width: Int, at index: Int) -> Bool {
        guard bytes[index] == mark else { return false }
        if width == 3 { return byte(at: index + 1) == mark && byte(at: index + 2) == mark }
        guard mark == 0x27 else { return true }
        let next = byte(at: index + 1)
        return !byte(at: index - 1).isSpace && !next.isLetter && !next.isDigit && next < 0x80
    }

    /// Marks that stand unclosed to the end of the text.
    private var unclosed: UInt64 = 0

    private mutating func closeLiteral() {
        guard let open = literal else { return }
        text.literals.append(
            TextLiteral(first: open.first, count: text.pieces.count - open.first, exact: open.exact, isCode: open.isCode))
        literal = nil
        position = open.resume
        limit = bytes.count
        pending.remove(.startsSentence)
    }

    /// The hash of a range, runs of white space as one space, none at the ends.
    private mutating func collapsedHash(_ range: Range<Int>) -> UInt64 {
        scratch.removeAll(keepingCapacity: true)
        for index in range {
            let byte = bytes[index]
            if !byte.isSpace {
                scratch.append(byte)
            } else if !scratch.isEmpty, scratch.last != 0x20 {
                scratch.append(0x20)
            }
        }
        if scratch.last == 0x20 { scratch.removeLast() }
        return scratch.withUnsafeBufferPointer { WordHash.hash($0, .literal) }
    }
}
