import GatewayModel
import Testing

@Suite struct LockTests {
    /// A number and a lock around it.
    private final class Counter: @unchecked Sendable {
        let lock = Lock()
        var value = 0
    }

    @Test func `no increment under the lock is lost`() async {
        let counter = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for _ in 0..<5000 { counter.lock.withLock { counter.value += 1 } } }
            }
        }
        #expect(counter.lock.withLock { counter.value } == 20_000)
    }

    @Test func `a wait whose moment has passed ends and holds the lock`() {
        let lock = Lock()
        lock.lock()
        lock.wait(until: MonotonicTime(nanoseconds: 0))
        lock.wait(until: MonotonicTime.now())
        lock.unlock()
        #expect(lock.withLock { true })
    }
}
