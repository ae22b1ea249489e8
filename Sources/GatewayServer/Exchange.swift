// One request and its answer. The connection makes one exchange and uses it for one request after another; `number` tells late messages of an
// earlier request apart. Phases 1, 4 and 14 are here; the others in the files that RequestPhases.swift names.

import EventLog
import EventLoop
import ExactCache
import GatewayConfiguration
import GatewayModel
import HTTP1
import Providers
import RateLimiting
import RequestScan
import Routing
import Tenants

/// See the file's header. Confined to its connection's loop.
final class Exchange {
    unowned let client: ClientConnection
    var machine = RequestMachine()
    /// Counts the requests of this connection.
    private(set) var number: UInt64 = 0

    // What the head says.
    var started = MonotonicTime(nanoseconds: 0)
    var requestID = RequestID(at: WallTime(milliseconds: 0), random: (0, 0))
    var routed = RoutedRequest.health(.live)
    var dialect = Dialect.openAI
    var operation = Operation.other
    var isUnified = false
    var isHead = false

    /// Which known fields the head has.
    var present = FieldNameSet()
    var hasQuery = false
    /// The path, for the event.
    var path = ""

    // Who asks.
    var identity: KeyIdentity?
    var tenant: TenantState?
    /// The client's own provider key and the field it came in, where the tenant's policy wants it used.
    var clientCredential: ClientCredential?

    // What is asked.
    var body: [UInt8] = []
    var scan: RequestScan?
    var wantsStream = false
    /// Whether this request asked for the usage event of a stream (others always report usage).
    var wantsUsage = true
    var plan: UpstreamPlan?
    var directives = CacheDirectives()
    var policy: CachePolicy
    var cacheReason: CacheReason?
    var digest: Digest256?

    // Where the answer comes from.
    let facts = AnswerFacts(requestID: RequestID(at: WallTime(milliseconds: 0), random: (0, 0)))
    var fetch: Fetch?
    var flight: Flight?
    var followerID: UInt64 = 0
    var embeddings: EmbeddingsBatch?
    /// What the semantic cache knows of the request; `nil` where it takes no part.
    var similar: SimilarRequest?
    /// The flight that this request leads while it waits for its vector.
    var similarFlight: Flight?
    var staleIsAllowed = false
    var holdsSlot = false
    var isQueued = false
    /// What the request counts against.
    let limits = AppliedLimits()
    /// Whether it was charged as a request; a hit found after that is not charged again.
    var isCharged = false
    /// The attempts to get an answer, once one was begun.
    var attempts: RequestAttempts?
    /// How many attempts were made, and what became of them, for the event.
    var attemptCount = 0
    var attemptNotes: [AttemptNote] = []
    /// What was used for an answer that no provider had to make for this request.
    var savedUsage: Usage?
    var finishReason = ""
    /// Bytes of the answer's body handed to the connection, and those of them that go into the event log.
    var responseBytes: UInt64 = 0
    var collected: [UInt8] = []
    var knownCollection: Collection?
    /// When the answer's head went out.
    var firstByteAt: MonotonicTime?
    /// The request's place in a trace.
    var trace: GatewayEvent.Trace?
    /// The route's targets in the order for this request; `nil` where the request names its one target.
    var plannedRoute: PlannedRoute?
    /// The steps of a universal request; `nil` for any other.
    var universal: UniversalPlan?
    /// What the client's own fields say about attempts.
    var attemptFields = AttemptFields()
    var isClientTimeout = false
    /// How many groups of limits are the key's and the tenant's own.
    var scopeLimitsCount = 0
    /// What was used upstream on this request's account; `nil` for hits, followers and refusals.
    var reading: MeterReading?
    var answerStatus = 0
    var isChunked = false
    var isCloseFramed = false
    var held: [UInt8] = []
    var heldHead: FlightHead?
    var knownLength: Int?
    /// The form a stream takes: server-sent events, or Gemini's JSON array.
    var streamForm = AnswerForm.serverSentEvents
    var usageFilter: UsageEventFilter?
    var upstreamStarted: MonotonicTime?
    /// Until when somebody else's answer may keep this request waiting for its first byte.
    var followsUntil = MonotonicTime(nanoseconds: 0)
    var isSuspended = false
    var keepsAlive = true
    private(set) var isHTTP10 = false

