import CUV

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a connection tells its owner. All calls come on the loop's thread; any method of the connection or the loop may be called from them.
public protocol ConnectionDelegate: AnyObject {
    /// Bytes arrived. The span is the loop's own read buffer: valid during the call only.
    func connection(_ connection: Connection, received bytes: Span<UInt8>)
    /// The peer sent its FIN: no more bytes will come. We may still write. Told once.
    func connectionReceivedEnd(_ connection: Connection)
    /// All queued output has gone to the kernel. Told only after output had been queued.
    func connectionDrained(_ connection: Connection)
    /// The connection is gone and nothing more will be told. Exactly once for every started connection.
    /// - Parameter error: What broke it; nil when it was closed or reset from this side.
    func connectionClosed(_ connection: Connection, error: LoopError?)
}

/// An accepted TCP connection, with `TCP_NODELAY`.
///
/// It keeps its delegate alive until `connectionClosed`, and the loop keeps it alive until then: the two need no other owner. Every method is
/// a no-op once closing has begun.
public final class Connection: LoopHandle {
    /// The peer's address.
    public private(set) var peer = SocketAddress.anyLoopback
    /// Bytes the kernel took from us since the start. If this stands still while `pendingBytes` is not 0, the peer does not read.
    public var sentBytes: UInt64 { acceptedBytes &- UInt64(truncatingIfNeeded: pendingBytes) }
    /// Whether the peer has sent its FIN.
    public private(set) var hasReceivedEnd = false

    private var delegate: (any ConnectionDelegate)?
    private var output = OutputQueue()
    private var writeRequest: UnsafeMutablePointer<uv_write_t>?
    private var acceptedBytes: UInt64 = 0
    private var isReading = false
    private var isShutDown = false
    private var closesWhenDrained = false
    private var failure: LoopError?
    private(set) var isStarted = false

    init(loop: EventLoop) throws(LoopError) {
        try super.init(loop: loop, as: uv_tcp_t.self, operation: "socket") { uv_tcp_init($0, $1) }
    }

