import EventLoop
import GatewayModel

/// A worker as the control side sees it: a thread, a mailbox, counters to read.
struct WorkerHandle: Sendable {
    let counters: CounterBlock
    let address: SocketAddress
    private let thread: LoopThread
    private let worker: LoopBound<LoopWorker>

    /// Starts a worker on a thread of its own, listening.
    static func start(
        index: Int, count: Int, address: SocketAddress, shared: SharedState, snapshot: GatewaySnapshot
    ) throws(LoopError) -> WorkerHandle {
        let made = Locked<(LoopBound<LoopWorker>, SocketAddress)?>(nil)
        let counters = CounterBlock()
        let thread = try LoopThread(name: "weir-loop-\(index)") { loop throws(LoopError) in
            let worker = try LoopWorker(index: index, loop: loop, shared: shared, snapshot: snapshot, counters: counters)
            let bound = try worker.listen(address)
            made.withLock { $0 = (LoopBound(worker, loop: loop), bound) }
        }
        guard let (worker, bound) = made.withLock({ $0 }) else { throw LoopError(operation: "worker", code: -1) }
        return WorkerHandle(counters: counters, address: bound, thread: thread, worker: worker)
    }

    /// Runs a job on the worker's loop. False when the loop is gone.
    @discardableResult
    func post(_ job: @escaping @Sendable (LoopWorker) -> Void) -> Bool {
        let worker = self.worker
        return thread.mailbox.post { job(worker.value) }
    }

    /// Ends the worker and waits for its thread.
    func stop() {
        post { $0.close() }
        thread.stop()
        thread.join()
    }
}
