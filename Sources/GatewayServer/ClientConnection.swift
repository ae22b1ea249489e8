// One client connection on the data port: bytes in, requests out, one at a time and in order (pipelined ones wait in `unread`).
//
// It owns the codec, the timers' deadlines and the write side; what a request means is the exchange's business. Deadlines are checked by the
// worker's sweep, so a request costs no timer.

import EventLog
import EventLoop
import GatewayModel
import HTTP1

/// See the file's header. Confined to its loop.
final class ClientConnection: ConnectionDelegate {
    /// What the connection is waiting for, and so which timer runs.
    enum Waiting { case idle, head, body, nothing, drain }

    let worker: LoopWorker
    let connection: Connection
    private(set) var exchange: Exchange?
    private var parser: RequestParser
    /// Bytes read but not yet parsed: pipelined requests behind one under way.
    private var unread: [UInt8] = []
    private var requestsServed = 0
    private var isParsing = false
    private var isMessageOpen = false
    private(set) var isClosing = false
    /// The answer is out but the request's body is not all in: it is read and thrown away, within limits.
    private var isDraining = false
    private var drainedBytes = 0
    /// Bytes of the body of the request under way, so far.
    private(set) var bodyBytes: UInt64 = 0
    private var bodyStarted = MonotonicTime(nanoseconds: 0)
    /// Since when the body is not read because the upstream takes no more of it: time that is not the client's.
    private var bodyHeldSince: MonotonicTime?

    /// What is being waited for, and until when.
    private(set) var waiting = Waiting.head
    private(set) var deadline: MonotonicTime
    /// Progress of the write side at the last sweep, to tell a stalled client.
    private var sentAtLastSweep: UInt64 = 0
    private var stalledSince: MonotonicTime?
    private var probesLeft = 0
    /// Whether it was counted for its address.
    var countsForAddress = false
    /// Position in the worker's list of connections.
    var slot = 0

    init(worker: LoopWorker, connection: Connection) {
        self.worker = worker
        self.connection = connection
        parser = RequestParser(limits: worker.snapshot.httpLimits)
        deadline = worker.loop.now.adding(milliseconds: worker.snapshot.limits.headMilliseconds)
    }

    // MARK: Reading

    func connection(_ connection: Connection, received bytes: Span<UInt8>) {
        worker.counters.add(.bytesReceived, UInt64(bytes.count))
        guard !isClosing else { return }
        if !unread.isEmpty {
            unread.append(span: bytes)
            parseUnread()
        } else {
            let used = parse(bytes)
            if used < bytes.count, !isClosing {
                unread.append(span: bytes.extracting(used..<bytes.count))
            }
        }
        if unread.count > worker.snapshot.limits.pipelinedBytesMax { connection.pauseReading() }
    }

    /// Goes on with what was read while a request was under way.
    private func parseUnread() {
        guard !isParsing, !unread.isEmpty, !isClosing else { return }
        let bytes = unread
        let used = parse(bytes.span)
        // A closing answer has thrown away what waited.
        guard !isClosing else { return }
        if used == bytes.count {
            unread.removeAll(keepingCapacity: unread.capacity <= 4096)
        } else if used > 0 {
            unread.removeFirst(used)
        }
        if unread.count <= worker.snapshot.limits.pipelinedBytesMax { connection.resumeReading() }
    }

    /// Feeds the parser until it needs more, the connection closes, or a request is under way. Returns how many bytes were used.
    private func parse(_ input: Span<UInt8>) -> Int {
        isParsing = true
        defer { isParsing = false }
        var offset = 0
        while !isClosing {
            if exchange?.isUnderWay == true, !isMessageOpen { break }
            let begun = offset
            switch parser.next(input, from: &offset) {
            case .needMore:
                // Bytes before these were a request that is answered already.
                if !isMessageOpen, waiting == .idle, offset > begun { waitForRestOfHead() }
                return offset
            case .head: receivedHead()
            case .body(let range): receivedBody(input.extracting(range))
            case .end: receivedEndOfMessage()
            case .refused(let refusal):
                worker.counters.add(.requestsUnparsable)
                receivedNonsense(refusal.asGatewayError)
                return input.count
            }
        }
        return offset
    }

    private func receivedHead() {
        isMessageOpen = true
        isDraining = false
        bodyBytes = 0
        bodyStarted = worker.loop.now
        bodyHeldSince = nil
        requestsServed += 1
        let exchange = self.exchange ?? Exchange(self)
        self.exchange = exchange
        exchange.begin(parser.head)
        guard !isClosing else { return }
        if exchange.isUnderWay {
            waiting = .body
            deadline = worker.loop.now.adding(milliseconds: worker.snapshot.limits.bodyMilliseconds)
        }
    }

