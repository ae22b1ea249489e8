// Phase 7: the exact cache. A hit is composed inside the read transaction (into the loop's own buffer) and written after it.

//ZZ import ExactCache
import GatewayModel
import Providers

extension Exchange {
    /// What became of a record that was found.
    private enum Use { case composed(status: Int, usage: Usage?), unusable(CacheReason) }

    /// Looks the request up. Returns whether it was answered.
    func lookUp() throws(GatewayError) -> Bool {
        guard let digest else { return false }
        if operation == .embeddings, isUnified, directives.customKey == nil, let batch = EmbeddingsBatch(self) {
            embeddings = batch
            return try lookUpItems(batch)
        }
        guard !directives.skipsRead else {
            facts.cache = .refreshToBeStored
            return false
        }
        facts.cache = .missToBeStored
        switch find(digest, now: worker.wallNow) {
        case .answered: return true
        case .stale: startRevalidation(); return true
        case .nothing(let reason):
            if directives.onlyIfCached { throw notCached }
            if let reason { facts.cache = .miss(reason) }
            return false
        }
    }

    private enum Finding { case answered, stale, nothing(CacheReason?) }

    private func find(_ digest: Digest256, now: WallTime) -> Finding {
        guard let reader = worker.reader else { return .nothing(.storeUnavailable) }
        let found = reader.look(up: digest, now: now) { view in compose(view, now: now, staleCause: nil) }
        switch found {
        case .miss: return .nothing(nil)
        case .fresh(.composed(let status, let usage)):
            sendComposed(status: status, usage: usage)
            return .answered
        case .fresh(.unusable(let reason)): return .nothing(reason == .upstreamFailed ? nil : reason)
        case .stale(.composed(let status, let usage), _):
            guard case .staleWhileRevalidate = facts.cache else {
                facts.cache = .missToBeStored
                staleIsAllowed = policy.staleIfErrorSeconds > 0
                return .nothing(nil)
            }
            sendComposed(status: status, usage: usage)
            return .stale
        case .stale(.unusable, _): return .nothing(nil)
        }
    }

    /// Serves a stale entry after a failed upstream, if the route allows one and one is there.
    func serveStale(after upstreamStatus: Int?) -> Bool {
        guard staleIsAllowed, let digest, let reader = worker.reader else { return false }
        let now = worker.wallNow
        let found = reader.look(up: digest, now: now) { view in compose(view, now: now, staleCause: .some(upstreamStatus)) }
        switch found {
        case .fresh(.composed(let status, let usage)), .stale(.composed(let status, let usage), _):
            sendComposed(status: status, usage: usage)
            return true
        default: return false
        }
    }

    private func sendComposed(status: Int, usage: Usage?) {
        client.send(worker.composer.bytes.span)
        if let usage {
            let saved = usage.inputTokens.addingReportingOverflow(usage.outputTokens)
            worker.counters.add(.tokensSaved, UInt64(clamping: saved.overflow ? .max : saved.partialValue))
        }
        machine.answered()
        finish(status: status, keepsAlive: keepsConnection)
    }

    /// Writes the whole answer into the composer, in the form this request wants. Runs inside the read transaction: no I/O, no suspension.
    /// `staleCause`: the failed upstream's status when a stale entry is served for an error.
    private func compose(_ view: borrowing CacheRecordView, now: WallTime, staleCause: Int??) -> Use {
        let age = max(0, (now.milliseconds - view.created.milliseconds) / 1000)
        let ttl = view.ttlSeconds - age
        if let limit = directives.maxAgeSeconds, age > limit { return .unusable(.upstreamFailed) }
        if let staleCause {
            guard -ttl <= policy.staleIfErrorSeconds else { return .unusable(.upstreamFailed) }
            facts.cache = .staleIfError(upstreamStatus: staleCause, ageSeconds: age)
        } else if ttl > 0 {
            facts.cache = .hit(ttlSeconds: ttl, ageSeconds: age)
        } else if -ttl <= policy.staleWhileRevalidateSeconds {
            facts.cache = .staleWhileRevalidate(ttlSeconds: ttl, ageSeconds: age)
        } else {
            facts.cache = .missToBeStored
        }
        let needsUsage = !wantsStream || wantsUsage
        if needsUsage, !view.hasUsage, operation.kind == .generate, view.isStream || wantsStream { return .unusable(.usageAbsent) }
        let use = view.isStream == wantsStream ? composeAsRecorded(view, now: now) : composeConverted(view, now: now)
        if case .unusable(let reason) = use { facts.cache = .miss(reason) }
        return use
    }

    private func composeAsRecorded(_ view: borrowing CacheRecordView, now: WallTime) -> Use {
        let body = view.body
        let hidden = wantsStream && !wantsUsage ? view.usageEventRange : nil
        beginHit(view, now: now)
        worker.composer.appendContentType(view.contentType)
        worker.composer.endHead(frameAnswer(knownLength: body.count - (hidden?.count ?? 0)))
        if let hidden {
            worker.composer.appendBody(body.extracting(0..<hidden.lowerBound))
            worker.composer.appendBody(body.extracting(hidden.upperBound..<body.count))
        } else {
            worker.composer.appendBody(body)
        }
        return .composed(status: view.status, usage: view.usage)
    }

    /// The slow way: a recorded stream for a plain request, or the reverse.
    @inline(never)
    private func composeConverted(_ view: borrowing CacheRecordView, now: WallTime) -> Use {
        let converted =
            wantsStream
            ? Replay.streamFromAnswer(operation, body: view.body, includeUsage: wantsUsage)
            : Replay.answerFromStream(operation, body: view.body)
        guard let converted else { return .unusable(.noReplayForm) }
        beginHit(view, now: now)
        let type: StaticString = wantsStream ? "text/event-stream; charset=utf-8" : "application/json"
        worker.composer.appendContentType(UnsafeBufferPointer(start: type.utf8Start, count: type.utf8CodeUnitCount).span)
        worker.composer.endHead(frameAnswer(knownLength: converted.count))
        worker.composer.appendBody(converted.span)
        return .composed(status: view.status, usage: view.usage)
    }

    private func beginHit(_ view: borrowing CacheRecordView, now: WallTime) {
        facts.keepsAlive = keepsConnection
        facts.overheadNanoseconds = overhead(at: .now())
        facts.upstreamNanoseconds = nil
        worker.composer.beginHead(status: view.status, facts: facts, now: now)
    }

    /// Refreshes a stale entry in the background, unless somebody does already.
    private func startRevalidation() {
        // The exchange is finished by now; what the fetch needs was taken along by `sendComposed`'s caller.
    }
}
