import EventLoop
import GatewayModel
import TestSupport
import Testing
import Upstream

#if canImport(Glibc)
    import Glibc
#endif

/// When a request that died on a reused connection is sent anew without anybody's decision: only when nobody can have worked on it.
struct RepeatTests {
    /// How the second request's connection ends.
    enum Ending: CaseIterable {
        /// The peer has read the request and then closes.
        case readAndClosed
        /// The peer has read the request and then resets.
        case readAndReset
        /// The request lies with the peer's kernel, which resets as the peer closes.
        case arrivedAndClosed
        /// The peer closes before the request arrives: the race with its idle timeout.
        case closedBefore
    }

    /// A peer that answers one request per connection, and ends the connection under the second, if it is the first one.
    private final class Peer {
        let listener: Int32
        var first: Int32 = -1
        var others: [Int32] = []
        var received: [Int32: [UInt8]] = [:]

        init() throws {
            listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let bound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(listener, 8) == 0
                }
            }
            try #require(bound)
        }

        var port: UInt16 {
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &address) { pointer in
                _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
            }
            return UInt16(bigEndian: address.sin_port)
        }

        /// Accepts what waits, and reads from one connection.
        /// - Returns: bytes read from it so far.
        func read(_ descriptor: Int32) -> Int {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                guard count > 0 else { return received[descriptor]?.count ?? 0 }
                received[descriptor, default: []] += buffer.prefix(count)
            }
        }

        /// Whether a request with a body of this size has been read in full.
        func hasWholeRequest(_ descriptor: Int32, bodyBytes: Int) -> Bool {
            _ = read(descriptor)
            let bytes = received[descriptor] ?? []
            let end = bytes.indices.first { bytes[$0...].starts(with: [13, 10, 13, 10]) }
            return end.map { bytes.count >= $0 + 4 + bodyBytes } ?? false
        }

        func accept() -> Int32? {
            let descriptor = Glibc.accept(listener, nil, nil)
            return descriptor < 0 ? nil : descriptor
        }

        func answer(_ descriptor: Int32) {
            received[descriptor] = []
            let text = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
            _ = Glibc.send(descriptor, text, text.count, Int32(MSG_NOSIGNAL))
        }

        /// Answers whatever comes over further connections.
        func serveOthers(requestBytes: Int) {
            if let descriptor = accept() { others.append(descriptor) }
            for descriptor in others where read(descriptor) >= requestBytes { answer(descriptor) }
        }

        /// From now on nothing reaches the peer's side of the connection, as if it were still on its way.
        func holdBackArrivals(_ descriptor: Int32) {
            // A socket filter of one instruction, "take 0 bytes"; <linux/filter.h> is not among the C library's modules.
            let drop: [UInt16] = [0x06, 0, 0, 0]
            drop.withUnsafeBytes { instruction in
                guard let start = instruction.baseAddress else { return }
                var program: (count: UInt64, instructions: UnsafeRawPointer) = (1, start)
                setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, socklen_t(MemoryLayout.size(ofValue: program)))
            }
        }

        func end(_ ending: Ending) {
            if ending == .readAndReset {
                var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
                setsockopt(first, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
            }
            Glibc.close(first)
            first = -1
        }

        func finish() { for descriptor in others + [first, listener] where descriptor >= 0 { Glibc.close(descriptor) } }
    }

    /// Sends two requests over one connection and ends it under the second.
    private func run(_ ending: Ending, method: String, body: UpstreamBody, isReplayable: Bool = true) throws -> (Collector, repeated: Bool)
    {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let peer = try Peer()
        defer { peer.finish() }
        var request = UpstreamRequest(method: method, url: "http://127.0.0.1:\(peer.port)/", body: body, egress: local)
        request.isReplayable = isReplayable
        var bodyBytes = 0
        if case .bytes(let bytes) = body { bodyBytes = bytes.count }
        let warm = Collector()
        try fixture.start(request, warm)
        #expect(
            try UpstreamTests.run(fixture.loop) {
                if peer.first < 0 { peer.first = peer.accept() ?? -1 }
                return peer.first >= 0 && peer.hasWholeRequest(peer.first, bodyBytes: bodyBytes)
            })
        let requestBytes = peer.read(peer.first)
        peer.answer(peer.first)
        #expect(try UpstreamTests.run(fixture.loop, until: { warm.isDone }))

        let collector = Collector()
        if ending == .closedBefore { peer.holdBackArrivals(peer.first) }
        let transfer = try fixture.start(request, collector)
        #expect(try UpstreamTests.run(fixture.loop, until: { transfer.requestBytesSent && hasArrived(ending, peer, requestBytes) }))
        #expect(transfer.isReusedConnection)
        peer.end(ending)
        #expect(
            try UpstreamTests.run(fixture.loop) {
                peer.serveOthers(requestBytes: requestBytes)
                return collector.isDone
            })
        return (collector, !peer.others.isEmpty)
    }

    private func hasArrived(_ ending: Ending, _ peer: Peer, _ requestBytes: Int) -> Bool {
        switch ending {
        case .readAndClosed, .readAndReset: return peer.read(peer.first) >= requestBytes
        case .closedBefore: return true
        case .arrivedAndClosed:
            var waiting: Int32 = 0
            return ioctl(peer.first, UInt(FIONREAD), &waiting) == 0 && waiting >= requestBytes
        }
    }

    @Test(arguments: [Ending.readAndClosed, .readAndReset, .arrivedAndClosed], [3, 30_000])
    func `a paid request that the provider may have read is never repeated in silence`(ending: Ending, size: Int) throws {
        let (seen, repeated) = try run(ending, method: "POST", body: .bytes(FlowTests.content(size)))
        #expect(seen.failure?.kind == .reset && seen.failure?.requestBytesSent == true && seen.completions == 0)
        #expect(!repeated, "not even a connection is made for it")
    }

    @Test(arguments: [3, 59_000, 500_000])
    func `a request that came after the provider had closed is repeated once and succeeds`(size: Int) throws {
        let (seen, repeated) = try run(.closedBefore, method: "POST", body: .bytes(FlowTests.content(size)))
        #expect(seen.completions == 1 && seen.text == "ok" && repeated)
    }

    @Test func `a request that must not be repeated is not, even if the provider had closed`() throws {
        let (seen, repeated) = try run(.closedBefore, method: "POST", body: .bytes([1, 2, 3]), isReplayable: false)
        #expect(seen.failure?.kind == .reset && seen.failure?.requestBytesSent == true && !repeated)
    }

    @Test(arguments: Ending.allCases)
    func `a request that changes nothing is repeated however its connection ended`(ending: Ending) throws {
        let (seen, repeated) = try run(ending, method: "GET", body: .none)
        #expect(seen.completions == 1 && repeated)
    }

    @Test func `a body cut off by the dead connection is rewound for the repeat`() throws {
        let body = FlowTests.content(8 << 20)
        let fixture = try Fixture()
        defer { fixture.finish() }
        var victim: Connection?
        fixture.server.onRequest = { _, connection in connection.answer("ok") }
        let warm = try fixture.fetch(fixture.get())
        #expect(warm.completions == 1)
        var request = fixture.get()
        request.method = "POST"
        request.body = .bytes(body)
        victim = fixture.server.connections.first
        victim?.pauseReading()
        let collector = Collector()
        let transfer = try fixture.start(request, collector)
        #expect(try UpstreamTests.run(fixture.loop, until: { transfer.requestBytesSent }))
        victim?.reset()
        #expect(try UpstreamTests.run(fixture.loop, until: { collector.isDone }))
        #expect(collector.completions == 1 && fixture.server.requests.last?.body == body && fixture.server.requests.count == 2)
    }

    @Test func `a request whose connections keep dying is repeated once, not for ever`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        // Two idle connections, then an upstream that closes whatever it is asked on.
        fixture.server.onRequest = { _, _ in }
        let pair = [Collector(), Collector()]
        for collector in pair { try fixture.start(fixture.get(), collector) }
        #expect(try UpstreamTests.run(fixture.loop, until: { fixture.server.requests.count == 2 }))
        fixture.server.connections.forEach { $0.answer("x") }
        #expect(try UpstreamTests.run(fixture.loop, until: { pair.allSatisfy { $0.isDone } }))
        fixture.server.onRequest = { _, connection in connection.close() }
        let seen = try fixture.fetch(fixture.get())
        #expect(seen.failure?.kind == .reset)
        #expect(fixture.server.requests.count == 4)
    }

    @Test func `what came before a reset is delivered`() throws {
        let content = FlowTests.content(60_000)
        let fixture = try Fixture { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(content.count)\r\n\r\n")
            connection.send(content)
        }
        defer { fixture.finish() }
        let collector = Collector()
        collector.onHead = { $0.pause() }
        let transfer = try fixture.start(fixture.get(), collector)
        #expect(try UpstreamTests.run(fixture.loop, until: { collector.heads == 1 && fixture.server.connections[0].pendingBytes == 0 }))
        fixture.server.connections[0].reset()
        transfer.resume()
        #expect(try UpstreamTests.run(fixture.loop, until: { collector.isDone }))
        #expect(collector.completions == 1 && collector.body == content)
    }
}
