// Phase 10: an answer to another question that means the same. The leader of a flight asks; who follows takes what it finds. The gate's vector
// is made here, in some microseconds; the large model runs on threads of its own or behind an endpoint, and the request waits for it no longer
// than the budget. Every doubt, and every failure, is a miss.

import Embedding
import EventLoop
import GatewayConfiguration
import GatewayModel
import RequestScan
import SemanticCache

extension Exchange {
    /// A larger body is not taken apart for its last message.
    private static let bodyBytesMax = 256 * 1024

    // MARK: What is asked

    /// Looks for a match. Returns whether the request was answered, or waits for its vector; else it goes on as a miss.
    func beginSimilar(_ flight: Flight) throws(GatewayError) -> Bool {
        guard let lane = worker.semanticLane, let request = similarRequest(lane) else { return false }
        similar = request
        if let reason = lane.reasonToPass(request) {
            pass(lane, request, reason)
            return false
        }
        if let vector = lane.service.memo.vector(of: request.text) {
            request.vector = vector
            return try decideSimilar(lane, request, flight)
        }
        guard submit(request, lane) else {
            lane.reader.passed(scope: request.scope)
            return false
        }
        machine.matches()
        similarFlight = flight
        return true
    }

    private func pass(_ lane: SemanticLane, _ request: SimilarRequest, _ reason: SemanticReason) {
        lane.reader.passed(scope: request.scope)
        lane.service.misses.add(reason)
    }

    /// What the semantic cache must know of the request; `nil` where it takes no part, counted by reason where it is switched on.
    private func similarRequest(_ lane: SemanticLane) -> SimilarRequest? {
        guard let plan, let tenant, let identity, let digest, let scan, operation.kind == .generate else { return nil }
        guard universal == nil, directives.customKey == nil, !directives.refusesSimilar else { return nil }
        let settings = snapshot.configuration.semanticPolicy(route: plan.route?.definition, tenant: tenant.tenant)
        guard settings.isEnabled else { return nil }
        let service = lane.service
        let limits = EligibilityLimits(
            temperature: settings.maxTemperature, tokens: service.tokensMax, contentWords: settings.contentWordsMin,
            timeDependentTTLSeconds: settings.timeDependentTTLSecondsMax)
        guard let part = semanticPart() else {
            service.ineligible.add(.nonText)
            return nil
        }
        var eligibility = Eligibility(part, scan, ttlSeconds: policy.ttlSeconds)
        if let reason = eligibility.reason(ofRequest: limits) {
            service.ineligible.add(reason)
            return nil
        }
        eligibility.tokens = lane.tokens(of: part.text)
        let guardText = GuardText(part.text.span, words: service.words)
        if let reason = eligibility.reason(for: guardText, limits: limits) {
            service.ineligible.add(reason)
            return nil
        }
        guard let partition = partition(part, plan, tenant) else { return nil }
        let scope = settings.learnBy == .route ? tenant.tenant.id + "/" + (plan.route?.name ?? "") : tenant.tenant.id
        return SimilarRequest(
            service: service, scope: scope, partition: partition, digest: digest, text: part.text, guardText: guardText,
            rules: GuardRules(names: settings.guardRules),
            policy: SemanticPolicy(settings, minimumCosine: directives.similarMinimum),
            owner: SimilarOwner(tenant: tenant.tenant.id, keyID: snapshot.keys.keys[Int(identity.key)].id, model: plan.model),
            operation: operation, gate: lane.gateVector(of: part.text))
    }

    private func semanticPart() -> SemanticPart? {
        guard body.count <= Self.bodyBytesMax else { return nil }
        let body = self.body
        return SemanticPart.read(body.span, operation: operation)
    }

    /// Everything but the semantic part, as the exact cache would key it: scope, credential, target, parameters, what was said before.
    private func partition(_ part: SemanticPart, _ plan: UpstreamPlan, _ tenant: TenantState) -> Digest256? {
        let rest = part.rest
        guard let scan = try? worker.scanner.scan(rest.span, operation: operation) else { return nil }
        return makeDigest(plan, tenant, body: keyedBody(scan))
    }

    // MARK: The vector

