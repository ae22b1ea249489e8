import Hashing

/// Texts of paths seen lately, so that a path that is asked for again and again is not made into a text each time. Loop-confined.
struct PathTexts {
    private var slots: [(bytes: [UInt8], text: String)] = []

    /// How many are kept: apps use few paths.
    private static let slotsMax = 64
    /// A longer path is cut: who sends one is not after an answer.
    static let bytesMax = 512

    /// The text of a path; malformed UTF-8 is repaired.
    mutating func text(of path: Span<UInt8>) -> String {
        let path = path.count <= Self.bytesMax ? path : path.extracting(0..<Self.bytesMax)
        if slots.isEmpty { slots = Array(repeating: ([], ""), count: Self.slotsMax) }
        let slot = Int(truncatingIfNeeded: xxh3(path) & UInt64(Self.slotsMax - 1))
        if Self.isEqual(slots[slot].bytes, path) { return slots[slot].text }
        var bytes: [UInt8] = []
        bytes.append(span: path)
        let text = String(decoding: bytes, as: UTF8.self)
        slots[slot] = (bytes, text)
        return text
    }

    private static func isEqual(_ left: [UInt8], _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.count where left[index] != right[index] { return false }
        return true
    }
}
