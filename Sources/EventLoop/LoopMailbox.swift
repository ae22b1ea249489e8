import CUV
import GatewayModel

/// The way into a loop from other threads: a bounded queue of jobs, and one wake-up for as many as are waiting.
///
/// A post costs a short mutex and, when the queue was empty, one write to an eventfd; the job runs 8–15 µs later. Jobs of one thread run in
/// the order posted.
public final class LoopMailbox: @unchecked Sendable {  // @unchecked: variables under `lock`; `running` on the loop's thread only
    private let lock = Lock()
    private let jobsMax: Int
    private var queue: [@Sendable () -> Void] = []
    private var running: [@Sendable () -> Void] = []
    /// References that the loop is to let go of. As many as there are bound values: no limit of their own.
    private var parting: [Unmanaged<AnyObject>] = []
    private var wake: UnsafeMutablePointer<uv_async_t>?
    private var isStopWanted = false

    init(jobsMax: Int) { self.jobsMax = jobsMax }

    /// Queues `job` for the loop. Any thread.
    /// - Returns: false when the loop is closed or the queue is full; the job is then dropped and the caller counts it.
    @discardableResult
    public func post(_ job: @escaping @Sendable () -> Void) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard let wake, queue.count < jobsMax else { return false }
        queue.append(job)
        // Sent under the lock, so that the loop cannot free the handle meanwhile.
        if queue.count == 1 { uv_async_send(wake) }
        return true
    }

    /// Lets go of a reference on the loop's thread, or here when the loop is closed. Any thread; cannot be refused.
    func release(_ object: Unmanaged<AnyObject>) {
        lock.lock()
        let wake = self.wake
        if let wake {
            parting.append(object)
            if parting.count == 1 { uv_async_send(wake) }
        }
        lock.unlock()
        if wake == nil { object.release() }
    }

    /// Makes the loop's `run()` return, after the jobs posted before. Any thread; cannot be refused.
    public func stopLoop() {
        lock.lock()
        isStopWanted = true
        if let wake { uv_async_send(wake) }
        lock.unlock()
    }

    func open(_ handle: UnsafeMutablePointer<uv_async_t>) {
        lock.lock()
        wake = handle
        lock.unlock()
    }

    /// Refuses further posts and drops what is waiting, outside the lock: a job's captures may post from their deinit.
    func close() {
        lock.lock()
        wake = nil
        let dropped = queue
        queue = []
        let parting = takeParting()
        lock.unlock()
        _ = consume dropped
        for object in parting { object.release() }
    }

    /// Runs what is waiting.
    /// - Returns: Whether the loop was asked to stop.
    func runJobs() -> Bool {
        lock.lock()
        swap(&queue, &running)
        let stops = isStopWanted
        isStopWanted = false
        let parting = takeParting()
        lock.unlock()
        let jobs = running
        for job in jobs { job() }
        _ = consume jobs
        running.removeAll(keepingCapacity: running.capacity <= 1024)
        for object in parting { object.release() }
        return stops
    }

    private func takeParting() -> [Unmanaged<AnyObject>] {
        guard !parting.isEmpty else { return [] }
        defer { parting = [] }
        return parting
    }
}
