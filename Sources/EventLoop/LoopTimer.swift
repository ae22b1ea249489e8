import CUV

// Connections and transfers push their deadlines back all the time and almost never reach them. So a timer that is already armed for an
// earlier moment is not touched when it is started later or stopped: the wish is stored, and the early wake-up re-arms or does nothing.

/// A one-shot timer of a loop, reusable; resolution 1 ms. It never fires early by the loop's clock, and late by as much as the turn takes.
public final class LoopTimer: LoopHandle {
    private var fire: (() -> Void)?
    /// When it should fire, in the loop's milliseconds; nil when stopped.
    private var deadline: UInt64?
    /// What libuv is armed for; nil when it is not.
    private var armed: UInt64?

    init(loop: EventLoop, fire: @escaping () -> Void) throws(LoopError) {
        self.fire = fire
        try super.init(loop: loop, as: uv_timer_t.self, operation: "timer") { uv_timer_init($0, $1) }
    }

    /// Whether it is going to fire.
    public var isRunning: Bool { deadline != nil }

    /// Fires once, `milliseconds` after the start of this turn, instead of any earlier wish. Nothing happens after `close()`.
    public func start(afterMilliseconds milliseconds: UInt64) {
        loop.assertOnLoop()
        if isClosing { return }
        let (sum, overflow) = uv_now(loop.raw).addingReportingOverflow(milliseconds)
        let wanted = overflow ? UInt64.max : sum
        deadline = wanted
        if let armed, armed <= wanted { return }
        arm(wanted)
    }

    /// Cancels what `start` asked for.
    public func stop() {
        loop.assertOnLoop()
        deadline = nil
    }

    /// Stops it for good and gives its memory back at the end of the turn. Idempotent.
    public func close() {
        deadline = nil
        beginClose()
    }

    private func arm(_ moment: UInt64) {
        armed = moment
        let current = uv_now(loop.raw)
        let timer = UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_timer_t.self)
        uv_timer_start(timer, LoopTimer.expired, moment > current ? moment - current : 0, 0)
    }

    private static let expired: uv_timer_cb = { handle in
        guard let data = handle?.pointee.data else { return }
        Unmanaged<LoopTimer>.fromOpaque(data).takeUnretainedValue().expire()
    }

    private func expire() {
        armed = nil
        guard let deadline, !isClosing else { return }
        if deadline > uv_now(loop.raw) { return arm(deadline) }
        self.deadline = nil
        fire?()
    }

    override func finishClose() {
        fire = nil
    }
}
