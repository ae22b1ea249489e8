// Phases 8, 9 and 12: a slot, a flight, a fetch.

import ExactCache
import EventLoop
import GatewayModel
import HTTP1
import Providers
import RequestScan
import Routing
import Tenants
import Upstream

extension Exchange {
    // MARK: 8 admit

    /// Charges the request's own limits, then takes a slot of the process and of the tenant, or waits for one briefly.
    func admit() throws(GatewayError) {
        try chargeRequest()
        do throws(GatewayError) { try takeSlot() } catch {
            // Nothing was begun: it costs no request either.
            refundRequest()
            throw error
        }
    }

    /// A slot alone: for a request that was charged already and followed another's answer.
    func takeSlot() throws(GatewayError) {
        guard let tenant else { return }
        let verdict = worker.admission.admit(self, tenant: tenant.load, tenantLimit: tenant.inFlightMax, now: worker.loop.now)
        switch verdict {
        case .admitted:
            holdsSlot = true
            try join()
        case .queued:
            machine.queued()
            isQueued = true
            worker.watchQueue()
        case .refused:
            worker.counters.add(.shed)
            throw overloaded
        }
    }

    /// Takes over the place that a failed leader has left. Others wait for this answer, so a full house does not keep it; the limits of its
    /// own key do.
    func takePlaceIfFree() throws(GatewayError) {
        guard let tenant else { return }
        try takePlacesAgain()
        holdsSlot = worker.admission.enter(tenant.load, tenant.inFlightMax)
    }

    private var overloaded: GatewayError {
        GatewayError(
            status: 503, code: "overloaded", message: "Too many requests are under way. Retry after a moment.",
            retryAfterSeconds: snapshot.limits.retryAfterSeconds, source: .gateway)
    }

    /// A slot came free for a waiting request.
    func admittedFromQueue() {
        isQueued = false
        holdsSlot = true
        do throws(GatewayError) { try join() } catch { refuse(error) }
    }

    /// No slot came free in time.
    func expiredInQueue() {
        isQueued = false
        worker.counters.add(.shed)
        refundRequest()
        refuse(overloaded)
    }

    // MARK: 9 join

    /// Follows a flight of the same request, leads one, or flies alone.
    private func join() throws(GatewayError) {
        guard let digest, directives.sharesFlights, cacheReason == nil, streamForm == .serverSentEvents, (embeddings?.cachedCount ?? 0) == 0
        else { return try startFetch(flight: nil) }
        let limits = embeddings == nil ? snapshot.flightLimits : snapshot.batchFlightLimits
        switch worker.shared.flights.place(
            flightKey(digest), wantsStream: wantsStream, limits: limits, now: worker.loop.now, wake: wakeUp())
        {
        case .alone:
            if facts.cache == .missToBeStored { facts.cache = .miss(.hitForMiss) }
            try startFetch(flight: nil)
        case .follow(let flight, let id):
            self.flight = flight
            followerID = id
            followsUntil = patience()
            machine.follows()
            facts.cache = .collapsed
            // The follower waits for somebody else's slot, not its own.
            releaseSlot()
            // What flew before it joined is there to take now; it is only woken for what comes later.
            flightMoved()
        case .lead(let flight):
            // Between this request's look-up and its turn to lead, the former leader may have stored its answer.
            if case .missToBeStored = facts.cache {
                if try lookUpAgain(flight) { return }
                if let embeddings, embeddings.cachedCount > 0 {
                    // Some items have come in meanwhile. An answer for the others is none for those who follow.
                    worker.shared.flights.end(flight, .notShared(.hitForMiss))
                    return try startFetch(flight: nil)
                }
            }
            do throws(GatewayError) {
                if try beginSimilar(flight) { return }
                try startFetch(flight: flight)
            } catch {
                give(up: flight, error)
                throw error
            }
        }
    }

    /// Until when the request would wait for an answer of its own: for a first byte of each target it would ask. The one it follows asks them
    /// in its place.
    private func patience() -> MonotonicTime {
        let targets = universal?.order.candidateCount ?? plannedRoute?.order.candidateCount ?? 1
        let steps = UInt64(max(1, min(targets, retryPolicy(plan?.route).stepsMax)))
        let (wait, overflow) = timeouts(client.head, nil).firstByte.multipliedReportingOverflow(by: steps)
        let settings = plan?.route?.definition.timeouts ?? snapshot.configuration.timeouts
        return min(
            worker.loop.now.adding(milliseconds: overflow ? .max : wait),
            started.adding(milliseconds: UInt64(clamping: settings.deadlineMilliseconds)))
    }

