// Phases 12 and 13 on the upstream's side: one transfer, what is learnt from its bytes as they pass, and what is kept at the end.
//
// A fetch is one attempt; the exchange may follow it with another on the same flight, as long as nothing of an answer has gone out.
// The fetch belongs to its loop, not to the request that ordered it. When that client leaves, the fetch goes on while others follow its flight,
// and is cancelled otherwise. Bytes are forwarded as they come; beside that they are looked at once (usage, finish, clean end) and, when the
// answer may be kept or shared, copied once into the flight's buffer.

import EventLog
import EventLoop
import ExactCache
import GatewayModel
import HTTP1
import Providers
import Routing
import Upstream

/// See the file's header. Confined to its loop.
final class Fetch: TransferDelegate {
    /// How what comes from upstream is passed on.
    enum Passage {
        /// As it comes.
        case open
        /// A stream before its first token: it may still fail over.
        case withheld
        /// A refusal whose body decides whether the route has other targets for it.
        case awaited
        /// A failed answer, kept until it is known not to be the last.
        case kept
        /// There is no answer; the next attempt, or the end, is being decided.
        case failed
    }

    let order: FetchOrder
    let worker: LoopWorker
    /// Who gets the answer first-hand; `nil` for background refreshes and once the client has left.
    weak var consumer: Exchange?
    /// When the request began that counted it among its attempts; `nil` for background refreshes.
    var requestStarted: MonotonicTime?
    /// Shared with followers, and the capture for the store. `nil` when nobody may share and nothing is kept.
    let flight: Flight?
    let isRegistered: Bool
    var transfer: Transfer?
    var observer: AnswerObserver?
    var status = 0
    var contentType: [UInt8] = []
    var isEventStream = false
    /// Whether the body came in a content coding, so that nothing can be read from it.
    var isEncoded = false
    var refusal: CacheReason?
    var isOver = false {
        didSet { giveSlotBack() }
    }
    /// The place a background refresh takes; requests hold their own.
    private var slot: LoadCell?
    let started = MonotonicTime.now()
    /// What the fetch may use of tokens and money; `nil` for operations that use neither.
    var meter: Meter?
    /// Leave to ask the target; says what came of it. `nil` for background refreshes.
    let ticket: HealthTicket?
    let traits: RequestTraits
    /// Its target's number among the request's candidates.
    var candidate = 0
    /// What it asks; `nil` for background refreshes.
    var target: Candidate?
    var isRepeat = false
    var passage = Passage.open
    /// The head and bytes that are not passed on yet.
    var keptHead: FlightHead?
    var keptLength: Int?
    var keptBytes: [UInt8] = []
    /// Whether a kept answer has come to its end.
    var isKeptWhole = false
    var failureError: GatewayError?
    /// What a refusal's body says, once it was read.
    var refusalByContent: UpstreamRefusal?
    var retryAfterNanoseconds: UInt64?

    /// The most of a withheld or kept answer that is held in memory.
    static let keptBytesMax = 64 * 1024
    /// A stream that says so much without a token is passed on.
    static let withheldBytesMax = 16 * 1024

    init(
        _ order: FetchOrder, meter: Meter?, ticket: HealthTicket?, traits: RequestTraits, flight: Flight?, worker: LoopWorker,
        slot: LoadCell? = nil
    ) {
        self.order = order
        self.meter = meter
        self.ticket = ticket
        self.traits = traits
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
        // What was used until now is this request's, unless others still wait for the rest.
        defer { consumer = nil }
        // Clients close as soon as they have read the end mark. The transport's own end is a moment away, and the answer is worth keeping.
        guard !isOver, passage != .open || observer?.hasReachedEnd != true else { return }
        guard isRegistered, let flight, passage == .open || passage == .withheld else { return cancel(.clientLeft) }
        let bound = LoopBound(self, loop: worker.loop)
        let mailbox = worker.loop.mailbox
        let goesOn = flight.leaderLeft { _ = mailbox.post { if !flight.hasFollowers { bound.value.cancel(.clientLeft) } } }
        if goesOn { transfer?.resume() } else { cancel(.clientLeft) }
    }

    /// The next attempt begins: this one's answer, if it had any, is not wanted. The flight goes on.
    func makeWay() {
        guard !isOver else { return }
        isOver = true
        settleMeter(observer?.finish(transportEndedCleanly: isKeptWhole))
        transfer?.cancel()
        worker.fetches.remove(self)
        consumer = nil
    }

    /// What was used with nobody to count it for: an event of its own, which is no request.
    func recordAlone(_ reading: MeterReading, _ summary: AnswerSummary?) {
        var event = GatewayEvent(id: worker.makeRequestID(), createdAt: worker.wallNow)
        event.flags = [.background, .uncollected]
        event.tenant = order.account.tenant
        event.keyID = order.account.key
        event.route = order.account.route
        event.provider = order.provider
        event.model = order.model
        event.operation = order.operation.name
        event.status = status
        event.errorKind = .of(status: status == 0 ? 502 : status, error: nil)
        event.cacheLayer = .miss
        event.durationMicroseconds = MonotonicTime.now().nanoseconds(since: started) / 1000
        event.addUse(reading)
        event.finishReason = summary?.finishReasons.first ?? ""
        if requestStarted == nil {
            event.attemptCount = 1
            event.attempts = [GatewayEvent.Attempt(note(nil))]
        }
        worker.record(event)
    }

    /// What the request's event says of it.
    func note(_ failure: AttemptFailure.Kind?, isOutrun: Bool = false) -> AttemptNote {
        AttemptNote(
            provider: order.provider, model: order.model, status: status, failure: failure,
            startMicroseconds: requestStarted.map { started.nanoseconds(since: $0) / 1000 } ?? 0,
            microseconds: MonotonicTime.now().nanoseconds(since: started) / 1000, isRepeat: isRepeat, isOutrun: isOutrun)
    }

    /// Whether a head came.
    var hasHead: Bool { status > 0 }

    /// Whether its answer has begun. A stream's begins with its first token.
    var hasAnswer: Bool { hasHead && passage != .withheld }

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
        guard let transfer, !isOver, passage != .failed else { return }
        transfer.send(bytes)
        if transfer.sendPendingBytes > worker.snapshot.limits.clientBufferBytes { exchange.client.holdBody() }
    }

    func finishBody() { transfer?.finishBody() }

    func transferReadyForBody(_ transfer: Transfer) { consumer?.client.continueBody() }
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
    /// What a stream's error event means as long as nothing of it was passed on.
    static let errorInStream = GatewayError(
        status: 502, code: "upstream_error", message: "The provider reported an error inside the stream.", source: .upstream)

    /// What the client of a unified stream is told when the stream ended without its proper end.
    var brokenStreamError: GatewayError {
        switch outcome {
        case .errorInBody: Self.errorInStream
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
