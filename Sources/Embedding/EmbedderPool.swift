// Threads of their own for sentence models: an event loop hands a text over and never waits. Each job carries a deadline. One that is done
// by then is handed back in time; at the deadline the caller is told that it is late, once, and the vector still comes afterwards, for the
// insert. A job that still waits at its deadline is worked off all the same unless the queue is full: then it goes before a newcomer does.

public import GatewayModel

/// Limits of a pool.
public struct EmbedderLimits: Sendable, Equatable {
    /// Threads, each with its own scratch (some megabytes).
    public var threads: Int
    /// Texts that wait.
    public var queueTextsMax: Int
    /// Bytes of texts that wait.
    public var queueBytesMax: Int
    /// Tokens of a text, [CLS] and [SEP] included; what follows is cut off.
    public var tokensMax: Int
    /// How long a text may take from its submission until the caller goes on without it.
    public var budgetMilliseconds: UInt64

    /// Makes limits.
    public init(
        threads: Int = 1, queueTextsMax: Int = 256, queueBytesMax: Int = 4 << 20, tokensMax: Int = 128, budgetMilliseconds: UInt64 = 100
    ) {
        self.threads = threads
        self.queueTextsMax = queueTextsMax
        self.queueBytesMax = queueBytesMax
        self.tokensMax = tokensMax
        self.budgetMilliseconds = budgetMilliseconds
    }
}

/// What a pool says about a text. A completion is called at most twice: `late`, and then one of the others.
public enum EmbeddingEvent: Sendable {
    /// The vector, within the budget.
    case embedded([Float], EmbeddedText)
    /// The budget is used up; the request goes on without. The vector may follow.
    case late
    /// The vector, after `late`: for the insert.
    case embeddedLate([Float], EmbeddedText)
    /// There will be no vector: displaced from a full queue after `late`, or the pool was closed.
    case dropped
}

/// Counters of a pool.
public struct EmbedderStatistics: Sendable, Equatable {
    /// Texts taken.
    public var submitted: UInt64 = 0
    /// Texts refused because the queue was full.
    public var refused: UInt64 = 0
    /// Vectors within the budget.
    public var embedded: UInt64 = 0
    /// Budgets used up.
    public var late: UInt64 = 0
    /// Vectors after the budget.
    public var embeddedLate: UInt64 = 0
    /// Late texts that made room for newer ones, or were still waiting at the end.
    public var dropped: UInt64 = 0
    /// Texts that were cut.
    public var cut: UInt64 = 0
    /// Tokens embedded.
    public var tokens: UInt64 = 0
    /// Time spent embedding, over all threads.
    public var busyNanoseconds: UInt64 = 0
    /// Texts that wait now.
    public var waiting: Int = 0

    /// Nothing yet.
    public init() {}
}

/// Embeds texts on threads of its own. Any thread submits. Completions run on the pool's threads, or on the one that submits or closes: they
/// must be short and only hand over. `close` must be called.
public final class EmbedderPool: @unchecked Sendable {  // @unchecked: variables under `lock`; `threads` by `init` and `close` only
    /// The model that its threads use.
    public let model: SentenceModel
    private let limits: EmbedderLimits
    private let lock = Lock()
    private var queue: EmbedderQueue
    private var counted = EmbedderStatistics()
    private var isClosing = false
    private var threads: [PosixThread] = []

    /// Starts the threads; `nil` if the system gives none.
    public init?(model: SentenceModel, limits: EmbedderLimits = EmbedderLimits()) {
        precondition(limits.threads >= 1 && limits.queueTextsMax >= 1 && limits.tokensMax >= 2)
        self.model = model
        self.limits = limits
        queue = EmbedderQueue(textsMax: limits.queueTextsMax, bytesMax: limits.queueBytesMax)
        for index in 0..<limits.threads {
            guard let thread = PosixThread.start(name: "embedder-\(index)", { self.work() }) else { break }
            threads.append(thread)
        }
        if let clock = PosixThread.start(name: "embedder-clock", { self.watch() }) { threads.append(clock) }
        if threads.count <= limits.threads {
            close()
            return nil
        }
    }

