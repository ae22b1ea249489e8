import GatewayModel

/// Runs `body` on plain threads, one for each number, and waits for all. More threads than cores are the point: tasks would share a few.
public func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let threads = (0..<count).map { number in PosixThread.start(name: "test-\(number)") { body(number) } }
    for thread in threads {
        precondition(thread != nil, "the system gives no thread")
        thread?.join()
    }
}
