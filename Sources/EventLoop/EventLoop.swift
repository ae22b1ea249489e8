import CUV
import GatewayModel

// One loop per thread, and everything that belongs to it stays on that thread: sockets, timers, watchers, their callbacks. The mailbox is the
// only way in from outside. Callbacks may do anything, closing the handle they were called for and stopping the loop included: libuv frees
// nothing before the close callback, and neither do we.

/// libuv's event loop behind a safe API. Made, run and closed on one thread.
public final class EventLoop {
    /// Parameters of a loop.
    public struct Options: Sendable {
        /// Bytes one read takes at most; one buffer of this size serves all connections of the loop. 1 KiB...1 MiB.
        public var readBufferBytes = 64 * 1024
        /// Jobs the mailbox holds before `post` refuses.
        public var mailboxJobsMax = 65_536
        /// Bytes one connection may queue beyond what the kernel took before it is reset with `LoopError.outputLimit`.
        public var outputBytesMax = 64 * 1024 * 1024

        /// The defaults.
        public init() {}
    }

    /// The way in from other threads.
    public let mailbox: LoopMailbox
    let raw: UnsafeMutablePointer<uv_loop_t>
    let readBuffer: UnsafeMutableBufferPointer<UInt8>
    let outputBytesMax: Int

    private let thread = uv_thread_self()
    private let prepare: UnsafeMutablePointer<uv_prepare_t>
    private let wake: UnsafeMutablePointer<uv_async_t>
    private var time = MonotonicTime.now()
    private var isTimeStale = false
    private var turnHooks: [() -> Void] = []
    private(set) var isClosed = false

    /// Makes a loop for the calling thread.
    public init(options: Options = Options()) throws(LoopError) {
        precondition((1024...1024 * 1024).contains(options.readBufferBytes), "readBufferBytes out of range")
        raw = .allocate(capacity: 1)
        prepare = .allocate(capacity: 1)
        wake = .allocate(capacity: 1)
        readBuffer = .allocate(capacity: options.readBufferBytes)
        outputBytesMax = options.outputBytesMax
        mailbox = LoopMailbox(jobsMax: options.mailboxJobsMax)
        let code = uv_loop_init(raw)
        guard code == 0 else {
            isClosed = true
            freeMemory()
            throw LoopError(operation: "loop", code: code)
        }
        try installInternalHandles()
    }

    deinit {
        // Every open handle holds the loop, so none is left here but our own two.
        close()
    }

