import EventLoop
import GatewayModel
import Glibc
import Testing
import Upstream

struct FailureTests {
    @Test func `a port nobody listens on is a refused connection, told at once`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        fixture.server.stopListening()
        fixture.loop.runOnce(waiting: false)
        let start = MonotonicTime.now()
        let seen = try fixture.fetch(fixture.get())
        #expect(seen.failure?.kind == .connectRefused)
        #expect(seen.failure?.requestBytesSent == false && seen.failure?.responseStarted == false)
        #expect(MonotonicTime.now().nanoseconds(since: start) < 500_000_000)
    }

    @Test func `a reset on accept is a failure before any answer`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        fixture.server.onConnect = { $0.reset() }
        let seen = try fixture.fetch(fixture.get())
        // The reset may meet the connect, the request or the wait for the answer.
        #expect([.reset, .connectRefused].contains(seen.failure?.kind) && seen.failure?.responseStarted == false)
    }

    @Test func `a connection closed before the answer is a reset with the request sent`() throws {
        let fixture = try Fixture { _, connection in connection.close() }
        defer { fixture.finish() }
        let seen = try fixture.fetch(fixture.get())
        #expect(seen.failure?.kind == .reset)
        #expect(seen.failure?.requestBytesSent == true && seen.failure?.responseStarted == false)
        #expect(fixture.server.requests.count == 1)
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "a length"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "chunks"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf", "a chunk"),
    ])
    func `a body cut short by a close is never a completion`(bytes: String, framing: String) throws {
        let fixture = try Fixture { _, connection in
            connection.send(bytes)
            connection.close()
        }
        defer { fixture.finish() }
        let seen = try fixture.fetch(fixture.get())
        #expect(seen.completions == 0 && seen.failure?.kind == .truncated && seen.text == "half")
        #expect(seen.failure?.responseStarted == true)
    }

    @Test(arguments: [0, 1, 100])
    func `a reset in the middle of a stream is told after what came before it`(events: Int) throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        var connection: Connection?
        fixture.server.onRequest = { _, accepted in
            connection = accepted
            accepted.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<events { accepted.send("6\r\nevent\n\r\n") }
        }
        let collector = Collector()
        try fixture.start(fixture.get(), collector)
        #expect(try run(fixture.loop, until: { collector.heads == 1 && collector.body.count == 6 * events }))
        connection?.reset()
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(collector.failure?.kind == .reset && collector.failure?.responseStarted == true)
        connection = nil
    }

    @Test func `an upstream that never answers is given up at the first-byte deadline`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        var request = fixture.get()
        request.timeouts.firstByte = 60
        let start = MonotonicTime.now()
        let seen = try fixture.fetch(request)
        #expect(seen.failure?.kind == .firstByteTimeout && seen.failure?.requestBytesSent == true)
        #expect(MonotonicTime.now().nanoseconds(since: start) >= 59_000_000)
        #expect(try run(fixture.loop, until: { fixture.server.closed == 1 }))
    }

    @Test func `an interim answer does not count as the first byte`() throws {
        let fixture = try Fixture { _, connection in connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }
        defer { fixture.finish() }
        var request = fixture.get()
        request.timeouts.firstByte = 60
        let seen = try fixture.fetch(request)
        #expect(seen.failure?.kind == .firstByteTimeout && seen.heads == 0)
    }

    @Test func `a stream that falls silent is given up at the idle deadline, counted from its last byte`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        var connection: Connection?
        fixture.server.onRequest = { _, accepted in
            connection = accepted
            accepted.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        }
        var request = fixture.get()
        request.timeouts.idle = 400
        let collector = Collector()
        let start = MonotonicTime.now()
        try fixture.start(request, collector)
        #expect(try run(fixture.loop, until: { collector.body.count == 1 }))
        for number in 2...4 {
            try run(fixture.loop, milliseconds: 150)
            connection?.send("1\r\na\r\n")
            #expect(try run(fixture.loop, until: { collector.body.count == number }))
        }
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(collector.failure?.kind == .idleTimeout && collector.failure?.responseStarted == true)
        #expect(MonotonicTime.now().nanoseconds(since: start) >= 840_000_000)
        connection = nil
    }

    @Test func `a stream that never ends is given up at the total deadline`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        fixture.server.onRequest = { _, accepted in accepted.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") }
        var tick: LoopTimer?
        tick = try fixture.loop.makeTimer { [unowned fixture] in
            if fixture.server.requests.count == 1 { fixture.server.connections.first?.send("1\r\na\r\n") }
            tick?.start(afterMilliseconds: 5)
        }
        tick?.start(afterMilliseconds: 5)
        var request = fixture.get()
        request.timeouts.total = 300
        request.timeouts.idle = 250
        let seen = try fixture.fetch(request)
        #expect(seen.failure?.kind == .totalTimeout)
        tick?.close()
        tick = nil
    }

    @Test func `a host that does not take connections is given up at the connect deadline`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        // A listener with a full backlog drops what else comes, as a black hole does.
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var fillers: [Int32] = []
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                bind(listener, name, length)
                listen(listener, 0)
                getsockname(listener, name, &length)
                for _ in 0..<8 {
                    let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
                    connect(filler, name, length)
                    fillers.append(filler)
                }
            }
        }
        defer { (fillers + [listener]).forEach { close($0) } }
        var request = fixture.get()
        request.url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/"
        request.timeouts.connect = 100
        let seen = try fixture.fetch(request)
        #expect(seen.failure?.kind == .connectTimeout && seen.failure?.requestBytesSent == false)
    }

    @Test func `a name that does not exist fails as DNS without holding up the loop`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        var request = fixture.get()
        request.url = "http://no-such-host.invalid/"
        request.timeouts.connect = 1500
        let collector = Collector()
        try fixture.start(request, collector)
        var longest: UInt64 = 0
        var last = MonotonicTime.now()
        #expect(
            try run(fixture.loop) {
                let now = MonotonicTime.now()
                longest = max(longest, now.nanoseconds(since: last))
                last = now
                return collector.isDone
            })
        // Without a resolver in reach the query times out instead; either way nothing may block.
        #expect([.dns, .connectTimeout].contains(collector.failure?.kind))
        #expect(longest < 500_000_000)
    }

    @Test func `failures are counted by kind`() throws {
        let fixture = try Fixture { _, connection in connection.close() }
        defer { fixture.finish() }
        for _ in 0..<3 { _ = try fixture.fetch(fixture.get()) }
        #expect(fixture.driver.failures == [.reset: 3])
    }
}
