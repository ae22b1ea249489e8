import Embedding

/// What must hold for any bytes as a text: ids are of the vocabulary, limits hold, and a smaller limit only cuts. Also the fuzzer's body.
/// Returns what went wrong.
func wordPieceFault(_ bytes: [UInt8]) -> String? {
    guard let tokenizer = WordPieceTokenizer(tokens: wordPieceFuzzTokens) else { return "the vocabulary is refused" }
    var scratch = WordPieceScratch()
    let isCut = tokenizer.tokenize(bytes.span, limit: 64, scratch: &scratch)
    let ids = scratch.ids
    if ids.count < 2 || ids.count > 64 || (isCut && ids.count != 64) { return "\(ids.count) ids" }
    if ids.first != 2 || ids.last != 3 { return "not framed" }
    if ids.contains(where: { $0 >= UInt32(tokenizer.tokenCount) }) { return "an id that there is not" }
    // The scratch still holds what the first text left in it.
    let isCutShort = tokenizer.tokenize(bytes.span, limit: 9, framed: false, scratch: &scratch)
    if scratch.ids != Array(ids.dropFirst().dropLast().prefix(9)) { return "another limit, other ids" }
    if isCutShort != (ids.count - 2 > 9) { return "cut, or not, wrongly" }
    // A text that is repeated behind a space gives its tokens twice.
    if !isCut, ids.count <= 32 {
        let twice = bytes + [0x20] + bytes
        tokenizer.tokenize(twice.span, limit: 64, framed: false, scratch: &scratch)
        let once = Array(ids.dropFirst().dropLast())
        if scratch.ids != once + once { return "a word reaches over a space" }
    }
    return nil
}

private let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
private let letters = "abcdefghijklmnopqrstuvwxyz0123456789".flatMap { [String($0), "##\($0)"] }
private let others = [
    ".", ",", "[", "]", "中", "東", "ⓐ", "ß", "##ß", "\u{302E}", "##\u{302E}", "the", "##ing", "##ab", "abab", "##\u{1161}", "\u{1100}",
]
private let wordPieceFuzzTokens: [String] = special + letters + others
