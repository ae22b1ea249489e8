import GatewayModel

/// A door that opens once.
final class Latch: @unchecked Sendable {  // @unchecked: `isOpen` is guarded by `mutex`
    private let mutex = Lock()
    private var isOpen = false

    func open() {
        mutex.withLock {
            isOpen = true
            mutex.broadcast()
        }
    }

    func wait() { mutex.withLock { while !isOpen { mutex.wait() } } }
}
