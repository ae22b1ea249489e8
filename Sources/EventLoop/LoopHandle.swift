import CUV

// uv_close is asynchronous: libuv may touch a handle until its close callback ran. So a handle's memory is allocated by hand, and while the
// handle is open it owns one retain of its Swift object; the close callback gives both back. Dropping every Swift reference to an open
// socket therefore does not close it, and closing it is the only thing that frees it.

/// What every open libuv handle has in common: its memory, and the retain that keeps its owner alive until libuv let go.
public class LoopHandle {
    /// The loop this handle lives on.
    public let loop: EventLoop
    let raw: UnsafeMutablePointer<uv_handle_t>
    /// Whether closing has begun; nothing is delivered from then on but the end.
    public private(set) var isClosing = false

    /// Takes over memory for one handle of libuv's type `Handle` and runs its init function; on failure the memory is freed.
    init<Handle>(
        loop: EventLoop, as type: Handle.Type, operation: StaticString,
        initialise: (UnsafeMutablePointer<uv_loop_t>, UnsafeMutablePointer<Handle>) -> Int32
    ) throws(LoopError) {
        loop.assertOnLoop()
        if loop.isClosed { throw LoopError(operation: operation.description, code: UV_ECANCELED.rawValue) }
        let memory = UnsafeMutablePointer<Handle>.allocate(capacity: 1)
        let code = initialise(loop.raw, memory)
        if code < 0 {
            memory.deallocate()
            throw LoopError(operation: operation.description, code: code)
        }
        self.loop = loop
        raw = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: uv_handle_t.self)
        raw.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    /// Starts closing; idempotent. `finishClose` follows from the loop.
    final func beginClose() {
        loop.assertOnLoop()
        if isClosing { return }
        isClosing = true
        uv_close(raw) { handle in
            guard let handle, let data = handle.pointee.data else { return }
            let owner = Unmanaged<LoopHandle>.fromOpaque(data).takeRetainedValue()
            owner.finishClose()
            UnsafeMutableRawPointer(handle).deallocate()
        }
    }

    /// What a subclass does when libuv has let go of the handle: drop callbacks, tell the delegate.
    func finishClose() {}
}

@available(*, unavailable)
extension LoopHandle: Sendable {}
