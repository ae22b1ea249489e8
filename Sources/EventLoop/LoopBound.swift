/// Carries a value that is confined to a loop through other threads, for use by jobs posted back to that loop.
///
/// Make it and read it on the loop's thread. Any thread may let go of it last: the value ends on the loop's thread all the same, unless the loop
/// is closed.
public final class LoopBound<Value>: @unchecked Sendable {  // @unchecked: `value` is given out on the loop's thread only, which is checked
    private final class Box {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    private let loop: EventLoop
    /// Owns one reference. A closure that posts a job to the loop is often dropped after the job ran, so that another thread has the last one.
    private let box: Unmanaged<Box>

    /// Binds `value` to the loop the caller is on.
    public init(_ value: Value, loop: EventLoop) {
        precondition(loop.isOnLoop, "made on the loop's thread")
        self.loop = loop
        box = .passRetained(Box(value))
    }

    deinit {
        if loop.isOnLoop {
            box.release()
        } else {
            loop.mailbox.release(.fromOpaque(box.toOpaque()))
        }
    }

    /// The value; traps on any thread but the loop's.
    public var value: Value {
        precondition(loop.isOnLoop, "read on the loop's thread")
        return box.takeUnretainedValue().value
    }
}
