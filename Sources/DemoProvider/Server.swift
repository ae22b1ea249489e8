import EventLoop
import GatewayModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

// A provider to try Weir and to test it with: three dialects, answers derived from the input, misbehaviour by model name. It is a separate
// process, so that the gateway talks to it through real sockets and can be killed without it. No key is checked here.

/// The demo provider: a small HTTP/1.1 server on one event loop. Confined to its loop.
public final class Server {
    private let state = DemoState()
    private var listener: Listener?
    /// Where it listens, with the port the system chose.
    public let boundAddress: SocketAddress

    /// Listens on `address` from the loop's next turn on. Throws when the address is taken.
    public init(loop: EventLoop, address: SocketAddress) throws(LoopError) {
        let state = state
        let listener = try loop.listen(address) { connection in
            // Without a timer there is no answer: the connection is closed by not being started.
            guard let client = try? DemoConnection(state: state, loop: loop, connection: connection) else { return }
            connection.start(delegate: client)
        }
        self.listener = listener
        boundAddress = listener.boundAddress
    }

    /// Stops listening. Idempotent.
    public func close() {
        listener?.close()
        listener = nil
    }

    /// Serves on the calling thread until SIGINT or SIGTERM.
    /// - Parameter ready: told once where the server listens.
    public static func run(on address: SocketAddress, ready: (SocketAddress) -> Void) throws(LoopError) {
        ProcessLimits.ignoreBrokenPipes()
        _ = ProcessLimits.raiseOpenFileLimit()
        let loop = try EventLoop()
        defer { loop.close() }
        let server = try Server(loop: loop, address: address)
        _ = try loop.onSignal(SIGTERM) { loop.stop() }
        _ = try loop.onSignal(SIGINT) { loop.stop() }
        ready(server.boundAddress)
        loop.run()
        server.close()
    }
}

@available(*, unavailable)
extension Server: Sendable {}
