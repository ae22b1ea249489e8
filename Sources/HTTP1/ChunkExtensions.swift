/// Checks the extensions of one chunk (RFC 9112 section 7.1.1), from after the first `;`: `name`, `name=token` or `name="quoted text"`,
/// separated by `;`. They mean nothing here, but a parser that reads past their ends would find its chunks elsewhere.
///
/// Narrower than the grammar: no blanks around `;` and `=`, and only ASCII between quotes.
struct ChunkExtensions: Sendable {
    private enum State: UInt8 {
        case nameStart, name, valueStart, value, quoted, escaped, quotedEnd
    }

    private var state = State.nameStart

    /// Whether the line may end here.
    var mayEnd: Bool { state == .name || state == .value || state == .quotedEnd }

    /// Takes one byte; false if it may not stand here.
    mutating func take(_ byte: UInt8) -> Bool {
        switch state {
        case .nameStart: return takeToken(byte, then: .name)
        case .name where byte == 0x3D: state = .valueStart
        case .valueStart where byte == 0x22: state = .quoted
        case .valueStart: return takeToken(byte, then: .value)
        case .name, .value, .quotedEnd:
            if byte == 0x3B {
                state = .nameStart
            } else {
                return state != .quotedEnd && ByteClass.token.contains(byte)
            }
        case .quoted where byte == 0x22: state = .quotedEnd
        case .quoted where byte == 0x5C: state = .escaped
        case .quoted: return byte < 0x80 && byte.isFieldValueByte
        case .escaped:
            state = .quoted
            return byte < 0x80 && byte.isFieldValueByte
        }
        return true
    }

    private mutating func takeToken(_ byte: UInt8, then next: State) -> Bool {
        state = next
        return ByteClass.token.contains(byte)
    }
}
