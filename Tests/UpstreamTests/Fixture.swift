import EventLoop
import GatewayModel
import Upstream

/// Runs turns until `condition` holds.
/// - Returns: false when it did not within ten seconds.
func run(_ loop: EventLoop, until condition: () -> Bool) throws -> Bool {
    var isLate = false
    let late = try loop.makeTimer { isLate = true }
    late.start(afterMilliseconds: 10_000)
    var tick: LoopTimer?
    tick = try loop.makeTimer { tick?.start(afterMilliseconds: 1) }
    tick?.start(afterMilliseconds: 0)
    defer {
        late.close()
        tick?.close()
        tick = nil
    }
    while !condition() {
        if isLate { return false }
        loop.runOnce()
    }
    return true
}

/// Runs turns for a time in which something must not happen.
func run(_ loop: EventLoop, milliseconds: UInt64) throws {
    var isOver = false
    let timer = try loop.makeTimer { isOver = true }
    timer.start(afterMilliseconds: milliseconds)
    while !isOver { loop.runOnce() }
    timer.close()
}

/// A request as the scripted server saw it.
struct SeenRequest {
    var head: String
    var body: [UInt8]
    /// 1-based number of the connection it came over.
    var connection: Int
    /// 1-based number of the request on its connection.
    var number: Int

    func value(of name: String) -> String? {
        for line in head.split(separator: "\r\n").dropFirst() where line.lowercased().hasPrefix(name.lowercased() + ":") {
            return line.dropFirst(name.count + 1).trimmingPrefix(" ").description
        }
        return nil
    }
}

/// An HTTP server on the test's own loop that does what its script says, byte for byte.
final class ScriptedServer {
    typealias Script = (SeenRequest, Connection) -> Void

    let loop: EventLoop
    private var listener: Listener?
    private(set) var requests: [SeenRequest] = []
    private(set) var connections: [Connection] = []
    private(set) var closed = 0
    /// Raw bytes received over all connections.
    private(set) var receivedBytes = 0
    /// Runs when a connection is accepted.
    var onConnect: ((Connection) -> Void)?
    /// Runs when a request has arrived in full.
    var onRequest: Script?
    /// Runs on every read instead of collecting requests.
    var onBytes: ((Connection, [UInt8]) -> Void)?

    init(_ loop: EventLoop, _ script: Script? = nil) throws {
        self.loop = loop
        onRequest = script
        listener = try loop.listen(.anyLoopback) { [unowned self] connection in
            connections.append(connection)
            connection.start(delegate: Handler(server: self, number: connections.count))
            onConnect?(connection)
        }
    }

    var port: UInt16 { listener?.boundAddress.port ?? 0 }
    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// Stops listening; the port refuses from then on.
    func stopListening() { listener?.close() }

    private final class Handler: ConnectionDelegate {
        unowned let server: ScriptedServer
        let number: Int
        var buffer: [UInt8] = []
        var count = 0
        /// Bytes without which looking again is in vain.
        var needed = 0

        init(server: ScriptedServer, number: Int) {
            self.server = server
            self.number = number
        }

        func connection(_ connection: Connection, received bytes: Span<UInt8>) {
            let copy = bytes.withUnsafeBufferPointer { Array($0) }
            server.receivedBytes += copy.count
            if let onBytes = server.onBytes { return onBytes(connection, copy) }
            buffer += copy
            while let request = takeRequest() {
                server.requests.append(request)
                server.onRequest?(request, connection)
            }
        }

        private func takeRequest() -> SeenRequest? {
            guard buffer.count >= needed else { return nil }
            guard let end = firstRange(of: [13, 10, 13, 10], in: buffer, from: 0) else { return nil }
            let head = String(decoding: buffer[..<(end + 2)], as: UTF8.self)
            var request = SeenRequest(head: head, body: [], connection: number, number: count + 1)
            var rest = end + 4
            if let length = request.value(of: "content-length").flatMap({ Int($0) }) {
                needed = rest + length
                guard buffer.count >= needed else { return nil }
                request.body = Array(buffer[rest..<(rest + length)])
                rest += length
            } else if request.value(of: "transfer-encoding") == "chunked" {
                while true {
                    guard let line = firstRange(of: [13, 10], in: buffer, from: rest),
                        let size = Int(String(decoding: buffer[rest..<line], as: UTF8.self), radix: 16),
                        buffer.count >= line + 2 + size + 2
                    else { return nil }
                    request.body += buffer[(line + 2)..<(line + 2 + size)]
                    rest = line + 2 + size + 2
                    if size == 0 { break }
                }
            }
            buffer.removeFirst(rest)
            needed = 0
            count += 1
            return request
        }

