// Phase 14's record: what a finished request leaves in the event log, the rollups and the metrics. Made of what the exchange holds anyway.

import EventLog
import GatewayConfiguration
import GatewayModel
import JSON
import HTTP1
import RateLimiting
import Telemetry
import Tenants

extension Exchange {
    /// Tells the request as an event; made in place, for one has fifteen texts and lists that a copy would each have to count.
    func tell(_ event: inout GatewayEvent, status: Int, error: GatewayError?, now: MonotonicTime) {
        event.tenant = tenant?.tenant.id ?? ""
        if let identity { event.keyID = snapshot.keys.keys[Int(identity.key)].id }
        event.route = plan?.route?.definition.name ?? ""
        event.provider = facts.provider
        event.model = facts.model
        event.operation = operation == .other && plan == nil ? "" : operation.name
        event.path = path
        if !facts.eventID.isEmpty { event.eventID = String(decoding: facts.eventID, as: UTF8.self) }
        event.status = status
        if let error { event.errorCode = error.code }
        event.errorKind = .of(status: status, error: error)
        event.cacheLayer = facts.cache.layer
        event.cacheStatus = facts.cache.summary
        event.cacheReason = facts.cache.reason
        if let answered = facts.similar { event.similarity = answered.cosine }
        event.durationMicroseconds = now.nanoseconds(since: started) / 1000
        event.overheadMicroseconds = facts.overheadNanoseconds / 1000
        if let firstByteAt { event.firstByteMicroseconds = max(1, firstByteAt.nanoseconds(since: started) / 1000) }
        event.requestBytes = client.bodyBytes
        event.responseBytes = responseBytes
        event.step = facts.step
        if wantsStream { event.flags.insert(.stream) }
        addUse(to: &event)
        if facts.similar != nil { snapshot.semantic?.noteSaved(tokens: event.tokensSaved, costNanoUSD: event.costSavedNanoUSD) }
        addAttempts(to: &event)
        addMetadata(to: &event)
        addPayloads(to: &event)
        event.trace = trace
    }

    private func addUse(to event: inout GatewayEvent) {
        event.finishReason = finishReason
        if let reading {
            event.addUse(reading)
            if let usage = reading.usage, let price = customPrice() {
                // What the client says it pays; what is charged is another matter.
                event.costNanoUSD = UInt64(clamping: Tariff(price: price).use(of: usage).cost)
                event.flags.insert(.customCost)
            }
        }
        guard let saved = savedUsage else { return }
        event.tokensSaved = saved.total
        guard let plan else { return }
        let tariff = snapshot.prices.tariff(provider: snapshot.providers.providerNames[plan.provider], model: plan.model)
        if tariff.price != nil { event.costSavedNanoUSD = UInt64(clamping: tariff.use(of: saved).cost) }
    }

    private func addAttempts(to event: inout GatewayEvent) {
        event.attemptCount = attemptCount
        guard attemptCount > 0 else { return }
        event.attempts = attemptNotes.map { GatewayEvent.Attempt($0) }
    }

