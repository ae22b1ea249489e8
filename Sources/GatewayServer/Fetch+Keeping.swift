// What is kept of an answer at its end, and what those who follow are told.

import ExactCache
import GatewayModel
import Providers

extension Fetch {
    /// Keeps the answer if it may be kept, and tells the followers. The record is readable before the flight is forgotten.
    func settle(_ reason: CacheReason?, _ summary: AnswerSummary?) {
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
            endFlight(.complete(summary?.usage))
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

    func endFlight(_ end: FlightEnd) {
        if isRegistered, let flight { worker.shared.flights.end(flight, end) }
    }

    /// What the answer itself forbids.
    func whyNotKept(_ summary: AnswerSummary) -> CacheReason? {
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
            if let other = record.alsoUnder, let reason = cache.store(kept, for: other, begun: record.purgeEpoch) { return reason }
            // A fallback's answer stands under another key: it is none to the question as it was put to the first target.
            if let similar = order.similar, record.digest == similar.digest || record.alsoUnder == similar.digest {
                similar.answered(body: kept.body, isStream: kept.isStream, now: created, worker: worker)
            }
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
}