    @inline(__always)
    private var stream: UnsafeMutablePointer<uv_stream_t> { UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_stream_t.self) }

    // MARK: Starting

    /// Takes the connection waiting on a listening socket.
    func adopt(from listener: UnsafeMutablePointer<uv_stream_t>) -> Bool {
        guard uv_accept(listener, stream) == 0 else { return false }
        let tcp = UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_tcp_t.self)
        uv_tcp_nodelay(tcp, 1)
        var storage = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        let named = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { uv_tcp_getpeername(tcp, $0, &length) }
        }
        // A peer that has already reset has no name, and is of no use.
        guard named == 0, let address = SocketAddress(storage) else { return false }
        peer = address
        return true
    }

    /// Names the delegate and starts reading. Call it once, inside the listener's accept callback.
    public func start(delegate: any ConnectionDelegate) {
        precondition(!isStarted, "a connection starts once")
        isStarted = true
        self.delegate = delegate
        resumeReading()
    }

    /// Closes a connection that was never started: nobody is told.
    func abandon() {
        isStarted = true
        beginClose()
    }

    // MARK: Reading

    /// Stops reading. Bytes stay in the kernel and the peer is held back; its FIN or reset is not noticed meanwhile.
    public func pauseReading() {
        loop.assertOnLoop()
        guard isReading else { return }
        isReading = false
        uv_read_stop(stream)
    }

    /// Reads again after `pauseReading`.
    public func resumeReading() {
        loop.assertOnLoop()
        guard !isReading, !isClosing, !closesWhenDrained, !hasReceivedEnd else { return }
        isReading = true
        let code = uv_read_start(
            stream,
            { handle, _, buffer in
                guard let data = handle?.pointee.data, let buffer else { return }
                let memory = Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.loop.readBuffer }
                buffer.pointee = uv_buf_init(
                    UnsafeMutableRawPointer(memory.baseAddress)?.assumingMemoryBound(to: CChar.self), UInt32(memory.count))
            },
            { stream, count, _ in
                guard let data = stream?.pointee.data else { return }
                Unmanaged<Connection>.fromOpaque(data).takeUnretainedValue().read(count)
            })
        if code < 0 { fail(LoopError(operation: "read", code: code)) }
    }

    private func read(_ count: Int) {
        if count > 0 {
            delegate?.connection(self, received: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(loop.readBuffer)[..<count]).span)
        } else if count < 0 {
            readEnded(Int32(truncatingIfNeeded: count))
        }
    }

    private func readEnded(_ code: Int32) {
        if isClosing { return }
        isReading = false
        guard code == UV_EOF.rawValue else { return fail(LoopError(operation: "read", code: code)) }
        hasReceivedEnd = true
        delegate?.connectionReceivedEnd(self)
    }

    /// Looks whether a peer that had sent its FIN has gone altogether since, which no event tells while nothing is read; if so the connection
    /// closes with the error. Worth calling now and then while such a peer is being answered: a client that closed its socket, unlike one
    /// that closed its half, answers our bytes with a reset.
    public func checkPeer() {
        loop.assertOnLoop()
        guard !isClosing, let fileDescriptor else { return }
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        if getsockopt(fileDescriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0, code != 0 {
            fail(LoopError(operation: "read", code: -code))
        }
    }

    // MARK: Writing

    /// Bytes written but not yet taken by the kernel. Hold back the producer while this is large.
    public var pendingBytes: Int {
        output.isEmpty ? 0 : uv_stream_get_write_queue_size(stream) + output.waitingCount
    }

    /// Sends bytes, after all that were written before. What the kernel does not take at once is copied and queued.
    /// - Returns: Whether nothing is pending now.
    @discardableResult
    public func write(_ bytes: Span<UInt8>) -> Bool {
        bytes.withUnsafeBufferPointer { write($0, UnsafeBufferPointer(start: nil, count: 0)) }
    }

    /// Sends a head and a body with one system call; otherwise as `write(_:)`.
    @discardableResult
    public func write(_ head: Span<UInt8>, _ body: Span<UInt8>) -> Bool {
        head.withUnsafeBufferPointer { first in body.withUnsafeBufferPointer { second in write(first, second) } }
    }

    private func write(_ first: UnsafeBufferPointer<UInt8>, _ second: UnsafeBufferPointer<UInt8>) -> Bool {
        loop.assertOnLoop()
        if isClosing || closesWhenDrained || isShutDown { return true }
        let count = first.count + second.count
        if count == 0 { return output.isEmpty }
        acceptedBytes &+= UInt64(truncatingIfNeeded: count)
        var taken = 0
        if output.isEmpty {
            let code = Self.tryWrite(stream, first, second)
            if code >= 0 {
                taken = Int(code)
            } else if code != UV_EAGAIN.rawValue {
                fail(LoopError(operation: "write", code: code))
                return true
            }
        }
        if taken == count { return true }
        enqueue(first, second, after: taken)
        return false
    }

    @inline(__always)
    private static func tryWrite(
        _ stream: UnsafeMutablePointer<uv_stream_t>, _ first: UnsafeBufferPointer<UInt8>, _ second: UnsafeBufferPointer<UInt8>
    ) -> Int32 {
        if second.isEmpty {
            var buffer = libuvBuffer(first)
            return uv_try_write(stream, &buffer, 1)
        }
        if first.isEmpty {
            var buffer = libuvBuffer(second)
            return uv_try_write(stream, &buffer, 1)
        }
        var pair = (libuvBuffer(first), libuvBuffer(second))
        return withUnsafePointer(to: &pair) { pointer in
            pointer.withMemoryRebound(to: uv_buf_t.self, capacity: 2) { uv_try_write(stream, $0, 2) }
        }
    }

    /// libuv's view of bytes it will only read, despite its type.
    @inline(__always)
    private static func libuvBuffer(_ bytes: UnsafeBufferPointer<UInt8>) -> uv_buf_t {
        uv_buf_t(base: UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: CChar.self), len: bytes.count)
    }

    /// The slow path: the kernel's send buffer is full.
    @inline(never)
    private func enqueue(_ first: UnsafeBufferPointer<UInt8>, _ second: UnsafeBufferPointer<UInt8>, after taken: Int) {
        let fromFirst = min(taken, first.count)
        output.append(UnsafeBufferPointer(rebasing: first[fromFirst...]))
        output.append(UnsafeBufferPointer(rebasing: second[(taken - fromFirst)...]))
        if output.writing == nil { writeNext() }
        if pendingBytes > loop.outputBytesMax, !isClosing {
            setLinger()
            fail(.outputLimit)
        }
    }

    private func writeNext() {
        guard let block = output.beginWrite() else { return }
        let request = writeRequest ?? .allocate(capacity: 1)
        writeRequest = request
        var buffer = Self.libuvBuffer(UnsafeBufferPointer(block))
        let code = uv_write(request, stream, &buffer, 1) { request, status in
            guard let data = request?.pointee.handle.pointee.data else { return }
            Unmanaged<Connection>.fromOpaque(data).takeUnretainedValue().wrote(status)
        }
        if code < 0 { fail(LoopError(operation: "write", code: code)) }
    }

    private func wrote(_ status: Int32) {
        output.finishWrite()
        if isClosing { return }
        if status < 0 { return fail(LoopError(operation: "write", code: status)) }
        writeNext()
        if output.isEmpty { drained() }
    }

    private func drained() {
        if closesWhenDrained { return beginClose() }
        if isShutDown { sendEnd() }
        delegate?.connectionDrained(self)
    }

    // MARK: Ending

    /// Sends FIN after all pending output. Reading goes on. Further writes are ignored.
    public func shutdownWrite() {
        loop.assertOnLoop()
        if isClosing || isShutDown { return }
        isShutDown = true
        if output.isEmpty { sendEnd() }
    }

    private func sendEnd() {
        if let fileDescriptor { _ = shutdown(fileDescriptor, Int32(SHUT_WR)) }
    }

    /// Stops reading, lets pending output go out, then closes. A peer that does not read can hold this up: the owner's timer then calls
    /// `reset()`. Bytes of the peer still unread make the kernel send RST, which may cost the peer our last answer: where that matters, use
    /// `shutdownWrite()`, read what comes for a while, then `close()`. Idempotent.
    public func close() {
        loop.assertOnLoop()
        if isClosing || closesWhenDrained { return }
        if output.isEmpty { return beginClose() }
        pauseReading()
        closesWhenDrained = true
    }

    /// Closes at once with RST; pending output is lost. Idempotent.
    public func reset() {
        loop.assertOnLoop()
        if isClosing { return }
        setLinger()
        beginClose()
    }

    private func setLinger() {
        guard let fileDescriptor else { return }
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fileDescriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    private var fileDescriptor: Int32? {
        var descriptor: uv_os_fd_t = -1
        return uv_fileno(raw, &descriptor) == 0 ? descriptor : nil
    }

    private func fail(_ error: LoopError) {
        if isClosing { return }
        failure = error
        beginClose()
    }

    override func finishClose() {
        output.removeAll()
        writeRequest?.deallocate()
        writeRequest = nil
        guard let delegate else { return }
        self.delegate = nil
        delegate.connectionClosed(self, error: failure)
    }
}
