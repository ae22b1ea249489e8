// Phases 12 and 13 on the upstream's side: one transfer, what is learnt from its bytes as they pass, and what is kept at the end.
//
// The fetch belongs to its loop, not to the request that ordered it. When that client leaves, the fetch goes on while others follow its flight,
// and is cancelled otherwise. Bytes are forwarded as they come; beside that they are looked at once (usage, finish, clean end) and, when the
// answer may be kept or shared, copied once into the flight's buffer.

import EventLoop
import ExactCache
import GatewayModel
import HTTP1
import Providers
import Upstream

/// See the file's header. Confined to its loop.
final class Fetch: TransferDelegate {
    let order: FetchOrder
    private let worker: LoopWorker
    /// Who gets the answer first-hand; `nil` for background refreshes and once the client has left.
    weak var consumer: Exchange?
    /// Shared with followers, and the capture for the store. `nil` when nobody may share and nothing is kept.
    private let flight: Flight?
    private let isRegistered: Bool
    private var transfer: Transfer?
    private var observer: AnswerObserver?
    private var status = 0
    private var contentType: [UInt8] = []
    private var isEventStream = false
    /// Whether the body came in a content coding, so that nothing can be read from it.
    private var isEncoded = false
    private var refusal: CacheReason?
    private var isOver = false {
        didSet { giveSlotBack() }
    }
    /// The place a background refresh takes; requests hold their own.
    private var slot: LoadCell?
    private let started = MonotonicTime.now()
    /// What the fetch may use of tokens and money; `nil` for operations that use neither.
    private var meter: Meter?

    init(_ order: FetchOrder, meter: Meter?, flight: Flight?, worker: LoopWorker, slot: LoadCell? = nil) {
        self.order = order
        self.meter = meter
        self.worker = worker
        self.slot = slot
        isRegistered = flight != nil
        if let flight {
            self.flight = flight
        } else if let record = order.record {
            self.flight = Flight(
                key: record.digest, isStream: order.wantsStream,
                limits: order.embeddings == nil ? worker.snapshot.flightLimits : worker.snapshot.batchFlightLimits)
        } else {
            self.flight = nil
        }
    }

    /// Starts the transfer; a failure to start is told like any other.
    func start() {
        worker.counters.add(.attempts)
        worker.fetches.insert(self)
        do throws(UpstreamFailure) {
            transfer = try worker.upstream.start(order.request, delegate: self)
        } catch {
            transferFailed(error)
        }
    }

    private func giveSlotBack() {
        slot?.leave()
        slot = nil
    }

    // MARK: The consumer's side

    /// The client has left, or has its answer. Without followers the transfer is not worth going on.
    func consumerLeft(_ exchange: Exchange) {
        guard consumer === exchange else { return }
        consumer = nil
        // Clients close as soon as they have read the end mark. The transport's own end is a moment away, and the answer is worth keeping.
        guard !isOver, observer?.hasReachedEnd != true else { return }
        guard isRegistered, let flight else { return cancel(.clientLeft) }
        let bound = LoopBound(self, loop: worker.loop)
        let mailbox = worker.loop.mailbox
        let goesOn = flight.leaderLeft { _ = mailbox.post { if !flight.hasFollowers { bound.value.cancel(.clientLeft) } } }
        if goesOn { transfer?.resume() } else { cancel(.clientLeft) }
    }

    /// Stops the transfer for good.
    func cancel(_ reason: CacheReason) {
        guard !isOver else { return }
        isOver = true
        settleMeter(observer?.finish(transportEndedCleanly: false))
        transfer?.cancel()
        worker.counters.add(reason)
        let error = GatewayError(status: 502, code: "upstream_cancelled", message: "The request was given up.", source: .gateway)
        if isRegistered, let flight { worker.shared.flights.end(flight, .failed(error)) }
        worker.fetches.remove(self)
    }

    /// The client is behind. Followers are not held up by it: with any, its output queue grows to the connection's limit instead.
    func pause(for exchange: Exchange) {
        guard consumer === exchange else { return }
        if isRegistered, let flight {
            let bound = LoopBound(self, loop: worker.loop)
            let mailbox = worker.loop.mailbox
            guard flight.leaderPauses({ _ = mailbox.post { bound.value.transfer?.resume() } }) else { return }
        }
        transfer?.pause()
    }

    func resume(for exchange: Exchange) {
        guard consumer === exchange else { return }
        transfer?.resume()
    }

    /// A piece of a body that is streamed up.
    func sendBody(_ bytes: Span<UInt8>, from exchange: Exchange) {
        guard let transfer, !isOver else { return }
        transfer.send(bytes)
        if transfer.sendPendingBytes > worker.snapshot.limits.clientBufferBytes { exchange.client.holdBody() }
    }

    func finishBody() { transfer?.finishBody() }

    func transferReadyForBody(_ transfer: Transfer) { consumer?.client.continueBody() }

    // MARK: The upstream's side

