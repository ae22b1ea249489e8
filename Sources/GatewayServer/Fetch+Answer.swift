// The upstream's side of a fetch: what is made of a head, of bytes, of an end and of a failure.

import ExactCache
import GatewayModel
import HTTP1
import Providers
import RateLimiting
import Routing
import Upstream

extension Fetch {
    func transfer(_ transfer: Transfer, receivedHead head: UpstreamHead) {
        guard !isOver, passage != .failed else { return }
        status = head.status
        contentType = head.value(of: "content-type") ?? []
        isEventStream = contentType.starts(with: Array("text/event-stream".utf8))
        if [301, 302, 303, 307, 308].contains(status) { return fail(.redirect, Self.redirected) }
        retryAfterNanoseconds = retryAfter(head)
        if !isSuccess { reportStatus() }
        if order.operation.hasJSONBody {
            observer = AnswerObserver(
                operation: order.operation, form: answerForm, eventBytesMax: worker.snapshot.limits.eventBytesMax,
                requiresDoneMarker: order.requiresDoneMarker)
        }
        isEncoded = head.value(of: "content-encoding").map { $0 != Array("identity".utf8) } ?? false
        refusal = whyNotKept(head)
        if Self.isFailure(status) { worker.counters.add(.upstreamFailures) }
        keptHead = FlightHead(
            status: status, fields: passedFields(head), contentType: contentType, isEventStream: isEventStream, provider: order.provider,
            model: order.model, refusal: order.record == nil ? nil : refusal)
        keptLength = head.knownLength
        if consumer?.awaitsBody(status: status) == true {
            passage = .awaited
        } else {
            judge()
        }
    }

    private var isSuccess: Bool { (200..<300).contains(status) }

    /// A failure is known by its status. A stream is an answer from its first token on and any other answer at its end: told sooner, a target that
    /// begins well and never ends well would pass for one that works now and then.
    private func reportStatus() {
        ticket?.report(
            .of(status: status, retryAfterNanoseconds: retryAfterNanoseconds, traits), at: worker.loop.now, random: worker.nextRandom())
    }

    private func reportBroken(isClientTimeout: Bool = false) {
        guard !traits.usesClientCredential, !isClientTimeout else { return }
        ticket?.reportBroken(at: worker.loop.now, random: worker.nextRandom())
    }

    private func retryAfter(_ head: UpstreamHead) -> UInt64? {
        if let value = head.value(of: "retry-after-ms"), let wait = RetryAfter.nanoseconds(milliseconds: value.span) { return wait }
        guard let value = head.value(of: "retry-after") else { return nil }
        return RetryAfter.nanoseconds(value.span, now: worker.wallNow)
    }

    /// Asks the request what becomes of the answer, and passes it on if it is to be.
    private func judge() {
        if let consumer {
            // A stream is judged at its first token: until then another target may still answer sooner.
            if isSuccess, answerForm != .json, !isEncoded, passage == .open, consumer.mayTryAgain {
                passage = .withheld
                return
            }
            guard consumer.judge(self, status: status, retryAfterNanoseconds: retryAfterNanoseconds) else { return }
        } else if !order.usesClientCredential, status == 401 || status == 403 {
            return giveUp(credentialsRefused)
        }
        passOn()
    }

    /// The answer is kept: another attempt may follow it.
    func keep() { passage = .kept }

    /// A kept answer was the last after all.
    func deliverKept() {
        guard !isOver, passage == .kept else { return }
        if let failureError { return giveUp(failureError) }
        passOn()
        if isKeptWhole { complete() } else { transfer?.resume() }
    }

    /// Passes on the head, and what was held back behind it.
    private func passOn() {
        guard let head = keptHead else { return }
        keptHead = nil
        passage = .open
        if answerForm != .json { reportStatus() }
        if Self.isFailure(status), consumer?.staleIsAllowed == true { return failForStale() }
        publish(head)
        consumer?.answerHead(head, knownLength: keptLength)
        let bytes = keptBytes
        keptBytes = []
        if !bytes.isEmpty { forward(bytes.span) }
    }

    /// A stream is published as it flows; a plain answer is shown to followers only at its end, when it is known to be shareable.
    private func publish(_ head: FlightHead) {
        guard let flight else { return }
        if Self.isFailure(status) { return }
        flight.publish(head)
    }

    var answerForm: AnswerForm {
        if isEventStream { return .serverSentEvents }
        return order.operation == .generateContent && order.wantsStream ? .geminiArray : .json
    }

    static func isFailure(_ status: Int) -> Bool {
        switch status {
        case 408, 409, 425, 429, 500...: true
        default: false
        }
    }

