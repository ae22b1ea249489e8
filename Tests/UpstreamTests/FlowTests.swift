import EventLoop
import GatewayModel
import TestSupport
import Testing
import Upstream

struct FlowTests {
    /// An answer of `count` bytes with recognisable content.
    static func content(_ count: Int) -> [UInt8] {
        var random = SplitMix64(seed: 5)
        var bytes = [UInt8](repeating: 0, count: count)
        var index = 0
        while index < count {
            bytes[index] = UInt8(truncatingIfNeeded: random.next())
            index += 7
        }
        return bytes
    }

    @Test func `a paused transfer holds its upstream back and loses nothing`() throws {
        let content = Self.content(16 << 20)
        let fixture = try Fixture { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(content.count)\r\n\r\n")
            connection.send(content)
        }
        defer { fixture.finish() }
        let collector = Collector()
        let transfer = try fixture.start(fixture.get(), collector)
        collector.onBody = { transfer, _ in if collector.body.count < 200_000 { transfer.pause() } }
        #expect(try run(fixture.loop, until: { !collector.body.isEmpty }))
        let before = collector.body.count
        try run(fixture.loop, milliseconds: 50)
        #expect(collector.body.count == before, "nothing is delivered while paused")
        #expect((fixture.server.connections.first?.pendingBytes ?? 0) > 4 << 20, "the upstream cannot send on")
        var resumes = 0
        #expect(
            try run(fixture.loop) {
                if transfer.isPaused {
                    resumes += 1
                    transfer.resume()
                }
                return collector.isDone
            })
        #expect(resumes > 5)
        #expect(collector.completions == 1 && collector.body == content)
    }

    @Test func `a pause before the connection stands and one before the head are kept`() throws {
        let fixture = try Fixture { _, connection in connection.answer("body") }
        defer { fixture.finish() }
        let early = Collector()
        let transfer = try fixture.start(fixture.get(), early)
        transfer.pause()
        let atHead = Collector()
        atHead.onHead = { $0.pause() }
        let other = try fixture.start(fixture.get(), atHead)
        #expect(try run(fixture.loop, until: { early.heads == 1 && atHead.heads == 1 }))
        try run(fixture.loop, milliseconds: 30)
        #expect(early.body.isEmpty && atHead.body.isEmpty && !early.isDone && !atHead.isDone)
        transfer.resume()
        other.resume()
        #expect(try run(fixture.loop, until: { early.isDone && atHead.isDone }))
        #expect(early.text == "body" && atHead.text == "body" && early.completions == 1 && atHead.completions == 1)
    }

    @Test(arguments: 1...8)
    func `random pauses and resumes deliver every byte once, in order`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let content = Self.content(Int.random(in: 1...2_000_000, using: &random))
        let isChunked = Bool.random(using: &random)
        let fixture = try Fixture()
        defer { fixture.finish() }
        var toSend = content[...]
        var connection: Connection?
        fixture.server.onRequest = { _, accepted in
            connection = accepted
            accepted.send(
                "HTTP/1.1 200 OK\r\n" + (isChunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: \(content.count)\r\n\r\n"))
        }
        let collector = Collector()
        collector.onBody = { transfer, _ in if Int.random(in: 0..<3, using: &random) == 0 { transfer.pause() } }
        let transfer = try fixture.start(fixture.get(), collector)
        #expect(
            try run(fixture.loop) {
                if let connection, !toSend.isEmpty {
                    let piece = Array(toSend.prefix(Int.random(in: 1...60_000, using: &random)))
                    toSend = toSend.dropFirst(piece.count)
                    connection.send(isChunked ? Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10] : piece)
                    if toSend.isEmpty, isChunked { connection.send("0\r\n\r\n") }
                }
                if transfer.isPaused, Bool.random(using: &random) { transfer.resume() }
                if !transfer.isPaused, Int.random(in: 0..<8, using: &random) == 0 { transfer.pause() }
                return collector.isDone
            })
        #expect(collector.completions == 1 && collector.body == content && collector.eventsAfterEnd == 0)
        connection = nil
    }

    @Test func `the idle deadline stands still while paused and runs again from the resume`() throws {
        let fixture = try Fixture { _, connection in connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") }
        defer { fixture.finish() }
        var request = fixture.get()
        request.timeouts.idle = 150
        let collector = Collector()
        let transfer = try fixture.start(request, collector)
        #expect(try run(fixture.loop, until: { collector.body.count == 4 }))
        transfer.pause()
        try run(fixture.loop, milliseconds: 300)
        #expect(!collector.isDone)
        let resumedAt = MonotonicTime.now()
        transfer.resume()
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(MonotonicTime.now().nanoseconds(since: resumedAt) >= 149_000_000)
        #expect(collector.failure?.kind == .idleTimeout)
    }

    enum Moment: CaseIterable { case atOnce, sent, head, body, paused, nextTransfer }

    @Test(arguments: Moment.allCases)
    func `a cancelled transfer says nothing more and its connection is gone at once`(moment: Moment) throws {
        let fixture = try Fixture { request, connection in
            if request.head.contains("/other") { return connection.answer("other") }
            if moment != .sent {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + String(repeating: "x", count: 400_000))
            }
        }
        defer { fixture.finish() }
        let collector = Collector()
        var cancelledAt: MonotonicTime?
        let cancel: (Transfer) -> Void = { transfer in
            transfer.cancel()
            transfer.cancel()
            cancelledAt = .now()
        }
        if moment == .head { collector.onHead = cancel }
        if moment == .body { collector.onBody = { transfer, _ in cancel(transfer) } }
        if moment == .paused { collector.onBody = { transfer, _ in transfer.pause() } }
        let transfer = try fixture.start(fixture.get(), collector)
        switch moment {
        case .atOnce: cancel(transfer)
        case .sent:
            #expect(try run(fixture.loop, until: { fixture.server.requests.count == 1 }))
            cancel(transfer)
        case .paused:
            #expect(try run(fixture.loop, until: { transfer.isPaused }))
            cancel(transfer)
        case .nextTransfer:
            // Cancelled from within another transfer's callback.
            #expect(try run(fixture.loop, until: { collector.heads == 1 }))
            let other = Collector()
            other.onBody = { _, _ in cancel(transfer) }
            try fixture.start(fixture.get("/other"), other)
            #expect(try run(fixture.loop, until: { other.isDone }))
        case .head, .body: #expect(try run(fixture.loop, until: { cancelledAt != nil }))
        }
        let bytes = collector.body.count
        #expect(transfer.isFinished)
        #expect(try run(fixture.loop, until: { fixture.driver.inFlight == 0 }))
        if moment != .atOnce {
            #expect(try run(fixture.loop, until: { fixture.server.closed == 1 }))
            let at = try #require(cancelledAt)
            #expect(MonotonicTime.now().nanoseconds(since: at) < 500_000_000)
        }
        transfer.resume()
        transfer.pause()
        try run(fixture.loop, milliseconds: 10)
        #expect(collector.body.count == bytes && !collector.isDone && collector.eventsAfterEnd == 0)
    }

    // MARK: Upload

    @Test(arguments: [nil, UInt64(1_000_000)])
    func `a streamed body arrives whole, pulled piece by piece`(length: UInt64?) throws {
        let content = Self.content(1_000_000)
        let fixture = try Fixture { request, connection in connection.answer(String(request.body.count)) }
        defer { fixture.finish() }
        var request = fixture.get("/upload")
        request.method = "POST"
        request.body = .streamed(length: length)
        let collector = Collector()
        var offset = 0
        collector.onReady = { transfer in
            let piece = Array(content[offset..<min(offset + 30_001, content.count)])
            offset += piece.count
            transfer.send(piece.span)
            if offset == content.count { transfer.finishBody() }
        }
        try fixture.start(request, collector)
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(collector.text == "1000000" && collector.readies >= 33)
        let seen = try #require(fixture.server.requests.first)
        #expect(seen.body == content)
        #expect(seen.value(of: "content-length") == length.map { String($0) })
        #expect(seen.value(of: "transfer-encoding") == (length == nil ? "chunked" : nil))
        #expect(seen.value(of: "expect") == nil)
    }

    @Test func `a body that comes slowly is sent as it comes`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        var arrived: [UInt8] = []
        fixture.server.onBytes = { connection, bytes in
            arrived += bytes
            if arrived.suffix(5).elementsEqual("0\r\n\r\n".utf8) { connection.answer("done") }
        }
        var request = fixture.get()
        request.method = "PUT"
        request.body = .streamed(length: nil)
        // Neither may count while there is nothing to send.
        request.timeouts.firstByte = 300
        request.timeouts.idle = 300
        let collector = Collector()
        let transfer = try fixture.start(request, collector)
        #expect(try run(fixture.loop, until: { collector.readies == 1 }))
        for number in 0..<4 {
            try run(fixture.loop, milliseconds: 100)
            let piece = Array("piece \(number)".utf8)
            transfer.send(piece.span)
            #expect(try run(fixture.loop, until: { arrived.suffix(2 + piece.count).starts(with: piece) }))
        }
        transfer.finishBody()
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(collector.text == "done")
    }

    @Test func `an upstream that does not read holds the producer back, and is given up when it stands still`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        fixture.server.onConnect = { $0.pauseReading() }
        var request = fixture.get()
        request.method = "POST"
        request.body = .streamed(length: 64 << 20)
        request.timeouts.idle = 100
        let collector = Collector()
        let block = [UInt8](repeating: 1, count: 256 << 10)
        var sent = 0
        collector.onReady = { transfer in
            transfer.send(block.span)
            sent += block.count
        }
        try fixture.start(request, collector)
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(collector.failure?.kind == .idleTimeout && collector.failure?.requestBytesSent == true)
        #expect(sent < 32 << 20, "what is not taken is not asked for")
    }

    @Test(arguments: [0, 1])
    func `the limit of unsent body holds at its last byte and breaks at the next`(excess: Int) throws {
        var options = UpstreamOptions()
        options.sendPendingBytesMax = 1000
        let fixture = try Fixture(options: options) { request, connection in connection.answer(String(request.body.count)) }
        defer { fixture.finish() }
        var request = fixture.get()
        request.method = "POST"
        request.body = .streamed(length: nil)
        let collector = Collector()
        let transfer = try fixture.start(request, collector)
        let piece = [UInt8](repeating: 1, count: 500)
        let rest = [UInt8](repeating: 1, count: 500 + excess)
        transfer.send(piece.span)
        transfer.send(rest.span)
        transfer.finishBody()
        #expect(try run(fixture.loop, until: { collector.isDone }))
        if excess == 0 { #expect(collector.text == "1000") } else { #expect(collector.failure?.kind == .local) }
    }

    @Test func `a streamed body shorter than announced is a failure`() throws {
        let fixture = try Fixture { _, connection in connection.answer("never") }
        defer { fixture.finish() }
        var request = fixture.get()
        request.method = "POST"
        request.body = .streamed(length: 100)
        request.timeouts.firstByte = 2000
        let collector = Collector()
        collector.onReady = { transfer in
            let piece: [UInt8] = [1, 2, 3]
            transfer.send(piece.span)
            transfer.finishBody()
        }
        try fixture.start(request, collector)
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(collector.failure?.kind == .sendFailed, "\(String(describing: collector.failure))")
    }

    @Test func `bytes beyond the announced length of a streamed body are not sent`() throws {
        let fixture = try Fixture { request, connection in connection.answer(String(request.body.count)) }
        defer { fixture.finish() }
        var request = fixture.get()
        request.method = "POST"
        request.body = .streamed(length: 3)
        let collector = Collector()
        collector.onReady = { transfer in
            let piece: [UInt8] = [1, 2, 3, 4]
            transfer.send(piece.span)
            transfer.finishBody()
        }
        try fixture.start(request, collector)
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(collector.text == "3")
        #expect(try fixture.fetch(fixture.get()).text == "0" && fixture.server.requests.count == 2)
    }

    @Test func `a streamed body is never sent twice`() throws {
        let fixture = try Fixture { request, connection in
            if request.number == 2 { return connection.close() }
            connection.answer("ok")
        }
        defer { fixture.finish() }
        _ = try fixture.fetch(fixture.get())
        var request = fixture.get()
        request.method = "POST"
        request.body = .streamed(length: 3)
        let collector = Collector()
        collector.onReady = { transfer in
            let piece: [UInt8] = [1, 2, 3]
            transfer.send(piece.span)
            transfer.finishBody()
        }
        try fixture.start(request, collector)
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(collector.failure?.requestBytesSent == true && collector.completions == 0)
        #expect(fixture.server.requests.count == 2)
    }

    @Test func `an answer that comes before the body is through reaches the caller`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        var isAnswered = false
        fixture.server.onBytes = { connection, _ in
            if isAnswered { return }
            isAnswered = true
            connection.answer("too large", status: "413 Content Too Large", fields: "Connection: close\r\n")
            connection.shutdownWrite()
        }
        var request = fixture.get()
        request.method = "POST"
        request.body = .bytes([UInt8](repeating: 1, count: 8 << 20))
        let seen = try fixture.fetch(request)
        #expect(seen.head?.status == 413)
    }
}
