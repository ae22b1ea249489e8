// Writes response heads into one buffer that the loop reuses: no allocation per answer once it has grown.

import EventLoop
import GatewayModel
import HTTP1
import Providers
import RateLimiting

/// What every answer's head tells about the request, besides the upstream's own fields. Reused by the requests of a connection; loop-confined.
final class AnswerFacts {
    var requestID: RequestID
    /// The client's correlation id, echoed; the request id where it sent none.
    var eventID: [UInt8] = []
    var cache: CacheStatus = .none
    /// The stored answer to another question that is served; `nil` for all others.
    var similar: SimilarAnswer?
    /// 0-based step that answered.
    var step = 0
    var provider: String = ""
    var model: String = ""
    /// The limits of the caller, told in every answer; `nil` where it has none.
    var limits: AppliedLimits?
    /// What the gateway itself took so far, in nanoseconds.
    var overheadNanoseconds: UInt64 = 0
    /// What the upstream took so far, in nanoseconds; `nil` when none was asked.
    var upstreamNanoseconds: UInt64?
    var keepsAlive = true
    var isHTTP10 = false

    init(requestID: RequestID) { self.requestID = requestID }

    /// Forgets all for the next request.
    func reset(_ requestID: RequestID) {
        self.requestID = requestID
        if !eventID.isEmpty { eventID = [] }
        cache = .none
        similar = nil
        step = 0
        provider = ""
        model = ""
        limits = nil
        overheadNanoseconds = 0
        upstreamNanoseconds = nil
        keepsAlive = true
        isHTTP10 = false
    }
}

@available(*, unavailable)
extension AnswerFacts: Sendable {}

/// How the body's end is told.
enum AnswerFraming: Equatable {
    case length(Int)
    case chunked
    /// HTTP/1.0: the end of the connection ends the body.
    case untilClose
    /// There is none, and nothing says how long it would be.
    case none
}

/// See the file's header. Loop-confined.
struct ResponseComposer {
    /// The head, and whatever body was appended after it.
    private var bytes: [UInt8] = []
    private var date = DateField()
    private let limiter: LimiterState

    init(limiter: LimiterState) {
        self.limiter = limiter
        bytes.reserveCapacity(4096)
    }

    /// The longest `Retry-After` that SDKs wait for, in seconds.
    private static let retrySecondsMax = 60

    /// Where the body begins, once the head has ended.
    private var bodyStart = 0

    /// Bytes of body behind the head.
    var bodyCount: Int { max(0, bytes.count - bodyStart) }

    /// The body behind the head.
    var body: [UInt8] { Array(bytes.suffix(bodyCount)) }

    /// Bytes composed.
    var count: Int { bytes.count }

    /// Hands the bytes to a connection.
    func write(to connection: Connection) { connection.write(bytes.span) }

    /// Hands the bytes to a connection, and a body behind them.
    func write(to connection: Connection, followedBy body: [UInt8]) { connection.write(bytes.span, body.span) }

