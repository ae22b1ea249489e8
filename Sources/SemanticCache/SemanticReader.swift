public import GatewayModel
import Hashing

/// Looks up in the semantic cache: confined to one thread, which may be an event loop or an embedder.
public final class SemanticReader {
    private let cache: SemanticCache
    private let slot: ReaderFence.Slot
    private let records: EntryReader

    /// Nearest entries that are looked at.
    static let neighboursMax = 12
    /// Nearest entries whose texts the guard sees.
    public static let guardedMax = 6
    /// Answers that a fresh one is compared with.
    public static let candidatesMax = 3
    /// How far from the match's cosine another entry of its family still supports it.
    private static let supportRange: Float = 0.1

    init(cache: SemanticCache) {
        self.cache = cache
        slot = cache.index.makeSlot()
        records = cache.store.makeReader()
    }

    deinit { cache.index.retire(slot) }

    /// Whether anything in the partition is near enough by the gate's vectors to ask the large model: the best gate cosine, or why not.
    /// Some 0.1 ms at 100,000 entries. A request that stops here is a miss; tell `passed` its scope.
    public func gate(_ vector: Span<Float>, in partition: Digest256) -> Result<Float, SemanticReason> {
        guard !cache.isWarming else { return .failure(.warming) }
        let query: QueryVector
        do throws(SemanticReason) { query = try QueryVector(vector, dimensions: cache.options.gateDimensions) } catch {
            return .failure(error)
        }
        guard let blocks = cache.index.blocks(of: partition, slot: slot), let best = VectorSearch(blocks).bestGateCosine(query) else {
            return .failure(.empty)
        }
        return best >= cache.options.gateFloor ? .success(best) : .failure(.gate)
    }

    /// Why no look-up in the partition can find anything, whatever the vector; `nil` if one may. For those without a gate.
    public func reasonToPass(_ partition: Digest256) -> SemanticReason? {
        guard !cache.isWarming else { return .warming }
        guard let blocks = cache.index.blocks(of: partition, slot: slot), blocks.live > 0 else { return .empty }
        return nil
    }

    /// A request of the scope ended before `lookUp`, at the gate or out of time: it counts among all requests that the bound is about.
    public func passed(scope: String) { cache.learners.passed(scope) }

    /// Finds the best match and decides.
    ///
    /// - Parameters:
    ///   - scope: whose learning it is: a tenant, or a tenant, a slash and a route.
    ///   - text: the semantic part of the request, UTF-8.
    ///   - random: a uniform word that decides on an audit; from a seeded generator where a run must be repeatable.
    ///   - guarding: the guard's verdict on the text of a stored entry; asked for at most `guardedMax` entries, nearest first.
    public func lookUp(
        scope: String, partition: Digest256, text: Span<UInt8>, gate: Span<Float>, vector: Span<Float>, policy: SemanticPolicy,
        random: UInt64, guarding: (Span<UInt8>) -> GuardVerdict
    ) -> SemanticDecision {
        cache.counters.lookups.add(1, ordering: .relaxed)
        let found: Found
        do throws(SemanticReason) {
            found = try find(partition, scope: scope, gate: gate, vector: vector, floor: cache.options.neighbourFloor, guarding: guarding)
        } catch {
            cache.learners.passed(scope)
            return SemanticDecision(action: .miss(error))
        }
        let isRepeat = found.record.isAlias && Self.isRepeat(found.record.text.span, text)
        let (outcome, ordinal) = cache.learners.decide(
            scope, found.features, policy: policy, isVerifiedRepeat: isRepeat, random: random)
        var decision = SemanticDecision(action: outcome.action)
        decision.match = found.match
        decision.features = found.features
        decision.ordinal = ordinal
        decision.guardVerdict = found.verdict
        decision.probability = outcome.probability
        decision.maxError = policy.maxError
        decision.threshold = outcome.calibration?.threshold
        decision.errorBound = outcome.calibration?.threshold == nil ? nil : outcome.calibration?.upper
        switch outcome.action {
        case .serve: found.search.touch(found.neighbour)
        case .miss: break
        case .audit, .explore:
            decision.ticket = SemanticTicket(
                scope: scope, features: found.features, weight: outcome.weight, isAudit: outcome.action == .audit, ordinal: ordinal,
                candidates: candidates(found))
        }
        return decision
    }

    /// The match's answer was not in the exact cache: its entry goes.
    public func forget(_ match: SemanticMatch) {
        cache.counters.missing.add(1, ordering: .relaxed)
        cache.remove(answers: [match.answer])
    }

    // MARK: - Finding

    private struct Found {
        var search: VectorSearch
        var neighbours: [Neighbour]
        var neighbour: Neighbour
        var record: EntryRecord
        var features: MatchFeatures
        var verdict: GuardVerdict

        var match: SemanticMatch {
            SemanticMatch(
                entry: record.id, answer: record.answer, cosine: neighbour.cosine, tenant: record.owner.tenant,
                keyID: record.owner.keyID, created: record.created, text: record.text)
        }
    }

