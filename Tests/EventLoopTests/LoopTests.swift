import EventLoop
import GatewayModel
import Testing

struct LoopTests {
    @Test func `timers fire in the order of their deadlines, not of their start`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var order: [Int] = []
        let timers = try [3, 1, 2].map { number in
            let timer = try loop.makeTimer { order.append(number) }
            timer.start(afterMilliseconds: UInt64(number * 4))
            return timer
        }
        #expect(try run(loop, until: { order.count == 3 }))
        #expect(order == [1, 2, 3])
        #expect(timers.allSatisfy { !$0.isRunning })
    }

    @Test func `a timer pushed back does not fire at its first deadline, and pulled forward not at its last`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var fired: [(name: String, at: MonotonicTime)] = []
        let pushed = try loop.makeTimer { fired.append(("pushed", loop.now)) }
        let pulled = try loop.makeTimer { fired.append(("pulled", loop.now)) }
        let start = MonotonicTime.now()
        pushed.start(afterMilliseconds: 1)
        pushed.start(afterMilliseconds: 40)
        pulled.start(afterMilliseconds: 60_000)
        pulled.start(afterMilliseconds: 5)
        #expect(try run(loop, until: { fired.count == 2 }))
        #expect(fired.map(\.name) == ["pulled", "pushed"])
        // libuv's clock counts whole milliseconds: up to one may be missing.
        #expect(fired.last.map { $0.at.nanoseconds(since: start) >= 39_000_000 } == true)
    }

    @Test func `a stopped or closed timer never fires`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var fired = 0
        let stopped = try loop.makeTimer { fired += 1 }
        let closed = try loop.makeTimer { fired += 1 }
        var isOver = false
        let last = try loop.makeTimer { isOver = true }
        stopped.start(afterMilliseconds: 1)
        closed.start(afterMilliseconds: 1)
        stopped.stop()
        closed.close()
        closed.start(afterMilliseconds: 1)
        last.start(afterMilliseconds: 10)
        #expect(try run(loop, until: { isOver }))
        #expect(fired == 0)
    }

    @Test func `a timer can be started again and closed from its own callback`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var fired = 0
        var timer: LoopTimer?
        timer = try loop.makeTimer {
            fired += 1
            if fired < 3 { timer?.start(afterMilliseconds: 0) } else { timer?.close() }
        }
        timer?.start(afterMilliseconds: 0)
        #expect(try run(loop, until: { fired == 3 }))
        timer = nil
    }

    @Test func `the clock stands still within a turn and moves with the next`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var times: [MonotonicTime] = []
        let timer = try loop.makeTimer {
            times.append(loop.now)
            let wall = MonotonicTime.now()
            while MonotonicTime.now() == wall {}
            times.append(loop.now)
            loop.refreshNow()
            times.append(loop.now)
        }
        timer.start(afterMilliseconds: 0)
        #expect(try run(loop, until: { times.count >= 3 }))
        timer.start(afterMilliseconds: 0)
        #expect(try run(loop, until: { times.count >= 6 }))
        #expect(times[0] == times[1] && times[1] < times[2] && times[2] < times[3])
    }
}
