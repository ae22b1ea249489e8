import EventLoop
import GatewayModel
import HTTP1
import JSON

/// One client of the demo provider: parses its requests and runs the script of each answer, one after the other.
///
/// It goes on reading while it answers, so that a client that leaves is noticed at once; what arrives meanwhile waits in `backlog`.
final class DemoConnection: ConnectionDelegate {
    private let state: DemoState
    private let loop: EventLoop
    private let connection: Connection
    private let timer: LoopTimer
    private let timerOwner: TimerOwner
    private var parser = RequestParser(limits: HTTP1Limits(targetBytesMax: 64 << 10, fieldBytesMax: 64 << 10, headBytesMax: 256 << 10))
    private var request: DemoRequest?
    private var backlog: [UInt8] = []

    // The answer being given.
    private var steps: [ScriptStep] = []
    private var next = 0
    private var isAnswering = false
    private var isHeld = false
    private var callNumber: Int?
    private var started = MonotonicTime(nanoseconds: 0)
    private var sentBefore: UInt64 = 0
    private var idleClose = IdleClose.none

    /// How far an idle connection is from being closed.
    private enum IdleClose { case none, waiting, lastLook }

    /// Output that may wait for the kernel before the script pauses.
    private static let pendingBytesMax = 256 * 1024
    private static let bodyBytesMax = 64 * 1024 * 1024
    private static let backlogBytesMax = 1024 * 1024

    init(state: DemoState, loop: EventLoop, connection: Connection) throws(LoopError) {
        self.state = state
        self.loop = loop
        self.connection = connection
        let owner = TimerOwner()
        timerOwner = owner
        timer = try loop.makeTimer { owner.connection?.timerFired() }
        owner.connection = self
    }

    // MARK: Input

    func connection(_ connection: Connection, received bytes: Span<UInt8>) {
        keepOpen()
        if isAnswering {
            guard backlog.count + bytes.count <= Self.backlogBytesMax else { return connection.reset() }
            bytes.withUnsafeBufferPointer { backlog.append(contentsOf: $0) }
        } else {
            parse(bytes)
        }
    }

