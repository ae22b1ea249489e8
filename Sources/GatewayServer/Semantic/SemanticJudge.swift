// Compares fresh answers with those that would have been served instead, and adds what was asked to the index. Off the loops, on a thread of its
// own: some milliseconds an answer. Whoever can't tell says so, which counts as wrong.

import Embedding
import ExactCache
import GatewayModel
import Providers
import SemanticCache
import Synchronization

/// See the file's header. Any thread submits.
final class SemanticJudge: @unchecked Sendable {
    // @unchecked: everything mutable is guarded by `lock`, but for what its thread alone uses.

    /// A fresh answer, and the question it answers.
    struct Job: Sendable {
        var partition: Digest256
        var digest: Digest256
        var text: [UInt8]
        var owner: SimilarOwner
        var operation: Operation
        var begun: UInt64
        var gate: [Float]
        /// `nil`: its own model makes it.
        var vector: [Float]?
        var ticket: SemanticTicket?
        /// The answer as it is kept.
        var body: [UInt8]
        var isStream: Bool
        /// When it was complete, by the cache's clock.
        var asked: WallTime
    }

    /// What its thread does.
    private enum Work: Sendable {
        case answer(Job)
        /// Somebody said whether an answer that was served is right.
        case label(SemanticTicket, isRight: Bool)

        var ticket: SemanticTicket? {
            switch self {
            case .answer(let job): job.ticket
            case .label: nil
            }
        }
    }

    /// What it has done.
    struct Statistics: Sendable {
        var waiting = 0
        var judged: UInt64 = 0
        var dropped: UInt64 = 0
        var equal: UInt64 = 0
        var different: UInt64 = 0
        var unsure: UInt64 = 0
    }

    /// Answers whose vectors are at least so near mean the same if the guard agrees.
    private static let answerCosineMin: Float = 0.90
    /// Pieces of an answer that are embedded, each as long as the model reads.
    private static let piecesMax = 6
    private static let pieceBytes = 480

    private let cache: SemanticCache
    private let answers: ExactCache
    /// `nil` where an endpoint makes the vectors: answers are not compared by meaning then.
    private let model: SentenceModel?
    private let memo: VectorMemo
    private let words: GuardWords
    private let pendingMax: Int
    private let lock = Lock()
    private var queue: [Work] = []
    private var counted = Statistics()
    private var isClosing = false
    private var isBusy = false
    private var thread: PosixThread?

    init(cache: SemanticCache, answers: ExactCache, model: SentenceModel?, memo: VectorMemo, words: GuardWords, pendingMax: Int) {
        self.cache = cache
        self.answers = answers
        self.model = model
        self.memo = memo
        self.words = words
        self.pendingMax = pendingMax
        thread = PosixThread.start(name: "weir-judge") { [unowned self] in self.work() }
    }

    /// Hands an answer over; never waits. `false` if too many wait already: nothing is learnt from it, and the question is not added.
    func submit(_ job: Job) -> Bool { submit(.answer(job)) }

    /// Hands a person's word on a served answer over; it is dropped if too much waits.
    func learn(_ ticket: SemanticTicket, isRight: Bool) { _ = submit(.label(ticket, isRight: isRight)) }

    private func submit(_ job: Work) -> Bool {
        lock.withLock {
            guard thread != nil, !isClosing, queue.count < pendingMax else {
                counted.dropped += 1
                return false
            }
            queue.append(job)
            lock.broadcast()
            return true
        }
    }

    /// Counters now.
    var statistics: Statistics {
        lock.withLock {
            var statistics = counted
            statistics.waiting = queue.count + (isBusy ? 1 : 0)
            return statistics
        }
    }

    /// Ends the thread after the answer it is at. What waits is given back untold.
    func close() {
        let rest = lock.withLock {
            isClosing = true
            lock.broadcast()
            defer { queue = [] }
            return queue
        }
        thread?.join()
        thread = nil
        for job in rest { if let ticket = job.ticket { cache.abandon(ticket) } }
    }

    // MARK: - The thread

    private func work() {
        let reader = answers.makeReader()
        var scratch = EmbeddingScratch()
        while let work = next() {
            switch work {
            case .answer(let job): judge(job, reader, &scratch)
            case .label(let ticket, let isRight): _ = cache.conclude(ticket, verdicts: [isRight ? .equal : .different])
            }
        }
    }

    private func next() -> Work? {
        lock.withLock {
            isBusy = false
            while queue.isEmpty {
                if isClosing { return nil }
                lock.wait()
            }
            if isClosing { return nil }
            isBusy = true
            return queue.removeFirst()
        }
    }

