// A bucket of tokens or money: what was settled is taken off the level, what is reserved stands beside it, and only their difference can
// be reserved. Refilled when looked at: `amount` units per `period` nanoseconds, in 128 bits, the remainder kept, so that no refill is
// ever lost or won however often it is looked at. All but `levelStatus` under the lock.
import GatewayModel
import Synchronization

extension LimitCell {
    /// The deepest debt, 2⁶¹ units: far below what any settlement reaches, and far from overflow.
    private static let levelMin: Int64 = -(1 << 61)

    /// Adds what flowed back since the last time.
    func refill(_ now: Int64) {
        let last = anchor.load(ordering: .relaxed)
        guard now > last else { return }
        anchor.store(now, ordering: .relaxed)
        let (level, remainder) = refilled(elapsed: now - last)
        word.store(level, ordering: .relaxed)
        extra.store(remainder, ordering: .relaxed)
    }

    /// Level and remainder after so many nanoseconds more.
    @inline(__always) private func refilled(elapsed: Int64) -> (level: Int64, remainder: Int64) {
        let (level, full) = (word.load(ordering: .relaxed), burst.load(ordering: .relaxed))
        if level >= full { return (full, 0) }
        let divisor = UInt64(period.load(ordering: .relaxed))
        var (high, low) = UInt64(amount.load(ordering: .relaxed)).multipliedFullWidth(by: UInt64(elapsed))
        let carry: Bool
        (low, carry) = low.addingReportingOverflow(UInt64(extra.load(ordering: .relaxed)))
        if carry { high += 1 }
        // A quotient of more than 64 bits is more than any bucket holds.
        if high >= divisor { return (full, 0) }
        let (quotient, remainder) =
            high == 0 ? low.quotientAndRemainder(dividingBy: divisor) : divisor.dividingFullWidth((high, low))
        if quotient >= UInt64(full - level) { return (full, 0) }
        return (level + Int64(quotient), Int64(remainder))
    }

    /// Takes what was used off the level; below zero it is debt.
    func chargeLevel(_ charge: Int64) {
        word.store(max(word.load(ordering: .relaxed) - charge, LimitCell.levelMin), ordering: .relaxed)
    }

    /// The shortest wait after which so many more units are in the level; right after `refill`. The formula is the inverse of the refill:
    /// the least t with ⌊(amount·t + remainder) ÷ period⌋ ≥ need.
    func levelWait(need: Int64, now: Int64) -> UInt64 {
        let rate = UInt128(amount.load(ordering: .relaxed))
        let missing = UInt128(need) * UInt128(period.load(ordering: .relaxed)) - UInt128(extra.load(ordering: .relaxed))
        let wait = (missing + rate - 1) / rate
        // A caller whose clock reading is older than the last refill waits for that as well.
        let behind = UInt128(max(0, anchor.load(ordering: .relaxed) - now))
        return UInt64(min(wait + behind, UInt128(UInt64.max)))
    }

    /// Sets a level recorded so many milliseconds ago. Before anyone else knows the cell.
    func restoreLevel(_ level: Int64, remainder: Int64, elapsed: Int64, _ now: Int64) {
        word.store(max(level, LimitCell.levelMin), ordering: .relaxed)
        extra.store(remainder, ordering: .relaxed)
        let (refilled, rest) = refilled(elapsed: min(elapsed, LimitTime.nanosecondsMax / 1_000_000) * 1_000_000)
        word.store(refilled, ordering: .relaxed)
        extra.store(rest, ordering: .relaxed)
        anchor.store(now, ordering: .relaxed)
    }

    /// Changes rate and burst: a higher burst adds exactly the difference, a lower one may leave debt.
    func changeLevel(to parameters: CellParameters, now: Int64) {
        refill(now)
        chargeLevel(burst.load(ordering: .relaxed) - parameters.burst)
        amount.store(parameters.amount, ordering: .relaxed)
        burst.store(parameters.burst, ordering: .relaxed)
        period.store(parameters.period, ordering: .relaxed)
        extra.store(0, ordering: .relaxed)
    }

    /// What is left and when the bucket will be full. Without the lock.
    @inline(__always) func levelStatus(_ now: Int64) -> LimitStatus {
        let elapsed = max(0, now - anchor.load(ordering: .relaxed))
        let (level, remainder) = refilled(elapsed: elapsed)
        let (full, reserved) = (burst.load(ordering: .relaxed), outstanding.load(ordering: .relaxed))
        let missing = max(0, full - level)
        // A reading that mixes two moments may have a remainder beyond what is missing.
        let product = UInt128(missing) * UInt128(period.load(ordering: .relaxed))
        let unfilled = product - min(product, UInt128(remainder))
        let rate = amount.load(ordering: .relaxed)
        let reset: UInt64 =
            if unfilled < UInt128(Int64.max) {
                (UInt64(unfilled) + UInt64(rate) - 1) / UInt64(rate)
            } else {
                UInt64(min((unfilled + UInt128(rate) - 1) / UInt128(rate), UInt128(UInt64.max)))
            }
        return LimitStatus(
            capacity: full, available: level - reserved, spent: missing, outstanding: reserved, resetNanoseconds: reset,
            isRefusing: level - reserved <= 0)
    }
}
