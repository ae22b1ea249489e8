import EventLoop
import GatewayModel
import TestSupport
import Testing
import Upstream

struct ExchangeTests {
    @Test func `an answer arrives whole, with its fields as they came`() throws {
        let fixture = try Fixture { _, connection in
            connection.answer("hello", status: "201 Made", fields: "X-One:  a b \r\nSet-Cookie: k=v\r\nx-one: c\r\nEmpty:\r\n")
        }
        defer { fixture.finish() }
        let seen = try fixture.fetch(fixture.get())
        let head = try #require(seen.head)
        #expect(seen.text == "hello" && seen.completions == 1 && seen.heads == 1)
        #expect(head.status == 201 && head.version == .http11 && head.framing == .length(5))
        let fields = head.fields.map { field in
            String(decoding: head.bytes[field.name], as: UTF8.self) + "=" + String(decoding: head.bytes[field.value], as: UTF8.self)
        }
        #expect(fields == ["Content-Length=5", "X-One=a b", "Set-Cookie=k=v", "x-one=c", "Empty="])
        #expect(head.value(of: "set-cookie") == Array("k=v".utf8) && head.value(of: "none") == nil)
    }

    @Test func `a request carries exactly the fields it was given`() throws {
        let fixture = try Fixture { _, connection in connection.answer("") }
        defer { fixture.finish() }
        var fields = UpstreamFields()
        fields.append("Authorization", "Bearer abc")
        fields.append("X-Empty", "")
        fields.append("x-utf", "é ")
        var request = fixture.get("/v1/chat")
        request.method = "POST"
        request.fields = fields
        request.body = .bytes(Array("{}".utf8))
        _ = try fixture.fetch(request)
        let seen = try #require(fixture.server.requests.first)
        #expect(
            seen.head
                == "POST /v1/chat HTTP/1.1\r\nHost: 127.0.0.1:\(fixture.server.port)\r\nAuthorization: Bearer abc\r\nX-Empty:\r\nx-utf: é\r\nContent-Length: 2\r\n"
        )
        #expect(seen.body == Array("{}".utf8))
    }

    @Test(arguments: [
        "/a/../b/./c//d", "/a%2fb%2Fc%00", "/?", "/?a=%zz&b=a+b&c=%C3%A9", "/v1beta/models/m:generateContent?alt=sse",
        "/~!$&'()*+,;=:@[]{}|^`\"<>",
    ])
    func `path and query arrive byte for byte`(path: String) throws {
        let fixture = try Fixture { _, connection in connection.answer("") }
        defer { fixture.finish() }
        let seen = try fixture.fetch(fixture.get(path))
        #expect(seen.completions == 1, "\(String(describing: seen.failure))")
        #expect(fixture.server.requests.first?.head.hasPrefix("GET \(path) HTTP/1.1\r\n") == true)
    }

    @Test(
        arguments: ["GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT", "PATCH", "PROPFIND"], [nil, 0, 3, 59_999, 60_000, 60_001, 1_000_000])
    func `every method goes out as named, with its body and no other framing`(method: String, size: Int?) throws {
        let fixture = try Fixture { request, connection in
            if request.head.hasPrefix("HEAD") { return connection.send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n") }
            connection.answer("ok")
        }
        defer { fixture.finish() }
        var request = fixture.get("/x")
        request.method = method
        var random = SplitMix64(seed: 3)
        let body = size.map { count in (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
        if let body { request.body = .bytes(body) }
        // HEAD with a body is nothing libcurl waits an empty answer for.
        if method == "HEAD", size != nil { return }
        let seen = try fixture.fetch(request)
        #expect(seen.completions == 1, "\(String(describing: seen.failure))")
        let arrived = try #require(fixture.server.requests.first)
        #expect(arrived.head.hasPrefix("\(method) /x HTTP/1.1\r\n"))
        #expect(arrived.body == body ?? [])
        let hasLength = size != nil || ["POST", "PUT", "PATCH"].contains(method)
        #expect(arrived.value(of: "content-length") == (hasLength ? String(size ?? 0) : nil))
        for name in ["expect", "accept", "user-agent", "content-type", "transfer-encoding", "accept-encoding"] {
            #expect(arrived.value(of: name) == nil)
        }
    }

    @Test func `handles reused for other methods and bodies carry nothing over`() throws {
        let fixture = try Fixture { request, connection in connection.answer(String(request.body.count)) }
        defer { fixture.finish() }
        var random = SplitMix64(seed: 11)
        for _ in 0..<200 {
            var request = fixture.get("/\(Int.random(in: 0...2, using: &random))")
            request.method = ["GET", "POST", "PUT", "DELETE"].randomElement(using: &random) ?? "GET"
            let size = [0, 10, 70_000].randomElement(using: &random) ?? 0
            if Bool.random(using: &random) { request.body = .bytes([UInt8](repeating: 7, count: size)) }
            if Bool.random(using: &random) { request.fields.append("X-Only", "1") }
            let seen = try fixture.fetch(request)
            let arrived = try #require(fixture.server.requests.last)
            #expect(arrived.head.hasPrefix(request.method + " "))
            if case .bytes(let body) = request.body { #expect(arrived.body == body) } else { #expect(arrived.body.isEmpty) }
            #expect((arrived.value(of: "x-only") != nil) == (request.fields.count == 1))
            #expect(seen.text == String(arrived.body.count))
        }
        #expect(fixture.server.connections.count == 1)
    }

    @Test func `one connection serves request after request, without a stall between them`() throws {
        let fixture = try Fixture { _, connection in connection.answer("x") }
        defer { fixture.finish() }
        let start = MonotonicTime.now()
        for number in 0..<300 {
            let collector = Collector()
            let transfer = try fixture.start(fixture.get(), collector)
            #expect(try run(fixture.loop, until: { collector.isDone }))
            #expect(transfer.isReusedConnection == (number > 0))
        }
        #expect(fixture.server.connections.count == 1)
        // A lost timer shows as a stall of a second per request.
        #expect(MonotonicTime.now().nanoseconds(since: start) < 5_000_000_000)
    }

    @Test func `a fresh connection is made when asked for`() throws {
        let fixture = try Fixture { _, connection in connection.answer("x") }
        defer { fixture.finish() }
        var request = fixture.get()
        _ = try fixture.fetch(request)
        request.needsFreshConnection = true
        _ = try fixture.fetch(request)
        request.needsFreshConnection = false
        _ = try fixture.fetch(request)
        #expect(fixture.server.connections.count == 2)
    }

    @Test func `each chunk is delivered before the next is sent`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        var connection: Connection?
        fixture.server.onRequest = { _, accepted in
            connection = accepted
            accepted.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        }
        let collector = Collector()
        try fixture.start(fixture.get(), collector)
        #expect(try run(fixture.loop, until: { collector.heads == 1 }))
        #expect(collector.head?.framing == .delimited)
        for number in 1...20 {
            connection?.send("2;ext=1\r\nab\r\n")
            #expect(try run(fixture.loop, until: { collector.body.count == 2 * number }))
        }
        connection?.send("0\r\nAuthorization: trailer\r\n\r\n")
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(collector.completions == 1 && collector.heads == 1)
        connection = nil
    }

    @Test func `a body ended by the close of the connection is told apart from one with an end`() throws {
        let fixture = try Fixture { _, connection in
            connection.send("HTTP/1.0 200 OK\r\n\r\nuntil close")
            connection.close()
        }
        defer { fixture.finish() }
        let seen = try fixture.fetch(fixture.get())
        #expect(seen.completions == 1 && seen.text == "until close")
        #expect(seen.head?.framing == .untilClose && seen.head?.version == .http10)
    }

    @Test(arguments: ["204 No Content", "304 Not Modified"])
    func `an answer without a body ends at its head`(status: String) throws {
        let fixture = try Fixture { _, connection in connection.send("HTTP/1.1 \(status)\r\n\r\n") }
        defer { fixture.finish() }
        let seen = try fixture.fetch(fixture.get())
        #expect(seen.completions == 1 && seen.body.isEmpty)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirect is handed over, not followed`(status: Int) throws {
        let fixture = try Fixture { [self] request, connection in
            _ = self
            connection.answer("moved", status: "\(status) Moved", fields: "Location: /elsewhere\r\n")
        }
        defer { fixture.finish() }
        let seen = try fixture.fetch(fixture.get())
        #expect(seen.head?.status == status && seen.text == "moved")
        try run(fixture.loop, milliseconds: 20)
        #expect(fixture.server.requests.count == 1)
    }

    @Test func `an encoded answer is passed on undecoded`() throws {
        let gzip: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let fixture = try Fixture { _, connection in
            connection.send(Array("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n".utf8) + gzip)
        }
        defer { fixture.finish() }
        #expect(try fixture.fetch(fixture.get()).body == gzip)
    }

    @Test func `cookies are neither kept nor sent`() throws {
        let fixture = try Fixture { _, connection in connection.answer("x", fields: "Set-Cookie: secret=1; Path=/\r\n") }
        defer { fixture.finish() }
        for _ in 0..<3 { _ = try fixture.fetch(fixture.get()) }
        #expect(fixture.server.requests.allSatisfy { $0.value(of: "cookie") == nil })
    }

    @Test func `many transfers at once keep their answers apart`() throws {
        let fixture = try Fixture { request, connection in connection.answer(String(request.head.split(separator: " ")[1])) }
        defer { fixture.finish() }
        let collectors = try (0..<100).map { number in
            let collector = Collector()
            try fixture.start(fixture.get("/\(number)"), collector)
            return collector
        }
        #expect(fixture.driver.inFlight == 100)
        #expect(try run(fixture.loop, until: { collectors.allSatisfy { $0.isDone } }))
        for (number, collector) in collectors.enumerated() { #expect(collector.text == "/\(number)") }
        #expect(fixture.driver.inFlight == 0)
    }

    @Test func `the connection limit holds, and the transfers beyond it wait their turn`() throws {
        var options = UpstreamOptions()
        options.connectionsMax = 3
        let fixture = try Fixture(options: options) { _, connection in connection.answer("x") }
        defer { fixture.finish() }
        let collectors = try (0..<20).map { _ in
            let collector = Collector()
            try fixture.start(fixture.get(), collector)
            return collector
        }
        #expect(try run(fixture.loop, until: { collectors.allSatisfy { $0.completions == 1 } }))
        #expect(fixture.server.connections.count <= 3)
    }

    @Test func `one transfer too many is refused at once`() throws {
        var options = UpstreamOptions()
        options.transfersMax = 2
        let fixture = try Fixture(options: options)
        defer { fixture.finish() }
        let collectors = [Collector(), Collector(), Collector()]
        try fixture.start(fixture.get(), collectors[0])
        let second = try fixture.start(fixture.get(), collectors[1])
        #expect(throws: UpstreamFailure.self) { try fixture.start(fixture.get(), collectors[2]) }
        second.cancel()
        #expect(try run(fixture.loop, until: { fixture.driver.inFlight == 1 }))
        try fixture.start(fixture.get(), collectors[2])
    }

    @Test func `a delegate may start transfers from every callback`() throws {
        let fixture = try Fixture { _, connection in connection.answer("x") }
        defer { fixture.finish() }
        var inner: [Collector] = []
        let startAnother: (Transfer) -> Void = { [unowned fixture] _ in
            let collector = Collector()
            inner.append(collector)
            _ = try? fixture.start(fixture.get("/inner"), collector)
        }
        let outer = Collector()
        outer.onHead = startAnother
        outer.onBody = { transfer, _ in startAnother(transfer) }
        outer.onEnd = startAnother
        try fixture.start(fixture.get(), outer)
        #expect(try run(fixture.loop, until: { inner.count == 3 && inner.allSatisfy { $0.completions == 1 } }))
    }

    @Test func `a driver closed after its loop is harmless`() throws {
        let fixture = try Fixture { _, _ in }
        let collector = Collector()
        try fixture.start(fixture.get(), collector)
        #expect(try run(fixture.loop, until: { fixture.server.requests.count == 1 }))
        fixture.loop.close()
        fixture.finish()
        #expect(!collector.isDone)
    }

    @Test func `closing the driver ends everything silently and keeps nothing alive`() throws {
        weak var collector: Collector?
        weak var driver: UpstreamDriver?
        weak var transfer: Transfer?
        do {
            let fixture = try Fixture { request, connection in
                if request.head.contains("/half") { connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") }
            }
            let half = Collector()
            collector = half
            driver = fixture.driver
            transfer = try fixture.start(fixture.get("/half"), half)
            try fixture.start(fixture.get("/silent"), Collector())
            #expect(try run(fixture.loop, until: { half.body.count == 4 && fixture.server.requests.count == 2 }))
            try fixture.start(fixture.get("/never-begun"), Collector())
            fixture.finish()
            #expect(!half.isDone && half.eventsAfterEnd == 0)
        }
        #expect(collector == nil && driver == nil && transfer == nil)
    }
}