    let worker: LoopWorker
    /// What the request is judged by from its head to its end: its indexes of keys, tenants and providers mean nothing in another snapshot.
    private(set) var snapshot: GatewaySnapshot

    init(_ client: ClientConnection) {
        self.client = client
        worker = client.worker
        snapshot = client.worker.snapshot
        policy = snapshot.configuration.cache.standard
    }

    /// Lets an exchange between two requests forget a snapshot that is no longer in force.
    func adopt(_ snapshot: GatewaySnapshot) { if !isUnderWay { self.snapshot = snapshot } }

    /// Whether a request is being read, decided or answered.
    var isUnderWay: Bool { machine.state != .idle && machine.state != .finished }

    // MARK: 1 accept

    /// A head was parsed. Answers at once where it can, before any byte of the body is read.
    func begin(_ head: RequestHead) {
        reset()
        snapshot = worker.snapshot
        started = .now()
        requestID = worker.makeRequestID()
        facts.reset(requestID)
        isHTTP10 = head.isHTTP10
        keepsAlive = head.keepsAlive && !client.isLastRequest
        isHead = head.method == .head
        present = head.present
        hasQuery = head.query != nil
        path = worker.text(ofPath: head.bytes.span.extracting(head.path))
        if let range = head.first(.cfAigEventID) { facts.eventID = Array(head.bytes[range].prefix(256)) }
        findTrace(head)
        let name = head.method.name
        let method = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        routed = snapshot.router.route(
            method: method.span, path: head.bytes.span.extracting(head.path),
            query: head.bytes.span.extracting(head.queryRange),
            hasAnthropicVersion: head.first(.anthropicVersion) != nil)
        dialect = routed.dialect
        let expectsBody = head.hasBody
        _ = machine.receivedHead(expectsBody: expectsBody)
        if case .health(let check) = routed { return answer(health: check) }
        do throws(GatewayError) {
            try refuseWhenDraining()
            try identify(head)
            try route(head)
            try checkBody(head)
        } catch {
            return refuse(error)
        }
        if streamsBody { return startStreamedUpload(head) }
        if !expectsBody { return decide() }
        if head.expectsContinue { client.sendContinue() }
    }

    private func reset() {
        machine.reset()
        number &+= 1
        identity = nil
        tenant = nil
        clientCredential = nil
        body.removeAll(keepingCapacity: body.capacity <= 16 * 1024)
        scan = nil
        wantsStream = false
        wantsUsage = true
        plan = nil
        if !directives.areDefault { directives = CacheDirectives() }
        cacheReason = nil
        digest = nil
        fetch = nil
        flight = nil
        embeddings = nil
        similar = nil
        similarFlight = nil
        staleIsAllowed = false
        answerStatus = 0
        isChunked = false
        isCloseFramed = false
        held = []
        heldHead = nil
        knownLength = nil
        streamForm = .serverSentEvents
        usageFilter = nil
        upstreamStarted = nil
        isSuspended = false
        limits.reset()
        isCharged = false
        attempts = nil
        attemptCount = 0
        if !attemptNotes.isEmpty { attemptNotes = [] }
        savedUsage = nil
        if !finishReason.isEmpty { finishReason = "" }
        responseBytes = 0
        if !collected.isEmpty { collected = [] }
        knownCollection = nil
        firstByteAt = nil
        trace = nil
        plannedRoute = nil
        universal = nil
        isClientTimeout = false
        reading = nil
        operation = .other
        isUnified = false
    }

    private func refuseWhenDraining() throws(GatewayError) {
        guard worker.isDraining else { return }
        worker.counters.add(.shed)
        throw GatewayError(
            status: 503, code: "draining", message: "The gateway is shutting down. Retry; another instance will answer.",
            retryAfterSeconds: 1, closesConnection: true, source: .gateway)
    }