    private func lookUpAgain(_ flight: Flight) throws(GatewayError) -> Bool {
        guard try lookUp() else { return false }
        worker.shared.flights.end(flight, .notShared(.hitForMiss))
        return true
    }

    /// A stream that carries its usage event and one that does not are two different flights.
    private func flightKey(_ digest: Digest256) -> Digest256 {
        let carriesUsage = !wantsStream || wantsUsage || plan?.injectsUsage == true
        var words = digest.words
        if !carriesUsage { words.0 ^= 1 }
        // Who wants no other question's answer, or only a nearer one's, must not be handed it by another.
        if directives.refusesSimilar { words.3 ^= 1 }
        if directives.similarMinimum > 0 { words.3 ^= UInt64(directives.similarMinimum.bitPattern) << 1 }
        // Where a step fails, its followers go on to their own next one: only requests with the same steps fly together.
        if let other = universal?.flightDigest?.words {
            words = (words.0 ^ other.0, words.1 ^ other.1, words.2 ^ other.2, words.3 ^ other.3)
        }
        return Digest256(words: words)
    }

    private func wakeUp() -> @Sendable () -> Void {
        let mailbox = worker.loop.mailbox
        let number = self.number
        let bound = LoopBound(self, loop: worker.loop)
        return {
            _ = mailbox.post {
                let exchange = bound.value
                if exchange.number == number { exchange.flightMoved() }
            }
        }
    }

    /// Gives slot and places back: the upstream's part is over. Before the last bytes go out, so that a strictly serial client finds it free.
    func releaseSlot() {
        limits.leavePlaces()
        guard holdsSlot else { return }
        holdsSlot = false
        worker.releaseSlot(of: tenant)
    }

    // MARK: 12 fetch

    /// Everything the fetch needs, from head, body and plan.
    func makeOrder(_ candidate: Candidate? = nil, key: Int = 0) throws(GatewayError) -> FetchOrder {
        guard let plan, let tenant, let identity else { throw AuthenticationFailure.storeUnavailable.error }
        let provider = snapshot.provider(plan.provider)
        let head = client.head
        let url = try upstreamURL(plan)
        var request = UpstreamRequest(
            method: head.method.name.description, url: String(decoding: url, as: UTF8.self),
            fields: try upstreamFields(provider, plan, head, key: key),
            body: streamsBody ? uploadBody(head) : .bytes(try upstreamBody(plan)),
            timeouts: timeouts(head, candidate?.overrides), egress: snapshot.egress(of: plan.provider))
        request.allowsHTTP2 = snapshot.configuration.upstream.offersHTTP2
        return FetchOrder(
            request: request, operation: operation, dialect: dialect, isUnified: isUnified, wantsStream: wantsStream,
            provider: provider.definition.name, model: plan.model, isClientTimeout: isClientTimeout,
            usesClientCredential: clientCredential != nil,
            requiresDoneMarker: sendsDoneMarker(plan), carriesUsage: !wantsStream || wantsUsage || plan.injectsUsage,
            record: recordOrder(plan, tenant, identity, candidate), embeddings: embeddings, similar: similar,
            account: FetchOrder.Account(
                tenant: tenant.tenant.id, key: snapshot.keys.keys[Int(identity.key)].id, route: plan.route?.name ?? ""))
    }

    private func sendsDoneMarker(_ plan: UpstreamPlan) -> Bool {
        (plan.base ?? snapshot.provider(plan.provider).base(offering: operation))?.sendsDoneMarker ?? true
    }

    /// The URL that is asked: configured bytes and checked ones.
    func upstreamURL(_ plan: UpstreamPlan) throws(GatewayError) -> [UInt8] {
        let head = client.head
        var url: [UInt8] = []
        if let step, case .native(let request) = routed {
            try snapshot.providers.appendNativeURL(
                request, path: step.path.span, query: step.pathQuery.span, removesCredentials: clientCredential == nil, to: &url)
        } else if case .native(let request) = routed {
            try snapshot.providers.appendNativeURL(
                request, path: head.bytes.span.extracting(head.path), query: head.bytes.span.extracting(head.queryRange),
                removesCredentials: clientCredential == nil, to: &url)
        } else {
            try snapshot.providers.appendUnifiedURL(
                provider: plan.provider, operation: operation, model: Array(plan.model.utf8).span, isStream: wantsStream,
                wantsServerSentEvents: streamForm == .serverSentEvents, to: &url)
        }
        return url
    }

