import GatewayModel

// One path must mean one thing to us and to the provider behind us. A byte that could be read in two ways (`//`, `..`, `;`, an encoded
// letter) would let a request be classified as one thing and served as another, so it is refused before any rule looks at the path.

/// What a scan of a path's bytes found.
struct PathShape {
    /// Whether `%2F` occurs: allowed inside a model's id only, which the router decides.
    var hasEncodedSlash = false

    /// `nil` for a path that could be read in two ways.
    init?(_ path: Span<UInt8>) {
        guard path.count > 0, path[0] == 0x2F else { return nil }
        var index = 1
        var segmentStart = 1
        while index < path.count {
            let byte = path[index]
            switch byte {
            case 0x2F:
                if PathShape.isDoubtful(path.extracting(segmentStart..<index)) { return nil }
                segmentStart = index + 1
            case 0x25:
                guard let decoded = decodedByte(path, at: index) else { return nil }
                if decoded == 0x2F {
                    if PathShape.isDoubtful(path.extracting(segmentStart..<index)) { return nil }
                    segmentStart = index + 3
                    hasEncodedSlash = true
                } else if decoded < 0x20 || decoded == 0x7F || decoded == 0x25 || decoded == 0x3B || decoded == 0x5C
                    || isUnreserved(decoded)
                {
                    return nil
                }
                index += 2
            default:
                guard isPathCharacter(byte) else { return nil }
            }
            index += 1
        }
        let last = path.extracting(segmentStart..<path.count)
        // A single slash may close the path; nothing may follow an encoded one but an id's next part.
        if last.count == 0 ? path[path.count - 1] != 0x2F : PathShape.isDoubtful(last) { return nil }
    }

    /// Empty, `.` or `..`.
    private static func isDoubtful(_ segment: Span<UInt8>) -> Bool { segment.count == 0 || segment.equals(".") || segment.equals("..") }
}

/// The byte that `%XX` at `index` stands for; `nil` where two hexadecimal digits are missing.
func decodedByte(_ text: Span<UInt8>, at index: Int) -> UInt8? {
    guard index + 2 < text.count, let high = hexValue(of: text[index + 1]), let low = hexValue(of: text[index + 2]) else { return nil }
    return high << 4 | low
}

/// The bytes with every `%XX` decoded, as text. Invalid UTF-8 becomes U+FFFD, which no model's name holds.
func percentDecoded(_ text: Span<UInt8>) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
        if text[index] == 0x25, let byte = decodedByte(text, at: index) {
            bytes.append(byte)
            index += 3
        } else {
            bytes.append(text[index])
            index += 1
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// Unreserved characters and those of RFC 3986's sub-delims that no provider gives a meaning of its own.
private func isPathCharacter(_ byte: UInt8) -> Bool {
    if isUnreserved(byte) { return true }
    switch byte {
    case 0x21, 0x24, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x3A, 0x3D, 0x40: return true  // ! $ & ' ( ) * + , : = @
    default: return false
    }
}
