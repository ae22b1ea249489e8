// Patterns come from operators and, through the admin API, from whoever holds an admin token, and they are matched against names that
// clients choose. So there are no regular expressions: `*` is the only wildcard, and matching is linear in the text. The pattern is cut at
// its stars; the first and last pieces are anchored, those between are searched for left to right with Knuth, Morris and Pratt's table.

/// A name pattern in which `*` stands for any run of bytes, the empty one included. Everything else is compared byte for byte.
public struct GlobPattern: Sendable, Equatable, CustomStringConvertible {
    /// The longest pattern accepted, in UTF-8 bytes.
    public static let textBytesMax = 256

    /// A literal part between two stars, with its failure table.
    struct Piece: Sendable, Equatable {
        let bytes: [UInt8]
        let fallback: [Int]

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            fallback = Piece.fallbackTable(of: bytes)
        }

        /// For each position, the length of the longest proper prefix that is also a suffix of what was matched so far.
        private static func fallbackTable(of bytes: [UInt8]) -> [Int] {
            var table = [Int](repeating: 0, count: bytes.count)
            var length = 0
            for index in bytes.indices.dropFirst() {
                while length > 0, bytes[index] != bytes[length] { length = table[length - 1] }
                if bytes[index] == bytes[length] { length += 1 }
                table[index] = length
            }
            return table
        }
    }

    /// The pattern as written.
    public let text: String
    private let prefix: [UInt8]
    private let suffix: [UInt8]
    private let middle: [Piece]
    private let hasStar: Bool

    /// Makes a pattern; `nil` when the text is empty, longer than `textBytesMax`, or holds a control byte or a space.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.count <= GlobPattern.textBytesMax else { return nil }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
        let pieces = bytes.split(separator: 0x2A, omittingEmptySubsequences: false).map(Array.init)
        self.text = text
        hasStar = pieces.count > 1
        prefix = pieces.first ?? []
        suffix = hasStar ? pieces.last ?? [] : []
        middle = pieces.dropFirst().dropLast().filter { !$0.isEmpty }.map(Piece.init)
    }

    /// Whether the pattern has no star, so that it names one thing.
    public var isLiteral: Bool { !hasStar }

    /// The pattern as written.
    public var description: String { text }

    /// Whether `bytes` match, in time linear in their count.
    public func matches(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= prefix.count + suffix.count, hasStar || bytes.count == prefix.count else { return false }
        for index in prefix.indices where bytes[index] != prefix[index] { return false }
        let end = bytes.count - suffix.count
        for index in suffix.indices where bytes[end + index] != suffix[index] { return false }
        var position = prefix.count
        for piece in middle {
            guard let next = GlobPattern.end(of: piece, in: bytes, from: position, to: end) else { return false }
            position = next
        }
        return true
    }

    /// The position after the leftmost occurrence of `piece` in `bytes[start..<end]`.
    private static func end(of piece: Piece, in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int? {
        var matched = 0
        var position = start
        while position < end {
            let byte = bytes[position]
            while matched > 0, byte != piece.bytes[matched] { matched = piece.fallback[matched - 1] }
            if byte == piece.bytes[matched] { matched += 1 }
            position += 1
            if matched == piece.bytes.count { return position }
        }
        return nil
    }
}
