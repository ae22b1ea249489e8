import EventLoop
import Glibc

/// A plain client socket, driven from the test's own thread between turns of the loop.
final class TestPeer {
    let descriptor: Int32

    /// Connects; over loopback this finishes in the kernel as soon as the listener's backlog has room.
    init(to address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(call: "socket", code: errno) }
        if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        target.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.ip.low).bigEndian
        let code = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure(call: "connect", code: errno) }
    }

    deinit { if !isClosed { Glibc.close(descriptor) } }

    struct Failure: Error {
        let call: String
        let code: Int32
    }

    private var isClosed = false

    func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    func close() {
        isClosed = true
        Glibc.close(descriptor)
    }

    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    enum Received: Equatable {
        case bytes([UInt8])
        case nothingYet
        case end
        case reset
    }

    /// What is there now, without waiting.
    func receive(max: Int = 1 << 20) -> Received {
        var buffer = [UInt8](repeating: 0, count: max)
        let count = recv(descriptor, &buffer, max, Int32(MSG_DONTWAIT))
        if count > 0 { return .bytes(Array(buffer[..<count])) }
        if count == 0 { return .end }
        return errno == EAGAIN ? .nothingYet : .reset
    }
}

/// Runs turns until `condition` holds.
/// - Returns: false when it did not within ten seconds.
func run(_ loop: EventLoop, until condition: () -> Bool) throws -> Bool {
    var isLate = false
    let guardTimer = try loop.makeTimer { isLate = true }
    guardTimer.start(afterMilliseconds: 10_000)
    // A short timer of its own keeps turns coming while the condition depends on the peer's side of a socket.
    var tick: LoopTimer?
    tick = try loop.makeTimer { tick?.start(afterMilliseconds: 1) }
    tick?.start(afterMilliseconds: 0)
    defer {
        guardTimer.close()
        tick?.close()
        tick = nil
    }
    while !condition() {
        if isLate { return false }
        loop.runOnce()
    }
    return true
}

/// Records what a connection says, and runs a script in its callbacks.
final class Recorder: ConnectionDelegate {
    var received: [UInt8] = []
    var ends = 0
    var drains = 0
    var closes = 0
    var error: LoopError?
    var eventsAfterClose = 0
    var onReceived: ((Connection, [UInt8]) -> Void)?
    var onEnd: ((Connection) -> Void)?
    var onDrained: ((Connection) -> Void)?
    weak var connection: Connection?

    func connection(_ connection: Connection, received bytes: Span<UInt8>) {
        note()
        let copy = bytes.withUnsafeBufferPointer { Array($0) }
        received += copy
        onReceived?(connection, copy)
    }

    func connectionReceivedEnd(_ connection: Connection) {
        note()
        ends += 1
        onEnd?(connection)
    }

    func connectionDrained(_ connection: Connection) {
        note()
        drains += 1
        onDrained?(connection)
    }

    func connectionClosed(_ connection: Connection, error: LoopError?) {
        note()
        closes += 1
        self.error = error
    }

    private func note() { if closes > 0 { eventsAfterClose += 1 } }
}

/// A loop with one listener on a port of the system's choice; every connection gets the next recorder.
final class Fixture {
    let loop: EventLoop
    private(set) var listener: Listener?
    var recorders: [Recorder] = []
    var connections: [Connection] = []
    var configure: ((Recorder) -> Void)?

    init(options: EventLoop.Options = EventLoop.Options()) throws {
        loop = try EventLoop(options: options)
        listener = try loop.listen(.anyLoopback) { [unowned self] connection in
            let recorder = Recorder()
            recorder.connection = connection
            configure?(recorder)
            recorders.append(recorder)
            connections.append(connection)
            connection.start(delegate: recorder)
        }
    }

    var address: SocketAddress { listener?.boundAddress ?? .anyLoopback }

    /// Connects a peer and waits until the loop has taken it.
    func connect(receiveBuffer: Int32? = nil) throws -> (peer: TestPeer, connection: Connection, recorder: Recorder) {
        let before = connections.count
        let peer = try TestPeer(to: address, receiveBuffer: receiveBuffer)
        guard try run(loop, until: { connections.count > before }), let connection = connections.last, let recorder = recorders.last else {
            throw TestPeer.Failure(call: "accept", code: ETIMEDOUT)
        }
        return (peer, connection, recorder)
    }

    func finish() {
        connections = []
        loop.close()
    }
}

extension Connection {
    /// `write` for arrays: spans cannot pass through the expectation macros.
    @discardableResult
    func send(_ head: [UInt8], _ body: [UInt8]? = nil) -> Bool {
        guard let body else { return write(head.span) }
        return write(head.span, body.span)
    }
}
