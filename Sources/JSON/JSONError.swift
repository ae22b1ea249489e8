/// Why a text was refused as JSON, and where. Holds an offset, never a byte of the text.
public struct JSONError: Error, Sendable, Equatable {
    /// What was wrong.
    public enum Kind: String, Sendable, CaseIterable {
        /// A byte that the grammar (RFC 8259) does not allow here.
        case syntax
        /// The text ended inside a value, or holds none.
        case truncated
        /// The text starts with a UTF-8 byte order mark.
        case byteOrderMark = "byte_order_mark"
        /// Something other than whitespace follows the value.
        case trailingBytes = "trailing_bytes"
        /// Containers nest deeper than `JSONLimits.depth`.
        case tooDeep = "too_deep"
        /// The values outnumber `JSONLimits.values`.
        case tooManyValues = "too_many_values"
        /// An object names one member twice, escapes decoded.
        case duplicateKey = "duplicate_key"
        /// Not UTF-8 (RFC 3629).
        case invalidUTF8 = "invalid_utf8"
        /// A `\u` escape names half of a surrogate pair.
        case loneSurrogate = "lone_surrogate"
        /// A raw control byte inside a string.
        case controlByte = "control_byte"
        /// A number too large for a Double.
        case numberOutOfRange = "number_out_of_range"
    }

    /// What was wrong.
    public var kind: Kind
    /// The 0-based byte at which it was noticed.
    public var offset: Int

    /// Makes an error.
    public init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }
}

/// What a parser will hold before it refuses.
public struct JSONLimits: Sendable, Equatable {
    /// Containers inside each other, the outermost included.
    public var depth: Int
    /// Values of all kinds in one text, containers included.
    public var values: Int

    /// Makes limits. The depth bounds recursion: keep it in the low hundreds.
    public init(depth: Int = 64, values: Int = 4_000_000) {
        self.depth = depth
        self.values = values
    }
}
