/// How long each part of a transfer may take, in milliseconds. 0 sets no limit, except for `connect`, where libcurl's 300 s apply.
public struct UpstreamTimeouts: Hashable, Sendable {
    /// DNS, TCP and TLS together.
    public var connect: UInt64
    /// From the start to the final response head; for a streamed body from the moment the body was finished.
    public var firstByte: UInt64
    /// Between two pieces of the response body; not counted while paused. Also between two pieces of a streamed request body that is waiting
    /// to be taken.
    public var idle: UInt64
    /// From start to end.
    public var total: UInt64

    /// The wire contract's defaults: 2 s, 60 s, 300 s, 30 min.
    public init(connect: UInt64 = 2000, firstByte: UInt64 = 60_000, idle: UInt64 = 300_000, total: UInt64 = 1_800_000) {
        self.connect = connect
        self.firstByte = firstByte
        self.idle = idle
        self.total = total
    }
}

/// A request body.
public enum UpstreamBody: Sendable {
    /// No body.
    case none
    /// The whole body; can be sent again on a fresh connection.
    case bytes([UInt8])
    /// A body that comes in pieces through `Transfer.send` and `finishBody`; sent as chunks when the length is unknown (HTTP/1.1), and never
    /// sent twice. Fewer bytes than announced are a failure, surplus ones are not sent.
    case streamed(length: UInt64?)
}

/// One request to an upstream.
public struct UpstreamRequest: Sendable {
    /// The method token, sent as it is.
    public var method: String
    /// An absolute `https://` or, where the policy allows it, `http://` URL. Path and query are sent byte for byte. Bytes outside printable
    /// ASCII, spaces, user information and fragments are refused.
    public var url: String
    /// The fields to send. Besides these only `Host` and the body's framing are sent.
    public var fields: UpstreamFields
    /// The body.
    public var body: UpstreamBody
    /// Time limits.
    public var timeouts: UpstreamTimeouts
    /// Where the connection may lead.
    public var egress: EgressPolicy
    /// Whether HTTP/2 is offered over TLS. Streams then share a connection, and while one of them is paused libcurl has to take in what the
    /// upstream already may send on it, up to its window of 32 MiB. Over HTTP/1.1 a paused transfer holds one buffer of 16 KiB.
    public var allowsHTTP2 = true
    /// Whether a new connection is made even if an idle one exists.
    public var needsFreshConnection = false
    /// Whether the request may be sent a second time, once, when a reused connection turned out dead before any byte of an answer and the
    /// upstream cannot have worked on it: it had closed before the whole request reached it, or refused the HTTP/2 stream. Requests of safe
    /// methods (GET, HEAD, OPTIONS) are repeated without that proof. False forbids even that.
    public var isReplayable = true

    /// Makes a request.
    public init(
        method: String, url: String, fields: UpstreamFields = UpstreamFields(), body: UpstreamBody = .none,
        timeouts: UpstreamTimeouts = UpstreamTimeouts(), egress: EgressPolicy = .publicOnly
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
        self.timeouts = timeouts
        self.egress = egress
    }

    /// Whether the URL asks for TLS.
    var isOverTLS: Bool { url.utf8.starts(with: "https:".utf8) }

    /// Checks what libcurl would not: the method's and the URL's bytes, and the scheme against the policy.
    func check() throws(UpstreamFailure) {
        guard !method.isEmpty, method.utf8.count <= 32, method.utf8.allSatisfy(UpstreamFields.isToken) else {
            throw UpstreamFailure(.protocolError, "the method is no token")
        }
        let authority: Substring.UTF8View
        if url.utf8.starts(with: "https://".utf8) {
            authority = url.utf8.dropFirst(8)
        } else if url.utf8.starts(with: "http://".utf8) {
            guard egress.allowsPlainHTTP else { throw UpstreamFailure(.egressRefused, "plain HTTP is not allowed for this upstream") }
            authority = url.utf8.dropFirst(7)
        } else {
            throw UpstreamFailure(.egressRefused, "only https:// URLs are fetched")
        }
        guard url.utf8.count <= 16_384, url.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "\\") })
        else { throw UpstreamFailure(.protocolError, "the URL is too long or holds a byte that must be encoded") }
        let host = authority.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        guard !host.isEmpty, host.allSatisfy(Self.isAuthorityByte) else {
            throw UpstreamFailure(.protocolError, "the URL's host is malformed")
        }
    }

    /// Letters, digits, and what host names, ports and IPv6 literals need. No `@`: user information would become an Authorization field.
    private static func isAuthorityByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return true
        case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"): return true
        default: return false
        }
    }
}
