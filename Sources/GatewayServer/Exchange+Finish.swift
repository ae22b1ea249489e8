// Phase 14: whatever became of a request, it ends here: an error of the gateway's own, the end of an answer, a client that left.

import EventLog
import GatewayModel
import HTTP1
import RateLimiting
import Routing

extension Exchange {
    /// Adds up what the attempts used.
    func add(_ reading: MeterReading) {
        guard let sum = self.reading else { return self.reading = reading }
        self.reading = sum.adding(reading)
    }

    // MARK: 14 finish

    /// Answers with an error of the gateway's own.
    func refuse(_ error: GatewayError) {
        guard isUnderWay else { return }
        if machine.progress == .sent {
            _ = machine.answerFailed(error)
            return breakAnswer(error)
        }
        releaseSource()
        if error.source == .client || error.status == 429 { worker.counters.add(.refused) }
        if error.isOfLimits {
            worker.counters.add(.limited)
            // Nothing was forwarded, so nothing is said of what would have been stored.
            facts.cache = .none
        }
        // Nothing that was asked came back: nothing will be kept.
        if error.status >= 500, facts.cache != .none { facts.cache = facts.cache.withoutStore(.upstreamFailed) }
        facts.keepsAlive = keepsAlive && !error.closesConnection
        facts.isHTTP10 = isHTTP10
        facts.overheadNanoseconds = overhead(at: .now())
        var allow: String?
        if case .refused(let refusal) = routed { allow = refusal.allow }
        worker.composer.error(error, dialect: dialect, allow: allow, facts: facts, now: worker.wallNow, isHead: isHead)
        collectComposed()
        client.sendComposed()
        machine.answered()
        finish(status: error.status, error: error, keepsAlive: facts.keepsAlive)
    }

    /// The last word on a request: an event, and a line where one is wanted.
    func record(status: Int, error: GatewayError?) {
        var event = GatewayEvent(id: requestID, createdAt: requestID.time)
        tell(&event, status: status, error: error, now: .now())
        worker.record(event)
        if event.trace?.isSampled == true {
            worker.shared.spans.add(SpanSource(event: event, attemptStarts: attemptNotes.map(\.startMicroseconds)))
        }
        worker.log(self, event)
    }

    /// Nanoseconds the gateway itself has spent: all but the upstream's part.
    func overhead(at now: MonotonicTime) -> UInt64 {
        let total = now.nanoseconds(since: started)
        guard let upstreamStarted else { return total }
        return total &- min(total, now.nanoseconds(since: upstreamStarted))
    }

    /// Whether head and framing let the connection live on.
    var keepsConnection: Bool { keepsAlive && !isCloseFramed }

    /// Marks a body that only the connection's end can end.
    func frameAnswer(knownLength: Int?) -> AnswerFraming {
        facts.isHTTP10 = isHTTP10
        if let knownLength {
            facts.keepsAlive = keepsAlive
            return .length(knownLength)
        }
        isChunked = !isHTTP10
        isCloseFramed = isHTTP10
        facts.keepsAlive = keepsConnection
        return isHTTP10 ? .untilClose : .chunked
    }

    /// Counts, logs and gives the connection back. The last thing that happens to a request.
    func finish(status: Int, error: GatewayError? = nil, keepsAlive: Bool) {
        releaseSource()
        count(status: status)
        record(status: status, error: error)
        if body.capacity > 64 * 1024 { body = [] }
        // It holds the whole body, which an idle connection has no use for.
        universal = nil
        client.finished(keepsAlive: keepsAlive)
    }

    private func count(status: Int) {
        let counters = worker.counters
        counters.add(.requests)
        if status >= 500 { counters.add(.upstreamErrors) } else if status >= 400 { counters.add(.clientErrors) }
        switch facts.cache {
        case .hit: counters.add(.hits)
        case .similar: counters.add(.semanticHits)
        case .staleIfError, .staleWhileRevalidate: counters.add(.staleHits)
        case .collapsed: counters.add(.collapsed)
        case .missToBeStored, .refreshToBeStored, .partial: counters.add(.misses)
        case .miss(let reason), .refresh(let reason):
            counters.add(.misses)
            counters.add(reason)
        case .bypass(let reason):
            counters.add(.bypasses)
            counters.add(reason)
        case .none: break
        }
    }

    /// Lets go of flight, fetch and slot.
    func releaseSource() {
        if isQueued {
            isQueued = false
            worker.admission.remove(self)
        }
        if let flight { worker.shared.flights.leave(flight, followerID) }
        flight = nil
        if let similarFlight { worker.shared.flights.handOver(similarFlight) }
        similarFlight = nil
        similar = nil
        if let rival = attempts?.rival {
            attempts?.note(rival.note(nil, isOutrun: true))
            rival.makeWay()
        }
        fetch?.consumerLeft(self)
        if let attempts {
            attemptCount = attempts.machine.attempts
            attemptNotes = attempts.notes
            // The last one is told of here: those that failed were noted when they did.
            if let fetch, attemptNotes.count < attemptCount { attemptNotes.append(fetch.note(nil)) }
        }
        fetch = nil
        attempts = nil
        releaseSlot()
        let shadowed = limits.takeShadowRefusals()
        if shadowed > 0 { worker.noteShadowRefusals(shadowed, tenant: tenant?.tenant.id ?? "") }
    }

    // MARK: The client

    /// The connection is gone.
    func clientLeft() {
        guard isUnderWay else { return }
        worker.counters.add(.clientsLeft)
        let wasRelaying = machine.clientLeft() == .abandon
        releaseSource()
        if wasRelaying { count(status: 499) } else { worker.counters.add(.requests) }
        record(status: 499, error: nil)
    }

    /// The process ends: what was not begun is refused, what was is broken off where the client can see it.
    func gatewayStops() {
        guard isUnderWay else { return }
        refuse(
            GatewayError(
                status: 503, code: "draining", message: "The gateway is shutting down. Retry; another instance will answer.",
                retryAfterSeconds: 1, closesConnection: true, source: .gateway))
    }

    /// The client has taken all that was queued for it.
    func clientDrained() {
        if machine.clientCaughtUp() == .resumeSource { resumeSource() }
    }
}
