import CUV

// libuv spends two system calls on every change of what a descriptor is watched for. libcurl changes its mind several times per request, and
// mostly back again. So an interest that was dropped stays registered until it produces an event nobody wants; only then is it taken out.

/// Watches a descriptor that belongs to somebody else for readiness (level-triggered).
public final class SocketWatcher: LoopHandle {
    /// What a descriptor is ready for.
    public struct Events: OptionSet, Sendable {
        /// The bits.
        public let rawValue: UInt8
        /// Makes a set from its bits.
        @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
        init(read: Bool, write: Bool) { rawValue = (read ? 1 : 0) | (write ? 2 : 0) }
        /// Bytes, an end or a connection can be read.
        public static let read = Events(rawValue: 1)
        /// Bytes can be written, or a connect has finished.
        public static let write = Events(rawValue: 2)
        /// The socket is in error; the next operation on it says which.
        public static let error = Events(rawValue: 4)
    }

    private var ready: ((Events) -> Void)?
    private var wanted: Events = []
    private var registered: Events = []

    init(loop: EventLoop, fileDescriptor: Int32, ready: @escaping (Events) -> Void) throws(LoopError) {
        self.ready = ready
        try super.init(loop: loop, as: uv_poll_t.self, operation: "watch") { uv_poll_init($0, $1, fileDescriptor) }
    }

    /// Chooses what is watched from now on; nothing at all is allowed and cheap.
    public func set(read: Bool, write: Bool) {
        loop.assertOnLoop()
        if isClosing { return }
        wanted = Events(read: read, write: write)
        if !wanted.isSubset(of: registered) { register(wanted) }
    }

    /// Stops watching and ends all use of the descriptor, which may then be closed at once. Idempotent.
    public func close() { beginClose() }

    private var poll: UnsafeMutablePointer<uv_poll_t> { UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_poll_t.self) }

    private func register(_ events: Events) {
        registered = events
        if events.isEmpty {
            uv_poll_stop(poll)
            return
        }
        let bits = (events.contains(.read) ? UV_READABLE.rawValue : 0) | (events.contains(.write) ? UV_WRITABLE.rawValue : 0)
        uv_poll_start(poll, Int32(bitPattern: bits), SocketWatcher.signalled)
    }

    private static let signalled: uv_poll_cb = { handle, status, events in
        guard let data = handle?.pointee.data else { return }
        Unmanaged<SocketWatcher>.fromOpaque(data).takeUnretainedValue().deliver(status, UInt32(bitPattern: events))
    }

    private func deliver(_ status: Int32, _ bits: UInt32) {
        if isClosing { return }
        if status < 0 {
            registered = []  // libuv has stopped the watch
            if !wanted.isEmpty { ready?(.error) }
            return
        }
        let seen = Events(read: bits & UV_READABLE.rawValue != 0, write: bits & UV_WRITABLE.rawValue != 0)
        let useful = seen.intersection(wanted)
        if useful != seen { register(wanted) }
        if !useful.isEmpty { ready?(useful) }
    }

    override func finishClose() { ready = nil }
}
