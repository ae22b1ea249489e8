import EventLoop
import Glibc
import Testing

struct SocketWatcherTests {
    /// Two connected sockets, closed at the end of the test.
    final class Pair {
        let near: Int32
        let far: Int32
        init() {
            var descriptors: [Int32] = [-1, -1]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &descriptors)
            near = descriptors[0]
            far = descriptors[1]
        }
        deinit {
            close(near)
            close(far)
        }
        func send() { _ = Glibc.send(far, [1], 1, 0) }
        func drain() { var byte: UInt8 = 0; _ = recv(near, &byte, 1, Int32(MSG_DONTWAIT)) }
    }

    @Test func `only what is asked for is reported`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        let pair = Pair()
        var seen: [SocketWatcher.Events] = []
        let watcher = try loop.watch(fileDescriptor: pair.near) { seen.append($0) }
        defer { watcher.close() }
        pair.send()
        loop.runOnce(waiting: false)
        #expect(seen.isEmpty, "nothing was asked for yet")
        watcher.set(read: false, write: true)
        #expect(try run(loop, until: { !seen.isEmpty }))
        #expect(seen == [.write])
        watcher.set(read: true, write: true)
        seen = []
        #expect(try run(loop, until: { !seen.isEmpty }))
        #expect(seen.first == [.read, .write])
    }

    @Test func `an interest dropped and taken up again loses no event`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        let pair = Pair()
        var reads = 0
        let watcher = try loop.watch(fileDescriptor: pair.near) { events in
            if events.contains(.read) {
                reads += 1
                pair.drain()
            }
        }
        defer { watcher.close() }
        for round in 1...20 {
            watcher.set(read: true, write: false)
            pair.send()
            #expect(try run(loop, until: { reads == round }))
            watcher.set(read: false, write: false)
            if round % 2 == 0 {
                pair.send()
                for _ in 0..<3 { loop.runOnce(waiting: false) }
                #expect(reads == round)
                pair.drain()
            }
        }
    }

    @Test func `a ready descriptor nobody asks about does not keep the loop awake`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        let pair = Pair()
        let watcher = try loop.watch(fileDescriptor: pair.near) { _ in }
        defer { watcher.close() }
        watcher.set(read: true, write: false)
        loop.runOnce(waiting: false)
        watcher.set(read: false, write: false)
        pair.send()
        var fired = false
        let timer = try loop.makeTimer { fired = true }
        timer.start(afterMilliseconds: 30)
        var turns = 0
        while !fired {
            loop.runOnce()
            turns += 1
        }
        #expect(turns <= 3)
    }

    @Test func `a watcher closed in its own callback is not called again, and its descriptor number can be reused`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        for _ in 0..<20 {
            let pair = Pair()
            var calls = 0
            var watcher: SocketWatcher?
            watcher = try loop.watch(fileDescriptor: pair.near) { _ in
                calls += 1
                watcher?.close()
                watcher = nil
            }
            watcher?.set(read: true, write: true)
            pair.send()
            #expect(try run(loop, until: { calls == 1 }))
            for _ in 0..<3 { loop.runOnce(waiting: false) }
            #expect(calls == 1)
        }
    }

    @Test func `signals reach the loop`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var count = 0
        let watcher = try loop.onSignal(SIGUSR1) { count += 1 }
        kill(getpid(), SIGUSR1)
        #expect(try run(loop, until: { count == 1 }))
        watcher.close()
    }

    @Test func `a job at the end of each turn runs once a turn`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var count = 0
        loop.atTurnEnd { count += 1 }
        for turn in 1...5 {
            loop.runOnce(waiting: false)
            #expect(count == turn)
        }
    }

    @Test func `no core is dumped once forbidden, and the open-file limit reaches the hard limit`() async {
        await #expect(processExitsWith: .success) {
            ProcessLimits.forbidCoreDumps()
            var core = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &core)
            guard core.rlim_cur == 0, core.rlim_max == 0 else { exit(2) }
            var files = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
            files.rlim_cur = 64
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
            guard ProcessLimits.raiseOpenFileLimit() == files.rlim_max else { exit(3) }
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
            exit(files.rlim_cur == files.rlim_max ? 0 : 4)
        }
    }
}
