// BERT's uncased tokenizer, token for token what the `tokenizers` package gives: clean, put spaces around Chinese characters, decompose
// (NFD) and drop accents, lower-case, split at spaces and punctuation, then the longest piece of each word that the vocabulary has.
//
// One pass over the text, no string built: scalars are normalised one by one into the bytes of the current word. Only canonical ordering
// looks back: marks that survive are sorted within their run. What each scalar becomes is read off the reference and kept as tables.

internal import CEmbeddingKernels

/// A WordPiece tokenizer over one vocabulary. Immutable; any thread may use it with a scratch of its own.
public struct WordPieceTokenizer: Sendable {
    let vocabulary: Vocabulary

    init(_ vocabulary: Vocabulary) { self.vocabulary = vocabulary }

    /// Makes a tokenizer of a list of tokens, the id being the place in it; `nil` without [PAD], [UNK], [CLS], [SEP] and [MASK].
    public init?(tokens: [String]) {
        guard let packed = Vocabulary.pack(tokens.map { Array($0.utf8) }) else { return nil }
        let bytes = ModelBytes(copying: packed)
        guard let vocabulary = Vocabulary(bytes, at: 0, count: bytes.count) else { return nil }
        self.init(vocabulary)
    }

    /// The number of tokens in the vocabulary.
    public var tokenCount: Int { vocabulary.count }

    /// The id of [UNK].
    public var unknown: UInt32 { vocabulary.special.unknown }

    /// The text of a token; empty for an id that there is not.
    public func text(of id: UInt32) -> String { String(decoding: vocabulary.text(of: id), as: UTF8.self) }

    /// Puts the token ids of a text into `scratch.ids`, replacing what was there. Bytes that are not UTF-8 are skipped.
    /// - Parameters:
    ///   - limit: at most so many ids, [CLS] and [SEP] included; what follows is cut off (at least 2).
    ///   - framed: whether [CLS] and [SEP] are put around.
    /// - Returns: whether the text was cut.
    @discardableResult
    public func tokenize(_ text: Span<UInt8>, limit: Int, framed: Bool = true, scratch: inout WordPieceScratch) -> Bool {
        precondition(limit >= 2, "a limit that leaves room for [CLS] and [SEP]")
        scratch.reset()
        if framed { scratch.ids.append(vocabulary.special.start) }
        scratch.limit = framed ? limit - 1 : limit
        text.withUnsafeBufferPointer { run($0, &scratch) }
        if framed { scratch.ids.append(vocabulary.special.end) }
        return scratch.isCut
    }

    /// Decodes UTF-8 and recognises the special tokens, which the reference cuts out of the raw text before anything else.
    private func run(_ bytes: UnsafeBufferPointer<UInt8>, _ scratch: inout WordPieceScratch) {
        var index = 0
        while index < bytes.count, !scratch.isCut {
            let byte = bytes[index]
            if byte < 0x80 {
                if byte == 0x5B, let (id, length) = specialToken(bytes, at: index) {
                    endWord(&scratch)
                    emit(id, &scratch)
                    index += length
                    continue
                }
                index += 1
                ascii(byte, &scratch)
            } else {
                let (scalar, length) = UTF8Scalar.decode(bytes, at: index)
                index += length
                if let scalar { add(scalar, &scratch) }
            }
        }
        endWord(&scratch)
    }