    private func judge(_ job: Job, _ reader: CacheReader, _ scratch: inout EmbeddingScratch) {
        var group: Digest256?
        if let ticket = job.ticket {
            // Its own former answer under the same key is no other question's.
            if ticket.candidates.contains(where: { $0.answer == job.digest }) { return cache.abandon(ticket) }
            guard let verdicts = verdicts(job, ticket, reader, &scratch) else { return cache.abandon(ticket) }
            group = cache.conclude(ticket, verdicts: verdicts)
        }
        guard let vector = job.vector ?? model.map({ embed(job.text, with: $0, &scratch) }) else { return }
        _ = cache.insert(
            SemanticInsertion(
                partition: job.partition, tenant: job.owner.tenant, keyID: job.owner.keyID, model: job.owner.model,
                answer: group ?? job.digest, isAlias: group != nil, text: job.text, gate: job.gate, vector: vector),
            begun: job.begun, now: job.asked)
    }

    /// A verdict per candidate; `nil` where the fresh answer has no text to compare.
    private func verdicts(
        _ job: Job, _ ticket: SemanticTicket, _ reader: CacheReader, _ scratch: inout EmbeddingScratch
    ) -> [AnswerEquality]? {
        guard let fresh = AnswerText.read(job.body.span, operation: job.operation, isStream: job.isStream) else { return nil }
        var verdicts: [AnswerEquality] = []
        for candidate in ticket.candidates {
            // The first one's answer is what the label is about: without it there is none.
            guard let stored = storedText(candidate.answer, job.asked, reader) else {
                if verdicts.isEmpty { return nil }
                verdicts.append(.unsure)
                continue
            }
            let verdict = compare(fresh, stored, &scratch)
            verdicts.append(verdict)
            count(verdict)
        }
        return verdicts
    }

    private func storedText(_ digest: Digest256, _ now: WallTime, _ reader: CacheReader) -> [UInt8]? {
        let found = reader.look(up: digest, now: now) { view, bytes -> (body: [UInt8], operation: Operation, isStream: Bool) in
            var body: [UInt8] = []
            body.append(span: bytes.extracting(view.bodyRange))
            return (body, view.operation, view.isStream)
        }
        switch found {
        case .fresh(let answer), .stale(let answer, _):
            return AnswerText.read(answer.body.span, operation: answer.operation, isStream: answer.isStream)
        case .miss: return nil
        }
    }

    private func compare(_ fresh: [UInt8], _ stored: [UInt8], _ scratch: inout EmbeddingScratch) -> AnswerEquality {
        let verdict = AnswerEquality.compare(fresh.span, stored.span, words: words)
        guard verdict == .unsure, let model else { return verdict }
        let (left, right) = (GuardText(fresh.span, words: words), GuardText(stored.span, words: words))
        guard SemanticGuard.verdict(left, right).overall == .pass else { return .unsure }
        guard let one = meaning(fresh, model, &scratch), let other = meaning(stored, model, &scratch) else { return .unsure }
        return zip(one, other).reduce(0) { $0 + $1.0 * $1.1 } >= Self.answerCosineMin ? .equal : .unsure
    }

    /// The mean of the vectors of a text's pieces; `nil` for a text too long to be read whole, or without a word.
    private func meaning(_ text: [UInt8], _ model: SentenceModel, _ scratch: inout EmbeddingScratch) -> [Float]? {
        guard text.count <= Self.piecesMax * Self.pieceBytes else { return nil }
        var sum = [Float](repeating: 0, count: model.dimensions)
        for start in stride(from: 0, to: text.count, by: Self.pieceBytes) {
            let vector = embed(Array(text[start..<min(text.count, start + Self.pieceBytes)]), with: model, &scratch)
            for index in sum.indices { sum[index] += vector[index] }
        }
        let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length > 0 && length.isFinite ? sum.map { $0 / length } : nil
    }

    private func embed(_ text: [UInt8], with model: SentenceModel, _ scratch: inout EmbeddingScratch) -> [Float] {
        if let vector = memo.vector(of: text) { return vector }
        var vector: [Float] = []
        _ = model.embed(text.span, limit: SemanticService.embeddedTokensMax, into: &vector, scratch: &scratch)
        memo.remember(vector, of: text)
        return vector
    }

    private func count(_ verdict: AnswerEquality) {
        lock.withLock {
            counted.judged += 1
            switch verdict {
            case .equal: counted.equal += 1
            case .different: counted.different += 1
            case .unsure: counted.unsure += 1
            }
        }
    }
}
