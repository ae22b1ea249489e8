import Glibc

/// A plain thread: signals are blocked in it (the event loops take those), and it must be joined.
public struct PosixThread: Sendable {
    private let thread: pthread_t

    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts one that ends when `body` returns; `nil` if the system gives none.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) -> PosixThread? {
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
            return nil
        }
        return PosixThread(thread: thread)
    }

    /// Waits for its end.
    public func join() { pthread_join(thread, nil) }
}

/// Names the thread for `top -H`: at most 15 bytes. `pthread_setname_np` isn't visible to Swift; the file does the same.
private func nameCurrentThread(_ name: String) {
    let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    let bytes = Array(name.utf8.prefix(15))
    _ = write(descriptor, bytes, bytes.count)
    close(descriptor)
}
