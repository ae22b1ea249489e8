import GatewayModel
import JSON

/// What the connection does to answer one request, step by step. Made whole before the first byte goes out, so that a test can read it.
enum ScriptStep: Equatable {
    case send([UInt8])
    case wait(milliseconds: Int)
    /// Until `POST /demo/release/NAME`.
    case hold(name: String)
    /// For ever, or until the client leaves.
    case hang
    case close
    /// Ends the answer, and closes unless a request comes within this time.
    case closeWhenIdle(milliseconds: Int)
    case reset
}

/// Facts about a request that its script depends on, beside the input.
struct RequestFacts: Equatable {
    var identity: AnswerIdentity
    /// Whether the client takes gzip.
    var acceptsGzip = false
    /// Its `Host` field.
    var host = ""
    /// Everything that looks like a credential in its head.
    var credentials: [String] = []
    /// Whether this input had not been seen before (`demo-fail-once-…`).
    var isFirst = true
    /// Whether the connection is kept afterwards.
    var keepsAlive = true
}

/// Builds the script of an answer from its behaviour.
struct ResponseScript {
    var input: DemoInput
    var behaviour: DemoBehaviour
    var facts: RequestFacts
    private var format: AnswerFormat

    init(input: DemoInput, facts: RequestFacts) {
        self.input = input
        self.facts = facts
        behaviour = DemoBehaviour(model: input.model)
        format = AnswerFormat(input: input, answer: DemoAnswer(to: input, behaviour: behaviour), identity: facts.identity)
        format.saysDone = behaviour != .noDone
        format.breaksOff = behaviour == .errorEvent
        if case .big(let bytes) = behaviour { format.pieceBytesMax = max(16, min(bytes / 16, 16 * 1024)) }
        if case .bigEvent(let bytes) = behaviour { format.pieceBytesMax = max(bytes, 16) }
    }

    /// The steps, from first byte to last.
    func steps() -> [ScriptStep] {
        switch behaviour {
        case .fail(let status, let retryAfter): return failure(status, retryAfterSeconds: retryAfter)
        case .failOnce(let status) where facts.isFirst: return failure(status, retryAfterSeconds: nil)
        case .echoKey:
            return failure(400, message: "The demo provider was called with \(facts.credentials.joined(separator: ", ")).")
        case .errorInSuccess: return whole(200, error(500, "An error under status 200, as asked."))
        case .redirect:
            return [.send(head(307, [("location", "http://\(facts.host)/demo/redirected")], framing: .length(0)))]
        case .html:
            let page = Array("<!doctype html><title>Demo</title><p>Not JSON at all.".utf8)
            return [.send(head(200, [("content-type", "text/html; charset=utf-8")], framing: .length(page.count)) + page)]
        case .reset: return [.reset]
        case .hang: return [.hang]
        case .slow(let milliseconds): return [.wait(milliseconds: milliseconds)] + answer()
        case .wait(let name): return [.hold(name: name)] + answer()
        default: return answer()
        }
    }

    private func answer() -> [ScriptStep] {
        let events = input.streams ? format.events() : []
        return events.isEmpty ? whole(200, format.body()) : stream(events)
    }

    // MARK: One body

    private func whole(_ status: Int, _ value: JSONValue, _ fields: [(String, String)] = []) -> [ScriptStep] {
        var body = value.bytes
        body.append(0x0A)
        var fields = [("content-type", "application/json")] + fields
        if behaviour == .gzip || facts.acceptsGzip {
            body = StoredGzip.encode(body)
            fields.append(("content-encoding", "gzip"))
        }
        switch behaviour {
        case .cutBody:
            return [.send(head(status, fields, framing: .length(body.count)) + body.prefix(body.count / 2)), .close]
        case .cutChunked, .cutStream, .resetStream, .stallStream, .waitStream:
            return unfinished(head(status, fields, framing: .chunked), body)
        case .setCookie: fields += [("set-cookie", "demo=1; Path=/"), ("connection", "x-hop"), ("x-hop", "1")]
        case .hugeHeaders: for index in 0..<128 { fields.append(("x-filler-\(index)", String(repeating: "f", count: 8300))) }
        default: break
        }
        let answer: [ScriptStep] = [.send(head(status, fields, framing: .length(body.count)) + body)]
        return behaviour == .closeIdle ? answer + [.closeWhenIdle(milliseconds: 30)] : answer
    }