    private func receivedBody(_ bytes: Span<UInt8>) {
        bodyBytes &+= UInt64(bytes.count)
        if isDraining {
            drainedBytes += bytes.count
            if drainedBytes > worker.snapshot.limits.lingerBytesMax { close() }
        } else {
            exchange?.receiveBody(bytes)
        }
    }

    private func receivedEndOfMessage() {
        isMessageOpen = false
        waiting = .nothing
        if isDraining {
            isDraining = false
            becomeIdle()
        } else {
            exchange?.receiveEndOfBody()
        }
    }

    /// The upstream is behind: reads no further.
    func holdBody() {
        connection.pauseReading()
        if bodyHeldSince == nil { bodyHeldSince = worker.loop.now }
    }

    /// The upstream has caught up.
    func continueBody() {
        if let since = bodyHeldSince {
            bodyHeldSince = nil
            let held = worker.loop.now.nanoseconds(since: since) / 1_000_000
            bodyStarted = bodyStarted.adding(milliseconds: held)
            if waiting == .body { deadline = deadline.adding(milliseconds: held) }
        }
        connection.resumeReading()
    }

    func connectionReceivedEnd(_ connection: Connection) {
        guard let exchange, exchange.isUnderWay, !isMessageOpen else {
            if connection.pendingBytes == 0 { return close() }
            isClosing = true
            return connection.close()
        }
        // A FIN says that the client sends no more; it may still read, or be gone. Nobody half-closes in the middle of an answer. Before one,
        // an interim response tells: a client that is gone answers it with RST.
        if exchange.machine.progress == .sent {
            cut()
        } else if !exchange.isHTTP10 {
            sendContinue()
            probesLeft = 4
            worker.watchHalfClosed(self)
        }
    }

    /// Looks whether a half-closed client has turned out to be gone. Returns whether it should be looked at again.
    func probe() -> Bool {
        guard !isClosing, exchange?.isUnderWay == true else { return false }
        connection.checkPeer()
        probesLeft -= 1
        return probesLeft > 0
    }

    // MARK: Writing

    /// Sends what the composer holds.
    func sendComposed() {
        worker.counters.add(.bytesSent, UInt64(worker.composer.count))
        worker.composer.write(to: connection)
    }

    /// Sends what the composer holds and a body behind it, in one system call.
    func sendComposed(followedBy body: [UInt8]) {
        worker.counters.add(.bytesSent, UInt64(worker.composer.count + body.count))
        worker.composer.write(to: connection, followedBy: body)
    }

    /// Sends bytes.
    func send(_ bytes: Span<UInt8>) {
        worker.counters.add(.bytesSent, UInt64(bytes.count))
        connection.write(bytes)
    }

    /// Bytes the client has not taken yet.
    var pendingBytes: Int { connection.pendingBytes }

    func connectionDrained(_ connection: Connection) {
        stalledSince = nil
        exchange?.clientDrained()
    }

    /// The bytes can't be a request. Where an answer is out already, or on its way, there is none to give: the connection just ends.
    private func receivedNonsense(_ error: GatewayError) {
        if isDraining || (exchange?.isUnderWay == true && exchange?.machine.progress != .nothing) { return closeAfterAnswer() }
        if let exchange, exchange.isUnderWay { return exchange.refuse(error) }
        refuse(error)
    }

    /// Refuses what can't be parsed; there is no exchange to speak of, and nothing after it is read.
    private func refuse(_ error: GatewayError) {
        worker.counters.add(.requests)
        worker.counters.add(.refused)
        worker.counters.add(.clientErrors)
        let facts = AnswerFacts(requestID: worker.makeRequestID())
        facts.keepsAlive = false
        worker.composer.error(error, dialect: .openAI, facts: facts, now: worker.wallNow)
        var event = GatewayEvent(id: facts.requestID, createdAt: worker.wallNow)
        event.status = error.status
        event.errorCode = error.code
        event.errorKind = .refused
        event.responseBytes = UInt64(worker.composer.bodyCount)
        worker.record(event)
        sendComposed()
        closeAfterAnswer()
    }

    /// Tells the client to go on sending its body.
    func sendContinue() {
        var bytes: [UInt8] = []
        ResponseWriter.appendContinue(to: &bytes)
        send(bytes.span)
    }

    /// The head of the request under way.
    var head: RequestHead {
        // Lent, not copied.
        _read { yield parser.head }
    }

    // MARK: The end of a request