        private func firstRange(of pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
            guard bytes.count >= start + pattern.count else { return nil }
            return (start...(bytes.count - pattern.count)).first { bytes[$0..<($0 + pattern.count)].elementsEqual(pattern) }
        }

        func connectionReceivedEnd(_ connection: Connection) { connection.close() }
        func connectionDrained(_ connection: Connection) {}
        func connectionClosed(_ connection: Connection, error: LoopError?) { server.closed += 1 }
    }
}

extension Connection {
    func send(_ text: String) { send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) { write(bytes.span) }
    /// A whole answer with `Content-Length`.
    func answer(_ body: String, status: String = "200 OK", fields: String = "") {
        send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
    }
}

/// Records what a transfer says.
final class Collector: TransferDelegate {
    var head: UpstreamHead?
    var body: [UInt8] = []
    var heads = 0
    var completions = 0
    var failure: UpstreamFailure?
    var failures = 0
    var readies = 0
    var eventsAfterEnd = 0
    var onHead: ((Transfer) -> Void)?
    var onBody: ((Transfer, [UInt8]) -> Void)?
    var onReady: ((Transfer) -> Void)?
    var onEnd: ((Transfer) -> Void)?

    var isDone: Bool { completions + failures > 0 }
    var text: String { String(decoding: body, as: UTF8.self) }

    func transfer(_ transfer: Transfer, receivedHead head: UpstreamHead) {
        note()
        heads += 1
        self.head = head
        onHead?(transfer)
    }

    func transfer(_ transfer: Transfer, receivedBody bytes: Span<UInt8>) {
        note()
        let copy = bytes.withUnsafeBufferPointer { Array($0) }
        body += copy
        onBody?(transfer, copy)
    }

    func transferReadyForBody(_ transfer: Transfer) {
        note()
        readies += 1
        onReady?(transfer)
    }

    func transferCompleted(_ transfer: Transfer) {
        note()
        completions += 1
        end(transfer)
    }

    func transferFailed(_ transfer: Transfer, _ failure: UpstreamFailure) {
        note()
        failures += 1
        self.failure = failure
        end(transfer)
    }

    private func note() { if isDone { eventsAfterEnd += 1 } }

    /// The scripts may refer to the collector itself: they end with the transfer.
    private func end(_ transfer: Transfer) {
        onEnd?(transfer)
        (onHead, onBody, onReady, onEnd) = (nil, nil, nil, nil)
    }
}

/// A policy for servers on this machine.
let local = EgressPolicy(allowsPlainHTTP: true, allowsPrivateNetworks: true)

/// A loop, a driver and a scripted server, all on the test's thread.
final class Fixture {
    let loop: EventLoop
    let driver: UpstreamDriver
    let server: ScriptedServer
    /// Every transfer started here.
    private(set) var transfers: [Transfer] = []

    init(options: UpstreamOptions = UpstreamOptions(), _ script: ScriptedServer.Script? = nil) throws {
        ProcessLimits.ignoreBrokenPipes()
        loop = try EventLoop()
        driver = try UpstreamDriver(loop: loop, options: options)
        server = try ScriptedServer(loop, script)
    }

    func finish() {
        driver.close()
        transfers = []
        loop.close()
    }

    func get(_ path: String = "/") -> UpstreamRequest { UpstreamRequest(method: "GET", url: server.url(path), egress: local) }

    @discardableResult
    func start(_ request: UpstreamRequest, _ collector: Collector) throws -> Transfer {
        let transfer = try driver.start(request, delegate: collector)
        transfers.append(transfer)
        return transfer
    }

    /// Runs one request to its end.
    func fetch(_ request: UpstreamRequest) throws -> Collector {
        let collector = Collector()
        try start(request, collector)
        guard try run(loop, until: { collector.isDone }) else { throw UpstreamFailure(.local, "the test's patience ended") }
        return collector
    }
}
