// Budgets: so much within a window, then nothing until it has passed. All but the statuses under the lock.
//
// A calendar window only ever moves forward: a civil clock that goes back finds the window it left still open, with what was spent in it.
// A rolling budget keeps what was spent in slots of a tenth of its span and forgets a slot only when it lies wholly before the span: so
// never more than `amount` is charged in any span, at the price of remembering up to a tenth longer.
import GatewayModel
import Synchronization

extension LimitCell {
    /// How many slots a rolling budget has: ten cover the span, one more is being left.
    static let slotCount = 11
    /// The most that a budget or a slot counts; far from overflow when all slots are added.
    static let spentMax: Int64 = 1 << 57

    /// The length of a slot, in the unit of the span.
    static func slotLength(ofSpan span: Int64) -> Int64 { span / 10 + (span % 10 == 0 ? 0 : 1) }

    // MARK: Calendar

    /// Opens the next window if this one has ended.
    func turnCalendar(_ milliseconds: Int64) {
        guard milliseconds >= period.load(ordering: .relaxed), let window = kind.calendar else { return }
        let (start, end) = window.bounds(milliseconds: milliseconds)
        setWindow(start: start, end: end)
        word.store(0, ordering: .relaxed)
        alertedPercent.store(0, ordering: .relaxed)
        markDirty()
    }

    func setWindow(start: Int64, end: Int64) {
        anchor.store(start, ordering: .relaxed)
        period.store(end, ordering: .relaxed)
    }

    @inline(__always) func calendarStatus(_ milliseconds: Int64) -> LimitStatus {
        var (end, spent) = (period.load(ordering: .relaxed), word.load(ordering: .relaxed))
        if milliseconds >= end, let window = kind.calendar { (end, spent) = (window.bounds(milliseconds: milliseconds).end, 0) }
        return budgetStatus(spent: spent, resetMilliseconds: end - milliseconds)
    }

    // MARK: Rolling

    private func slot(_ index: Int64) -> UnsafeMutablePointer<Atomic<Int64>>? {
        let count = Int64(LimitCell.slotCount)
        return slots.map { $0 + Int(index - floorDivide(index, count) * count) }
    }

    private func slotValue(_ index: Int64) -> Int64 { slot(index).map { $0.pointee.load(ordering: .relaxed) } ?? 0 }

    private func setSlot(_ index: Int64, _ value: Int64) { slot(index)?.pointee.store(value, ordering: .relaxed) }

    /// The oldest slot that still counts. `milliseconds` is not before the newest slot.
    private func oldestSlot(_ milliseconds: Int64) -> Int64 {
        let span = period.load(ordering: .relaxed)
        return floorDivide(milliseconds - span, LimitCell.slotLength(ofSpan: span))
    }

    /// Forgets the slots that lie wholly before the span and adds up the rest.
    func turnRolling(_ milliseconds: Int64) {
        let length = LimitCell.slotLength(ofSpan: period.load(ordering: .relaxed))
        let newest = anchor.load(ordering: .relaxed)
        let current = max(newest, floorDivide(milliseconds, length))
        let first = current - Int64(LimitCell.slotCount) + 1
        if current > newest {
            for index in max(newest + 1, first)...current { setSlot(index, 0) }
            anchor.store(current, ordering: .relaxed)
        }
        let oldest = oldestSlot(max(milliseconds, current * length))
        var spent: Int64 = 0
        for index in first...current {
            if index < oldest { setSlot(index, 0) } else { spent += slotValue(index) }
        }
        word.store(spent, ordering: .relaxed)
    }

    /// When so much will have been forgotten, in milliseconds of civil time; nil if that much was not spent. Right after `turnRolling`.
    private func forgetting(_ need: Int64) -> Int64? {
        let (newest, span) = (anchor.load(ordering: .relaxed), period.load(ordering: .relaxed))
        var forgotten: Int64 = 0
        for index in (newest - Int64(LimitCell.slotCount) + 1)...newest {
            forgotten += slotValue(index)
            if forgotten >= need { return (index + 1) * LimitCell.slotLength(ofSpan: span) + span }
        }
        return nil
    }

    @inline(__always) func rollingStatus(_ milliseconds: Int64) -> LimitStatus {
        let (newest, span) = (anchor.load(ordering: .relaxed), period.load(ordering: .relaxed))
        let length = LimitCell.slotLength(ofSpan: span)
        let time = max(milliseconds, newest * length)
        let oldest = max(floorDivide(time - span, length), newest - Int64(LimitCell.slotCount) + 1)
        var (spent, last) = (Int64(0), newest)
        if oldest <= newest {
            for index in oldest...newest {
                let value = slotValue(index)
                if value > 0 { (spent, last) = (spent + value, index) }
            }
        }
        return budgetStatus(spent: spent, resetMilliseconds: spent == 0 ? 0 : (last + 1) * length + span - milliseconds)
    }