    private static let eventTooLarge = GatewayError(
        status: 502, code: "upstream_event_too_large", message: "The provider sent an event larger than the limit.", source: .upstream)
    private static let redirected = GatewayError(
        status: 502, code: "upstream_redirect", message: "The provider answered with a redirect, which is never followed.",
        source: .upstream)
    private static let stalled = GatewayError(
        status: 504, code: "upstream_timeout", message: "The provider's stream began and brought nothing in time.", source: .upstream)

    var credentialsRefused: GatewayError {
        GatewayError(
            status: 502, code: "provider_credentials",
            message: "\(order.provider) refused the key that the gateway's operator configured (status \(status)).", source: .upstream)
    }

    /// Whether another key of the provider is ready to be used.
    var isAnotherKeyReady: Bool { ticket?.isAnotherKeyReady(at: worker.loop.now) == true }

    private func whyNotKept(_ head: UpstreamHead) -> CacheReason? {
        guard status == 200 else { return .status }
        if isEncoded { return .contentEncoding }
        let isJSON = contentType.starts(with: Array("application/json".utf8))
        guard isEventStream || isJSON else { return .contentType }
        if isEventStream != order.wantsStream, !(isJSON && answerForm == .geminiArray) { return .contentType }
        // Nothing tells whether a body that ends with the connection is whole.
        if head.framing == .untilClose { return .truncated }
        return nil
    }

    /// The upstream's own fields for the client, each a line: what may pass, renamed where the wire contract says so.
    private func passedFields(_ head: UpstreamHead) -> [UInt8] {
        let connection = head.value(of: "connection") ?? []
        var lines: [UInt8] = []
        for field in head.fields {
            let name = head.bytes.span.extracting(field.name)
            if HeaderPolicy.isNominated(name, by: connection.span) || head.isContentType(field) { continue }
            switch HeaderPolicy.responseField(name: name) {
            case .drop: continue
            case .forward: lines.append(span: name)
            case .rename: HeaderPolicy.appendUpstreamName(of: name, to: &lines)
            }
            lines.append(literal: ": ")
            lines.append(span: head.bytes.span.extracting(field.value))
            lines.append(literal: "\r\n")
        }
        return lines
    }

    func transfer(_ transfer: Transfer, receivedBody bytes: Span<UInt8>) {
        guard !isOver, passage != .failed else { return }
        observer?.receive(bytes)
        switch passage {
        case .open:
            if order.isUnified, isEventStream, observer?.isEventTooLarge == true { return fail(.tooLarge, Self.eventTooLarge) }
            forward(bytes)
        case .withheld:
            keptBytes.append(span: bytes)
            checkFirstToken()
        case .awaited, .kept:
            guard keptBytes.count + bytes.count <= Self.keptBytesMax else { return overflow(bytes) }
            keptBytes.append(span: bytes)
        case .failed: break
        }
    }

    private func forward(_ bytes: Span<UInt8>) {
        if let flight, !Self.isFailure(status) { flight.append(bytes) }
        consumer?.answerBytes(bytes)
    }

    /// More than is kept of a failed answer: what it is about stands further up. The rest waits upstream.
    private func overflow(_ bytes: Span<UInt8>) {
        keptBytes.append(span: bytes)
        if passage == .awaited { return judge() }
        transfer?.pause()
    }

    /// The first token commits the stream to this target; an error before it does not.
    private func checkFirstToken() {
        guard let observer else { return judge() }
        if observer.isEventTooLarge { return fail(.tooLarge, Self.eventTooLarge) }
        if observer.hasError, let consumer, consumer.mayTryAgain {
            return fail(.errorInBody, AnswerSummary.errorInStream)
        }
        let hasSpoken = observer.outputCharacters > 0 || observer.hasToolCalls || observer.hasReachedEnd || observer.hasError
        if hasSpoken || keptBytes.count >= Self.withheldBytesMax { judge() }
    }

    /// A withheld stream waits for its first event no longer than for a first byte. Once it speaks it may think as long as any stream may stand
    /// still, which the transfer watches; a client that set a time of its own meant it.
    func checkWaiting(now: MonotonicTime) {
        guard !isOver, passage == .withheld, keptBytes.isEmpty || order.isClientTimeout,
            now >= started.adding(milliseconds: order.request.timeouts.firstByte)
        else {
            return
        }
        fail(AttemptFailure(.stalled, isClientTimeout: order.isClientTimeout), Self.stalled)
    }

    /// The request's deadline has passed, and nothing of this answer has gone out.
    func overrun() {
        guard !isOver, hasHead, passage != .failed, passage != .kept else { return }
        fail(.totalTimeout, UpstreamFailure(.totalTimeout, "").gatewayError(provider: order.provider))
    }

