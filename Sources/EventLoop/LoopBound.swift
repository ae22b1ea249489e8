/// Carries a value that is confined to a loop through other threads, for use by jobs posted back to that loop.
///
/// Make it, read it and let go of the last reference on the loop's thread.
public final class LoopBound<Value>: @unchecked Sendable {  // @unchecked: `value` is given out on the loop's thread only, which is checked
    private let loop: EventLoop
    private let stored: Value

    /// Binds `value` to the loop the caller is on.
    public init(_ value: Value, loop: EventLoop) {
        precondition(loop.isOnLoop, "made on the loop's thread")
        self.loop = loop
        stored = value
    }

    /// The value; traps on any thread but the loop's.
    public var value: Value {
        precondition(loop.isOnLoop, "read on the loop's thread")
        return stored
    }
}