    // MARK: Both

    @inline(__always) private func budgetStatus(spent: Int64, resetMilliseconds: Int64) -> LimitStatus {
        let (capacity, reserved) = (amount.load(ordering: .relaxed), outstanding.load(ordering: .relaxed))
        return LimitStatus(
            capacity: capacity, available: capacity - spent - reserved, spent: spent, outstanding: reserved,
            resetNanoseconds: UInt64(max(0, resetMilliseconds)) * 1_000_000, isRefusing: capacity - spent - reserved <= 0)
    }

    /// Adds what was used to the window that is open.
    func chargeBudget(_ charge: Int64) {
        word.store(min(word.load(ordering: .relaxed) + charge, LimitCell.spentMax), ordering: .relaxed)
        guard kind == .rolling else { return }
        let newest = anchor.load(ordering: .relaxed)
        setSlot(newest, min(slotValue(newest) + charge, LimitCell.spentMax))
    }

    /// Takes back one request that was just charged. Of a rolling budget the oldest goes, so that what stays is remembered no less long.
    func giveBackBudget() {
        word.store(max(0, word.load(ordering: .relaxed) - 1), ordering: .relaxed)
        guard kind == .rolling else { return }
        let newest = anchor.load(ordering: .relaxed)
        for index in (newest - Int64(LimitCell.slotCount) + 1)...newest where slotValue(index) > 0 {
            setSlot(index, slotValue(index) - 1)
            return
        }
    }

    /// The wait until `need` more can be spent; right after turning. nil when only settlements can make room.
    func budgetWait(need: Int64, wanted: Int64, now: LimitTime) -> UInt64? {
        let end: Int64
        if kind == .rolling {
            guard let forgotten = forgetting(need) else { return nil }
            end = forgotten
        } else {
            guard wanted <= amount.load(ordering: .relaxed) - outstanding.load(ordering: .relaxed) else { return nil }
            end = period.load(ordering: .relaxed)
        }
        return UInt64(max(1, end - now.milliseconds)).multipliedReportingOverflow(by: 1_000_000).partialValue
    }

    /// Changes the amount, and the span of a rolling budget. What was spent stays spent; alerts of percentages now lower are given again.
    func changeBudget(to parameters: CellParameters, now: LimitTime) {
        if kind == .rolling, parameters.period != period.load(ordering: .relaxed) {
            moveSlots(toSpan: parameters.period, milliseconds: now.milliseconds)
        }
        amount.store(parameters.amount, ordering: .relaxed)
        burst.store(parameters.amount, ordering: .relaxed)
        alertedPercent.store(min(alertedPercent.load(ordering: .relaxed), spentPercent), ordering: .relaxed)
    }

    /// What was spent is moved to the slots of the new length in which its own slot ended.
    private func moveSlots(toSpan span: Int64, milliseconds: Int64) {
        turnRolling(milliseconds)
        let (newest, length) = (anchor.load(ordering: .relaxed), LimitCell.slotLength(ofSpan: period.load(ordering: .relaxed)))
        let ends = ((newest - Int64(LimitCell.slotCount) + 1)...newest).map { (($0 + 1) * length - 1, slotValue($0)) }
        period.store(span, ordering: .relaxed)
        let current = floorDivide(max(milliseconds, newest * length), LimitCell.slotLength(ofSpan: span))
        fillSlots(ends.map { (floorDivide($0.0, LimitCell.slotLength(ofSpan: span)), $0.1) }, newest: current)
    }

    /// Sets all slots; amounts before the oldest count in the oldest, those after the newest in the newest.
    func fillSlots(_ values: [(index: Int64, value: Int64)], newest: Int64) {
        let first = newest - Int64(LimitCell.slotCount) + 1
        for index in first...newest { setSlot(index, 0) }
        for (index, value) in values where value > 0 {
            let place = min(max(index, first), newest)
            setSlot(place, min(slotValue(place) + min(value, LimitCell.spentMax), LimitCell.spentMax))
        }
        anchor.store(newest, ordering: .relaxed)
    }

    /// The slots from the oldest to the newest.
    var slotValues: [Int64] {
        let newest = anchor.load(ordering: .relaxed)
        return ((newest - Int64(LimitCell.slotCount) + 1)...newest).map { slotValue($0) }
    }

    /// How many whole percent of the amount are spent, at most 100.
    var spentPercent: UInt8 {
        let (spent, whole) = (word.load(ordering: .relaxed), amount.load(ordering: .relaxed))
        return spent >= whole ? 100 : UInt8(max(0, spent) * 100 / whole)
    }
}
