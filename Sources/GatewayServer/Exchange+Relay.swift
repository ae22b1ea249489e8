// Phase 13: an answer, from this request's own fetch or from the flight it follows, on its way to the client.

import EventLoop
import GatewayModel
import HTTP1
import Providers

extension Exchange {
    // MARK: From the flight

    /// The flight has something for this follower.
    func flightMoved() {
        guard machine.state == .following, let flight else { return }
        let update = flight.take(followerID, wantsBytes: wantsStream && !isSuspended)
        if update.leads { return takeOver(flight) }
        // Lost before anything was sent, it can still ask for itself.
        if update.lost { return machine.progress == .nothing ? flyAlone() : answerFailed(Self.lost) }
        if let head = update.head, machine.progress == .nothing { relay(head, of: flight, bytes: update) } else { relayMore(update) }
    }

    /// A follower waits no longer than it would have for its own answer, however often the one it follows is begun anew.
    func checkWaiting(now: MonotonicTime) {
        fetch?.checkWaiting(now: now)
        attempts?.rival?.checkWaiting(now: now)
        // The client has had no byte of an answer that drips in, however steadily.
        if let attempts, machine.state == .fetching, machine.progress != .sent, now >= attempts.machine.deadline {
            attempts.rival?.overrun()
            fetch?.overrun()
        }
        guard machine.state == .following, machine.progress == .nothing, now >= followsUntil else { return }
        refuse(
            GatewayError(
                status: 504, code: "upstream_timeout", message: "No answer began in time.", source: .upstream))
    }

    private static let lost = GatewayError(
        status: 502, code: "upstream_truncated", message: "The answer broke off before its end.", source: .upstream)

    private func relay(_ head: FlightHead, of flight: Flight, bytes update: FlightUpdate) {
        if flight.isStream, !wantsStream, isUsable(update.end), head.status < 300 {
            guard let answer = Replay.answer(from: update.bytes.span, operation: operation) else { return flyAlone() }
            var plain = head
            plain.contentType = Array("application/json".utf8)
            plain.isEventStream = false
            if case .complete(let usage)? = update.end { savedUsage = usage }
            answerHead(plain, knownLength: answer.count)
            answerBytes(answer.span)
            return answerEnded()
        }
        answerHead(head, knownLength: nil)
        relayMore(update)
    }

    private func relayMore(_ update: FlightUpdate) {
        if !update.bytes.isEmpty { answerBytes(update.bytes.span) }
        switch update.end {
        case .complete(let usage):
            savedUsage = usage
            answerEnded()
        case .refusedUpstream: answerEnded()
        case .failed(let error): answerFailed(error)
        case .similar(let answer):
            if machine.progress != .nothing { answerEnded() } else if !serve(answer, from: nil) { flyAlone() }
        case .notShared: machine.progress == .nothing ? flyAlone() : answerEnded()
        case nil: break
        }
    }

    private func isUsable(_ end: FlightEnd?) -> Bool {
        if case .complete? = end { return true }
        return false
    }

    /// The leader's answer can't be shared: every follower that has sent nothing fetches for itself, in parallel.
    /// It waited without a place of its own, and takes one now like any other.
    private func flyAlone() {
        if let flight { worker.shared.flights.leave(flight, followerID) }
        flight = nil
        do throws(GatewayError) {
            if try lookUp() { return }
            try takePlacesAgain()
            try takeSlot()
        } catch {
            refuse(error)
        }
    }

    /// This request can't lead after all. What its own limits refuse says nothing about those who follow.
    func give(up flight: Flight, _ error: GatewayError) {
        if error.status < 500 { worker.shared.flights.handOver(flight) } else { worker.shared.flights.end(flight, .failed(error)) }
    }

    /// The leader failed and this follower was chosen.
    private func takeOver(_ flight: Flight) {
        facts.cache = .missToBeStored
        self.flight = nil
        do throws(GatewayError) {
            try takePlaceIfFree()
            try startFetch(flight: flight)
        } catch {
            give(up: flight, error)
            refuse(error)
        }
    }

