/// What a tokenizer works in. Grows to the longest text seen, within the limits; one per thread.
public struct WordPieceScratch: Sendable {
    /// Longer words are [UNK], as in BERT.
    static let wordScalarsMax = 100
    /// Longer runs of marks are not sorted: their word is [UNK] whatever their order.
    private static let marksMax = 128

    /// The ids of the last text.
    public internal(set) var ids: [UInt32] = []
    var limit = 0
    var isCut = false
    var word: [UInt8] = []
    var scalars = 0
    var pieces: [UInt32] = []
    private var marks: [(scalar: UInt32, combiningClass: UInt8)] = []

    /// Makes an empty one.
    public init() {}

    mutating func reset() {
        ids.removeAll(keepingCapacity: true)
        pieces.removeAll(keepingCapacity: true)
        marks.removeAll(keepingCapacity: true)
        isCut = false
        clearWord()
    }

    mutating func clearWord() {
        word.removeAll(keepingCapacity: true)
        scalars = 0
    }

    @inline(__always)
    mutating func append(ascii byte: UInt8) {
        if !marks.isEmpty { flushMarks() }
        scalars &+= 1
        if scalars <= Self.wordScalarsMax { word.append(byte) }
    }

    mutating func append(scalar: UInt32) {
        if !marks.isEmpty { flushMarks() }
        push(scalar)
    }

    /// A mark that canonical ordering moves (Unicode, section 3.11): a stable sort by class within a run.
    mutating func append(mark scalar: UInt32, combiningClass: UInt8) {
        guard marks.count < Self.marksMax else { return push(scalar) }
        var place = marks.count
        while place > 0, marks[place - 1].combiningClass > combiningClass { place -= 1 }
        marks.insert((scalar, combiningClass), at: place)
    }

    mutating func flushMarks() {
        for mark in marks { push(mark.scalar) }
        marks.removeAll(keepingCapacity: true)
    }

    private mutating func push(_ scalar: UInt32) {
        scalars &+= 1
        // What is beyond the limit is only counted: a word of a megabyte takes no memory.
        if scalars <= Self.wordScalarsMax { UTF8Scalar.append(scalar, to: &word) }
    }
}

/// UTF-8 (RFC 3629), one scalar at a time.
enum UTF8Scalar {
    /// The scalar at an index and its length; `nil` and 1 where the bytes are not UTF-8.
    static func decode(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> (scalar: UInt32?, length: Int) {
        let first = UInt32(bytes[index])
        func tail(_ place: Int) -> UInt32? {
            guard index + place < bytes.count, bytes[index + place] & 0xC0 == 0x80 else { return nil }
            return UInt32(bytes[index + place] & 0x3F)
        }
        switch first {
        case 0..<0x80: return (first, 1)
        case 0xC2...0xDF:
            if let a = tail(1) { return ((first & 0x1F) << 6 | a, 2) }
        case 0xE0...0xEF:
            if let a = tail(1), let b = tail(2) {
                let scalar = (first & 0x0F) << 12 | a << 6 | b
                if scalar >= 0x800, !(0xD800...0xDFFF).contains(scalar) { return (scalar, 3) }
            }
        case 0xF0...0xF4:
            if let a = tail(1), let b = tail(2), let c = tail(3) {
                let scalar = (first & 0x07) << 18 | a << 12 | b << 6 | c
                if scalar >= 0x10000, scalar <= 0x10FFFF { return (scalar, 4) }
            }
        default: break
        }
        return (nil, 1)
    }

    /// Appends a scalar that is one.
    static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        if scalar < 0x80 {
            bytes.append(UInt8(scalar))
        } else if scalar < 0x800 {
            bytes.append(UInt8(0xC0 | scalar >> 6))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        } else if scalar < 0x10000 {
            bytes.append(UInt8(0xE0 | scalar >> 12))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        } else {
            bytes.append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
            bytes.append(UInt8(0x80 | scalar >> 12 & 0x3F))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        }
    }
}