    /// The exchange has finished its answer. Called by the exchange as its last act.
    func finished(keepsAlive: Bool) {
        // Closing has begun already, and its deadline must stay.
        guard !isClosing else { return }
        let mayKeep = keepsAlive && requestsServed < worker.snapshot.limits.requestsPerConnectionMax && !worker.isDraining
        guard mayKeep else { return closeAfterAnswer() }
        if isMessageOpen {
            isDraining = true
            drainedBytes = 0
            connection.resumeReading()
            waiting = .drain
            deadline = worker.loop.now.adding(milliseconds: worker.snapshot.limits.lingerMilliseconds)
        } else {
            becomeIdle()
        }
    }

    private func becomeIdle() {
        if connection.hasReceivedEnd { return close() }
        waiting = .idle
        deadline = worker.loop.now.adding(milliseconds: worker.snapshot.limits.keepAliveMilliseconds)
        if !isParsing, !unread.isEmpty { parseUnread() }
    }

    /// The first bytes of a further request are here: the rest of its head has one deadline, however slowly the bytes drip.
    private func waitForRestOfHead() {
        waiting = .head
        deadline = worker.loop.now.adding(milliseconds: worker.snapshot.limits.headMilliseconds)
    }

    /// Whether the next answer must say `Connection: close`.
    /// From the announcement of a drain on, so that few connections are left to be closed between two requests.
    var isLastRequest: Bool {
        requestsServed >= worker.snapshot.limits.requestsPerConnectionMax || worker.isDraining || worker.shared.lifecycle.isDraining
    }

    /// Lets the answer out, reads what the client still sends for a moment (so that no RST overtakes the answer), then closes.
    func closeAfterAnswer() {
        guard !isClosing else { return }
        isClosing = true
        unread = []
        connection.shutdownWrite()
        connection.resumeReading()
        waiting = .drain
        deadline = worker.loop.now.adding(milliseconds: connection.hasReceivedEnd ? 0 : worker.snapshot.limits.lingerMilliseconds)
        if connection.hasReceivedEnd, connection.pendingBytes == 0 { connection.close() }
    }

    /// Closes at once; pending output may be lost.
    func close() {
        isClosing = true
        connection.close()
    }

    /// Cuts the connection so that the client sees a broken answer, not a short one.
    func cut() {
        isClosing = true
        connection.reset()
    }

    func connectionClosed(_ connection: Connection, error: LoopError?) {
        isClosing = true
        exchange?.clientLeft()
        exchange = nil
        worker.forget(self)
    }

    // MARK: Timers

    /// Called by the worker's sweep a few times a second.
    func checkDeadlines(now: MonotonicTime) {
        checkWriteStall(now: now)
        guard !isClosing || waiting == .drain else { return }
        switch waiting {
        case .nothing: exchange?.checkWaiting(now: now)
        case .body: if bodyHeldSince == nil, isBodyTooSlow(now: now) || now >= deadline { timedOut() }
        case .idle: if now >= deadline { close() }
        case .head: if now >= deadline { timedOut() }
        case .drain: if now >= deadline { connection.close() }
        }
    }

    private func isBodyTooSlow(now: MonotonicTime) -> Bool {
        let elapsed = now.nanoseconds(since: bodyStarted) / 1_000_000
        let limits = worker.snapshot.limits
        guard elapsed > limits.bodyRateGraceMilliseconds else { return false }
        return bodyBytes < limits.bodyBytesPerSecondMin * (elapsed / 1000)
    }

    private func timedOut() {
        worker.counters.add(.timeouts)
        if exchange?.isUnderWay == true {
            exchange?.refuseSlowClient()
        } else {
            let error = GatewayError(
                status: 408, code: "request_timeout", message: "The request's head did not arrive in time.", closesConnection: true)
            refuse(error)
        }
    }

    private func checkWriteStall(now: MonotonicTime) {
        guard connection.pendingBytes > 0 else {
            stalledSince = nil
            return
        }
        let sent = connection.sentBytes
        if sent != sentAtLastSweep || stalledSince == nil {
            sentAtLastSweep = sent
            stalledSince = now
        } else if let since = stalledSince, now.nanoseconds(since: since) / 1_000_000 >= worker.snapshot.limits.writeStallMilliseconds {
            worker.counters.add(.timeouts)
            cut()
        }
    }

    /// Idle connections are the first to go under pressure and at drain time.
    var isIdle: Bool { exchange?.isUnderWay != true && !isMessageOpen && connection.pendingBytes == 0 }

    /// Closes an idle connection, and makes a busy one close after its answer.
    func drain() { if isIdle { close() } }
}

@available(*, unavailable)
extension ClientConnection: Sendable {}