    // MARK: From either source

    /// The head of the answer. `knownLength`: the body's length, where the upstream told it and nothing is edited out.
    func answerHead(_ head: FlightHead, knownLength: Int?) {
        facts.upstreamNanoseconds = upstreamStarted.map { MonotonicTime.now().nanoseconds(since: $0) }
        if facts.provider != head.provider || facts.model != head.model { nameTarget(provider: head.provider, model: head.model) }
        answerStatus = head.status
        if head.isEventStream, !wantsUsage, plan?.injectsUsage == true { usageFilter = UsageEventFilter() }
        let holds = !head.isEventStream && (isUnified || head.status >= 400 && clientCredential == nil)
        heldHead = head
        self.knownLength = knownLength
        if machine.answerHead(holds: holds) == .sendHead { sendHead(head, knownLength: usageFilter == nil ? knownLength : nil) }
    }

    private func sendHead(_ head: FlightHead, knownLength: Int?) {
        attempts?.machine.firstByteSent()
        firstByteAt = .now()
        composeHead(head, framing: bodyFraming(head, knownLength))
        client.sendComposed()
    }

    private func bodyFraming(_ head: FlightHead, _ knownLength: Int?) -> AnswerFraming {
        guard isHead || head.status == 204 || head.status == 304 else { return frameAnswer(knownLength: knownLength) }
        let framing = frameAnswer(knownLength: knownLength ?? 0)
        return knownLength == nil || head.status == 204 ? .none : framing
    }

    private func composeHead(_ head: FlightHead, framing: AnswerFraming) {
        if let refusal = head.refusal { facts.cache = facts.cache.withoutStore(refusal) }
        facts.overheadNanoseconds = upstreamStarted.map { $0.nanoseconds(since: started) } ?? overhead(at: .now())
        worker.composer.beginHead(status: head.status, facts: facts, now: worker.wallNow)
        worker.composer.appendLines(head.fields)
        if !head.contentType.isEmpty { worker.composer.appendContentType(head.contentType.span) }
        worker.composer.endHead(framing)
    }

    /// Bytes of the answer.
    func answerBytes(_ bytes: Span<UInt8>) {
        guard bytes.count > 0, !isHead else { return }
        let limit = embeddings == nil ? snapshot.limits.heldBytesMax : snapshot.limits.bodyBytesMax
        if let embeddings, embeddings.cachedCount > 0, machine.progress == .holding, held.count + bytes.count > limit {
            return answerFailed(Self.batchTooLarge)
        }
        for action in machine.answerBytes(exceedsHold: held.count + bytes.count > limit) {
            switch action {
            case .keepBytes: held.append(span: bytes)
            case .sendHead:
                if let heldHead { sendHead(heldHead, knownLength: usageFilter == nil ? knownLength : nil) }
                let kept = held
                held = []
                sendBody(kept.span)
            case .sendBytes: filterAndSend(bytes)
            default: break
            }
        }
        if client.pendingBytes > snapshot.limits.clientBufferBytes, machine.clientFellBehind() == .pauseSource { pauseSource() }
    }

    private func filterAndSend(_ bytes: Span<UInt8>) {
        guard usageFilter != nil else { return sendBody(bytes) }
        var passed: [UInt8] = []
        usageFilter?.receive(bytes, to: &passed)
        sendBody(passed.span)
    }

    private func sendBody(_ bytes: Span<UInt8>) {
        guard bytes.count > 0 else { return }
        collect(bytes)
        guard isChunked else { return client.send(bytes) }
        worker.composer.chunk(bytes)
        client.sendComposed()
    }