    func transfer(_ transfer: Transfer, receivedHead head: UpstreamHead) {
        guard !isOver else { return }
        status = head.status
        contentType = head.value(of: "content-type") ?? []
        isEventStream = contentType.starts(with: Array("text/event-stream".utf8))
        if [301, 302, 303, 307, 308].contains(status) { return fail(Self.redirected) }
        if !order.usesClientCredential, status == 401 || status == 403 { return fail(credentialsRefused) }
        if order.operation.hasJSONBody {
            observer = AnswerObserver(
                operation: order.operation, form: answerForm, eventBytesMax: worker.snapshot.limits.eventBytesMax,
                requiresDoneMarker: order.requiresDoneMarker)
        }
        isEncoded = head.value(of: "content-encoding").map { $0 != Array("identity".utf8) } ?? false
        refusal = whyNotKept(head)
        if Self.isFailure(status) { worker.counters.add(.upstreamFailures) }
        if status >= 500, consumer?.staleIsAllowed == true { return failForStale() }
        let flightHead = FlightHead(
            status: status, fields: passedFields(head), contentType: contentType, isEventStream: isEventStream, provider: order.provider,
            model: order.model, refusal: order.record == nil ? nil : refusal)
        publish(flightHead)
        consumer?.answerHead(flightHead, knownLength: head.knownLength)
    }

    /// A stream is published as it flows; a plain answer is shown to followers only at its end, when it is known to be shareable.
    private func publish(_ head: FlightHead) {
        guard let flight else { return }
        if Self.isFailure(status) { return }
        flight.publish(head)
    }

    private var answerForm: AnswerForm {
        if isEventStream { return .serverSentEvents }
        return order.operation == .generateContent && order.wantsStream ? .geminiArray : .json
    }

    private static func isFailure(_ status: Int) -> Bool {
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

    private var credentialsRefused: GatewayError {
        GatewayError(
            status: 502, code: "provider_credentials",
            message: "\(order.provider) refused the key that the gateway's operator configured (status \(status)).", source: .upstream)
    }

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
        guard !isOver else { return }
        observer?.receive(bytes)
        if order.isUnified, isEventStream, observer?.isEventTooLarge == true { return fail(Self.eventTooLarge) }
        if let flight, !Self.isFailure(status) { flight.append(bytes) }
        consumer?.answerBytes(bytes)
    }

    func transferCompleted(_ transfer: Transfer) {
        guard !isOver else { return }
        isOver = true
        worker.fetches.remove(self)
        let summary = observer?.finish(transportEndedCleanly: true)
        settleMeter(summary)
        let isBroken = order.isUnified && isEventStream && status < 300 && summary.map { $0.outcome != .complete } == true
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

    /// Keeps the answer if it may be kept, and tells the followers. The record is readable before the flight is forgotten.
    private func settle(_ reason: CacheReason?, _ summary: AnswerSummary?) {
        var reason = reason
        var isShared = reason == nil
        if reason == nil, let summary {
            reason = store(summary)
            // The store's own trouble is no reason to send everybody who waits to the provider.
            if let reason, reason != .storeUnavailable && reason != .purged { isShared = false }
        }
        if let reason, order.record != nil {
            worker.counters.add(.storeRejected)
            worker.counters.add(reason)
        }
        guard isRegistered else { return }
        if isShared {
            endFlight(.complete)
        } else if Self.isFailure(status) {
            endFlight(
                .failed(GatewayError(status: 502, code: "upstream_error", message: "The provider answered \(status).", source: .upstream)))
        } else if status >= 400 {
            endFlight(.refusedUpstream)
        } else {
            if let flight { worker.shared.flights.markUnshared(flight.key, now: worker.loop.now) }
            endFlight(.notShared(reason ?? .operation))
        }
    }

    private func endFlight(_ end: FlightEnd) {
        if isRegistered, let flight { worker.shared.flights.end(flight, end) }
    }

    /// What the answer itself forbids.
    private func whyNotKept(_ summary: AnswerSummary) -> CacheReason? {
        guard let record = order.record else { return .off }
        switch summary.outcome {
        case .complete: break
        case .truncated: return .truncated
        case .errorInBody: return .errorInBody
        case .eventTooLarge: return .entryTooLarge
        case .malformed: return .malformedAnswer
        }
        if order.operation.kind == .embed { return nil }
        if summary.hasToolCalls { return record.storesToolCalls ? nil : .toolCalls }
        if !summary.finishIsNatural { return .finishReason }
        if summary.choiceCount > 1 { return .multipleChoices }
        return nil
    }

    private func store(_ summary: AnswerSummary) -> CacheReason? {
        guard let record = order.record, let flight, let cache = worker.shared.cache else { return .off }
        guard let body = flight.captured() else { return .entryTooLarge }
        let created = worker.cacheNow
        if let batch = order.embeddings {
            let records = batch.records(from: body.span) { body, usage in
                record.make(order, body: body, contentType: contentType, isStream: false, usage: usage, created: created)
            }
            guard let records else { return .malformedAnswer }
            for (digest, item) in records { if let reason = cache.store(item, for: digest, begun: record.purgeEpoch) { return reason } }
        } else {
            guard let (body, type) = recordedForm(body) else { return .noReplayForm }
            var kept = record.make(
                order, body: body, contentType: type, isStream: order.wantsStream, usage: summary.usage, created: created)
            kept.finishReason = summary.finishReasons.joined(separator: ",")
            kept.usageEventRange = summary.usageEventRange
            kept.hasToolCalls = summary.hasToolCalls
            if let reason = cache.store(kept, for: record.digest, begun: record.purgeEpoch) { return reason }
        }
        worker.counters.add(.stored)
        return nil
    }

    /// The form an answer is kept in: as it came, but a stream in Gemini's array form as the events it stands for.
    private func recordedForm(_ body: [UInt8]) -> (body: [UInt8], contentType: [UInt8])? {
        guard answerForm == .geminiArray else { return (body, contentType) }
        let events = Replay.convert(
            body.span, operation: order.operation, from: .geminiArray, to: .serverSentEvents, includesUsage: true)
        return events.map { ($0, Array("text/event-stream; charset=utf-8".utf8)) }
    }

    /// Charges what was used, once, however the transfer ended.
    private func settleMeter(_ summary: AnswerSummary?) {
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
        consumer?.reading = reading
    }

    func transferFailed(_ transfer: Transfer, _ failure: UpstreamFailure) { transferFailed(failure) }

    private func transferFailed(_ failure: UpstreamFailure) {
        guard !isOver else { return }
        fail(failure.gatewayError(provider: order.provider))
    }

    /// A 5xx where a stale entry may stand in: the upstream's own body is not wanted.
    private func failForStale() {
        fail(GatewayError(status: 502, code: "upstream_error", message: "The provider answered \(status).", source: .upstream))
    }

    private func fail(_ error: GatewayError) {
        isOver = true
        settleMeter(observer?.finish(transportEndedCleanly: false))
        transfer?.cancel()
        worker.fetches.remove(self)
        worker.counters.add(.upstreamFailures)
        worker.noteUpstreamFailure(order, error)
        endFlight(.failed(error))
        let consumer = self.consumer
        self.consumer = nil
        consumer?.answerFailed(error, upstreamStatus: status == 0 ? nil : status)
    }
}

@available(*, unavailable)
extension Fetch: Sendable {}

extension UpstreamHead {
    /// Whether a field is `content-type`, which is written anew because a converted answer has another.
    func isContentType(_ field: Field) -> Bool {
        field.name.count == 12 && zip(bytes[field.name], "content-type".utf8).allSatisfy { $0 | 0x20 == $1 || $0 == $1 }
    }