    /// The path at the provider, for policies: the same whichever surface it was called by.
    func upstreamPath(_ plan: UpstreamPlan) throws(GatewayError) -> [UInt8] {
        let url = try upstreamURL(plan)
        var slashes = 0
        let found = url.firstIndex { byte in
            if byte == 0x2F { slashes += 1 }
            return slashes == 3
        }
        guard let start = found else { return [0x2F] }
        let end = url[start...].firstIndex(of: 0x3F) ?? url.endIndex
        return Array(url[start..<end])
    }

    private func recordOrder(
        _ plan: UpstreamPlan, _ tenant: TenantState, _ identity: KeyIdentity, _ candidate: Candidate?
    ) -> RecordOrder? {
        guard let digest, cacheReason == nil, !directives.skipsWrite, let epoch = worker.shared.cache?.purgeEpoch else { return nil }
        let own = fallbackDigest(plan, tenant)
        let ttl = candidate?.overrides.ttlSeconds ?? policy.ttlSeconds
        return RecordOrder(
            digest: own ?? digest, alsoUnder: own != nil && plan.route?.definition.storesFallbackUnderRoute == true ? digest : nil,
            ttlSeconds: Int64(ttl),
            staleSeconds: Int64(max(policy.staleIfErrorSeconds, policy.staleWhileRevalidateSeconds)),
            storesToolCalls: policy.storesToolCalls, tenantID: tenant.tenant.id,
            keyID: snapshot.keys.keys[Int(identity.key)].id,
            namespace: String(decoding: directives.namespace, as: UTF8.self), tags: directives.tags,
            routeRevision: plan.route?.revision ?? snapshot.revision(of: plan.provider),
            purgeEpoch: epoch)
    }

    /// What a fallback's answer is kept under: the target that gives it, which is not the one that was looked up. `nil` for the first target.
    private func fallbackDigest(_ plan: UpstreamPlan, _ tenant: TenantState) -> Digest256? {
        guard let scan, embeddings == nil, attempts.map({ $0.machine.steps > 1 }) == true else { return nil }
        return makeDigest(plan, tenant, body: keyedBody(scan))
    }

    /// The body as it goes upstream: the client's bytes on native paths, the listed edits on the unified surface.
    private func upstreamBody(_ plan: UpstreamPlan) throws(GatewayError) -> [UInt8] {
        guard isUnified, let scan else { return body }
        let body = self.body
        var edits: [BodyEdit] = []
        if scan.modelRange != nil, dialect != .gemini { edits.append(.setModel(plan.model)) }
        if scan.liteLLMCache != nil, let member = scan.cacheMemberRange { edits.append(.removeMember(member)) }
        if actsOnHints {
            if let member = scan.modelsMemberRange { edits.append(.removeMember(member)) }
            if let member = scan.providerMemberRange { edits.append(.removeMember(member)) }
        }
        if plan.injectsUsage { edits.append(.includeUsage) }
        if let embeddings, embeddings.cachedCount > 0 { edits.append(.keepEmbeddingItems(embeddings.missing)) }
        return BodyEditor.apply(edits, to: body.span, scan: scan)
    }

    private func uploadBody(_ head: RequestHead) -> UpstreamBody {
        switch head.bodyFraming {
        case .none: .none
        case .length(let count): .streamed(length: count)
        case .chunked: .streamed(length: nil)
        }
    }

    /// Request fields for the upstream: the client's own, less what is ours, the connection's or the operator's to decide.
    private func upstreamFields(
        _ provider: ProviderState, _ plan: UpstreamPlan, _ head: RequestHead, key: Int
    ) throws(GatewayError) -> UpstreamFields {
        var fields = UpstreamFields(reservingBytes: 512)
        if let step {
            appendFields(of: step, plan, to: &fields)
            try appendCredential(provider, plan, key: key, to: &fields)
            return fields
        }
        let traceparent = upstreamTraceparent
        for field in head.fields where !field.isHopByHop {
            let name = head.bytes.span.extracting(field.name)
            guard HeaderPolicy.forwardsRequestField(field.known, name: name) else { continue }
            if clientCredential == nil, snapshot.providers.isAccountField(provider: plan.provider, name: name) { continue }
            if field.known == .traceparent, traceparent != nil { continue }
            fields.append(name: name, value: head.bytes.span.extracting(field.value))
        }
        if let traceparent { fields.append("traceparent", traceparent) }
        if operation.hasJSONBody, head.first(.contentType) == nil { fields.append("content-type", "application/json") }
        if isUnified, let base = plan.base {
            for field in base.defaultHeaders where !head.hasField(named: field.name) { fields.append(field.name, field.value) }
        }
        appendAcceptEncoding(head, to: &fields)
        try appendCredential(provider, plan, key: key, to: &fields)
        return fields
    }

