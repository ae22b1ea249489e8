import GatewayModel

/// One header field of a request: where its name and value stand in `RequestHead.bytes`, and which known name it is.
public struct HeaderField: Sendable, Equatable {
    @usableFromInline var nameStart: UInt32
    @usableFromInline var nameEnd: UInt32
    @usableFromInline var valueStart: UInt32
    @usableFromInline var valueEnd: UInt32
    /// The field's name in the gateway's vocabulary; `nil` for all others, which travel untouched.
    public let known: FieldName?
    /// Whether a `Connection` field of this head names it, so that it must not be forwarded.
    public internal(set) var isNamedInConnection = false

    /// Positions are below 2 MiB: `HTTP1Limits` clamps the size of a head.
    @inline(__always) init(name: Range<Int>, value: Range<Int>, known: FieldName?) {
        nameStart = UInt32(truncatingIfNeeded: name.lowerBound)
        nameEnd = UInt32(truncatingIfNeeded: name.upperBound)
        valueStart = UInt32(truncatingIfNeeded: value.lowerBound)
        valueEnd = UInt32(truncatingIfNeeded: value.upperBound)
        self.known = known
    }

    /// Where the name stands, in the letter case it was sent in. Never empty.
    @inlinable public var name: Range<Int> { Range(uncheckedBounds: (Int(nameStart), Int(nameEnd))) }

    /// Where the value stands, without the blanks around it. May be empty.
    @inlinable public var value: Range<Int> { Range(uncheckedBounds: (Int(valueStart), Int(valueEnd))) }

    /// Whether the field is about this connection only and must not be forwarded (RFC 9110 section 7.6.1).
    public var isHopByHop: Bool {
        switch known {
        case .connection, .keepAlive, .proxyConnection, .proxyAuthorization, .te, .trailer, .transferEncoding, .upgrade: true
        default: isNamedInConnection
        }
    }
}

/// A set of `FieldName`s as a bit map, so that asking for an absent field costs one test.
public struct FieldNameSet: Sendable {
    private var words: (UInt64, UInt64) = (0, 0)

    /// An empty set.
    public init() {}

    /// The set of these names.
    public init(_ names: [FieldName]) { for name in names { insert(name) } }

    @inline(__always) mutating func insert(_ name: FieldName) {
        let bit: UInt64 = 1 &<< UInt64(name.rawValue & 63)
        if name.rawValue < 64 { words.0 |= bit } else { words.1 |= bit }
    }

    /// Whether a name is in it.
    public func contains(_ name: FieldName) -> Bool {
        ((name.rawValue < 64 ? words.0 : words.1) &>> UInt64(name.rawValue & 63)) & 1 != 0
    }

    /// Whether no name is in both.
    public func isDisjoint(with other: FieldNameSet) -> Bool { words.0 & other.words.0 == 0 && words.1 & other.words.1 == 0 }

    @inline(__always) mutating func removeAll() { words = (0, 0) }
}