    /// The answer ended cleanly.
    func answerEnded() {
        let action = machine.answerEnded()
        if action != .none { releaseSlot() }
        switch action {
        case .sendHeld:
            guard let heldHead else { return cut() }
            if let embeddings, embeddings.cachedCount > 0, heldHead.status < 300 {
                let fetched = held
                guard let merged = embeddings.merged(with: fetched.span) else { return failAfterEnd(Self.lost) }
                held = merged
            }
            if heldHead.status >= 400 { scrubCredential() }
            composeHead(heldHead, framing: frameAnswer(knownLength: isHead ? knownLength ?? 0 : held.count))
            firstByteAt = .now()
            let body = held
            if !isHead { collect(body.span) }
            client.sendComposed(followedBy: body)
        case .sendEnd:
            if usageFilter != nil {
                var rest: [UInt8] = []
                usageFilter?.finish(to: &rest)
                sendBody(rest.span)
            }
            if isChunked, !isHead { client.send(Self.lastChunk.span) }
        default: return
        }
        finish(status: answerStatus, keepsAlive: keepsConnection)
    }

    /// A provider's error text may quote the key it was asked with. The operator's never reaches a tenant.
    private func scrubCredential() {
        guard clientCredential == nil, let plan else { return }
        for secret in snapshot.credentials(of: plan.provider) { scrub(Array(secret.utf8)) }
    }

    private func scrub(_ secret: [UInt8]) {
        guard secret.count >= 8, held.count >= secret.count else { return }
        var index = 0
        while index + secret.count <= held.count {
            if held[index] == secret[0], held[index..<(index + secret.count)].elementsEqual(secret) {
                held.replaceSubrange(index..<(index + secret.count), with: Array("[redacted]".utf8))
            }
            index += 1
        }
    }

    /// The answer ended well but is not one: nothing was sent yet, so it can still be refused.
    private func failAfterEnd(_ error: GatewayError) {
        machine.reopen()
        refuse(error)
    }

    private static let batchTooLarge = GatewayError(
        status: 502, code: "upstream_answer_too_large",
        message: "The provider's part of the batch is too large to be joined with the items that were in the cache.", source: .upstream)

    private static let lastChunk: [UInt8] = Array("0\r\n\r\n".utf8)

    /// The answer can't be had, or broke off.
    func answerFailed(_ error: GatewayError, upstreamStatus: Int? = nil) {
        switch machine.answerFailed(error) {
        case .serveStaleOrError(let error):
            releaseSource()
            if serveStale(after: upstreamStatus) { return }
            if facts.cache != .none { facts.cache = facts.cache.withoutStore(.upstreamFailed) }
            refuse(error)
        case .breakAnswer(let error): breakAnswer(error)
        default: break
        }
    }

    /// The head is out: on the unified surface the stream says what happened, then the connection is cut; a native cut is passed on as a cut.
    func breakAnswer(_ error: GatewayError) {
        if isUnified, heldHead?.isEventStream == true, isChunked || isCloseFramed, !isHead {
            // What broke off in the middle of an event must not swallow this one; between events an empty line says nothing.
            var event: [UInt8] = [0x0A, 0x0A]
            appendStreamErrorEvent(error, dialect: dialect, operation: operation, requestID: requestID.text, to: &event)
            sendBody(event.span)
            releaseSource()
            count(broken: error)
            // No last chunk: the body did not end, and the client must be able to tell.
            return client.closeAfterAnswer()
        }
        releaseSource()
        count(broken: error)
        cut()
    }

    private func count(broken error: GatewayError) {
        worker.counters.add(.requests)
        worker.counters.add(.upstreamErrors)
        record(status: answerStatus, error: error)
    }

    private func cut() { client.cut() }

    // MARK: Back-pressure

    private func pauseSource() {
        isSuspended = true
        fetch?.pause(for: self)
    }

    /// The client has caught up.
    func resumeSource() {
        isSuspended = false
        if let fetch { fetch.resume(for: self) } else { flightMoved() }
    }
}

extension CacheStatus {
    /// The same look-up, but the answer will not be kept.
    func withoutStore(_ reason: CacheReason) -> CacheStatus {
        switch self {
        case .missToBeStored, .collapsed: .miss(reason)
        case .refreshToBeStored: .refresh(reason)
        default: self
        }
    }
}