    private func parse(_ bytes: Span<UInt8>) {
        var offset = 0
        while !isAnswering {
            switch parser.next(bytes, from: &offset) {
            case .needMore: return
            case .head:
                request = DemoRequest(parser.head)
                if parser.head.expectsContinue { send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
            case .body(let range):
                guard parser.bodyBytes <= Self.bodyBytesMax else { return refuse(status: 413, "The body is too large.") }
                bytes.extracting(range).withUnsafeBufferPointer { request?.body.append(contentsOf: $0) }
            case .end:
                if let request { answer(request) }
                request = nil
            case .refused(let refusal): return refuse(status: refusal.status, refusal.message)
            }
        }
        if offset < bytes.count { bytes.extracting(offset..<bytes.count).withUnsafeBufferPointer { backlog.append(contentsOf: $0) } }
    }

    private func refuse(status: Int, _ message: String) {
        let body = ErrorFormat(dialect: .openAI).body(status: status, message: message).bytes
        send(ResponseScript.head(status, [("content-type", "application/json")], framing: .length(body.count), keepsAlive: false) + body)
        connection.close()
    }

    func connectionReceivedEnd(_ connection: Connection) {
        // Nobody who calls a provider sends half a goodbye: the client has left.
        connection.close()
    }

    func connectionDrained(_ connection: Connection) { advance() }

    func connectionClosed(_ connection: Connection, error: LoopError?) {
        if isAnswering { finish(.aborted) }
        state.drop(self)
        timer.close()
        timerOwner.connection = nil
    }

    // MARK: Answers

    private func answer(_ request: DemoRequest) {
        isAnswering = true
        next = 0
        started = loop.now
        sentBefore = connection.sentBytes
        steps = script(for: request)
        if !request.keepsAlive { steps.append(.close) }
        advance()
    }

    private func script(for request: DemoRequest) -> [ScriptStep] {
        switch request.endpoint {
        case .calls: return plain(request, state.log.calls(containing: request.queryValue("contains")))
        case .requests: return plain(request, state.log.requests(containing: request.queryValue("contains")))
        case .waiting(let name): return plain(request, ["waiting": .number(state.waiting(name))])
        case .release(let name): return plain(request, ["released": .number(state.release(name))])
        case .operation(let operation, let model, let isStreaming, let usesEvents):
            return call(request, operation, model, isStreaming, usesEvents)
        case .models(let dialect):
            takeDown(request, model: "")
            return plain(request, DemoModels.list(dialect))
        case .model(let dialect, let id):
            takeDown(request, model: id)
            return plain(request, DemoModels.one(dialect, id: id))
        case .redirected, .unknown:
            takeDown(request, model: "")
            return plain(
                request, status: 404, ErrorFormat(dialect: .openAI).body(status: 404, message: "The demo provider has no such path."))
        }
    }

    private func call(
        _ request: DemoRequest, _ operation: Operation, _ pathModel: String?, _ isStreaming: Bool, _ usesEvents: Bool
    ) -> [ScriptStep] {
        let input: DemoInput
        do {
            let body = try JSONValue(parsing: request.body.span)
            input = try DemoInput(
                operation: operation, body: body, pathModel: pathModel, isStreamingPath: isStreaming, usesEventStream: usesEvents)
        } catch {
            takeDown(request, model: pathModel ?? "")
            let known = error as? GatewayError
            let message = known?.message ?? "The body is not JSON."
            return plain(request, status: 400, ErrorFormat(dialect: .of(operation)).body(status: 400, message: message))
        }
        takeDown(request, model: input.model)
        let wanted = request.wantedIdentity
        let identity = AnswerIdentity(
            name: wanted ?? String(callNumber ?? 0),
            createdSeconds: wanted == nil ? Int(WallTime.now().milliseconds / 1000) : 1_700_000_000)
        let facts = RequestFacts(
            identity: identity, acceptsGzip: request.acceptsGzip, host: request.field("host") ?? "", credentials: request.credentials,
            isFirst: state.isFirst(input), keepsAlive: request.keepsAlive)
        return ResponseScript(input: input, facts: facts).steps()
    }

    private func plain(_ request: DemoRequest, status: Int = 200, _ value: JSONValue) -> [ScriptStep] {
        let body = value.bytes
        let fields = [("content-type", "application/json")]
        return [.send(ResponseScript.head(status, fields, framing: .length(body.count), keepsAlive: request.keepsAlive) + body)]
    }

    private func takeDown(_ request: DemoRequest, model: String) {
        callNumber = state.log.begin(
            method: request.method, target: request.target, fields: request.fields, body: request.body, model: model)
    }

    // MARK: Running a script

    /// Called by the state when the name waited for is released.
    func released() {
        isHeld = false
        advance()
    }

    private func timerFired() {
        switch idleClose {
        case .none: advance()
        case .waiting:
            // Timers run before sockets are read. Closed over a request that has arrived, the connection would be reset.
            idleClose = .lastLook
            timer.start(afterMilliseconds: 1)
        case .lastLook: connection.close()
        }
    }

    private func keepOpen() {
        if idleClose != .none { timer.stop() }
        idleClose = .none
    }

    /// Goes on until the script waits for something: time, a release, the kernel.
    private func advance() {
        while isAnswering, !isHeld, !timer.isRunning, connection.pendingBytes < Self.pendingBytesMax {
            guard next < steps.count else {
                finish(.answered)
                return takeBacklog()
            }
            next += 1
            run(steps[next - 1])
            noteProgress()
        }
    }

    private func run(_ step: ScriptStep) {
        switch step {
        case .send(let bytes): send(bytes)
        case .wait(let milliseconds): timer.start(afterMilliseconds: UInt64(milliseconds))
        case .hold(let name): isHeld = state.hold(self, name: name)
        case .hang: isHeld = true
        case .close:
            finish(.answered)
            connection.close()
        case .closeWhenIdle(let milliseconds):
            finish(.answered)
            if !backlog.isEmpty { return takeBacklog() }
            idleClose = .waiting
            timer.start(afterMilliseconds: UInt64(milliseconds))
        case .reset:
            finish(.answered)
            connection.reset()
        }
    }

    private func send(_ bytes: [UInt8]) { connection.write(bytes.span) }

    private func noteProgress() {
        if isAnswering, let callNumber { state.log.progress(callNumber, sentBytes: connection.sentBytes &- sentBefore) }
    }

    private func finish(_ how: CallLog.State) {
        isAnswering = false
        isHeld = false
        steps = []
        timer.stop()
        guard let number = callNumber else { return }
        callNumber = nil
        let milliseconds = loop.now.nanoseconds(since: started) / 1_000_000
        state.log.end(number, how, sentBytes: connection.sentBytes &- sentBefore, milliseconds: milliseconds)
    }

    private func takeBacklog() {
        guard !backlog.isEmpty else { return }
        let waiting = backlog
        backlog = []
        parse(waiting.span)
    }
}

@available(*, unavailable)
extension DemoConnection: Sendable {}

/// Breaks the circle between a timer's closure and its connection.
private final class TimerOwner {
    weak var connection: DemoConnection?
}
