import CUV

/// A thread of its own that makes an event loop, runs it until stopped, and closes it.
public final class LoopThread: @unchecked Sendable {  // @unchecked: `mailbox` is set once, in `init`; `handle` under `mutex`
    /// The way in to the loop.
    public let mailbox: LoopMailbox
    private let mutex: UnsafeMutablePointer<uv_mutex_t>
    /// nil once joined.
    private var handle: uv_thread_t?

    /// Starts the thread and returns once its loop exists and `setUp` ran.
    /// - Parameters:
    ///   - name: The thread's name as the system shows it; 15 bytes are kept.
    ///   - cpu: The processor it is bound to; nil leaves the choice to the system. A refusal by the system is ignored.
    ///   - setUp: Runs on the new thread before the loop; here listeners and timers are made. What it throws ends the thread and comes out here.
    public init(
        name: String, cpu: Int? = nil, options: EventLoop.Options = EventLoop.Options(),
        setUp: @escaping @Sendable (EventLoop) throws(LoopError) -> Void
    ) throws(LoopError) {
        let body = LoopThreadBody(name: name, cpu: cpu, options: options, setUp: setUp)
        let context = Unmanaged.passRetained(body)
        var thread = uv_thread_t()
        let code = uv_thread_create(
            &thread,
            { argument in
                guard let argument else { return }
                Unmanaged<LoopThreadBody>.fromOpaque(argument).takeRetainedValue().run()
            }, context.toOpaque())
        guard code == 0 else {
            context.release()
            throw LoopError(operation: "thread", code: code)
        }
        switch body.waitUntilReady() {
        case .success(let mailbox):
            self.mailbox = mailbox
        case .failure(let error):
            uv_thread_join(&thread)
            throw error
        }
        handle = thread
        mutex = .allocate(capacity: 1)
        uv_mutex_init(mutex)
    }

    deinit {
        stop()
        join()
        uv_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Makes the loop's `run()` return; does not wait for it. Any thread.
    public func stop() { mailbox.stopLoop() }

    /// Waits until the thread has ended. Idempotent; not from the thread itself.
    public func join() {
        uv_mutex_lock(mutex)
        defer { uv_mutex_unlock(mutex) }
        guard var thread = handle else { return }
        uv_thread_join(&thread)
        handle = nil
    }
}

/// What the new thread runs, and the word it sends back.
private final class LoopThreadBody: @unchecked Sendable {  // @unchecked: `result` is read after the semaphore that follows its writing
    private let name: String
    private let cpu: Int?
    private let options: EventLoop.Options
    private let setUp: @Sendable (EventLoop) throws(LoopError) -> Void
    private let ready: UnsafeMutablePointer<uv_sem_t>
    private var result = Result<LoopMailbox, LoopError>.failure(LoopError(operation: "thread", code: UV_EINVAL.rawValue))

    init(name: String, cpu: Int?, options: EventLoop.Options, setUp: @escaping @Sendable (EventLoop) throws(LoopError) -> Void) {
        self.name = name
        self.cpu = cpu
        self.options = options
        self.setUp = setUp
        ready = .allocate(capacity: 1)
        uv_sem_init(ready, 0)
    }

    deinit {
        uv_sem_destroy(ready)
        ready.deallocate()
    }

    func waitUntilReady() -> Result<LoopMailbox, LoopError> {
        uv_sem_wait(ready)
        return result
    }

    func run() {
        nameThread()
        do {
            let loop = try EventLoop(options: options)
            defer { loop.close() }
            try setUp(loop)
            result = .success(loop.mailbox)
            uv_sem_post(ready)
            loop.run()
        } catch {
            result = .failure(error)
            uv_sem_post(ready)
        }
    }

    private func nameThread() {
        weir_name_thread(name)
        if let cpu, let number = UInt32(exactly: cpu) { _ = weir_bind_thread(number) }
    }
}
