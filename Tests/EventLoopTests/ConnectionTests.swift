import EventLoop
import Glibc
import TestSupport
import Testing

struct ConnectionTests {
    @Test func `bytes come back as they went, in order, whatever their sizes`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        fixture.configure = { $0.onReceived = { connection, bytes in connection.send(bytes) } }
        let (peer, _, _) = try fixture.connect()
        var random = SplitMix64(seed: 7)
        var sent: [UInt8] = []
        var back: [UInt8] = []
        for _ in 0..<60 {
            let piece = (0..<Int.random(in: 1...9000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            peer.send(piece)
            sent += piece
            #expect(
                try run(fixture.loop) {
                    if case .bytes(let bytes) = peer.receive() { back += bytes }
                    return back.count == sent.count
                })
        }
        #expect(back == sent)
    }

    @Test func `a head and a body written together arrive as one`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, connection, _) = try fixture.connect()
        let head: [UInt8] = [1, 2, 3]
        let body: [UInt8] = [4, 5]
        let empty: [UInt8] = []
        #expect(connection.send(head, body))
        #expect(peer.receive() == .bytes([1, 2, 3, 4, 5]))
        #expect(connection.send(empty, body))
        #expect(connection.send(head, empty))
        #expect(connection.send(empty, empty))
        #expect(peer.receive() == .bytes([4, 5, 1, 2, 3]))
        #expect(connection.sentBytes == 10)
    }

    @Test func `output for a peer that does not read is queued once, and nothing is lost or reordered`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, connection, recorder) = try fixture.connect(receiveBuffer: 8192)
        var random = SplitMix64(seed: 9)
        var expected: [UInt8] = []
        for _ in 0..<200 {
            let head = (0..<100).map { _ in UInt8.random(in: 0...255, using: &random) }
            let body = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: Int.random(in: 0...120_000, using: &random))
            connection.send(head, body)
            expected += head + body
        }
        #expect(connection.pendingBytes > 0)
        #expect(connection.sentBytes == UInt64(expected.count - connection.pendingBytes))
        #expect(recorder.drains == 0)
        var back: [UInt8] = []
        #expect(
            try run(fixture.loop) {
                if case .bytes(let bytes) = peer.receive() { back += bytes }
                return back.count == expected.count
            })
        #expect(back == expected)
        #expect(connection.pendingBytes == 0 && recorder.drains == 1)
    }

    @Test(arguments: [0, 1])
    func `the output limit holds at its last byte and breaks at the next`(excess: Int) throws {
        var options = EventLoop.Options()
        options.outputBytesMax = 100_000
        let fixture = try Fixture(options: options)
        defer { fixture.finish() }
        let (peer, connection, recorder) = try fixture.connect(receiveBuffer: 4096)
        let block = [UInt8](repeating: 7, count: 1024)
        while connection.send(block) {}
        while connection.pendingBytes < 90_000 { connection.send(block) }
        let rest = [UInt8](repeating: 8, count: options.outputBytesMax - connection.pendingBytes + excess)
        connection.send(rest)
        if excess == 0 {
            #expect(connection.pendingBytes == options.outputBytesMax && !connection.isClosing)
        } else {
            #expect(try run(fixture.loop, until: { recorder.closes == 1 }))
            #expect(recorder.error == .outputLimit)
        }
        withExtendedLifetime(peer) {}
    }

    @Test func `closing sends what is queued first, and delivers nothing more`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, connection, recorder) = try fixture.connect(receiveBuffer: 8192)
        let answer = [UInt8](repeating: 42, count: 8 << 20)
        #expect(!connection.send(answer))
        connection.close()
        connection.send(answer)
        var count = 0
        var isEnded = false
        #expect(
            try run(fixture.loop) {
                switch peer.receive() {
                case .bytes(let bytes): count += bytes.count
                case .end: isEnded = true
                default: break
                }
                return isEnded && recorder.closes == 1
            })
        #expect(count == answer.count)
        #expect(recorder.drains == 0 && recorder.error == nil)
    }

    @Test func `a reset reaches the peer as a reset and our own delegate without an error`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, connection, recorder) = try fixture.connect()
        connection.reset()
        connection.reset()
        #expect(try run(fixture.loop, until: { recorder.closes == 1 && peer.receive() == .reset }))
        #expect(recorder.error == nil)
    }

    @Test func `a reset by the peer closes the connection once and names the reason`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, _, recorder) = try fixture.connect()
        peer.reset()
        #expect(try run(fixture.loop, until: { recorder.closes == 1 }))
        #expect(recorder.error?.isPeerGone == true)
        #expect(recorder.eventsAfterClose == 0 && recorder.closes == 1)
    }

    @Test func `writing to a peer that has gone closes the connection instead of killing the process`() throws {
        ProcessLimits.ignoreBrokenPipes()
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, connection, recorder) = try fixture.connect()
        peer.close()
        #expect(try run(fixture.loop, until: { recorder.ends == 1 }))
        let bytes = [UInt8](repeating: 1, count: 1000)
        #expect(
            try run(fixture.loop) {
                connection.send(bytes)
                return recorder.closes == 1
            })
        #expect(recorder.error?.isPeerGone == true)
    }

    @Test func `a peer that closed its half still gets its answer`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, connection, recorder) = try fixture.connect()
        peer.send([1, 2, 3])
        peer.finish()
        #expect(try run(fixture.loop, until: { recorder.ends == 1 }))
        #expect(recorder.received == [1, 2, 3] && connection.hasReceivedEnd)
        let answer: [UInt8] = [9]
        connection.send(answer)
        connection.shutdownWrite()
        connection.send(answer)
        #expect(peer.receive() == .bytes([9]))
        #expect(peer.receive() == .end)
        #expect(recorder.closes == 0)
        connection.close()
        #expect(try run(fixture.loop, until: { recorder.closes == 1 }))
        #expect(recorder.ends == 1)
    }

    @Test func `a peer that closed altogether is told apart from one that closed its half, once something was sent`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (half, answered, answeredRecorder) = try fixture.connect()
        let (gone, lost, lostRecorder) = try fixture.connect()
        half.finish()
        gone.close()
        #expect(try run(fixture.loop, until: { answeredRecorder.ends == 1 && lostRecorder.ends == 1 }))
        for connection in [answered, lost] { connection.checkPeer() }
        #expect(!answered.isClosing && !lost.isClosing, "until something is sent the two look the same")
        for connection in [answered, lost] { connection.send([1]) }
        #expect(
            try run(fixture.loop) {
                for connection in [answered, lost] { connection.checkPeer() }
                return lostRecorder.closes == 1
            })
        #expect(lostRecorder.error?.isPeerGone == true && !answered.isClosing)
        #expect(half.receive() == .bytes([1]))
    }

    @Test func `a closed loop makes nothing new`() throws {
        let loop = try EventLoop()
        loop.close()
        #expect(throws: LoopError.self) { try loop.makeTimer {} }
        #expect(throws: LoopError.self) { try loop.listen(.anyLoopback) { _ in } }
    }

    @Test func `a shutdown waits for queued output`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, connection, recorder) = try fixture.connect(receiveBuffer: 8192)
        let answer = [UInt8](repeating: 5, count: 6 << 20)
        connection.send(answer)
        connection.shutdownWrite()
        var count = 0
        var isEnded = false
        #expect(
            try run(fixture.loop) {
                switch peer.receive() {
                case .bytes(let bytes): count += bytes.count
                case .end: isEnded = true
                default: break
                }
                return isEnded
            })
        #expect(count == answer.count && recorder.closes == 0)
    }

    @Test func `a paused connection reads nothing and loses nothing`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, connection, recorder) = try fixture.connect()
        connection.pauseReading()
        peer.send([1, 2, 3])
        for _ in 0..<5 { fixture.loop.runOnce(waiting: false) }
        #expect(recorder.received.isEmpty)
        connection.resumeReading()
        #expect(try run(fixture.loop, until: { recorder.received == [1, 2, 3] }))
    }

    @Test func `a connection paused inside its read callback stops there`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        fixture.configure = { $0.onReceived = { connection, _ in connection.pauseReading() } }
        let (peer, connection, recorder) = try fixture.connect()
        peer.send([1])
        #expect(try run(fixture.loop, until: { recorder.received == [1] }))
        peer.send([2])
        for _ in 0..<5 { fixture.loop.runOnce(waiting: false) }
        #expect(recorder.received == [1])
        connection.resumeReading()
        #expect(try run(fixture.loop, until: { recorder.received == [1, 2] }))
    }

    enum Act: CaseIterable { case close, reset, stop, closeListener }
    enum Moment: CaseIterable { case received, end, drained }

    @Test(arguments: Act.allCases, Moment.allCases)
    func `a delegate may end the connection or the loop from within any callback`(act: Act, moment: Moment) throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        var isDone = false
        let perform: (Connection) -> Void = { [unowned fixture] connection in
            isDone = true
            switch act {
            case .close: connection.close()
            case .reset: connection.reset()
            case .stop: fixture.loop.stop()
            case .closeListener: fixture.listener?.close()
            }
        }
        let (peer, connection, recorder) = try fixture.connect(receiveBuffer: 8192)
        switch moment {
        case .received:
            recorder.onReceived = { connection, _ in perform(connection) }
            peer.send([1])
        case .end:
            recorder.onEnd = perform
            peer.finish()
        case .drained:
            recorder.onDrained = perform
            let bytes = [UInt8](repeating: 0, count: 4 << 20)
            connection.send(bytes)
        }
        #expect(
            try run(fixture.loop) {
                if moment == .drained { _ = peer.receive() }
                return isDone
            })
        if act == .close || act == .reset {
            #expect(try run(fixture.loop, until: { recorder.closes == 1 }))
        }
        #expect(recorder.eventsAfterClose == 0)
    }

    @Test func `every call on a closed connection is harmless`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, connection, recorder) = try fixture.connect()
        connection.close()
        #expect(try run(fixture.loop, until: { recorder.closes == 1 }))
        let bytes: [UInt8] = [1]
        connection.send(bytes)
        connection.pauseReading()
        connection.resumeReading()
        connection.shutdownWrite()
        connection.close()
        connection.reset()
        #expect(connection.pendingBytes == 0)
        for _ in 0..<3 { fixture.loop.runOnce(waiting: false) }
        #expect(recorder.closes == 1 && recorder.eventsAfterClose == 0)
        withExtendedLifetime(peer) {}
    }

    @Test func `closing the loop closes what is open, tells its delegates and keeps nothing alive`() throws {
        weak var delegate: Recorder?
        weak var connection: Connection?
        weak var loop: EventLoop?
        var closes = 0
        do {
            let fixture = try Fixture()
            let (peer, accepted, recorder) = try fixture.connect(receiveBuffer: 4096)
            delegate = recorder
            connection = accepted
            loop = fixture.loop
            let bytes = [UInt8](repeating: 1, count: 8 << 20)
            accepted.send(bytes)
            _ = try fixture.loop.makeTimer {}
            _ = try fixture.loop.onSignal(SIGUSR2) {}
            fixture.finish()
            closes = recorder.closes
            withExtendedLifetime(peer) {}
        }
        #expect(closes == 1)
        #expect(delegate == nil && connection == nil && loop == nil)
    }
}
