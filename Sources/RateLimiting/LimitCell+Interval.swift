// The generic cell rate algorithm (ITU-T I.371): one word holds the time at which the bucket will be full again. Each admission moves it
// one interval on; an admission that would move it further than `tolerance` ahead of now is refused. No refill, no remainder, no drift.
#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import GatewayModel
import Synchronization

extension LimitCell {
    /// Stands in `word` while the parameters change under a waiting compare-exchange.
    private static let isChanging = Int64.max

    /// The theoretical arrival time.
    @inline(__always) private func arrivalTime() -> Int64 {
        let value = word.load(ordering: .acquiring)
        return value == LimitCell.isChanging ? arrivalTimeAfterChange() : value
    }

    /// Waits for the few instructions of a change of parameters; for longer, if the kernel took its core away meanwhile.
    @inline(never) private func arrivalTimeAfterChange() -> Int64 {
        var spins = 0
        while true {
            let value = word.load(ordering: .acquiring)
            if value != LimitCell.isChanging { return value }
            spins += 1
            if spins > 64 { sched_yield() }
        }
    }

    /// Nanoseconds until one more would be admitted; 0 if now.
    @inline(__always) func intervalWait(_ now: Int64) -> Int64 {
        max(0, max(arrivalTime(), now) + anchor.load(ordering: .relaxed) - now - extra.load(ordering: .relaxed))
    }

    /// Takes one, if there is one.
    @inline(__always) func takeInterval(_ now: Int64) -> Bool {
        var expected = arrivalTime()
        while true {
            // The parameters belong to `expected`: if they change from here on, `word` does too and the exchange fails.
            let desired = max(expected, now) + anchor.load(ordering: .relaxed)
            if desired - now > extra.load(ordering: .relaxed) { return false }
            let (exchanged, original) = word.compareExchange(expected: expected, desired: desired, ordering: .acquiringAndReleasing)
            if exchanged { break }
            expected = original == LimitCell.isChanging ? arrivalTime() : original
        }
        if extra.load(ordering: .relaxed) > LimitCell.durableNanosecondsMin { markChanged() }
        return true
    }

    /// As `markDirty`, where no lock orders the change before the look at the flag: whoever clears the flag fences likewise before reading.
    @inline(never) private func markChanged() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        markDirty()
    }

    /// Gives one back that was just taken.
    func giveBackInterval() {
        var expected = arrivalTime()
        while true {
            let (exchanged, original) = word.compareExchange(
                expected: expected, desired: expected - anchor.load(ordering: .relaxed), ordering: .acquiringAndReleasing)
            if exchanged { return }
            expected = original == LimitCell.isChanging ? arrivalTime() : original
        }
    }

    /// What is left and when the bucket will be full.
    @inline(__always) func intervalStatus(_ now: Int64) -> LimitStatus {
        let (interval, tolerance) = (anchor.load(ordering: .relaxed), extra.load(ordering: .relaxed))
        let backlog = max(0, arrivalTime() - now)
        let remaining = max(0, tolerance - backlog) / interval
        let spent = backlog / interval + (backlog % interval == 0 ? 0 : 1)
        return LimitStatus(
            capacity: tolerance / interval, available: remaining, spent: spent, outstanding: 0, resetNanoseconds: UInt64(backlog),
            isRefusing: remaining == 0)
    }

    /// Changes rate and burst: the requests in the backlog stay used, each now standing for the new interval.
    func changeInterval(to parameters: CellParameters, now: Int64) {
        var old = arrivalTime()
        while !word.compareExchange(expected: old, desired: LimitCell.isChanging, ordering: .acquiring).exchanged { old = arrivalTime() }
        let backlog = LimitCell.scaled(max(0, old - now), by: parameters.interval, over: anchor.load(ordering: .relaxed))
        amount.store(parameters.amount, ordering: .relaxed)
        burst.store(parameters.burst, ordering: .relaxed)
        period.store(parameters.period, ordering: .relaxed)
        anchor.store(parameters.interval, ordering: .relaxed)
        extra.store(parameters.tolerance, ordering: .relaxed)
        let new = now + backlog
        // A word that stays the same would let an exchange that began before the change succeed with the old parameters.
        word.store(new == old ? new + 1 : new, ordering: .releasing)
    }

    /// Sets the backlog of a restored record.
    func setBacklog(nanoseconds: Int64, now: Int64) {
        word.store(now + min(max(nanoseconds, 0), LimitTime.nanosecondsMax), ordering: .releasing)
    }

    /// Makes the backlog at least so long.
    func raiseBacklog(nanoseconds: Int64, now: Int64) {
        word.max(now + min(max(nanoseconds, 0), LimitTime.nanosecondsMax), ordering: .acquiringAndReleasing)
    }

    /// value × numerator ÷ denominator, rounded up, at most 2⁶¹.
    static func scaled(_ value: Int64, by numerator: Int64, over denominator: Int64) -> Int64 {
        let product = UInt128(value) * UInt128(numerator)
        let quotient = (product + UInt128(denominator) - 1) / UInt128(denominator)
        return Int64(min(quotient, UInt128(LimitTime.nanosecondsMax)))
    }
}