    /// Begins a head: status line, date, the gateway's own fields. The caller appends further fields, then `endHead`.
    mutating func beginHead(status: Int, facts: AnswerFacts, now: WallTime) {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 256 * 1024)
        ResponseWriter.appendStatusLine(status, to: &bytes)
        date.append(at: now, to: &bytes)
        appendIdentifiers(facts)
        if facts.cache != .none { appendCacheFields(facts.cache) }
        if let similar = facts.similar { append(similar) }
        if !facts.provider.isEmpty {
            appendChecked("cf-aig-provider: ", facts.provider)
            bytes.append(literal: "cf-aig-step: ")
            bytes.append(decimal: Int64(facts.step))
            bytes.append(literal: "\r\n")
            if !facts.model.isEmpty { appendChecked("cf-aig-model: ", facts.model) }
        }
        if let limits = facts.limits { appendLimits(limits) }
        bytes.append(literal: "server-timing: weir;dur=")
        bytes.append(millisecondsFromNanoseconds: facts.overheadNanoseconds)
        if let upstream = facts.upstreamNanoseconds {
            bytes.append(literal: ", upstream;dur=")
            bytes.append(millisecondsFromNanoseconds: upstream)
        }
        bytes.append(literal: "\r\n")
        if !facts.keepsAlive {
            bytes.append(literal: "connection: close\r\n")
        } else if facts.isHTTP10 {
            bytes.append(literal: "connection: keep-alive\r\n")
        }
    }

    private mutating func appendLimits(_ limits: AppliedLimits) {
        LimitFields.append(limits.groups, now: limiter.time(at: .now()), to: &bytes)
        // Counting goes on in memory; what a crash would forget meanwhile must not be a secret.
        if !limiter.isRecording { bytes.append(literal: "weir-limits: unrecorded\r\n") }
    }

    private mutating func appendIdentifiers(_ facts: AnswerFacts) {
        let id = facts.requestID.characters
        bytes.append(literal: "weir-request-id: ")
        bytes.append(span: id.span)
        bytes.append(literal: "\r\ncf-aig-log-id: ")
        bytes.append(span: id.span)
        bytes.append(literal: "\r\ncf-aig-event-id: ")
        if facts.eventID.isEmpty {
            bytes.append(span: id.span)
        } else {
            bytes.append(contentsOf: facts.eventID)
        }
        bytes.append(literal: "\r\n")
    }

    /// Which entry matched, how likely it fits, and the upper end of the error's interval at that.
    private mutating func append(_ similar: SimilarAnswer) {
        bytes.append(literal: "weir-semantic-match: entry=")
        bytes.append(decimal: Int64(clamping: similar.entry))
        if let probability = similar.probability {
            bytes.append(literal: "; p=")
            bytes.append(thousandths: probability)
        }
        if let bound = similar.errorBound {
            bytes.append(literal: "; bound=")
            bytes.append(contentsOf: boundText(bound))
        }
        if similar.isUnverified { bytes.append(literal: "; unverified") }
        bytes.append(literal: "\r\n")
    }

    /// Four digits, rounded up: no bound is told smaller than it is.
    private func boundText(_ bound: Double) -> [UInt8] {
        // What the product is above by its own rounding does not count. A bound that is no number is told as the largest.
        let parts = bound < 1 ? Int((Swift.max(bound, 0) * 10_000 - 1e-6).rounded(.up)) : 10_000
        var text: [UInt8] = [parts >= 10_000 ? 0x31 : 0x30, 0x2E]
        for divisor in [1000, 100, 10, 1] { text.append(UInt8(0x30 + parts / divisor % 10)) }
        return text
    }

    private mutating func appendCacheFields(_ cache: CacheStatus) {
        bytes.append(literal: "cache-status: ")
        cache.append(to: &bytes)
        bytes.append(literal: "\r\ncf-aig-cache-status: ")
        bytes.append(literal: cache.cloudflareName)
        bytes.append(literal: "\r\n")
        if let age = cache.ageSeconds {
            bytes.append(literal: "age: ")
            bytes.append(decimal: max(0, age))
            bytes.append(literal: "\r\n")
        }
    }

    /// A value that came from configuration or a request: left out when it could split the head (A24).
    private mutating func appendChecked(_ prefix: StaticString, _ value: String) {
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return }
        bytes.append(literal: prefix)
        bytes.append(contentsOf: value.utf8)
        bytes.append(literal: "\r\n")
    }

    /// Appends ready-made field lines, each with its CRLF.
    mutating func appendLines(_ lines: [UInt8]) { bytes.append(contentsOf: lines) }

    /// Appends a field that was checked when it was recorded.
    mutating func appendField(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        bytes.append(span: name)
        bytes.append(literal: ": ")
        bytes.append(span: value)
        bytes.append(literal: "\r\n")
    }

    /// Appends `content-type`.
    mutating func appendContentType(_ value: Span<UInt8>) {
        bytes.append(literal: "content-type: ")
        bytes.append(span: value)
        bytes.append(literal: "\r\n")
    }

    /// Ends the head.
    mutating func endHead(_ framing: AnswerFraming) {
        switch framing {
        case .length(let count):
            bytes.append(literal: "content-length: ")
            bytes.append(decimal: Int64(count))
            bytes.append(literal: "\r\n\r\n")
        case .chunked: bytes.append(literal: "transfer-encoding: chunked\r\n\r\n")
        case .untilClose, .none: bytes.append(literal: "\r\n")
        }
        bodyStart = bytes.count
    }

    /// Appends body bytes behind the head, to go out with it.
    mutating func appendBody(_ body: Span<UInt8>) { bytes.append(span: body) }

    /// One chunk of a chunked body, replacing what the buffer held.
    mutating func chunk(_ body: Span<UInt8>) {
        bytes.removeAll(keepingCapacity: true)
        appendChunk(body)
    }

    /// One chunk of a chunked body behind what the buffer holds.
    mutating func appendChunk(_ body: Span<UInt8>) {
        guard body.count > 0 else { return }
        ResponseWriter.appendChunk(body, to: &bytes)
    }

    /// Any whole answer of the gateway's own with a JSON body.
    mutating func whole(
        status: Int, contentType: StaticString, body: [UInt8], lines: [UInt8] = [], facts: AnswerFacts, now: WallTime, isHead: Bool
    ) {
        beginHead(status: status, facts: facts, now: now)
        appendLines(lines)
        bytes.append(literal: "content-type: ")
        bytes.append(literal: contentType)
        bytes.append(literal: "\r\n")
        endHead(.length(body.count))
        if !isHead { bytes.append(contentsOf: body) }
    }

    /// A refusal in the dialect's shape.
    mutating func error(
        _ error: GatewayError, dialect: Dialect, allow: String? = nil, facts: AnswerFacts, now: WallTime, isHead: Bool = false
    ) {
        var body: [UInt8] = []
        appendErrorBody(error, dialect: dialect, requestID: facts.requestID.text, to: &body)
        var lines: [UInt8] = []
        if let seconds = error.retryAfterSeconds {
            lines.append(literal: "retry-after: ")
            lines.append(decimal: Int64(max(0, seconds)))
            lines.append(literal: "\r\n")
            // The official SDKs give up at once where waiting is beyond what they would do.
            if error.status == 429, seconds > Self.retrySecondsMax { lines.append(literal: "x-should-retry: false\r\n") }
        }
        if let allow { lines.append(contentsOf: "allow: \(allow)\r\n".utf8) }
        if error.status == 401 { lines.append(literal: "www-authenticate: Bearer\r\n") }
        whole(status: error.status, contentType: "application/json", body: body, lines: lines, facts: facts, now: now, isHead: isHead)
    }
}
