// Phase 7: the exact cache. A hit is composed inside the read transaction (into the loop's own buffer) and written after it.

import ExactCache
import GatewayModel
import Providers

extension Exchange {
    /// What became of a record that was found.
    enum Use { case composed(status: Int, usage: Usage?), unusable(CacheReason?), refused(GatewayError) }

    /// Looks the request up. Returns whether it was answered.
    func lookUp() throws(GatewayError) -> Bool {
        guard let digest else { return false }
        if let batch = makeBatch() {
            embeddings = batch
            return try lookUpItems(batch)
        }
        guard !directives.skipsRead else {
            facts.cache = .refreshToBeStored
            return false
        }
        facts.cache = .missToBeStored
        switch find(digest, now: worker.cacheNow) {
        case .answered: return true
        case .nothing(let reason):
            if directives.onlyIfCached {
                facts.cache = .none
                throw notCached
            }
            if let reason { facts.cache = .miss(reason) }
            return false
        case .refused(let error): throw error
        }
    }

    private enum Finding { case answered, nothing(CacheReason?), refused(GatewayError) }

    private func find(_ digest: Digest256, now: WallTime) -> Finding {
        guard let reader = worker.reader else { return .nothing(.storeUnavailable) }
        let found = reader.look(up: digest, now: now) { view, bytes in compose(view, bytes, now: now, staleCause: nil) }
        switch found {
        case .miss: return .nothing(nil)
        case .fresh(.composed(let status, let usage)):
            sendComposed(status: status, usage: usage)
            return .answered
        case .fresh(.unusable(let reason)): return .nothing(reason)
        case .fresh(.refused(let error)), .stale(.refused(let error), _): return .refused(error)
        case .stale(.composed(let status, let usage), _):
            let refresh = makeRefresh()
            sendComposed(status: status, usage: usage)
            if let refresh { worker.revalidate(refresh.order, refresh.meter, digest) }
            return .answered
        case .stale(.unusable, _):
            staleIsAllowed = policy.staleIfErrorSeconds > 0
            return .nothing(nil)
        }
    }

    /// What it takes to fetch a stale entry's successor, on the account of whom it is served to; `nil` where tokens or money do not suffice.
    /// Made before the answer goes out: after it the exchange may be another request's.
    private func makeRefresh() -> (order: FetchOrder, meter: Meter)? {
        guard let order = try? makeOrder(), let meter = try? reserve() else { return nil }
        return (order, meter)
    }

    /// Serves a stale entry after a failed upstream, if the route allows one and one is there.
    func serveStale(after upstreamStatus: Int?) -> Bool {
        guard staleIsAllowed, let digest, let reader = worker.reader else { return false }
        let now = worker.cacheNow
        let found = reader.look(up: digest, now: now) { view, bytes in compose(view, bytes, now: now, staleCause: .some(upstreamStatus)) }
        switch found {
        case .fresh(.composed(let status, let usage)), .stale(.composed(let status, let usage), _):
            sendComposed(status: status, usage: usage)
            return true
        default: return false
        }
    }

    func sendComposed(status: Int, usage: Usage?) {
        savedUsage = usage
        collectComposed()
        client.sendComposed()
        machine.answered()
        finish(status: status, keepsAlive: keepsConnection)
    }

    /// Writes the whole answer into the composer, in the form this request wants. Runs inside the read transaction: no I/O, no suspension.
    /// `staleCause`: the failed upstream's status when a stale entry is served for an error.
    func compose(_ view: CacheRecordView, _ bytes: Span<UInt8>, now: WallTime, staleCause: Int??) -> Use {
        let age = view.ageSeconds(now: now)
        let ttl = view.secondsLeft(now: now)
        // The header's whole seconds round down; what may be served is judged by the millisecond.
        let milliseconds = now.milliseconds - view.created.milliseconds
        let beyond = milliseconds - Int64(view.ttlSeconds) * 1000
        if let limit = directives.maxAgeSeconds, milliseconds > limit * 1000 { return .unusable(nil) }
        if let staleCause {
            guard beyond < Int64(policy.staleIfErrorSeconds) * 1000 else { return .unusable(nil) }
            facts.cache = .staleIfError(upstreamStatus: staleCause, ageSeconds: age)
        } else if let similar = facts.similar {
            // Somebody else's answer is served while it is fresh or not at all.
            guard beyond < 0 else { return .unusable(nil) }
            facts.cache = .similar(ttlSeconds: ttl, ageSeconds: age, cosine: similar.cosine)
        } else if beyond < 0 {
            facts.cache = .hit(ttlSeconds: ttl, ageSeconds: age)
        } else if beyond < Int64(policy.staleWhileRevalidateSeconds) * 1000 {
            facts.cache = .staleWhileRevalidate(ttlSeconds: ttl, ageSeconds: age)
        } else {
            return .unusable(nil)
        }
        // A stream recorded without its usage event can't answer a request that wants to know the usage.
        if view.isStream, view.usage == nil, wantsUsage, operation.kind == .generate { return .unusable(.usageAbsent) }
        let isAsRecorded = view.isStream == wantsStream && streamForm == .serverSentEvents
        return isAsRecorded ? composeAsRecorded(view, bytes) : composeConverted(view, bytes)
    }

    /// Charges the hit just before it is written; a request that was charged as one already is not charged again.
    private func hitRefusal() -> GatewayError? {
        guard !isCharged else { return nil }
        do throws(GatewayError) { try chargeHit() } catch {
            facts.cache = .none
            return error
        }
        return nil
    }

