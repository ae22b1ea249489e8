import EventLoop

/// Work that is too long for one turn of the loop: a slice per turn, so that other connections get theirs in between.
enum SlicedWork {
    /// Calls `slice` once a turn, the first time at once, until it returns `false`. Where the loop gives no timer, without a pause.
    static func run(on loop: EventLoop, _ slice: @escaping () -> Bool) {
        guard slice() else { return }
        let holder = Holder()
        holder.timer = try? loop.makeTimer { [weak holder] in
            guard let holder else { return }
            if slice() { holder.timer?.start(afterMilliseconds: 0) } else { holder.end() }
        }
        guard let timer = holder.timer else {
            while slice() {}
            return
        }
        holder.own = holder
        timer.start(afterMilliseconds: 0)
    }

    /// Keeps the timer, and itself until the work is done.
    private final class Holder {
        var timer: LoopTimer?
        var own: Holder?

        func end() {
            timer?.close()
            timer = nil
            own = nil
        }
    }
}
