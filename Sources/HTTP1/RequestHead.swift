import GatewayModel

/// The head of one request. It owns its bytes; a parser reuses them from request to request, so that no request allocates.
///
/// All ranges are positions in `bytes`. A copy of the head keeps it alive past the next request, at the price of one allocation when the
/// parser goes on.
public struct RequestHead: Sendable {
    /// How the body is delimited.
    public enum BodyFraming: Sendable, Equatable {
        /// There is no body.
        case none
        /// That many bytes follow, as `Content-Length` says; may be 0.
        case length(UInt64)
        /// Chunks follow (`Transfer-Encoding: chunked`).
        case chunked
    }

    /// The head as it was sent, followed by scratch bytes: only the first `byteCount` belong to it.
    public internal(set) var bytes: [UInt8] = []
    /// Bytes of the head, from the request line (or an empty line before it) through the empty line after the fields.
    public internal(set) var byteCount = 0
    /// The method.
    public internal(set) var method = Method.get
    /// Whether the request is HTTP/1.0; otherwise it is HTTP/1.1.
    public internal(set) var isHTTP10 = false
    /// The request target as it was sent: origin form, absolute form, or `*`.
    public internal(set) var target = 0..<0
    /// The path, percent escapes as sent, never empty: starts with `/`, or is `*` for `OPTIONS *`. Dot segments are left as they are.
    public internal(set) var path = 0..<0
    /// The query without its `?`; `nil` if there is no `?`.
    public internal(set) var query: Range<Int>?
    /// The host and port asked for: the `Host` field, or on HTTP/1.0 without one the authority of the target. `nil` if neither is there.
    public internal(set) var host: Range<Int>?
    /// The header fields in the order they came, `Host` and framing included.
    public internal(set) var fields: [HeaderField] = []
    /// How the body is delimited. The declared length is for the caller to bound.
    public internal(set) var bodyFraming = BodyFraming.none
    /// Whether the client lets the connection go on after this request.
    public internal(set) var keepsAlive = true
    /// Whether the client waits for `100 Continue` before it sends the body. Never true on HTTP/1.0 or without a body.
    public internal(set) var expectsContinue = false

    /// Which known names are among the fields.
    public internal(set) var present = FieldNameSet()
    /// The authority of a target in absolute form.
    var authority: Range<Int>?

    init() {}

    // MARK: Fields

    /// Where the value of the first field of that name stands.
    public func first(_ name: FieldName) -> Range<Int>? {
        guard present.contains(name) else { return nil }
        for index in fields.indices where fields[index].known == name { return fields[index].value }
        return nil
    }

    /// Where the values of all fields of that name stand, in order. Allocates nothing.
    public func all(_ name: FieldName) -> MatchingValues {
        MatchingValues(fields: present.contains(name) ? fields : [], name: name)
    }

    /// How many fields have that name.
    public func count(of name: FieldName) -> Int {
        guard present.contains(name) else { return 0 }
        var count = 0
        for index in fields.indices where fields[index].known == name { count &+= 1 }
        return count
    }

    /// Whether the field at that position in `fields` is about this connection only and must not be forwarded.
    public func isHopByHop(fieldIndex: Int) -> Bool { fields[fieldIndex].isHopByHop }

    /// The values of the fields of one name, in order.
    public struct MatchingValues: Sequence, IteratorProtocol, Sendable {
        private let fields: [HeaderField]
        private let name: FieldName
        private var index = 0

        init(fields: [HeaderField], name: FieldName) {
            (self.fields, self.name) = (fields, name)
        }

        /// The next value's place in `RequestHead.bytes`.
        public mutating func next() -> Range<Int>? {
            while index < fields.count {
                defer { index &+= 1 }
                if fields[index].known == name { return fields[index].value }
            }
            return nil
        }
    }

    // MARK: Text

    /// Whether the bytes in `range` are exactly `literal`.
    public func valueEquals(_ range: Range<Int>, _ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard range.count == count, range.lowerBound >= 0, range.upperBound <= bytes.count else { return false }
        for index in 0..<count where bytes[range.lowerBound &+ index] != literal.utf8Start[index] { return false }
        return true
    }

    /// Whether the bytes in `range` are `literal`, ASCII letter case ignored. `literal` is given in lower case.
    public func valueEqualsIgnoringCase(_ range: Range<Int>, _ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard range.count == count, range.lowerBound >= 0, range.upperBound <= bytes.count else { return false }
        for index in 0..<count where bytes[range.lowerBound &+ index].lowercased != literal.utf8Start[index] { return false }
        return true
    }

    /// The bytes in `range` as text; bytes that are no UTF-8 become U+FFFD. Allocates above 15 bytes: not for the hot path.
    public func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// The value of the first field of that name as text.
    public func text(_ name: FieldName) -> String? { first(name).map(string) }

    // MARK: Reuse

    /// Forgets the last request and keeps the memory, unless an unusual request made it large.
    mutating func reset() {
        if bytes.count > RequestHead.keptBytesMax { bytes = [] }
        fields.removeAll(keepingCapacity: true)
        if fields.capacity == 0 { fields.reserveCapacity(24) }
        present.removeAll()
        byteCount = 0
        (method, isHTTP10, keepsAlive, expectsContinue) = (.get, false, true, false)
        (target, path, query, host, authority) = (0..<0, 0..<0, nil, nil, nil)
        bodyFraming = .none
    }

    /// Storage above this is not kept for the next request: an idle connection may hold 20 KiB in all.
    static let keptBytesMax = 9 << 10

    /// Makes room for `count` more bytes after the first `filled`, and for the padding that word-wise reads need.
    static func reserve(_ bytes: inout [UInt8], filled: Int, count: Int) {
        let needed = filled &+ count &+ FoldedName.bytesMax
        guard bytes.count < needed else { return }
        let size = max(needed, bytes.count &* 2, 2048 &+ FoldedName.bytesMax)
        let old = bytes
        bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            buffer.initialize(repeating: 0)
            old.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<filled])) }
            count = size
        }
    }
}
