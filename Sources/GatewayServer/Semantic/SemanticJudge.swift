// Compares fresh answers with those that would have been served instead, and adds what was asked to the index. Off the loops, on a thread of its
// own: some milliseconds an answer. Where nothing here can tell, a model may be asked (`ModelJudge`): the answer is put aside until it has said
// something, and the thread goes on. Whoever can't tell says so, which counts as wrong.

import Embedding
import ExactCache
import GatewayModel
import Providers
import SemanticCache
import Synchronization

/// See the file's header. Any thread submits.
final class SemanticJudge: @unchecked Sendable {  // @unchecked: variables under `lock`, but for what its thread alone uses
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
        /// The model that was asked has said something, or never will.
        case verdict(UInt64, AnswerEquality)
    }

    /// An answer that waits for the model's word, and what is known of it without.
    private struct Undecided: Sendable {
        var job: Job
        var ticket: SemanticTicket
        /// `nil` where there was nothing to compare with.
        var verdicts: [AnswerEquality?]
    }

    /// What can be said of a fresh answer.
    private enum Finding {
        /// A verdict per candidate; `nil` where there was nothing to compare with.
        case verdicts([AnswerEquality?], stored: [UInt8], fresh: [UInt8])
        /// The answer that the label would be about is gone.
        case gone
        /// One of the two has no text to compare.
        case incomparable(isFresh: Bool)
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

    private let cache: SemanticCache
    private let answers: ExactCache
    /// `nil` where an endpoint makes the vectors: answers are not compared by meaning then.
    private let model: SentenceModel?
    private let memo: VectorMemo
    private let words: GuardWords
    private let inquiry: ModelJudge
    private let pendingMax: Int
    private let lock = Lock()
    private var queue: [Work] = []
    private var undecided: [UInt64: Undecided] = [:]
    private var lastNumber: UInt64 = 0
    private var counted = Statistics()
    private var isClosing = false
    private var isBusy = false
    private var thread: PosixThread?

    init(
        cache: SemanticCache, answers: ExactCache, model: SentenceModel?, memo: VectorMemo, words: GuardWords, inquiry: ModelJudge,
        pendingMax: Int
    ) {
        self.cache = cache
        self.answers = answers
        self.model = model
        self.memo = memo
        self.words = words
        self.inquiry = inquiry
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
            statistics.waiting = queue.count + undecided.count + (isBusy ? 1 : 0)
            return statistics
        }
    }

    /// Ends the thread after the answer it is at. What waits is given back untold. Idempotent; one thread calls it.
    func close() {
        let ending = lock.withLock {
            isClosing = true
            lock.broadcast()
            defer { thread = nil }
            return thread
        }
        ending?.join()
        let tickets = lock.withLock {
            let waiting = queue.compactMap { work in if case .answer(let job) = work { job.ticket } else { nil } }
            defer { (queue, undecided) = ([], [:]) }
            return waiting + undecided.values.map(\.ticket)
        }
        for ticket in tickets { cache.abandon(ticket) }
    }

    // MARK: - The thread

    private func work() {
        let reader = answers.makeReader()
        let index = cache.makeReader()
        let comparison = AnswerComparison(words: words, model: model, memo: memo)
        while let work = next() {
            switch work {
            case .answer(let job): judge(job, reader, index, comparison)
            case .label(let ticket, let isRight): _ = cache.conclude(ticket, verdicts: [isRight ? .equal : .different])
            case .verdict(let number, let verdict):
                guard var waiting = lock.withLock({ undecided.removeValue(forKey: number) }) else { continue }
                waiting.verdicts[0] = verdict
                conclude(waiting, comparison)
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

    private func judge(_ job: Job, _ reader: CacheReader, _ index: SemanticReader, _ comparison: AnswerComparison) {
        guard let ticket = job.ticket else { return insert(job, group: nil, comparison) }
        // Its own former answer under the same key is no other question's.
        if ticket.candidates.contains(where: { $0.answer == job.digest }) { return cache.abandon(ticket) }
        switch examine(job, ticket, reader, comparison) {
        case .verdicts(let verdicts, let stored, let fresh):
            let known = Undecided(job: job, ticket: ticket, verdicts: verdicts)
            if verdicts.first == .unsure, ask(known, stored, fresh) { return }
            conclude(known, comparison)
        case .gone:
            cache.abandon(ticket)
            // An entry that leads nowhere must not stand before every question near it.
            if let first = ticket.candidates.first { index.forget(first) }
            insert(job, group: nil, comparison)
        case .incomparable(let isFresh):
            cache.abandon(ticket)
            if !isFresh { insert(job, group: nil, comparison) }
        }
    }

    /// Puts the answer aside until the model has said something about the first candidate. `false` if it is not asked.
    private func ask(_ known: Undecided, _ stored: [UInt8], _ fresh: [UInt8]) -> Bool {
        let number = lock.withLock {
            lastNumber += 1
            undecided[lastNumber] = known
            return lastNumber
        }
        let question = ModelJudge.Question(asked: known.job.text, stored: stored, fresh: fresh)
        if inquiry.ask(question, now: .now(), then: { [weak self] in self?.answered(number, $0) }) { return true }
        lock.withLock { undecided[number] = nil }
        return false
    }

    private func answered(_ number: UInt64, _ verdict: AnswerEquality) {
        lock.withLock {
            guard !isClosing else { return }
            // Beyond the queue's limit: those that were asked about have left it already, and are few.
            queue.append(.verdict(number, verdict))
            lock.broadcast()
        }
    }

    private func conclude(_ known: Undecided, _ comparison: AnswerComparison) {
        for case .some(let verdict) in known.verdicts { count(verdict) }
        let group = cache.conclude(known.ticket, verdicts: known.verdicts.map { $0 ?? .unsure })
        insert(known.job, group: group, comparison)
    }

    /// Adds the question: to a group whose answer is equal, or as the first of its own.
    private func insert(_ job: Job, group: Digest256?, _ comparison: AnswerComparison) {
        guard let vector = job.vector ?? comparison.vector(of: job.text) else { return }
        _ = cache.insert(
            SemanticInsertion(
                partition: job.partition, tenant: job.owner.tenant, keyID: job.owner.keyID, model: job.owner.model,
                answer: group ?? job.digest, isAlias: group != nil, text: job.text, gate: job.gate, vector: vector),
            begun: job.begun, now: job.asked)
    }

    // MARK: - Comparing

    private func examine(_ job: Job, _ ticket: SemanticTicket, _ reader: CacheReader, _ comparison: AnswerComparison) -> Finding {
        guard let fresh = AnswerText.read(job.body.span, operation: job.operation, isStream: job.isStream) else {
            return .incomparable(isFresh: true)
        }
        var verdicts: [AnswerEquality?] = []
        var first: [UInt8] = []
        for candidate in ticket.candidates {
            switch storedText(candidate.answer, job.asked, reader) {
            case .text(let stored):
                if verdicts.isEmpty { first = stored }
                verdicts.append(comparison.compare(fresh, stored))
            // The first one's answer is what the label is about: without it there is none.
            case .gone where verdicts.isEmpty: return .gone
            case .unreadable where verdicts.isEmpty: return .incomparable(isFresh: false)
            case .gone, .unreadable: verdicts.append(nil)
            }
        }
        return .verdicts(verdicts, stored: first, fresh: fresh)
    }

    private enum StoredText {
        case text([UInt8])
        case gone, unreadable
    }

    private func storedText(_ digest: Digest256, _ now: WallTime, _ reader: CacheReader) -> StoredText {
        let found = reader.look(up: digest, now: now) { view, bytes -> (body: [UInt8], operation: Operation, isStream: Bool) in
            var body: [UInt8] = []
            body.append(span: bytes.extracting(view.bodyRange))
            return (body, view.operation, view.isStream)
        }
        switch found {
        case .fresh(let answer), .stale(let answer, _):
            return AnswerText.read(answer.body.span, operation: answer.operation, isStream: answer.isStream).map { .text($0) }
                ?? .unreadable
        case .miss: return .gone
        }
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