    /// A step's own fields alone go upstream: those of the request around it are for the gateway.
    private func appendFields(of step: UniversalStep, _ plan: UpstreamPlan, to fields: inout UpstreamFields) {
        var hasContentType = false
        for field in step.headers where field.field != .acceptEncoding {
            let name = Array(field.name.utf8)
            if clientCredential == nil, snapshot.providers.isAccountField(provider: plan.provider, name: name.span) { continue }
            if field.field == .contentType { hasContentType = true }
            let value = Array(field.value.utf8)
            fields.append(name: name.span, value: value.span)
        }
        if !hasContentType { fields.append("content-type", "application/json") }
        fields.append("accept-encoding", "identity")
    }

    /// `identity` wherever the answer is read or kept, unless the client forbids it.
    private func appendAcceptEncoding(_ head: RequestHead, to fields: inout UpstreamFields) {
        let own = head.text(.acceptEncoding)
        if operation.hasJSONBody, !(own.map { HeaderPolicy.forbidsIdentity(Array($0.utf8).span) } ?? false) {
            fields.append("accept-encoding", "identity")
        } else if let own {
            fields.append("accept-encoding", own)
        }
    }

    private func appendCredential(
        _ provider: ProviderState, _ plan: UpstreamPlan, key: Int, to fields: inout UpstreamFields
    ) throws(GatewayError) {
        if let clientCredential {
            guard snapshot.providers.forwardsClientCredential(provider: plan.provider, field: clientCredential.field) else {
                let accepted = provider.definition.clientCredentialFields.map(\.name).joined(separator: " or ")
                throw GatewayError(
                    status: 401, code: "provider_key_field",
                    message: "\(provider.definition.name) takes a client's own key in \(accepted).",
                    param: clientCredential.field.name)
            }
            fields.append(name: Array(clientCredential.field.name.utf8).span, value: clientCredential.value.span)
        } else if let secret = snapshot.credential(of: plan.provider, key: key) {
            guard !secret.isEmpty, fields.append(plan.form.header, plan.form.prefix + secret) else {
                throw GatewayError(
                    status: 502, code: "provider_credentials", message: "The key configured for \(provider.definition.name) is unusable.",
                    source: .gateway)
            }
        }
    }

    /// The route's timeouts, the target's own where it has them, and no longer than the client or the deadline allows.
    private func timeouts(_ head: RequestHead, _ overrides: TargetOverrides?) -> UpstreamTimeouts {
        var timeouts = snapshot.timeouts(isStream: wantsStream, route: plan?.route)
        if let connect = overrides?.connectMilliseconds { timeouts.connect = connect }
        if let firstByte = overrides?.firstByteMilliseconds { timeouts.firstByte = firstByte }
        if let idle = overrides?.idleMilliseconds { timeouts.idle = idle }
        isClientTimeout = false
        if let milliseconds = attemptFields.requestTimeoutMilliseconds.map(UInt64.init(clamping:)), milliseconds < timeouts.firstByte {
            timeouts.firstByte = milliseconds
            isClientTimeout = true
        }
        if let left = attempts?.machine.remaining(at: worker.loop.now) {
            timeouts.firstByte = max(1, min(timeouts.firstByte, left / 1_000_000))
        }
        return timeouts
    }

    /// An operation whose body is not JSON starts upstream at once and takes the body as it comes.
    func startStreamedUpload(_ head: RequestHead) {
        do throws(GatewayError) {
            guard let tenant else { throw AuthenticationFailure.storeUnavailable.error }
            plan = nil
            try makePlan()
            facts.cache = .none
            try chargeRequest()
            guard worker.admission.admit(self, tenant: tenant.load, tenantLimit: tenant.inFlightMax, now: worker.loop.now) == .admitted
            else {
                worker.admission.remove(self)
                worker.counters.add(.shed)
                throw overloaded
            }
            holdsSlot = true
            machine.bodyStreams()
            try startFetch(flight: nil)
            if head.expectsContinue { client.sendContinue() }
        } catch {
            refuse(error)
        }
    }
}
