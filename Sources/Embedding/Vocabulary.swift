// The token list of a model, laid out so that it is used straight from the mapped file:
//
//   0  u32 tokens   4  u32 slots (a power of two)   8  u32 longest token in bytes   12  u32 × 5 ids of [PAD] [UNK] [CLS] [SEP] [MASK]
//   32 u32 × slots  hash table, open addressing: id + 1, 0 for an empty slot
//      u32 × (tokens + 1)  where each token's text begins
//      the texts
//
// The hash is FNV-1a (32 bits) so that the hashes of all prefixes of a word come out of one pass.

/// A WordPiece vocabulary.
struct Vocabulary: Sendable {
    /// Ids of the special tokens.
    struct Special: Sendable, Equatable {
        var pad: UInt32
        var unknown: UInt32
        var start: UInt32
        var end: UInt32
        var mask: UInt32
    }

    /// Their texts in the order of `Special`.
    static let specialTexts = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    let count: Int
    let longestToken: Int
    let special: Special
    private let bytes: ModelBytes
    private let slots: Int
    private let mask: UInt32
    private let offsets: Int
    private let texts: Int

    private static let headerBytes = 32

    /// Reads a section of a file. Everything a look-up relies on is checked here.
    init?(_ bytes: ModelBytes, at start: Int, count length: Int) {
        guard start >= 0, length >= Self.headerBytes, start <= bytes.count - length else { return nil }
        let tokens = Int(bytes.uint32(at: start))
        let slotCount = Int(bytes.uint32(at: start + 4))
        guard tokens > 0, tokens < 1 << 22, slotCount > tokens, slotCount <= 1 << 24, slotCount & (slotCount - 1) == 0 else { return nil }
        let slots = start + Self.headerBytes
        let offsets = slots + 4 * slotCount
        let texts = offsets + 4 * (tokens + 1)
        let end = start + length
        guard texts <= end else { return nil }
        var last: UInt32 = 0
        var longest = 0
        for index in 0...tokens {
            let offset = bytes.uint32(at: offsets + 4 * index)
            guard offset >= last, Int(offset) <= end - texts else { return nil }
            longest = max(longest, Int(offset - last))
            last = offset
        }
        var filled = 0
        for slot in 0..<slotCount {
            let value = bytes.uint32(at: slots + 4 * slot)
            guard value <= UInt32(tokens) else { return nil }
            if value != 0 { filled += 1 }
        }
        // A full table would make a look-up of an absent token run forever.
        guard filled < slotCount else { return nil }
        let ids = (0..<5).map { bytes.uint32(at: start + 12 + 4 * $0) }
        guard ids.allSatisfy({ $0 < UInt32(tokens) }) else { return nil }
        self.bytes = bytes
        self.slots = slots
        self.offsets = offsets
        self.texts = texts
        count = tokens
        longestToken = longest
        mask = UInt32(slotCount - 1)
        special = Special(pad: ids[0], unknown: ids[1], start: ids[2], end: ids[3], mask: ids[4])
    }

    /// Lays out a list of tokens, the id being the place in it. `nil` without the five special tokens, or with an empty list.
    static func pack(_ tokens: [[UInt8]]) -> [UInt8]? {
        var special: [UInt32] = []
        for text in specialTexts {
            guard let id = tokens.firstIndex(of: Array(text.utf8)) else { return nil }
            special.append(UInt32(id))
        }
        var slotCount = 64
        while slotCount < tokens.count * 2 { slotCount *= 2 }
        var table = [UInt32](repeating: 0, count: slotCount)
        for (id, token) in tokens.enumerated() {
            let isContinuation = token.starts(with: [0x23, 0x23]) && token.count > 2
            var hash = isContinuation ? FNV.continuation : FNV.start
            for byte in token.dropFirst(isContinuation ? 2 : 0) { hash = FNV.step(hash, byte) }
            var slot = FNV.slot(hash) & UInt32(slotCount - 1)
            while table[Int(slot)] != 0 { slot = (slot &+ 1) & UInt32(slotCount - 1) }
            table[Int(slot)] = UInt32(id + 1)
        }
        var offsets: [UInt32] = [0]
        for token in tokens { offsets.append(offsets[offsets.count - 1] + UInt32(token.count)) }
        let longest = tokens.map(\.count).max() ?? 0
        var packed: [UInt8] = []
        for word in [UInt32(tokens.count), UInt32(slotCount), UInt32(longest)] + special + table + offsets { packed.append(word: word) }
        for token in tokens { packed.append(contentsOf: token) }
        return packed
    }

    /// The text of a token; empty for an id that there is not.
    func text(of id: UInt32) -> [UInt8] {
        guard id < UInt32(count) else { return [] }
        let start = Int(bytes.uint32(at: offsets + 4 * Int(id)))
        let end = Int(bytes.uint32(at: offsets + 4 * Int(id) + 4))
        return Array(UnsafeRawBufferPointer(start: bytes.base + texts + start, count: end - start))
    }

    /// The id of a token: `word` without the two signs before a continuation, and its hash from the fitting start.
    func id(of word: UnsafeBufferPointer<UInt8>, hash: UInt32, isContinuation: Bool) -> UInt32? {
        let signs = isContinuation ? 2 : 0
        var slot = FNV.slot(hash) & mask
        while true {
            let value = bytes.uint32(at: slots + 4 * Int(slot))
            guard value != 0 else { return nil }
            let start = Int(bytes.uint32(at: offsets + 4 * Int(value - 1)))
            let end = Int(bytes.uint32(at: offsets + 4 * Int(value)))
            if end - start == word.count + signs, matches(word, at: texts + start, isContinuation) { return value - 1 }
            slot = (slot &+ 1) & mask
        }
    }

    private func matches(_ word: UnsafeBufferPointer<UInt8>, at place: Int, _ isContinuation: Bool) -> Bool {
        let text = bytes.base + place
        if isContinuation {
            guard text.load(as: UInt8.self) == 0x23, text.load(fromByteOffset: 1, as: UInt8.self) == 0x23 else { return false }
        }
        let signs = isContinuation ? 2 : 0
        for index in 0..<word.count where text.load(fromByteOffset: signs + index, as: UInt8.self) != word[index] { return false }
        return true
    }
}

/// FNV-1a, 32 bits, with another start for continuations.
enum FNV {
    static let start: UInt32 = 0x811C_9DC5
    static let continuation: UInt32 = 0x811C_9DC5 ^ 0x5BD1_E995

    @inline(__always) static func step(_ hash: UInt32, _ byte: UInt8) -> UInt32 { (hash ^ UInt32(byte)) &* 0x0100_0193 }

    /// The upper bits folded in: FNV's low bits alone are uneven.
    @inline(__always) static func slot(_ hash: UInt32) -> UInt32 { (hash ^ (hash >> 15)) &* 0x85EB_CA6B >> 7 }
}

extension [UInt8] {
    /// Appends a little-endian word.
    mutating func append(word: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) { append(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    /// Appends a little-endian word of 64 bits.
    mutating func append(longWord: UInt64) {
        append(word: UInt32(truncatingIfNeeded: longWord))
        append(word: UInt32(truncatingIfNeeded: longWord >> 32))
    }
}
