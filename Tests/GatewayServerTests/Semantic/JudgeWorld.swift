import Embedding
import ExactCache
import GatewayConfiguration
import GatewayModel
import JSON
import Providers
import TestSupport

@testable import GatewayServer
@testable import SemanticCache

/// A judge with everything around it: a tiny model, an exact cache and an index in temporary folders.
final class JudgeWorld: Sendable {
    static let noon = WallTime(milliseconds: 1_800_000_000_000)
    static let partition = Digest256(words: (9, 9, 9, 9))

    let tiny = TinySentenceModel()
    let folder = TemporaryFolder()
    let model: SentenceModel
    let answers: ExactCache
    let cache: SemanticCache
    let memo = VectorMemo(entriesMax: 64)
    let inquiry = ModelJudge()
    let judge: SemanticJudge

    init(pendingMax: Int = 64) throws {
        model = try tiny.open()
        answers = try ExactCache(ExactCacheOptions(path: folder.file("answers"), byteCap: 8 << 20))
        var options = SemanticCacheOptions(path: nil, modelID: "tiny")
        options.dimensions = model.dimensions
        cache = try SemanticCache(options)
        judge = SemanticJudge(
            cache: cache, answers: answers, model: model, memo: memo, words: .english, inquiry: inquiry, pendingMax: pendingMax)
        waitUntil { !cache.isWarming }
    }

    func close() {
        judge.close()
        cache.close()
        answers.close()
    }

    static func digest(_ number: UInt64) -> Digest256 { Digest256(words: (number, number &* 31, number &* 57, 1)) }

    static func body(_ text: String) -> [UInt8] {
        let answer: JSONValue = [
            "choices": [["index": 0, "message": ["role": "assistant", "content": .string(text)], "finish_reason": "stop"]]
        ]
        return answer.bytes
    }

    /// A stored answer and the question it answers, as an earlier request left them.
    func keep(_ number: UInt64, _ text: String, question: String, body: [UInt8]? = nil) {
        _ = answers.store(
            CacheRecord(
                status: 200, fields: [CacheField("content-type", "application/json")], body: body ?? Self.body(text), isStream: false,
                operation: .chatCompletions, target: Target(provider: "p", model: "m"), tenantID: "acme", keyID: "k", created: Self.noon,
                ttlSeconds: 3600, staleSeconds: 0), for: Self.digest(number), begun: answers.purgeEpoch)
        _ = cache.insert(
            SemanticInsertion(
                partition: Self.partition, tenant: "acme", keyID: "k", model: "m", answer: Self.digest(number), text: Array(question.utf8),
                gate: Self.gate, vector: vector(question)), begun: cache.purgeEpoch, now: Self.noon)
    }

    static let gate = [Float](repeating: 0.1, count: 128)

    func vector(_ text: String) -> [Float] {
        var vector: [Float] = []
        var scratch = EmbeddingScratch()
        _ = model.embed(Array(text.utf8).span, into: &vector, scratch: &scratch)
        return vector
    }

    /// What a look-up left: the stored answers to compare with, nearest first.
    func ticket(_ scope: String, _ numbers: UInt64...) -> SemanticTicket {
        SemanticTicket(
            scope: scope, features: MatchFeatures(cosine: 0.9, margin: 0.1, support: 1, gateCosine: 0.9, entries: 2), weight: 1,
            isAudit: false, ordinal: 1,
            candidates: numbers.map { number in
                SemanticMatch(
                    entry: number, answer: Self.digest(number), cosine: 0.9, tenant: "acme", keyID: "k", created: Self.noon, text: [])
            })
    }

    func job(_ number: UInt64, _ text: String, question: String, _ ticket: SemanticTicket? = nil, body: [UInt8]? = nil) -> SemanticJudge.Job
    {
        SemanticJudge.Job(
            partition: Self.partition, digest: Self.digest(number), text: Array(question.utf8),
            owner: SimilarOwner(tenant: "acme", keyID: "k", model: "m"), operation: .chatCompletions, begun: cache.purgeEpoch,
            gate: Self.gate,
            vector: nil, ticket: ticket, body: body ?? Self.body(text), isStream: false, asked: Self.noon)
    }

    /// Waits until nothing is left to judge.
    func settle() { waitUntil { judge.statistics.waiting == 0 } }

    /// The answer that a question leads to now; `nil` if nothing is near it.
    func answer(to question: String) -> Digest256? {
        let text = Array(question.utf8)
        let vector = self.vector(question)
        let gate = Self.gate
        return cache.makeReader().lookUp(
            scope: "probe", partition: Self.partition, text: text.span, gate: gate.span, vector: vector.span,
            policy: SemanticPolicy(rule: .threshold(0.999)), random: 0
        ) { _ in .pass }.match?.answer
    }

    var entries: Int { cache.statistics.entries }

    /// Labels of a scope; `nil` for one that nothing was ever told of.
    func labels(_ scope: String) -> UInt64? { cache.report(scope: scope)?.labels }

    /// Lets questions be put to a model.
    func ask(perMinute: Int = 60, _ send: @escaping @Sendable (ModelJudge.Call) -> Bool) {
        inquiry.adopt(
            SemanticSettings.Judge(model: "judge", key: Secret("wk_x"), timeoutMilliseconds: 1000, perMinuteMax: perMinute), send: send)
    }
}

/// Polls until something is true, for at most ten seconds: what follows then fails.
func waitUntil(_ condition: () -> Bool) {
    let lock = Lock()
    let begun = MonotonicTime.now()
    while !condition(), MonotonicTime.now().nanoseconds(since: begun) < 10_000_000_000 {
        lock.withLock { lock.wait(until: MonotonicTime(nanoseconds: MonotonicTime.now().nanoseconds + 1_000_000)) }
    }
}

/// Holds whoever enters until it is opened.
final class Barrier: @unchecked Sendable {
    // @unchecked: everything is guarded by `lock`.
    private let lock = Lock()
    private var isOpen = false
    private var entered = 0

    func enter() {
        lock.withLock {
            entered += 1
            lock.broadcast()
            while !isOpen { lock.wait() }
        }
    }

    /// Waits until somebody is held.
    func waitForSomebody() { lock.withLock { while entered == 0 { lock.wait() } } }

    func open() {
        lock.withLock {
            isOpen = true
            lock.broadcast()
        }
    }
}