    /// Hands the text to the model's threads, or to the endpoint. `false` if they have enough to do.
    private func submit(_ request: SimilarRequest, _ lane: SemanticLane) -> Bool {
        let number = self.number
        switch lane.service.source {
        case .threads(let pool): return submit(request, pool, number)
        case .endpoint:
            return lane.remote?.embed(request.text, for: .match, on: worker) { [self] vector in
                if self.number == number { embedded(vector) }
            } ?? false
        }
    }

    private func submit(_ request: SimilarRequest, _ pool: EmbedderPool, _ number: UInt64) -> Bool {
        let bound = LoopBound(self, loop: worker.loop)
        let mailbox = worker.loop.mailbox
        let memo = request.service.memo
        let text = request.text
        return pool.submit(text, now: worker.loop.now) { event in
            var vector: [Float]?
            switch event {
            case .embedded(let made, _):
                memo.remember(made, of: text)
                vector = made
            case .embeddedLate(let made, _):
                // The request went on long ago; the judge finds it when it adds the question.
                return memo.remember(made, of: text)
            case .late, .dropped: break
            }
            _ = mailbox.post { [vector] in
                let exchange = bound.value
                if exchange.number == number { exchange.embedded(vector) }
            }
        }
    }

    /// The vector is there, or will not be in time.
    private func embedded(_ vector: [Float]?) {
        guard machine.state == .matching, let flight = similarFlight, let request = similar else { return }
        similarFlight = nil
        do throws(GatewayError) {
            if let lane = worker.semanticLane, lane.service === request.service {
                request.vector = vector
                if vector == nil {
                    lane.reader.passed(scope: request.scope)
                } else if try decideSimilar(lane, request, flight) {
                    return
                }
            }
            try startFetch(flight: flight)
        } catch {
            give(up: flight, error)
            refuse(error)
        }
    }

    // MARK: The match

    /// Searches and decides. Returns whether the request was answered.
    private func decideSimilar(_ lane: SemanticLane, _ request: SimilarRequest, _ flight: Flight) throws(GatewayError) -> Bool {
        guard let vector = request.vector else { return false }
        let (text, gate) = (request.text, request.gate ?? vector)
        let (words, rules, guardText) = (lane.service.words, request.rules, request.guardText)
        let decision = lane.reader.lookUp(
            scope: request.scope, partition: request.partition, text: text.span, gate: gate.span, vector: vector.span,
            policy: request.policy, random: worker.nextRandom()
        ) { stored in SemanticGuard.verdict(guardText, GuardText(stored, words: words), rules: rules) }
        switch decision.action {
        case .audit: request.adopt(decision)
        case .explore(let reason), .miss(let reason):
            request.adopt(decision)
            lane.service.misses.add(reason)
        case .serve:
            guard let match = decision.match else { return false }
            if serve(SimilarAnswer(match, decision), from: ServedContext(lane: lane, decision: decision, request: request, flight: flight))
            {
                return true
            }
            // The answer has been evicted, has expired or is of no use in the form that is asked for.
            if worker.reader?.contains(match.answer, now: worker.cacheNow) != true { lane.reader.forget(match) }
            lane.service.misses.add(.missingRecord)
        }
        return false
    }

    /// What a leader that serves a match knows beyond it.
    struct ServedContext {
        let lane: SemanticLane
        let decision: SemanticDecision
        let request: SimilarRequest
        let flight: Flight
    }

    /// Serves the stored answer, if it is still there. `context`: the leader's, whose followers get it too; `nil` for a follower.
    func serve(_ answer: SimilarAnswer, from context: ServedContext?) -> Bool {
        guard let reader = worker.reader else { return false }
        let now = worker.cacheNow
        let status = facts.cache
        facts.similar = answer
        let found = reader.look(up: answer.answer, now: now) { view, bytes in compose(view, bytes, now: now, staleCause: nil) }
        guard case .fresh(.composed(let status, let usage)) = found else {
            // Composing may have begun to call it a hit.
            facts.similar = nil
            facts.cache = status
            return false
        }
        if let context {
            noteServed(context)
            worker.shared.flights.end(context.flight, .similar(answer))
        }
        sendComposed(status: status, usage: usage)
        return true
    }

    private func noteServed(_ context: ServedContext) {
        guard let match = context.decision.match else { return }
        context.lane.service.served.add(
            ServedAnswers.Served(
                request: requestID, served: worker.wallNow, scope: context.request.scope, text: context.request.text, match: match,
                features: context.decision.features, probability: context.decision.probability, ordinal: context.decision.ordinal))
    }
}