    private func answer(health check: HealthCheck) {
        let isReady = worker.shared.lifecycle.isReady && !worker.isDraining
        let isGood = check == .live || isReady
        facts.keepsAlive = keepsAlive
        facts.isHTTP10 = isHTTP10
        worker.composer.whole(
            status: isGood ? 200 : 503, contentType: "text/plain", body: Array((isGood ? "ok\n" : "not ready\n").utf8), facts: facts,
            now: worker.wallNow, isHead: isHead)
        client.sendComposed()
        machine.answered()
        client.finished(keepsAlive: keepsAlive)
    }

    // MARK: 4 read

    /// Whether the body is forwarded as it comes, unscanned: operations that are not declared JSON.
    var streamsBody: Bool {
        guard case .native(let request) = routed else { return false }
        return !request.operation.hasJSONBody
    }

    private func checkBody(_ head: RequestHead) throws(GatewayError) {
        if let declared = head.declaredBodyLength, declared > bodyBytesMax { throw bodyTooLarge }
        guard !streamsBody else { return }
        var takesJSON = operation.hasJSONBody
        if case .universal = routed { takesJSON = true }
        guard takesJSON else { return }
        if let range = head.first(.contentEncoding), !head.valueEquals(range, "identity") {
            throw GatewayError(
                status: 415, code: "unsupported_content_encoding", message: "Send the body unencoded: no Content-Encoding.",
                param: "content-encoding")
        }
        if let range = head.first(.contentType), !Self.isJSON(head.bytes.span.extracting(range)) {
            throw GatewayError(
                status: 415, code: "unsupported_media_type", message: "This operation takes application/json.", param: "content-type")
        }
    }

    /// A body that is buffered and one that streams through have limits of their own.
    private var bodyBytesMax: UInt64 { streamsBody ? snapshot.limits.uploadBytesMax : UInt64(snapshot.limits.bodyBytesMax) }

    private var bodyTooLarge: GatewayError {
        GatewayError(
            status: 413, code: "body_too_large", message: "The body is larger than \(bodyBytesMax) bytes.", closesConnection: true)
    }

    /// What a declared length is believed before its bytes are there.
    private static let bodyBytesReserved = 256 << 10

    private static func isJSON(_ value: Span<UInt8>) -> Bool {
        let expected: StaticString = "application/json"
        guard value.count >= expected.utf8CodeUnitCount else { return false }
        for index in 0..<expected.utf8CodeUnitCount where value[index] | 0x20 != expected.utf8Start[index] | 0x20 { return false }
        guard value.count > expected.utf8CodeUnitCount else { return true }
        let next = value[expected.utf8CodeUnitCount]
        return next == 0x3B || next == 0x20 || next == 0x09
    }

    /// Bytes of the body arrived.
    func receiveBody(_ bytes: Span<UInt8>) {
        if let fetch, streamsBody {
            // Counted here for those that declared no length.
            guard client.bodyBytes <= bodyBytesMax else { return refuse(bodyTooLarge) }
            return fetch.sendBody(bytes, from: self)
        }
        guard machine.state == .readingBody else { return }
        guard client.bodyBytes <= bodyBytesMax else { return refuse(bodyTooLarge) }
        if body.isEmpty, let declared = client.head.declaredBodyLength, declared > bytes.count {
            body.reserveCapacity(min(Int(clamping: declared), Self.bodyBytesReserved))
        }
        body.append(span: bytes)
    }

    /// The body is whole.
    func receiveEndOfBody() {
        if let fetch, streamsBody { return fetch.finishBody() }
        guard machine.state == .readingBody else { return }
        if machine.receivedBody() == .decide { decide() }
    }

    /// The client was too slow sending its body.
    func refuseSlowClient() {
        guard machine.state == .readingBody || streamsBody else { return }
        refuse(
            GatewayError(
                status: 408, code: "request_timeout", message: "The request's body arrived too slowly.", closesConnection: true))
    }

    // MARK: 5 to 11

    /// Runs the phases that need the whole request, straight through; whatever stops one is the answer.
    func decide() {
        do throws(GatewayError) {
            if try answerLocally() { return }
            if case .universal = routed {
                try beginUniversal()
            } else {
                try scanBody()
                try makePlan()
            }
            try settleCaching()
            if try lookUp() { return }
            try admit()
        } catch {
            refuse(error)
        }
    }
}

@available(*, unavailable)
extension Exchange: Sendable {}
