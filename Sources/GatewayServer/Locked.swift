import GatewayModel

/// Guards one value. Held for a few instructions, never across I/O or a callback.
final class Locked<Value>: @unchecked Sendable {  // @unchecked: the value is reachable only through `withLock`
    private let lock = Lock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