    /// The body's length where the upstream declared it.
    var knownLength: Int? {
        if case .length(let count) = framing { return Int(exactly: count) }
        return nil
    }
}

extension AnswerSummary {
    /// What the client of a unified stream is told when the stream ended without its proper end.
    var brokenStreamError: GatewayError {
        switch outcome {
        case .errorInBody:
            GatewayError(
                status: 502, code: "upstream_error", message: "The provider reported an error inside the stream.", source: .upstream)
        case .eventTooLarge:
            GatewayError(
                status: 502, code: "upstream_event_too_large", message: "The provider sent an event larger than the limit.",
                source: .upstream)
        case .truncated, .malformed, .complete:
            GatewayError(status: 502, code: "upstream_truncated", message: "The answer broke off before its end.", source: .upstream)
        }
    }

}

extension UpstreamFailure {
    /// The failure as the client sees it: 504 for what took too long, 502 for what broke.
    func gatewayError(provider: String) -> GatewayError {
        let (status, code, what): (Int, String, String) =
            switch kind {
            case .dns: (502, "upstream_unresolved", "its name could not be resolved")
            case .connectRefused: (502, "upstream_refused", "nobody listens there")
            case .connectTimeout: (504, "upstream_connect_timeout", "no connection came about in time")
            case .tls: (502, "upstream_tls", "its certificate or TLS version was not accepted")
            case .egressRefused: (502, "egress_refused", "its address is not one the operator allows")
            case .firstByteTimeout: (504, "upstream_timeout", "no answer began in time")
            case .idleTimeout: (504, "upstream_idle_timeout", "the answer stood still")
            case .totalTimeout: (504, "upstream_total_timeout", "the answer took too long")
            case .reset: (502, "upstream_reset", "the connection was reset")
            case .truncated: (502, "upstream_truncated", "the answer broke off before its end")
            case .protocolError: (502, "upstream_protocol", "it does not speak HTTP as it should")
            case .tooLarge: (502, "upstream_head_too_large", "its answer's head is too large")
            case .sendFailed: (502, "upstream_send_failed", "the request could not be sent in full")
            case .local: (503, "overloaded", "the gateway lacks room for another transfer")
            }
        return GatewayError(
            status: status, code: code, message: "No answer from \(provider): \(what).", retryAfterSeconds: status == 503 ? 1 : nil,
            source: status == 503 ? .gateway : .upstream)
    }
}