    /// The operator's metadata before the client's, as one flat object.
    private func addMetadata(to event: inout GatewayEvent) {
        guard let identity, tenant != nil else { return }
        let hasNone =
            snapshot.keys.keys[Int(identity.key)].metadata.entries.isEmpty && tenant?.tenant.metadata.entries.isEmpty != false
        if hasNone, !present.contains(.cfAigMetadata), universal == nil { return }
        guard let metadata = requestMetadata(identity) else { return }
        var object = JSONObject()
        for (name, value) in metadata.entries.prefix(RequestMetadata.entriesMax) where object[name] == nil {
            object[name] = .string(String(value.prefix(256)))
        }
        if object.members.isEmpty { return }
        var bytes: [UInt8] = []
        JSONValue.object(object).write(to: &bytes)
        event.metadata = String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Its place in a trace

    /// Takes up the caller's trace, or begins one where spans are exported.
    func findTrace(_ head: RequestHead) {
        let exports = snapshot.exportsSpans
        if let range = head.first(.traceparent), let caller = TraceContext(traceparent: head.bytes.span.extracting(range)) {
            trace = GatewayEvent.Trace(
                traceHigh: caller.traceHigh, traceLow: caller.traceLow, parentSpan: caller.span, span: worker.nextRandom() | 1,
                isSampled: caller.isSampled && exports)
        } else if exports {
            let isSampled = Double(worker.nextRandom() >> 11) < snapshot.configuration.events.otlpSample * 0x1p53
            trace = GatewayEvent.Trace(
                traceHigh: worker.nextRandom() | 1, traceLow: worker.nextRandom(), parentSpan: 0, span: worker.nextRandom() | 1,
                isSampled: isSampled)
        }
    }

    /// `traceparent` for an attempt: below its own span where that is exported, else as the caller sent it; `nil` leaves the field alone.
    var upstreamTraceparent: String? {
        guard let trace, snapshot.exportsSpans else { return nil }
        let number = max(0, (attempts?.machine.attempts ?? 1) - 1)
        return TraceContext(
            traceHigh: trace.traceHigh, traceLow: trace.traceLow, span: SpanSource.span(ofAttempt: number, below: trace.span),
            isSampled: trace.isSampled
        ).traceparent
    }

    // MARK: What is collected

    /// Whether this request has a row, and whether its bodies are kept: the policy, and what the client says to it.
    var collection: Collection {
        if let known = knownCollection { return known }
        let policy = eventPolicy
        let wantsRow = flag(.cfAigCollectLog)
        let wantsPayload = flag(.cfAigCollectLogPayload)
        let rows = wantsRow ?? policy.collects
        let asksForPayload = wantsPayload == true || wantsRow == true && wantsPayload == nil && policy.collectsPayloads
        let payloads = wantsPayload == false ? false : policy.collectsPayloads || asksForPayload && policy.mayCollectPayloads
        let found = Collection(rows: rows, payloads: rows && payloads)
        knownCollection = found
        return found
    }

    /// Most requests have nothing of their own to say.
    private var eventPolicy: EventPolicy {
        let isPlain = plan?.route == nil && tenant?.tenant.collectsEvents == nil && tenant?.tenant.collectsPayloads == nil
        if isPlain { return snapshot.eventDefaults }
        return snapshot.configuration.eventPolicy(route: plan?.route?.definition, tenant: tenant?.tenant)
    }

    private func flag(_ name: FieldName) -> Bool? {
        guard present.contains(name), let text = client.head.text(name) else { return nil }
        switch text {
        case "true", "1": return true
        case "false", "0": return false
        default: return nil
        }
    }

    /// Keeps a piece of the answer's body for the row.
    func collect(_ bytes: Span<UInt8>) {
        responseBytes &+= UInt64(bytes.count)
        guard collection.payloads else { return }
        let room = collectedBytesMax - collected.count
        if room > 0 { collected.append(span: bytes.extracting(0..<min(room, bytes.count))) }
    }

    /// What the composer's last whole answer holds behind its head.
    func collectComposed() {
        let count = worker.composer.bodyCount
        guard collection.payloads else { return responseBytes &+= UInt64(count) }
        let body = worker.composer.body
        collect(body.span)
    }

    /// A little more than is kept, so that what is redacted at the end is seen whole.
    private var collectedBytesMax: Int { snapshot.configuration.events.payloadBytesMax + 512 }

    private func addPayloads(to event: inout GatewayEvent) {
        let collection = self.collection
        if !collection.rows { event.flags.insert(.uncollected) }
        guard collection.payloads else { return }
        let limit = collectedBytesMax
        if client.bodyBytes > 0 { event.request = .init(bytes: Array(body.prefix(limit)), fullLength: client.bodyBytes) }
        if responseBytes > 0 { event.response = .init(bytes: collected, fullLength: responseBytes) }
    }
}

/// What of one request goes into the event log.
struct Collection: Equatable {
    var rows: Bool
    var payloads: Bool
}

extension GatewayEvent {
    /// What an answer used and cost. Tokens are the provider's own counts where it gave them: those that the counters count.
    mutating func addUse(_ reading: MeterReading) {
        tokensIn = UInt64(clamping: reading.told.input)
        tokensOut = UInt64(clamping: reading.told.output)
        tokensCached = UInt64(clamping: reading.told.cached)
        costNanoUSD = UInt64(clamping: reading.use.cost)
        if reading.isEstimated { flags.insert(.estimated) }
        if reading.isUnpriced, reading.use != MeteredUse() { flags.insert(.unpriced) }
        if reading.usage?.isSuspect == true { flags.insert(.suspect) }
    }
}

extension GatewayEvent.Attempt {
    /// An attempt as it was noted.
    init(_ note: AttemptNote) {
        self.init(
            provider: note.provider, model: note.model, status: note.status,
            failure: note.failure?.rawValue ?? (note.isOutrun ? "outrun" : ""),
            microseconds: note.microseconds, isRepeat: note.isRepeat)
    }
}

extension Usage {
    /// Input and output together.
    var total: UInt64 {
        let sum = inputTokens.addingReportingOverflow(outputTokens)
        return UInt64(clamping: sum.overflow ? .max : sum.partialValue)
    }
}

extension GatewayEvent.ErrorKind {
    /// The kind of an end: by the gateway's own error where there is one, else by the provider's status.
    static func of(status: Int, error: GatewayError?) -> GatewayEvent.ErrorKind {
        guard let error else {
            switch status {
            case ..<400: return .none
            case 499: return .clientLeft
            case 408, 409, 425, 429, 500...: return .upstream
            default: return .rejected
            }
        }
        switch error.status {
        case 401: return .unauthenticated
        case 429: return error.code == "too_many_failed_keys" ? .unauthenticated : .limited
        case 503: return .overloaded
        case 504: return error.source == .client ? .refused : .timeout
        case 502: return .upstream
        default: return error.code == "request_exceeds_limit" ? .limited : .refused
        }
    }
}
