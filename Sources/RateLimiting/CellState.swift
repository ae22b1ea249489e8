// What of a cell outlives the process. Reservations count as spent: whoever dies with requests under way may have paid for them.
import GatewayModel
import Synchronization

/// The numbers of a cell at a moment, and how they are put into a cell later.
struct CellState: Equatable {
    /// By kind: interval: backlog in ns. level: settled level less reservations, remainder. hour, day, month: the window's start in ms, spent,
    /// alerted percent. rolling: newest slot, alerted percent, alerted since in ms, then the slots from the oldest on.
    var numbers: [Int64]

    /// Reads a cell. nil for concurrency, which ends with the process.
    init?(of cell: LimitCell, _ now: LimitTime) {
        switch cell.kind {
        case .concurrency: return nil
        case .interval: numbers = [Int64(clamping: cell.status(now).resetNanoseconds)]
        case .level:
            numbers = cell.withLock { [cell.availableLocked(now), cell.extra.load(ordering: .relaxed)] }
        case .hour, .day, .month:
            numbers = cell.withLock {
                _ = cell.availableLocked(now)
                let spent = cell.word.load(ordering: .relaxed) + cell.outstanding.load(ordering: .relaxed)
                return [cell.anchor.load(ordering: .relaxed), spent, Int64(cell.alertedPercent.load(ordering: .relaxed))]
            }
        case .rolling:
            numbers = cell.withLock {
                _ = cell.availableLocked(now)
                var slots = cell.slotValues
                slots[slots.count - 1] += cell.outstanding.load(ordering: .relaxed)
                let alerted = Int64(cell.alertedPercent.load(ordering: .relaxed))
                return [cell.anchor.load(ordering: .relaxed), alerted, cell.extra.load(ordering: .relaxed)] + slots
            }
        }
    }

    init(numbers: [Int64]) { self.numbers = numbers }

    /// How many numbers a kind has.
    static func count(of kind: CellParameters.Kind) -> Int {
        switch kind {
        case .concurrency: 0
        case .interval: 1
        case .level: 2
        case .hour, .day, .month: 3
        case .rolling: 3 + LimitCell.slotCount
        }
    }

    /// Puts the numbers into a fresh cell that nobody else knows yet. `elapsed` milliseconds have passed since they were read; that much flows
    /// back. The numbers may be anything.
    func apply(to cell: LimitCell, elapsed: Int64, _ now: LimitTime) {
        guard numbers.count == CellState.count(of: cell.kind) else { return }
        switch cell.kind {
        case .concurrency: break
        case .interval:
            let backlog = min(max(numbers[0], 0), LimitTime.nanosecondsMax) - min(elapsed, LimitTime.nanosecondsMax / 1_000_000) * 1_000_000
            if backlog > 0 { cell.setBacklog(nanoseconds: backlog, now: now.nanoseconds) }
        case .level:
            let full = cell.burst.load(ordering: .relaxed)
            let remainder = min(max(numbers[1], 0), cell.period.load(ordering: .relaxed) - 1)
            cell.restoreLevel(min(numbers[0], full), remainder: remainder, elapsed: elapsed, now.nanoseconds)
        case .hour, .day, .month: applyCalendar(to: cell, now.milliseconds)
        case .rolling: applyRolling(to: cell, now.milliseconds)
        }
    }

    private func applyCalendar(to cell: LimitCell, _ milliseconds: Int64) {
        guard let window = cell.kind.calendar else { return }
        let now = window.bounds(milliseconds: milliseconds)
        var saved = window.bounds(milliseconds: min(max(numbers[0], -(1 << 53)), 1 << 53))
        // A clock that went back by a little finds the window it knew still open. One that was years ahead when the record was made must not
        // lock the budget for years: what was spent then counts in the window of now.
        if saved.start > now.end { saved = now }
        // An older window than now's is replaced by the usual turn.
        cell.setWindow(start: saved.start, end: saved.end)
        cell.chargeBudget(min(max(numbers[1], 0), LimitCell.spentMax))
        cell.alertedPercent.store(UInt8(min(max(numbers[2], 0), 100)), ordering: .relaxed)
        cell.turnCalendar(milliseconds)
    }

    private func applyRolling(to cell: LimitCell, _ milliseconds: Int64) {
        let current = cell.anchor.load(ordering: .relaxed)
        let count = Int64(LimitCell.slotCount)
        // As above: slots of a far future count now. Those of a far past are gone.
        let newest = numbers[0] > current + count ? current : max(numbers[0], current - 2 * count)
        let isPast = newest != numbers[0] && numbers[0] < current
        let values = numbers[3...].enumerated().map { (index: newest - count + 1 + Int64($0.offset), value: $0.element) }
        if !isPast { cell.fillSlots(values, newest: newest) }
        cell.alertedPercent.store(UInt8(min(max(numbers[1], 0), 100)), ordering: .relaxed)
        cell.extra.store(min(numbers[2], milliseconds), ordering: .relaxed)
        cell.turnRolling(milliseconds)
    }
}