    /// Hands a text over; never waits.
    /// - Parameter completion: called once with `embedded` or `dropped`, or with `late` and then with `embeddedLate` or `dropped`.
    /// - Returns: `false` if there is no room, or the pool is closed; `completion` is not called then.
    public func submit(_ text: [UInt8], now: MonotonicTime = .now(), completion: @escaping @Sendable (EmbeddingEvent) -> Void) -> Bool {
        let deadline = now.adding(milliseconds: limits.budgetMilliseconds)
        let job = EmbedderQueue.Job(text: text, deadline: deadline, completion: completion)
        let displaced: [EmbedderQueue.Job]? = lock.withLock {
            guard !isClosing, let displaced = queue.push(job) else {
                counted.refused += 1
                return nil
            }
            counted.submitted += 1
            counted.dropped += UInt64(displaced.count)
            // All of them: the one that is woken must not be the clock.
            lock.broadcast()
            return displaced
        }
        guard let displaced else { return false }
        for job in displaced { job.completion(.dropped) }
        return true
    }

    /// Counters now.
    public var statistics: EmbedderStatistics {
        lock.withLock {
            var result = counted
            result.waiting = queue.count
            return result
        }
    }

    /// Ends the threads after the texts they are at, and waits for them. Texts that wait are dropped. Idempotent; one thread calls it.
    public func close() {
        let rest = lock.withLock {
            isClosing = true
            lock.broadcast()
            counted.dropped += UInt64(queue.count)
            return queue.close()
        }
        for job in rest { job.completion(.dropped) }
        for thread in threads { thread.join() }
        threads = []
    }

    // MARK: - The threads

    private func work() {
        var scratch = EmbeddingScratch()
        while let job = nextJob() {
            var vector: [Float] = []
            let text = job.text
            let start = MonotonicTime.now()
            let result = model.embed(text.span, limit: limits.tokensMax, into: &vector, scratch: &scratch)
            let span = MonotonicTime.now().nanoseconds(since: start)
            switch finish(job, vector, result, span) {
            case .inTime: job.completion(.embedded(vector, result))
            case .told: job.completion(.embeddedLate(vector, result))
            case .telling: break  // the clock says it, after `late`
            }
        }
    }

    private func nextJob() -> EmbedderQueue.Job? {
        lock.withLock {
            while true {
                if isClosing { return nil }
                if let job = queue.next() { return job }
                lock.wait()
            }
        }
    }

    private func finish(
        _ job: EmbedderQueue.Job, _ vector: [Float], _ result: EmbeddedText, _ span: UInt64
    ) -> EmbedderQueue.Lateness {
        lock.withLock {
            let lateness = queue.finished(job, late: .embeddedLate(vector, result))
            if lateness == .inTime { counted.embedded += 1 } else { counted.embeddedLate += 1 }
            if result.isCut { counted.cut += 1 }
            counted.tokens += UInt64(result.tokens)
            counted.busyNanoseconds += span
            return lateness
        }
    }

    /// The clock: tells those whose budget is used up.
    private func watch() {
        while let late = nextLate() {
            for job in late {
                job.completion(.late)
                if let left = lock.withLock({ queue.hasTold(job) }) { job.completion(left) }
            }
        }
    }

    /// Waits for a deadline. `nil` at the end.
    private func nextLate() -> [EmbedderQueue.Job]? {
        lock.withLock {
            while !isClosing {
                guard let deadline = queue.nextDeadline else {
                    lock.wait()
                    continue
                }
                let late = queue.expire(now: .now())
                if !late.isEmpty {
                    counted.late += UInt64(late.count)
                    return late
                }
                lock.wait(until: deadline)
            }
            return nil
        }
    }
}