    private func installInternalHandles() throws(LoopError) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        uv_prepare_init(raw, prepare)
        prepare.pointee.data = context
        uv_prepare_start(prepare) { handle in
            guard let data = handle?.pointee.data else { return }
            Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().endTurn()
        }
        uv_unref(Self.handle(prepare))
        let code = uv_async_init(raw, wake) { handle in
            guard let data = handle?.pointee.data else { return }
            let loop = Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue()
            if loop.mailbox.runJobs() { loop.stop() }
        }
        wake.pointee.data = context
        guard code == 0 else {
            uv_close(Self.handle(prepare), nil)
            uv_run(raw, UV_RUN_DEFAULT)
            uv_loop_close(raw)
            isClosed = true
            freeMemory()
            throw LoopError(operation: "wake", code: code)
        }
        mailbox.open(wake)
    }

    /// Runs until `stop()`. Call it on the thread that made the loop; it may be run again after it returned.
    public func run() {
        assertOnLoop()
        precondition(!isClosed, "a closed loop cannot run")
        uv_run(raw, UV_RUN_DEFAULT)
    }

    /// Runs one turn: waits for at least one event, and delivers what is there. For tests and for draining.
    /// - Parameter waiting: false returns at once when nothing is ready.
    public func runOnce(waiting: Bool = true) {
        assertOnLoop()
        precondition(!isClosed, "a closed loop cannot run")
        uv_run(raw, waiting ? UV_RUN_ONCE : UV_RUN_NOWAIT)
    }

    /// Makes `run()` return at the end of this turn. From another thread post a job that calls it.
    public func stop() {
        assertOnLoop()
        uv_stop(raw)
    }

    /// The time of this turn, read from the clock at its first use; later uses in the same turn see the same value.
    public var now: MonotonicTime {
        if isTimeStale { refreshNow() }
        return time
    }

    /// Reads the clock again, for a turn known to take long.
    public func refreshNow() {
        time = MonotonicTime.now()
        isTimeStale = false
    }

    /// Registers a job that runs at the end of every turn, before the loop waits for events. It cannot be taken back.
    public func atTurnEnd(_ job: @escaping () -> Void) {
        assertOnLoop()
        turnHooks.append(job)
    }

    private func endTurn() {
        isTimeStale = true
        var index = 0
        while index < turnHooks.count {
            turnHooks[index]()
            index += 1
        }
        isTimeStale = true
    }

    /// Makes a timer that is not running yet.
    public func makeTimer(_ fire: @escaping () -> Void) throws(LoopError) -> LoopTimer {
        try LoopTimer(loop: self, fire: fire)
    }

    /// Listens on `address` and hands each new connection to `accept`, which must call `start(delegate:)` on it before returning;
    /// a connection not started is closed.
    /// - Parameters:
    ///   - reusePort: `SO_REUSEPORT`: several loops listen on one address and the kernel spreads connections over them.
    ///   - backlog: Connections the kernel holds before they are accepted; the system's own limit applies.
    public func listen(
        _ address: SocketAddress, reusePort: Bool = false, backlog: Int32 = 1024, _ accept: @escaping (Connection) -> Void
    ) throws(LoopError) -> Listener {
        let listener = try Listener(loop: self, accept: accept)
        do {
            try listener.start(address, reusePort: reusePort, backlog: backlog)
        } catch {
            listener.close()
            throw error
        }
        return listener
    }

    /// Watches somebody else's socket, libcurl's for one. Close the watcher before the descriptor.
    public func watch(fileDescriptor: Int32, _ ready: @escaping (SocketWatcher.Events) -> Void) throws(LoopError) -> SocketWatcher {
        try SocketWatcher(loop: self, fileDescriptor: fileDescriptor, ready: ready)
    }

    /// Calls `received` on this loop for every signal `number`; the default action is suppressed until the watcher is closed.
    public func onSignal(_ number: Int32, _ received: @escaping () -> Void) throws(LoopError) -> SignalWatcher {
        try SignalWatcher(loop: self, number: number, received: received)
    }

    /// Closes every handle still open without flushing, delivers the closing callbacks, refuses further mail and frees the loop. Idempotent.
    /// Call it after `run()` returned, never from a callback.
    public func close() {
        if isClosed { return }
        assertOnLoop()
        mailbox.close()
        uv_unref(Self.handle(wake))
        repeat {
            uv_walk(raw, { handle, context in EventLoop.closeIfOurs(handle, context) }, Unmanaged.passUnretained(self).toOpaque())
            uv_run(raw, UV_RUN_DEFAULT)
        } while uv_loop_alive(raw) != 0
        uv_close(Self.handle(wake), nil)
        uv_close(Self.handle(prepare), nil)
        uv_run(raw, UV_RUN_DEFAULT)
        let code = uv_loop_close(raw)
        precondition(code == 0, "a handle outlived its loop")
        isClosed = true
        turnHooks = []
        freeMemory()
    }

    private static func closeIfOurs(_ handle: UnsafeMutablePointer<uv_handle_t>?, _ context: UnsafeMutableRawPointer?) {
        guard let handle, uv_is_closing(handle) == 0, let data = handle.pointee.data, data != context else { return }
        Unmanaged<LoopHandle>.fromOpaque(data).takeUnretainedValue().beginClose()
    }

    private func freeMemory() {
        raw.deallocate()
        prepare.deallocate()
        wake.deallocate()
        readBuffer.deallocate()
    }

    static func handle<Handle>(_ pointer: UnsafeMutablePointer<Handle>) -> UnsafeMutablePointer<uv_handle_t> {
        UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: uv_handle_t.self)
    }

    /// Whether the caller is on the loop's thread.
    public var isOnLoop: Bool {
        var ours = thread
        var current = uv_thread_self()
        return uv_thread_equal(&ours, &current) != 0
    }

    @inline(__always)
    func assertOnLoop() {
        assert(isOnLoop, "a loop and all it owns are confined to its thread")
    }
}

@available(*, unavailable)
extension EventLoop: Sendable {}