    private func find(
        _ partition: Digest256, scope: String, gate: Span<Float>, vector: Span<Float>, floor: Float,
        guarding: (Span<UInt8>) -> GuardVerdict
    ) throws(SemanticReason) -> Found {
        guard !cache.isWarming else { throw .warming }
        let epoch = cache.purgeEpoch
        let query = try QueryVector(vector, dimensions: cache.options.dimensions)
        let gateQuery = try QueryVector(gate, dimensions: cache.options.gateDimensions)
        guard let blocks = cache.index.blocks(of: partition, slot: slot) else { throw .empty }
        let search = VectorSearch(blocks)
        let neighbours = search.nearest(to: query, count: Self.neighboursMax)
        guard let nearest = neighbours.first else { throw .empty }
        guard nearest.cosine >= floor else { throw .distant }
        var missing: [UInt64] = []
        let choice = choose(neighbours, floor: floor, missing: &missing, guarding)
        if !missing.isEmpty {
            cache.counters.missing.add(UInt64(missing.count), ordering: .relaxed)
            // A store that can't be read now says nothing about its records.
            if records.isReadable { cache.forget(missing, in: partition) }
        }
        guard let chosen = choice else { throw missing.isEmpty ? .guarded : .missingRecord }
        let record = chosen.record
        let neighbour = neighbours[chosen.index]
        var features = features(of: chosen.index, neighbours, blocked: chosen.blocked, scope: scope)
        features.gateCosine = search.gateCosine(gateQuery, of: neighbour)
        features.entries = blocks.live
        features.isExplored = chosen.verdict.overall == .explore
        // What was purged while this looked must not come out of it; anything else that was purged costs a hit, rarely. Blocks that were
        // packed meanwhile don't know what was removed since.
        if cache.isPurged(since: epoch), !search.isLive(neighbour) || cache.index.blocks(of: partition, slot: slot) !== blocks {
            throw .purged
        }
        return Found(
            search: search, neighbours: neighbours, neighbour: neighbour, record: record, features: features, verdict: chosen.verdict)
    }

    private struct Choice {
        var index: Int
        var record: EntryRecord
        var verdict: GuardVerdict
        /// Neighbours that the guard blocked, by place.
        var blocked: Set<Int>
    }

    /// The nearest entry that passes the guard, or else the nearest that may be explored; `nil` if all that were looked at are blocked. Those
    /// that have no record any more are told by their ids.
    private func choose(
        _ neighbours: [Neighbour], floor: Float, missing: inout [UInt64], _ guarding: (Span<UInt8>) -> GuardVerdict
    ) -> Choice? {
        var blocked: Set<Int> = []
        var explored: Choice?
        for (index, neighbour) in neighbours.prefix(Self.guardedMax).enumerated() where neighbour.cosine >= floor {
            guard let record = records.record(neighbour.id) else {
                missing.append(neighbour.id)
                continue
            }
            let verdict = guarding(record.text.span)
            switch verdict.overall {
            case .pass: return Choice(index: index, record: record, verdict: verdict, blocked: blocked)
            case .explore: explored = explored ?? Choice(index: index, record: record, verdict: verdict, blocked: [])
            case .block: blocked.insert(index)
            }
        }
        explored?.blocked = blocked
        return explored
    }

    /// Cosine, margin and support of a neighbour among the others. Blocked ones are no rivals: the guard has told them apart.
    private func features(of chosen: Int, _ neighbours: [Neighbour], blocked: Set<Int>, scope: String) -> MatchFeatures {
        let families = cache.learners.families(of: neighbours.map(\.answer), in: scope)
        let cosine = neighbours[chosen].cosine
        var margin = MatchFeatures.marginMax
        var support = 0
        for (index, neighbour) in neighbours.enumerated() where !blocked.contains(index) {
            if families[index] == families[chosen] {
                if neighbour.cosine >= cosine - Self.supportRange { support += 1 }
            } else {
                margin = min(margin, cosine - neighbour.cosine)
            }
        }
        return MatchFeatures(cosine: cosine, margin: margin, support: support, gateCosine: 0, entries: 0, blocked: blocked.count)
    }

    /// The match, and the nearest entries of other answers to compare the fresh answer with.
    private func candidates(_ found: Found) -> [SemanticMatch] {
        var candidates = [found.match]
        for neighbour in found.neighbours where neighbour.cosine >= cache.options.neighbourFloor {
            guard candidates.count < Self.candidatesMax else { break }
            guard !candidates.contains(where: { $0.answer.words.0 == neighbour.answer }), let record = records.record(neighbour.id) else {
                continue
            }
            candidates.append(
                SemanticMatch(
                    entry: record.id, answer: record.answer, cosine: neighbour.cosine, tenant: record.owner.tenant,
                    keyID: record.owner.keyID, created: record.created, text: record.text))
        }
        return candidates
    }

    /// Whether two texts are the same but for ASCII case, runs of white space, and a full stop, question or exclamation mark at the end.
    static func isRepeat(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool { folded(left) == folded(right) }

    private static func folded(_ text: Span<UInt8>) -> [UInt8] {
        var folded: [UInt8] = []
        folded.reserveCapacity(text.count)
        for index in text.indices {
            switch text[index] {
            case 0x41...0x5A: folded.append(text[index] | 0x20)
            case 0x09...0x0D, 0x20: if folded.last != 0x20, !folded.isEmpty { folded.append(0x20) }
            default: folded.append(text[index])
            }
        }
        while let last = folded.last, last == 0x20 || last == 0x2E || last == 0x3F || last == 0x21 { folded.removeLast() }
        return folded
    }
}

@available(*, unavailable) extension SemanticReader: Sendable {}
