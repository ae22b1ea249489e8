// Work that is too long for one turn of the loop: a slice per turn, so that other connections get theirs in between.
//
// The next turn is asked for through the loop's own mailbox. A timer of 0 ms would not do: the loop runs timers until none is due, so one that is
// started anew in its own callback runs again before anything else does.

import EventLoop

/// See the file's header.
enum SlicedWork {
    /// Calls `slice` once a turn, the first time at once, until it returns `false`.
    static func run(on loop: EventLoop, _ slice: @escaping () -> Bool) {
        guard slice() else { return }
        inNextTurn(of: loop) { run(on: loop, slice) }
    }

    /// Calls `job` in the loop's next turn; a millisecond later where its mailbox is full.
    static func inNextTurn(of loop: EventLoop, _ job: @escaping () -> Void) {
        let bound = LoopBound(job, loop: loop)
        guard !loop.mailbox.post({ bound.value() }) else { return }
        let holder = TimerHolder()
        holder.timer = try? loop.makeTimer {
            holder.timer?.close()
            holder.timer = nil
            job()
        }
        holder.timer?.start(afterMilliseconds: 1)
    }

    /// Keeps a timer until it has fired.
    private final class TimerHolder {
        var timer: LoopTimer?
    }
}
