/// A final response head as it came from the upstream.
public struct UpstreamHead: Sendable {
    /// The protocol the upstream answered in.
    public enum Version: String, Sendable {
        /// HTTP/1.0.
        case http10 = "HTTP/1.0"
        /// HTTP/1.1.
        case http11 = "HTTP/1.1"
        /// HTTP/2.
        case http2 = "HTTP/2"
    }

    /// Where one field's name and value lie in `bytes`.
    public struct Field: Sendable {
        let nameStart: UInt32
        let nameEnd: UInt32
        let valueStart: UInt32
        let valueEnd: UInt32
        /// The name, in the upstream's spelling.
        public var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
        /// The value without surrounding blanks: no control byte but tab.
        public var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    }

    /// How the end of the body shows.
    public enum Framing: Hashable, Sendable {
        /// `Content-Length`; a shorter body is a failure. Also announced, and not sent, in answers without body.
        case length(UInt64)
        /// Chunks, or HTTP/2 frames: a missing end is a failure.
        case delimited
        /// HTTP/1 without either: the body ends when the connection does, and a cut cannot be told from an end, not even over TLS (libcurl
        /// takes a missing close notification for an end). Such a body proves its end by its content or not at all.
        case untilClose
    }

    /// The status, 200...599 (other three-digit values pass as they are).
    public internal(set) var status = 0
    /// The protocol.
    public internal(set) var version = Version.http11
    /// Name and value bytes of all fields, one behind the other.
    public internal(set) var bytes: [UInt8] = []
    /// The fields in order. Nothing is removed: hop-by-hop fields and cookies are the caller's to drop.
    public internal(set) var fields: [Field] = []
    /// How the end of the body shows.
    public internal(set) var framing = Framing.untilClose

    /// The value of the first field of this name, compared without case; nil when there is none.
    public func value(of name: String) -> [UInt8]? {
        for field in fields where Self.equalNames(bytes[field.name], name.utf8) { return Array(bytes[field.value]) }
        return nil
    }

    private static func equalNames(_ left: ArraySlice<UInt8>, _ right: String.UTF8View) -> Bool {
        func lower(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 32 : byte }
        return left.count == right.count && zip(left, right).allSatisfy { lower($0) == lower($1) }
    }

    mutating func removeAll() {
        status = 0
        bytes.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
        framing = .untilClose
    }
}
