import CUV

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

// When the process is out of file descriptors, libuv gives up a descriptor it keeps in reserve, accepts what is waiting, closes it at once and
// takes the reserve back (uv__emfile_trick): clients see their connection closed instead of hanging, and the loop does not spin on a
// listening socket that stays readable. Pausing works by leaving one accepted connection uncollected: libuv then stops polling the socket.

/// A listening TCP socket.
public final class Listener: LoopHandle {
    private var accept: ((Connection) -> Void)?
    private var isPaused = false
    private var isHolding = false
    /// Where it listens, with the port the system chose.
    public private(set) var boundAddress = SocketAddress.anyLoopback
    /// Connections that could not be taken because of an error, running out of descriptors included.
    public private(set) var failedAccepts: UInt64 = 0

    init(loop: EventLoop, accept: @escaping (Connection) -> Void) throws(LoopError) {
        self.accept = accept
        try super.init(loop: loop, as: uv_tcp_t.self, operation: "socket") { uv_tcp_init($0, $1) }
    }

    private var tcp: UnsafeMutablePointer<uv_tcp_t> { UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_tcp_t.self) }
    private var stream: UnsafeMutablePointer<uv_stream_t> { UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_stream_t.self) }

    func start(_ address: SocketAddress, reusePort: Bool, backlog: Int32) throws(LoopError) {
        try openSocket(isIPv4: address.ip.isIPv4, reusePort: reusePort)
        let flags = address.ip.isIPv4 ? 0 : UV_TCP_IPV6ONLY.rawValue
        try LoopError.check(address.withSockaddr { uv_tcp_bind(tcp, $0, flags) }, "bind")
        let code = uv_listen(stream, backlog) { stream, status in
            guard let data = stream?.pointee.data else { return }
            Unmanaged<Listener>.fromOpaque(data).takeUnretainedValue().incoming(status)
        }
        try LoopError.check(code, "listen")
        var storage = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        let named = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { uv_tcp_getsockname(tcp, $0, &length) }
        }
        try LoopError.check(named, "getsockname")
        boundAddress = SocketAddress(storage) ?? address
    }

    /// libuv makes the socket inside bind, too late for `SO_REUSEPORT`; so it is made here and handed over.
    private func openSocket(isIPv4: Bool, reusePort: Bool) throws(LoopError) {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(isIPv4 ? AF_INET : AF_INET6, type, 0)
        guard descriptor >= 0 else { throw LoopError(operation: "socket", code: -errno) }
        var on: Int32 = 1
        if reusePort, setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<Int32>.size)) != 0 {
            let code = -errno
            Self.closeDescriptor(descriptor)
            throw LoopError(operation: "SO_REUSEPORT", code: code)
        }
        let code = uv_tcp_open(tcp, descriptor)
        if code < 0 {
            Self.closeDescriptor(descriptor)
            throw LoopError(operation: "socket", code: code)
        }
    }

    private static func closeDescriptor(_ descriptor: Int32) {
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
    }

    /// Takes no further connections until `resumeAccepting`; they wait in the kernel's backlog (one of them already accepted).
    public func pauseAccepting() {
        loop.assertOnLoop()
        isPaused = true
    }

    /// Takes connections again, the waiting ones first.
    public func resumeAccepting() {
        loop.assertOnLoop()
        isPaused = false
        if isHolding, !isClosing {
            isHolding = false
            take()
        }
    }

    /// Stops listening; connections still in the backlog are reset by the kernel. Idempotent.
    public func close() { beginClose() }

    private func incoming(_ status: Int32) {
        if isClosing { return }
        if status < 0 {
            failedAccepts &+= 1
            return
        }
        if isPaused {
            isHolding = true
            return
        }
        take()
    }

    private func take() {
        guard let accept else { return }
        let connection: Connection
        do {
            connection = try Connection(loop: loop)
        } catch {
            failedAccepts &+= 1
            return
        }
        guard connection.adopt(from: stream) else {
            failedAccepts &+= 1
            connection.abandon()
            return
        }
        accept(connection)
        if !connection.isStarted { connection.abandon() }
    }

    override func finishClose() { accept = nil }
}
