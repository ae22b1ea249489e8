// What the semantic cache knows of one request, from its look-up to the label that its fresh answer gives. It goes with the fetch: the client may
// leave, the answer still teaches.

import GatewayModel
import SemanticCache

/// See the file's header. Confined to its loop.
final class SimilarRequest {
    let service: SemanticService
    /// Whose learning it is.
    let scope: String
    /// Where its neighbours are.
    let partition: Digest256
    /// The exact cache's key of its own answer.
    let digest: Digest256
    /// The semantic part.
    let text: [UInt8]
    let guardText: GuardText
    let rules: GuardRules
    let policy: SemanticPolicy
    let owner: SimilarOwner
    let operation: Operation
    /// Nothing purged since then is added.
    let begun: UInt64
    /// The gate's vector; `nil` where there is no gate, and the large model's stands for it.
    let gate: [Float]?
    /// The large model's vector, once it is there.
    var vector: [Float]?
    /// What the look-up wants to learn; given back if nobody concludes it.
    private var ticket: SemanticTicket?

    init(
        service: SemanticService, scope: String, partition: Digest256, digest: Digest256, text: [UInt8], guardText: GuardText,
        rules: GuardRules, policy: SemanticPolicy, owner: SimilarOwner, operation: Operation, gate: [Float]?
    ) {
        self.service = service
        self.scope = scope
        self.partition = partition
        self.digest = digest
        self.text = text
        self.guardText = guardText
        self.rules = rules
        self.policy = policy
        self.owner = owner
        self.operation = operation
        self.gate = gate
        begun = service.cache.purgeEpoch
    }

    deinit { if let ticket { service.cache.abandon(ticket) } }

    /// Takes what the look-up said.
    func adopt(_ decision: SemanticDecision) { ticket = decision.ticket }

    /// The fresh answer is in the store: it is judged and the question added, off the loop. Where an endpoint makes the vectors and this one
    /// has none yet, it is asked for first; without it the question is not added.
    func answered(body: [UInt8], isStream: Bool, now: WallTime, worker: LoopWorker) {
        guard let remote = worker.semanticLane?.remote, vector == nil else { return handOver(body, isStream, now) }
        vector = service.memo.vector(of: text)
        if vector != nil { return handOver(body, isStream, now) }
        _ = remote.embed(text, for: .insert, on: worker) { [self] made in
            vector = made
            if made != nil { handOver(body, isStream, now) }
        }
    }

    private func handOver(_ body: [UInt8], _ isStream: Bool, _ now: WallTime) {
        guard let gate = gate ?? vector else { return }
        let job = SemanticJudge.Job(
            partition: partition, digest: digest, text: text, owner: owner, operation: operation, begun: begun, gate: gate, vector: vector,
            ticket: ticket, body: body, isStream: isStream, asked: now)
        // Without a place in the queue the ticket is given back by `deinit`.
        if service.judge.submit(job) { ticket = nil }
    }
}

@available(*, unavailable)
extension SimilarRequest: Sendable {}

/// Who fills an entry.
struct SimilarOwner: Sendable {
    var tenant: String
    var keyID: String
    var model: String
}

/// The stored answer that is served in place of a fresh one, and what speaks for it.
struct SimilarAnswer: Sendable {
    var entry: UInt64
    /// The exact cache's key of the answer.
    var answer: Digest256
    var cosine: Float
    /// The probability that it fits; `nil` where nothing is verified.
    var probability: Double?
    /// The upper end of the error's interval; `nil` where nothing is verified.
    var errorBound: Double?
    /// Whether the rule is a plain threshold, of which nothing is promised.
    var isUnverified: Bool

    init(_ match: SemanticMatch, _ decision: SemanticDecision) {
        entry = match.entry
        answer = match.answer
        cosine = match.cosine
        probability = decision.probability
        errorBound = decision.errorBound
        isUnverified = decision.maxError == nil
    }
}