    func transferCompleted(_ transfer: Transfer) {
        guard !isOver, passage != .failed else { return }
        switch passage {
        case .kept: isKeptWhole = true
        case .awaited:
            isKeptWhole = true
            let kept = keptBytes
            refusalByContent = RefusalReading.refusal(in: kept.span, status: status)
            judge()
            if passage == .open, !isOver { complete() }
        case .withheld:
            let outcome = observer.map { observer in
                var copy = observer
                return copy.finish(transportEndedCleanly: true).outcome
            }
            if outcome == .truncated || outcome == .malformed {
                return fail(.truncated, UpstreamFailure(.truncated, "").gatewayError(provider: order.provider))
            }
            judge()
            if passage == .open, !isOver { complete() }
        case .open: complete()
        case .failed: break
        }
    }

    /// The whole answer was passed on.
    private func complete() {
        isOver = true
        worker.fetches.remove(self)
        let summary = observer?.finish(transportEndedCleanly: true)
        settleMeter(summary)
        if let reason = summary?.finishReasons.first { consumer?.finishReason = reason }
        let isBroken = order.isUnified && isEventStream && status < 300 && summary.map { $0.outcome != .complete } == true
        if isBroken || isSuccess && summary?.outcome == .errorInBody { reportBroken() } else { reportStatus() }
        if isBroken, let summary {
            let error = summary.brokenStreamError
            endFlight(.failed(error))
            worker.counters.add(.upstreamFailures)
            consumer?.answerFailed(error)
        } else {
            let reason = refusal ?? summary.flatMap { whyNotKept($0) } ?? (summary == nil ? .operation : nil)
            settle(reason, summary)
            consumer?.answerEnded()
        }
        consumer = nil
    }

    /// Charges what was used, once, however the transfer ended.
    func settleMeter(_ summary: AnswerSummary?) {
        guard let meter else { return }
        self.meter = nil
        let ending: FetchEnding =
            if status > 0 {
                // Bytes of a coding are no text to count: a client that forbids identity would have its output for nothing.
                .answered(status: status, isStream: answerForm != .json && !isEncoded, summary: isEncoded ? nil : summary)
            } else {
                transfer?.requestBytesSent == true ? .noAnswer : .nothingSent
            }
        let reading = meter.settle(ending, now: worker.limitNow)
        worker.count(reading)
        if let consumer { consumer.add(reading) } else { recordAlone(reading, summary) }
    }

    func transferFailed(_ transfer: Transfer, _ failure: UpstreamFailure) { transferFailed(failure) }

    func transferFailed(_ failure: UpstreamFailure) {
        guard !isOver, passage != .failed else { return }
        // What became of a kept answer's rest changes nothing, unless it turns out to be the last.
        if passage == .kept {
            failureError = failure.gatewayError(provider: order.provider)
            return
        }
        let sentNothing = transfer.map { !$0.requestBytesSent } ?? true
        let attempt = AttemptFailure(failure, sentNothing: sentNothing, isClientTimeout: order.isClientTimeout)
        fail(attempt, failure.gatewayError(provider: order.provider))
    }

    private func fail(_ kind: AttemptFailure.Kind, _ error: GatewayError) { fail(AttemptFailure(kind), error) }

    /// There is no answer, or none that can be passed on. The request decides what follows.
    private func fail(_ failure: AttemptFailure, _ error: GatewayError) {
        settleMeter(observer?.finish(transportEndedCleanly: false))
        transfer?.cancel()
        worker.counters.add(.upstreamFailures)
        worker.noteUpstreamFailure(order, error)
        if isSuccess {
            reportBroken(isClientTimeout: failure.isClientTimeout)
        } else {
            ticket?.report(.of(failure, traits), at: worker.loop.now, random: worker.nextRandom())
        }
        failureError = error
        passage = .failed
        if let consumer { consumer.attemptFailed(self, failure, error) } else { giveUp(error) }
    }

    /// A failure where a stale entry may stand in: the upstream's own body is not wanted.
    private func failForStale() {
        giveUp(GatewayError(status: 502, code: "upstream_error", message: "The provider answered \(status).", source: .upstream))
    }

    /// The end of the request's attempts: there is no answer.
    func giveUp(_ error: GatewayError) {
        guard !isOver else { return }
        isOver = true
        settleMeter(observer?.finish(transportEndedCleanly: false))
        transfer?.cancel()
        worker.fetches.remove(self)
        endFlight(.failed(error))
        let consumer = self.consumer
        self.consumer = nil
        consumer?.answerFailed(error, upstreamStatus: status == 0 ? nil : status)
    }
}