    /// The first half of a chunked body, and what then happens instead of the rest.
    private func unfinished(_ head: [UInt8], _ body: [UInt8]) -> [ScriptStep] {
        let half = body.count / 2
        let start: [ScriptStep] = [.send(head + chunk(Array(body.prefix(half))))]
        switch behaviour {
        case .resetStream: return start + [.wait(milliseconds: 20), .reset]
        case .stallStream: return start + [.hang]
        case .waitStream(let name): return start + [.hold(name: name), .send(chunk(Array(body.dropFirst(half))) + lastChunk)]
        default: return start + [.close]
        }
    }

    // MARK: Failures

    private func error(_ status: Int, _ message: String) -> JSONValue {
        ErrorFormat(dialect: .of(input.operation)).body(status: status, message: message)
    }

    private func failure(_ status: Int, message: String? = nil, retryAfterSeconds: Int? = nil) -> [ScriptStep] {
        let fields = retryAfterSeconds.map { [("retry-after", String($0))] } ?? []
        return whole(status, error(status, message ?? "The demo provider fails with \(status), as asked."), fields)
    }

    // MARK: Streams

    private func stream(_ events: [StreamEvent]) -> [ScriptStep] {
        let isArray = input.operation == .generateContent && !input.usesEventStream
        let pieces: [[UInt8]]
        if isArray {
            pieces = events.enumerated().map { Array(($0.offset == 0 ? "[" : ",\r\n").utf8) + $0.element.data } + [Array("]".utf8)]
        } else {
            pieces = events.map { behaviour == .oddStream ? $0.oddlyFramed : $0.framed }
        }
        var fields = [("content-type", isArray ? "application/json; charset=UTF-8" : "text/event-stream; charset=utf-8")]
        fields.append(("cache-control", "no-cache"))
        if behaviour == .setCookie { fields += [("set-cookie", "demo=1; Path=/"), ("connection", "x-hop"), ("x-hop", "1")] }
        if behaviour == .gzip {
            fields.append(("content-encoding", "gzip"))
            return [.send(head(200, fields, framing: .chunked) + chunk(StoredGzip.encode(pieces.flatMap { $0 })) + lastChunk)]
        }
        return [.send(head(200, fields, framing: .chunked))] + paced(pieces)
    }

    private func paced(_ pieces: [[UInt8]]) -> [ScriptStep] {
        func sends(_ pieces: some Sequence<[UInt8]>) -> [ScriptStep] { pieces.map { .send(chunk($0)) } }
        switch behaviour {
        case .slowStream(let milliseconds):
            return pieces.flatMap { [ScriptStep.wait(milliseconds: milliseconds), .send(chunk($0))] } + [.send(lastChunk)]
        case .cutStream(let count): return sends(pieces.prefix(count)) + [.close]
        case .cutBody, .cutChunked: return sends(pieces.dropLast()) + [.close]
        // The pause lets the events arrive: a reset may overtake them.
        case .resetStream(let count): return sends(pieces.prefix(count)) + [.wait(milliseconds: 20), .reset]
        case .stallStream: return sends(pieces.prefix(2)) + [.hang]
        case .waitStream(let name): return sends(pieces.prefix(2)) + [.hold(name: name)] + sends(pieces.dropFirst(2)) + [.send(lastChunk)]
        case .oddStream:
            let bytes = pieces.flatMap { $0 }
            return stride(from: 0, to: bytes.count, by: 7).map { .send(chunk(Array(bytes[$0..<min($0 + 7, bytes.count)]))) } + [
                .send(lastChunk)
            ]
        default: return sends(pieces) + [.send(lastChunk)]
        }
    }

    // MARK: Bytes

    enum Framing { case length(Int), chunked }

    func head(_ status: Int, _ fields: [(String, String)], framing: Framing) -> [UInt8] {
        ResponseScript.head(
            status, fields + [("x-request-id", "demo-\(facts.identity.name)")], framing: framing, keepsAlive: facts.keepsAlive)
    }

    static func head(_ status: Int, _ fields: [(String, String)], framing: Framing, keepsAlive: Bool) -> [UInt8] {
        var text = "HTTP/1.1 \(status) \(status < 300 ? "OK" : "Demo")\r\nserver: weir-demo\r\n"
        text += "x-ratelimit-limit-requests: 5000\r\nx-ratelimit-remaining-requests: 4999\r\n"
        for (name, value) in fields { text += "\(name): \(value)\r\n" }
        switch framing {
        case .length(let count): text += "content-length: \(count)\r\n"
        case .chunked: text += "transfer-encoding: chunked\r\n"
        }
        if !keepsAlive { text += "connection: close\r\n" }
        text += "\r\n"
        return Array(text.utf8)
    }

    private func chunk(_ bytes: [UInt8]) -> [UInt8] {
        bytes.isEmpty ? [] : Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [0x0D, 0x0A]
    }

    private var lastChunk: [UInt8] { Array("0\r\n\r\n".utf8) }
}
