import GatewayModel
import Glibc

/// Starts plain threads. Signals are blocked in them: the event loops take those.
enum PosixThread {
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread that ends when `body` returns; it must be joined.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) -> pthread_t {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_BLOCK, &all, nil)
                nameCurrentThread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw StoreError(code: code, doing: "starting the thread \(name)")
        }
        return thread
    }
}

/// Names the thread for `top -H` and debuggers: at most 15 bytes. `pthread_setname_np` isn't visible to Swift; the file does the same.
private func nameCurrentThread(_ name: String) {
    let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    let bytes = Array(name.utf8.prefix(15))
    _ = write(descriptor, bytes, bytes.count)
    close(descriptor)
}

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
