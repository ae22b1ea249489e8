import CUV

/// Delivers one signal number to a loop until closed.
public final class SignalWatcher: LoopHandle {
    private var received: (() -> Void)?

    init(loop: EventLoop, number: Int32, received: @escaping () -> Void) throws(LoopError) {
        self.received = received
        try super.init(loop: loop, as: uv_signal_t.self, operation: "signal") { uv_signal_init($0, $1) }
        let signal = UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_signal_t.self)
        let code = uv_signal_start(
            signal,
            { handle, _ in
                guard let data = handle?.pointee.data else { return }
                let watcher = Unmanaged<SignalWatcher>.fromOpaque(data).takeUnretainedValue()
                if !watcher.isClosing { watcher.received?() }
            }, number)
        if code < 0 {
            close()
            throw LoopError(operation: "signal", code: code)
        }
    }

    /// Stops watching; the signal's default action applies again. Idempotent.
    public func close() { beginClose() }

    override func finishClose() { received = nil }
}
