extension TextScanner {
    private static let wordBytesMax = 256

    /// A word, or a token of letters and digits that begins with a letter.
    mutating func scanWord() {
        if scanAbbreviation() { return }
        let start = position
        var end = position
        var shape = WordShape()
        scratch.removeAll(keepingCapacity: true)
        reading: while end < limit, end - start < TextScanner.wordBytesMax {
            let byte = bytes[end]
            if byte.isLetter || byte.isDigit {
                shape.add(byte)
                scratch.append(byte.isCapitalLetter ? byte | 0x20 : byte)
                end += 1
            } else if byte >= 0x80 {
                let (scalar, length) = UTF8Reading.decode(bytes, at: end)
                guard ScalarKind.of(scalar) == .letter, end + length <= limit else { break reading }
                let small = TextScanner.lowercased(scalar)
                shape.add(isCapital: small != scalar)
                UTF8Reading.append(small, to: &scratch)
                end += length
            } else if byte == 0x27, end > start, self.byte(at: end + 1).isLetter, end + 1 < limit {
                scratch.append(byte)
                end += 1
            } else if byte == 0x2E, shape.hasDigit, self.byte(at: end - 1).isDigit, self.byte(at: end + 1).isDigit, end + 1 < limit {
                scratch.append(byte)
                end += 1
            } else {
                break reading
            }
        }
        if end == start { return scanPunctuation(0x2E) }
        end = signs(after: end, shape)
        emitWord(start..<end, shape)
    }

    /// `C++`, `C#`, and blood group `A-`: signs that belong to a word of one or two letters.
    private mutating func signs(after end: Int, _ shape: WordShape) -> Int {
        guard scratch.count <= 2, !shape.hasDigit, end < limit else { return end }
        let (first, second) = (bytes[end], end + 1 < limit ? bytes[end + 1] : 0x20)
        if first == 0x2B, second == 0x2B {
            scratch.append(contentsOf: [0x2B, 0x2B])
            return end + 2
        }
        let isAlone = !second.isLetter && !second.isDigit
        if isAlone, first == 0x23 || (shape.isAllCapital && (first == 0x2B || first == 0x2D)) {
            scratch.append(first)
            return end + 1
        }
        return end
    }

    private mutating func emitWord(_ range: Range<Int>, _ shape: WordShape) {
        if shape.hasDigit {
            let key = scratch.withUnsafeBufferPointer { WordHash.hash($0, .word) }
            return emit(TextPiece(kind: .digits, word: key), end: range.upperBound)
        }
        var range = range
        var possessive = false
        if scratch.count > 2, scratch[scratch.count - 1] == 0x73, scratch[scratch.count - 2] == 0x27, !keepsPossessive {
            let whole = scratch.withUnsafeBufferPointer { WordHash.hash($0, .word) }
            possessive = table.entry(of: whole)?.isBare ?? true
            if possessive {
                range = range.lowerBound..<range.upperBound - 2
                scratch.removeLast(2)
            }
        }
        var piece = TextPiece(kind: .word, word: scratch.withUnsafeBufferPointer { WordHash.hash($0, .word) })
        if shape.capitals > 0 {
            piece.exact = hash(range, .exactCase)
            if shape.isFirstCapital { piece.flags.insert(.capital) }
            if shape.isAllCapital, shape.letters > 1 { piece.flags.insert(.allCapitals) }
            if shape.hasInnerCapital { piece.flags.insert(.innerCapital) }
        }
        if shape.letters == 1 { piece.flags.insert(.letter) }
        if shape.isFirstCapital { text.capitalWords += 1 } else { text.smallWords += 1 }
        lastLength = shape.letters
        let prefix = TextScanner.prefixLength(scratch)
        if prefix > 0 { piece.unprefixedStem = TextScanner.stem(Array(scratch[prefix...])) }
        WordStem.reduce(&scratch)
        piece.stem = scratch.withUnsafeBufferPointer { WordHash.hash($0, .stem) }
        emit(piece, end: range.upperBound)
        guard possessive else { return }
        let mark = hash(position..<position + 2, .word)
        emit(TextPiece(kind: .word, word: mark), end: position + 2)
    }

    private static func stem(_ word: [UInt8]) -> UInt64 {
        var word = word
        WordStem.reduce(&word)
        return word.withUnsafeBufferPointer { WordHash.hash($0, .stem) }
    }

    /// The length of a prefix that negates, if the word is long enough to have one; otherwise 0. Whether it does negate is seen when the rest
    /// stands in the other text.
    private static func prefixLength(_ word: [UInt8]) -> Int {
        guard word.count >= 5 else { return 0 }
        switch (word[0], word[1]) {
        case (0x75, 0x6E): return 2
        case (0x6E, 0x6F): return word[2] == 0x6E && word.count >= 6 ? 3 : 0
        case (0x64, 0x69): return word[2] == 0x73 && word.count >= 7 ? 3 : 0
        case (0x69, 0x6D), (0x69, 0x6E), (0x69, 0x72), (0x69, 0x6C): return word.count >= 6 ? 2 : 0
        default: return 0
        }
    }

    /// `U.S.`, `e.g.`, `a.m.`: single letters with full stops between, read as one word without them.
    private mutating func scanAbbreviation() -> Bool {
        var index = position
        var letters: [UInt8] = []
        while letters.count < 8, byte(at: index).isLetter, byte(at: index + 1) == 0x2E, index + 1 < limit {
            letters.append(bytes[index])
            index += 2
        }
        if letters.count >= 1, byte(at: index).isLetter, !byte(at: index + 1).isLetter, index < limit {
            letters.append(bytes[index])
            index += 1
        }
        guard letters.count >= 2, !byte(at: index).isLetter else { return false }
        scratch.removeAll(keepingCapacity: true)
        var shape = WordShape()
        for letter in letters {
            shape.add(letter)
            scratch.append(letter | 0x20)
        }
        var piece = TextPiece(kind: .word, word: scratch.withUnsafeBufferPointer { WordHash.hash($0, .word) })
        piece.stem = scratch.withUnsafeBufferPointer { WordHash.hash($0, .stem) }
        if shape.capitals > 0 { piece.exact = letters.withUnsafeBufferPointer { WordHash.hash($0, .exactCase) } }
        if shape.isFirstCapital { piece.flags.insert(.capital) }
        if shape.isAllCapital { piece.flags.insert(.allCapitals) }
        emit(piece, end: min(index, limit))
        return true
    }

    private static func lowercased(_ scalar: UInt32) -> UInt32 {
        switch scalar {
        case 0x391...0x3A9, 0x410...0x42F: scalar + 0x20
        case 0x400...0x40F: scalar + 0x50
        case 0x531...0x556: scalar + 0x30
        default: scalar
        }
    }
}

/// How a word is written.
struct WordShape {
    var letters = 0
    var capitals = 0
    var hasDigit = false
    var hasInnerCapital = false
    var isFirstCapital = false
    private var wasSmall = false

    var isAllCapital: Bool { capitals == letters && letters > 0 }

    @inline(__always)
    mutating func add(_ byte: UInt8) { if byte.isDigit { hasDigit = true } else { add(isCapital: byte.isCapitalLetter) } }

    @inline(__always)
    mutating func add(isCapital: Bool) {
        if isCapital {
            if letters == 0 { isFirstCapital = true }
            if wasSmall { hasInnerCapital = true }
            capitals += 1
        }
        wasSmall = !isCapital
        letters += 1
    }
}