    private func specialToken(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> (id: UInt32, length: Int)? {
        let special = vocabulary.special
        let ids = (special.pad, special.unknown, special.start, special.end, special.mask)
        func matches(_ text: StaticString) -> Bool {
            guard bytes.count - index >= text.utf8CodeUnitCount else { return false }
            for place in 0..<text.utf8CodeUnitCount where bytes[index + place] != text.utf8Start[place] { return false }
            return true
        }
        if matches("[PAD]") { return (ids.0, 5) }
        if matches("[UNK]") { return (ids.1, 5) }
        if matches("[CLS]") { return (ids.2, 5) }
        if matches("[SEP]") { return (ids.3, 5) }
        return matches("[MASK]") ? (ids.4, 6) : nil
    }

    @inline(__always)
    private func ascii(_ byte: UInt8, _ scratch: inout WordPieceScratch) {
        switch byte {
        case 0x61...0x7A, 0x30...0x39: scratch.append(ascii: byte)
        case 0x41...0x5A: scratch.append(ascii: byte | 0x20)
        case 0x20, 0x09, 0x0A, 0x0D: endWord(&scratch)
        case 0x21...0x7E: punctuation(UInt32(byte), &scratch)
        default: break  // controls
        }
    }

    private func add(_ scalar: UInt32, _ scratch: inout WordPieceScratch) {
        let found = weir_classify_scalar(scalar)
        switch UInt32(found.kind) {
        case WEIR_SCALAR_REMOVED.rawValue: break
        case WEIR_SCALAR_REMOVED_STARTER.rawValue: scratch.flushMarks()
        case WEIR_SCALAR_SPACE.rawValue: endWord(&scratch)
        case WEIR_SCALAR_CHINESE.rawValue: alone(scalar, &scratch)
        case WEIR_SCALAR_HANGUL.rawValue: hangul(scalar, &scratch)
        case WEIR_SCALAR_MAPPED.rawValue: mapped(found, &scratch)
        default: place(scalar, found, &scratch)
        }
    }

    private func mapped(_ found: weir_scalar_class, _ scratch: inout WordPieceScratch) {
        if found.surrounded != 0 { endWord(&scratch) }
        for index in 0..<Int(found.count) {
            let scalar = found.count == 1 ? found.single : found.several[index]
            if scalar < 0x80 {
                ascii(UInt8(scalar), &scratch)
            } else {
                place(scalar, weir_classify_scalar(scalar), &scratch)
            }
        }
        if found.surrounded != 0 { endWord(&scratch) }
    }

    /// A scalar that is normalised already.
    private func place(_ scalar: UInt32, _ found: weir_scalar_class, _ scratch: inout WordPieceScratch) {
        switch UInt32(found.kind) {
        case WEIR_SCALAR_PUNCTUATION.rawValue: punctuation(scalar, &scratch)
        case WEIR_SCALAR_COMBINING.rawValue: scratch.append(mark: scalar, combiningClass: found.combining_class)
        default: scratch.append(scalar: scalar)
        }
    }

    /// Hangul syllables decompose by arithmetic (Unicode, section 3.12); their parts survive.
    private func hangul(_ scalar: UInt32, _ scratch: inout WordPieceScratch) {
        let index = scalar &- 0xAC00
        scratch.append(scalar: 0x1100 &+ index / 588)
        scratch.append(scalar: 0x1161 &+ index % 588 / 28)
        if index % 28 != 0 { scratch.append(scalar: 0x11A7 &+ index % 28) }
    }

    private func alone(_ scalar: UInt32, _ scratch: inout WordPieceScratch) {
        endWord(&scratch)
        scratch.append(scalar: scalar)
        endWord(&scratch)
    }

    private func punctuation(_ scalar: UInt32, _ scratch: inout WordPieceScratch) { alone(scalar, &scratch) }

    // MARK: - Words to pieces

    private func emit(_ id: UInt32, _ scratch: inout WordPieceScratch) {
        if scratch.ids.count < scratch.limit { scratch.ids.append(id) } else { scratch.isCut = true }
    }

    /// Splits the current word into the longest pieces, from its start; a word with a part that is in no piece is [UNK] as a whole, and so
    /// is one of more than a hundred scalars.
    private func endWord(_ scratch: inout WordPieceScratch) {
        scratch.flushMarks()
        guard scratch.scalars > 0 else { return }
        defer { scratch.clearWord() }
        guard scratch.scalars <= WordPieceScratch.wordScalarsMax else { return emit(vocabulary.special.unknown, &scratch) }
        let word = scratch.word
        let isKnown = word.withUnsafeBufferPointer { split($0, into: &scratch.pieces) }
        if isKnown {
            for id in scratch.pieces { emit(id, &scratch) }
        } else {
            emit(vocabulary.special.unknown, &scratch)
        }
    }

    private func split(_ word: UnsafeBufferPointer<UInt8>, into pieces: inout [UInt32]) -> Bool {
        pieces.removeAll(keepingCapacity: true)
        var from = 0
        while from < word.count {
            guard let (id, length) = longestPiece(word, from: from) else { return false }
            pieces.append(id)
            from += length
        }
        return true
    }

    /// The longest token that the word has at `from`, by one pass over its bytes: the hash of each prefix comes from the one before.
    private func longestPiece(_ word: UnsafeBufferPointer<UInt8>, from: Int) -> (id: UInt32, length: Int)? {
        let isContinuation = from > 0
        let end = min(word.count, from + vocabulary.longestToken)
        var hash = isContinuation ? FNV.continuation : FNV.start
        var found: (id: UInt32, length: Int)?
        for index in from..<end {
            hash = FNV.step(hash, word[index])
            // Only whole scalars: the byte behind is not a UTF-8 continuation.
            if index + 1 < word.count, word[index + 1] & 0xC0 == 0x80 { continue }
            let piece = UnsafeBufferPointer(rebasing: word[from...index])
            if let id = vocabulary.id(of: piece, hash: hash, isContinuation: isContinuation) { found = (id, piece.count) }
        }
        return found
    }
}
