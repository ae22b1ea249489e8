// What admission does with a cell of any kind.
import GatewayModel
import Synchronization

/// Why a cell has no room.
struct CellShortfall {
    var wanted: Int64
    var available: Int64
    /// Exact: after so long it has room, if nothing else happens. nil when time alone does not make room.
    var waitNanoseconds: UInt64?
    /// More is wanted than there will ever be room for.
    var isPermanent: Bool
}

extension LimitCell {
    // MARK: One request

    /// Whether one request has room now.
    @inline(__always) func hasRoom(_ now: LimitTime) -> Bool {
        switch kind {
        case .interval: intervalWait(now.nanoseconds) == 0
        case .concurrency: word.load(ordering: .relaxed) < amount.load(ordering: .relaxed)
        case .level, .hour, .day, .month, .rolling: withLock { availableLocked(now) >= 1 }
        }
    }

    /// Charges one request, if it has room.
    @inline(__always) func take(_ now: LimitTime) -> Bool {
        switch kind {
        case .interval: takeInterval(now.nanoseconds)
        case .concurrency: takePlace()
        case .level, .hour, .day, .month, .rolling:
            withLock {
                guard availableLocked(now) >= 1 else { return false }
                chargeLocked(1)
                return true
            }
        }
    }

    /// Undoes `take`.
    func giveBack() {
        switch kind {
        case .interval: giveBackInterval()
        case .concurrency: giveBackPlace()
        case .level: withLock { word.store(min(word.load(ordering: .relaxed) + 1, burst.load(ordering: .relaxed)), ordering: .relaxed) }
        case .hour, .day, .month, .rolling: withLock { giveBackBudget() }
        }
    }

    /// Why one request has no room; nil if it has.
    func shortfall(_ now: LimitTime) -> CellShortfall? {
        switch kind {
        case .interval:
            let wait = intervalWait(now.nanoseconds)
            return wait == 0 ? nil : CellShortfall(wanted: 1, available: 0, waitNanoseconds: UInt64(wait), isPermanent: false)
        case .concurrency:
            let free = amount.load(ordering: .relaxed) - word.load(ordering: .relaxed)
            return free > 0 ? nil : CellShortfall(wanted: 1, available: free, waitNanoseconds: nil, isPermanent: false)
        case .level, .hour, .day, .month, .rolling:
            return withLock { shortfallLocked(wanted: 1, now) }
        }
    }

    // MARK: Metered use, under the lock

    /// What can be reserved now, after refilling or turning to the window of now.
    @inline(__always) func availableLocked(_ now: LimitTime) -> Int64 {
        switch kind {
        case .level:
            refill(now.nanoseconds)
            return word.load(ordering: .relaxed) - outstanding.load(ordering: .relaxed)
        case .rolling: turnRolling(now.milliseconds)
        case .hour, .day, .month: turnCalendar(now.milliseconds)
        case .interval, .concurrency: return 0
        }
        return amount.load(ordering: .relaxed) - word.load(ordering: .relaxed) - outstanding.load(ordering: .relaxed)
    }

    /// Why there is no room for so much; nil if there is. `wanted` is at least 0, so a bucket in debt has no room for anything.
    func shortfallLocked(wanted: Int64, _ now: LimitTime) -> CellShortfall? {
        let available = availableLocked(now)
        guard wanted > available else { return nil }
        let capacity = burst.load(ordering: .relaxed)
        guard wanted <= capacity else {
            return CellShortfall(wanted: wanted, available: available, waitNanoseconds: nil, isPermanent: true)
        }
        let need = wanted - available
        let wait: UInt64? =
            if kind != .level {
                budgetWait(need: need, wanted: wanted, now: now)
            } else if wanted <= capacity - outstanding.load(ordering: .relaxed) {
                levelWait(need: need, now: now.nanoseconds)
            } else {
                nil
            }
        return CellShortfall(wanted: wanted, available: available, waitNanoseconds: wait, isPermanent: false)
    }

    @inline(__always) func reserveLocked(_ units: Int64) {
        outstanding.store(outstanding.load(ordering: .relaxed) + units, ordering: .relaxed)
        markDirty()
    }

    @inline(__always) func chargeLocked(_ units: Int64) {
        if kind == .level { chargeLevel(units) } else { chargeBudget(units) }
        markDirty()
    }

    // MARK: Metered use, once it is known

    /// Ends a reservation with what was used, 0 or more. Returns whether that was more than was reserved.
    func settle(reserved: Int64, used: Int64, now: LimitTime) -> Bool {
        let charge = min(max(used, 0), Limit.amountMax)
        withLock {
            _ = availableLocked(now)
            reserveLocked(-reserved)
            if charge > 0 { chargeLocked(charge) }
        }
        guard charge > reserved else { return false }
        underestimatedCount.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    /// Ends a reservation that nobody settled: what was reserved counts as used. Needs no clock: a level refills from where it was, a
    /// budget is charged in the window that was last open.
    func abandon(reserved: Int64) {
        withLock {
            reserveLocked(-reserved)
            chargeLocked(reserved)
        }
    }

    // MARK: Reading and changing

    /// What it looks like now; without a lock, without an allocation.
    @inline(__always) func status(_ now: LimitTime) -> LimitStatus {
        switch kind {
        case .interval: intervalStatus(now.nanoseconds)
        case .concurrency: concurrencyStatus()
        case .level: levelStatus(now.nanoseconds)
        case .hour, .day, .month: calendarStatus(now.milliseconds)
        case .rolling: rollingStatus(now.milliseconds)
        }
    }

    /// Whether it is as good as new: dropping it would give nobody anything.
    func isUnused(_ now: LimitTime) -> Bool {
        let status = status(now)
        return status.spent == 0 && status.outstanding == 0
    }

    /// What it counts by now.
    var parameters: CellParameters {
        CellParameters(
            kind: kind, amount: amount.load(ordering: .relaxed), burst: burst.load(ordering: .relaxed),
            period: period.load(ordering: .relaxed))
    }

    /// Counts by other parameters of the same kind from now on, without a free refill.
    func change(to new: CellParameters, now: LimitTime) {
        guard new != parameters, new.kind == kind else { return }
        switch kind {
        case .interval: changeInterval(to: new, now: now.nanoseconds)
        case .concurrency: amount.store(new.amount, ordering: .relaxed)
        case .level: withLock { changeLevel(to: new, now: now.nanoseconds) }
        case .hour, .day, .month, .rolling:
            withLock {
                _ = availableLocked(now)
                changeBudget(to: new, now: now)
            }
        }
        if isDurable { markDirty() }
    }

    /// Counts at least as much as used as a cell of another kind does, no more than this one holds.
    func takeOver(_ other: LimitCell, now: LimitTime) {
        let old = other.status(now)
        let used = min(old.spent + old.outstanding, burst.load(ordering: .relaxed))
        guard used > 0, other.kind != .concurrency else { return }
        switch kind {
        case .concurrency: return
        case .interval:
            let (capacity, interval) = (extra.load(ordering: .relaxed), anchor.load(ordering: .relaxed))
            raiseBacklog(nanoseconds: used > capacity / interval ? capacity : used * interval, now: now.nanoseconds)
        case .level, .hour, .day, .month, .rolling:
            withLock {
                let missing = used - (burst.load(ordering: .relaxed) - availableLocked(now))
                if missing > 0 { chargeLocked(missing) }
            }
        }
        if isDurable { markDirty() }
    }
}
