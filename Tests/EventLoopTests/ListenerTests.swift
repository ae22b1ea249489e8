import EventLoop
import Glibc
import Testing

struct ListenerTests {
    @Test func `a port in use is an error that says so`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let error = #expect(throws: LoopError.self) { try fixture.loop.listen(fixture.address) { _ in } }
        #expect(error?.isAddressInUse == true)
        #expect(error?.description.contains("EADDRINUSE") == true)
    }

    @Test func `two loops share one port when both ask for it`() throws {
        let first = try EventLoop()
        let second = try EventLoop()
        defer {
            first.close()
            second.close()
        }
        let listener = try first.listen(.anyLoopback, reusePort: true) { _ in }
        let other = try second.listen(listener.boundAddress, reusePort: true) { _ in }
        #expect(listener.boundAddress == other.boundAddress && listener.boundAddress.port != 0)
    }

    @Test func `a listener on IPv6 serves and names its peers`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        let listener = try loop.listen(try #require(SocketAddress("[::1]:0"))) { _ in }
        #expect(listener.boundAddress.description.hasPrefix("[::1]:"))
    }

    @Test func `a paused listener takes no connection and later takes them all`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        fixture.listener?.pauseAccepting()
        let peers = try (0..<3).map { _ in try TestPeer(to: fixture.address) }
        for _ in 0..<10 { fixture.loop.runOnce(waiting: false) }
        #expect(fixture.connections.isEmpty)
        fixture.listener?.resumeAccepting()
        #expect(try run(fixture.loop, until: { fixture.connections.count == 3 }))
        withExtendedLifetime(peers) {}
    }

    @Test func `a closed listener refuses new connections and keeps the old`() throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let (peer, connection, recorder) = try fixture.connect()
        let address = fixture.address
        fixture.listener?.close()
        fixture.loop.runOnce(waiting: false)
        #expect(throws: TestPeer.Failure.self) { try TestPeer(to: address) }
        peer.send([1])
        #expect(try run(fixture.loop, until: { recorder.received == [1] }))
        #expect(!connection.isClosing)
    }

    @Test func `a connection nobody starts is closed and freed`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        weak var seen: Connection?
        let listener = try loop.listen(.anyLoopback) { seen = $0 }
        let peer = try TestPeer(to: listener.boundAddress)
        #expect(try run(loop, until: { peer.receive() == .end }))
        loop.runOnce(waiting: false)
        #expect(seen == nil)
    }

    @Test func `running out of descriptors sheds connections without spinning, and recovers`() async {
        await #expect(processExitsWith: .success) {
            let fixture = try Fixture()
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var peers = try (0..<40).map { _ in try TestPeer(to: fixture.address) }
            // Room for eight more than the peers already hold: the rest cannot be taken.
            limit.rlim_cur = rlim_t((peers.last?.descriptor ?? 0) + 9)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var turns = 0
            guard
                try run(
                    fixture.loop,
                    until: {
                        turns += 1; return turns > 100
                    })
            else { exit(2) }
            let taken = fixture.connections.count
            guard taken >= 1, taken <= 9 else { exit(3) }
            guard peers.filter({ $0.receive() == .end || $0.receive() == .reset }).count == 40 - taken else { exit(4) }
            // Idle now: no event may be pending over and over on the listening socket.
            var idle = 0
            for _ in 0..<100 {
                let before = fixture.loop.now
                fixture.loop.runOnce(waiting: false)
                if fixture.connections.count == taken, before <= fixture.loop.now { idle += 1 }
            }
            guard idle == 100 else { exit(5) }
            peers.removeAll()
            fixture.connections.forEach { $0.close() }
            guard try run(fixture.loop, until: { fixture.recorders.allSatisfy { $0.closes == 1 } }) else { exit(6) }
            let (peer, _, recorder) = try fixture.connect()
            peer.send([1])
            guard try run(fixture.loop, until: { recorder.received == [1] }) else { exit(7) }
            fixture.finish()
            exit(0)
        }
    }
}