    private func composeAsRecorded(_ view: CacheRecordView, _ bytes: Span<UInt8>) -> Use {
        if let refusal = hitRefusal() { return .refused(refusal) }
        let body = bytes.extracting(view.bodyRange)
        let hidden = wantsStream && !wantsUsage ? view.usageEventRange : nil
        let framing = frameAnswer(knownLength: body.count - (hidden?.count ?? 0))
        beginHit(view, bytes)
        worker.composer.endHead(framing)
        if isHead { return .composed(status: Int(view.status), usage: view.usage) }
        if let hidden {
            worker.composer.appendBody(body.extracting(0..<hidden.lowerBound))
            worker.composer.appendBody(body.extracting(hidden.upperBound..<body.count))
        } else {
            worker.composer.appendBody(body)
        }
        return .composed(status: Int(view.status), usage: view.usage)
    }

    /// The slow way: a recorded stream for a plain request, or the reverse.
    @inline(never)
    private func composeConverted(_ view: CacheRecordView, _ bytes: Span<UInt8>) -> Use {
        let converted = Replay.convert(
            bytes.extracting(view.bodyRange), operation: operation, from: view.isStream ? .serverSentEvents : .json,
            to: wantsStream ? streamForm : .json, includesUsage: wantsUsage)
        guard let converted else { return .unusable(.noReplayForm) }
        if let refusal = hitRefusal() { return .refused(refusal) }
        let framing = frameAnswer(knownLength: converted.count)
        beginHit(view, bytes, contentType: wantsStream && streamForm == .serverSentEvents ? Self.eventStreamType : Self.jsonType)
        worker.composer.endHead(framing)
        worker.composer.appendBody(converted.span)
        return .composed(status: Int(view.status), usage: view.usage)
    }

    private static let eventStreamType = Array("text/event-stream; charset=utf-8".utf8)
    private static let jsonType = Array("application/json".utf8)

    /// Head and recorded fields; `contentType` replaces the recorded one.
    private func beginHit(_ view: CacheRecordView, _ bytes: Span<UInt8>, contentType: [UInt8]? = nil) {
        nameTarget(view, bytes)
        facts.overheadNanoseconds = overhead(at: .now())
        facts.upstreamNanoseconds = nil
        worker.composer.beginHead(status: Int(view.status), facts: facts, now: worker.wallNow)
        view.forEachField(in: bytes) { name, value in
            if let contentType { worker.composer.appendField(name, contentType.span) } else { worker.composer.appendField(name, value) }
        }
    }

    /// A fallback's answer may be kept under the first target's key too. The answer names who gave it.
    private func nameTarget(_ view: CacheRecordView, _ bytes: Span<UInt8>) {
        let isFirst =
            Self.isText(bytes.extracting(view.providerRange), facts.provider) && Self.isText(bytes.extracting(view.modelRange), facts.model)
        if !isFirst {
            nameTarget(provider: Self.text(bytes.extracting(view.providerRange)), model: Self.text(bytes.extracting(view.modelRange)))
        }
    }

    private static func isText(_ bytes: Span<UInt8>, _ text: String) -> Bool {
        guard bytes.count == text.utf8.count else { return false }
        var index = 0
        for byte in text.utf8 {
            guard bytes[index] == byte else { return false }
            index += 1
        }
        return true
    }

    private static func text(_ bytes: Span<UInt8>) -> String {
        var copy: [UInt8] = []
        copy.append(span: bytes)
        return String(decoding: copy, as: UTF8.self)
    }

    /// The answer comes from a target that another request asked, or this one formerly.
    func nameTarget(provider: String, model: String) {
        facts.provider = provider
        facts.model = model
        let step = plannedRoute?.order.entries.first { entry in
            guard let target = plannedRoute?.plan.targets[entry.target] else { return false }
            return target.target.model == model && snapshot.providers.providerNames[target.provider] == provider
        }
        if let step { facts.step = step.position }
    }

    // MARK: Embeddings by item

    /// The items of an embeddings request, each with its key at the target asked.
    func makeBatch() -> EmbeddingsBatch? {
        guard operation == .embeddings, isUnified, directives.customKey == nil, let scan, let plan, let tenant else { return nil }
        return EmbeddingsBatch(scan: scan, leavesHints: actsOnHints, body: body, scanner: &worker.scanner) {
            makeDigest(plan, tenant, body: $0)
        }
    }

    /// Another target is asked: vectors of two models must never be mixed, so all items are fetched there.
    func restartBatch() {
        guard embeddings != nil else { return }
        embeddings = makeBatch()
        if case .partial = facts.cache { facts.cache = .missToBeStored }
    }

    /// Answers a batch whose items are all known; otherwise says how many are.
    private func lookUpItems(_ batch: EmbeddingsBatch) throws(GatewayError) -> Bool {
        guard !directives.skipsRead, let reader = worker.reader else {
            facts.cache = .refreshToBeStored
            return false
        }
        batch.lookUp(reader, now: worker.cacheNow, maxAge: directives.maxAgeSeconds)
        guard let answer = batch.answer() else {
            if directives.onlyIfCached { throw notCached }
            facts.cache = batch.cachedCount == 0 ? .missToBeStored : .partial(cached: batch.cachedCount, of: batch.count)
            return false
        }
        if !isCharged { try chargeHit() }
        facts.cache = .hit(ttlSeconds: batch.ttlSeconds, ageSeconds: batch.ageSeconds)
        facts.overheadNanoseconds = overhead(at: .now())
        _ = frameAnswer(knownLength: answer.count)
        worker.composer.whole(
            status: 200, contentType: "application/json", body: answer, facts: facts, now: worker.wallNow, isHead: isHead)
        sendComposed(status: 200, usage: Usage(inputTokens: batch.cachedTokens))
        return true
    }
}
