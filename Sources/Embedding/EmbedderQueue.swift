import GatewayModel

/// The decisions of an `EmbedderPool`: who waits, who runs, who is late, who makes room. No thread, no lock, no clock in it.
///
/// All texts have the same budget, so they come late in the order in which they came: the deadlines form a queue too.
struct EmbedderQueue {
    /// What was told about a budget. `telling` exists because the completion runs outside the lock: a vector that is ready meanwhile is left
    /// with the one who tells, so that `late` always comes first.
    enum Lateness {
        case inTime
        case telling
        case told
    }

    enum Phase {
        case waiting
        case running
        case finished
    }

    final class Job {
        let text: [UInt8]
        let deadline: MonotonicTime
        let completion: @Sendable (EmbeddingEvent) -> Void
        fileprivate(set) var phase = Phase.waiting
        fileprivate(set) var lateness = Lateness.inTime
        /// What is to be said once `late` has been said.
        fileprivate var left: EmbeddingEvent?

        init(text: [UInt8], deadline: MonotonicTime, completion: @escaping @Sendable (EmbeddingEvent) -> Void) {
            self.text = text
            self.deadline = deadline
            self.completion = completion
        }
    }

    private let textsMax: Int
    private let bytesMax: Int
    private var waiting: [Job] = []
    private var bytes = 0
    /// A job that may still come late. Not kept alive: what a finished one's completion holds would stay until the deadline.
    private struct Watched {
        weak var job: Job?
        let deadline: MonotonicTime
        var isOver: Bool { job.map { $0.phase == .finished } ?? true }
    }

    /// Those by deadline; the ones that are over are passed over.
    private var watched: [Watched] = []
    private var watchedHead = 0

    init(textsMax: Int, bytesMax: Int) {
        self.textsMax = textsMax
        self.bytesMax = bytesMax
    }

    /// Texts that wait.
    var count: Int { waiting.count }

    /// Takes a job in. In a full queue the oldest jobs that are late already go first.
    /// - Returns: those that had to go, or `nil` if there is no room.
    mutating func push(_ job: Job) -> [Job]? {
        guard job.text.count <= bytesMax else { return nil }
        var leaving: [Job] = []
        var freed = 0
        for old in waiting where waiting.count - leaving.count >= textsMax || bytes - freed > bytesMax - job.text.count {
            guard old.lateness == .told else { continue }
            leaving.append(old)
            freed += old.text.count
        }
        guard waiting.count - leaving.count < textsMax, bytes - freed <= bytesMax - job.text.count else { return nil }
        for old in leaving { old.phase = .finished }
        waiting.removeAll { $0.phase == .finished }
        bytes += job.text.count - freed
        waiting.append(job)
        watched.append(Watched(job: job, deadline: job.deadline))
        return leaving
    }

    /// The next one to work on, oldest first.
    mutating func next() -> Job? {
        guard !waiting.isEmpty else { return nil }
        let job = waiting.removeFirst()
        bytes -= job.text.count
        job.phase = .running
        return job
    }

    /// A job's vector is there. Whether it is to be said now; otherwise `hasTold` returns it.
    mutating func finished(_ job: Job, late: EmbeddingEvent) -> Lateness {
        job.phase = .finished
        if job.lateness == .telling { job.left = late }
        return job.lateness
    }

    /// When the next one comes late.
    var nextDeadline: MonotonicTime? {
        mutating get {
            while watchedHead < watched.count, watched[watchedHead].isOver { watchedHead += 1 }
            if watchedHead > 64, watchedHead * 2 > watched.count {
                watched.removeFirst(watchedHead)
                watchedHead = 0
            }
            if watchedHead == watched.count {
                watched.removeAll(keepingCapacity: true)
                watchedHead = 0
                return nil
            }
            return watched[watchedHead].deadline
        }
    }

    /// Those whose deadline is reached; each must be told, then given to `hasTold`.
    mutating func expire(now: MonotonicTime) -> [Job] {
        var late: [Job] = []
        while let deadline = nextDeadline, deadline <= now {
            let job = watched[watchedHead].job
            watchedHead += 1
            guard let job else { continue }
            job.lateness = .telling
            late.append(job)
        }
        return late
    }

    /// A job was told that it is late. What is to be said now, if its vector came meanwhile.
    mutating func hasTold(_ job: Job) -> EmbeddingEvent? {
        job.lateness = .told
        defer { job.left = nil }
        return job.left
    }

    /// Empties the queue. Returns those that were waiting and are not being told `late` at this moment; the others get what is left.
    mutating func close() -> [Job] {
        let rest = waiting
        waiting.removeAll()
        bytes = 0
        for job in rest {
            job.phase = .finished
            if job.lateness == .telling { job.left = .dropped }
        }
        return rest.filter { $0.lateness != .telling }
    }
}
