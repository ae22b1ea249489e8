// All or none: a request that some limit refuses is charged by no limit. Nothing is allocated unless a request is refused.
// Spans at the border, buffers inside: the optimiser of Swift 6.3 fails on spans that are handed on to inlined functions.
import GatewayModel
import Synchronization

/// Charges the limits that apply to one request. All calls may come from any thread.
public enum LimitAdmission {
    // MARK: Requests, hits and concurrency

    /// Charges one request to each limit, or to none. For `BoundLimits.hits` and `BoundLimits.requests`, joined over all scopes that apply.
    /// Places of concurrency limits are held by `slots`. Limits in shadow mode never refuse; one that would have is counted and not charged.
    public static func admit(_ limits: Span<BoundLimit>, _ now: LimitTime, holding slots: inout ConcurrencySlots) -> LimitVerdict {
        limits.withUnsafeBufferPointer { admit($0, now, &slots) }
    }

    private static func admit(_ limits: Limits, _ now: LimitTime, _ slots: inout ConcurrencySlots) -> LimitVerdict {
        // Another thread may take what the check saw. Each round that fails means that someone else got on, so a few are enough.
        for _ in 0..<16 {
            if !hasRoom(limits, now) {
                if let refusal = refusal(limits, now) { return refused(refusal) }
                continue
            }
            guard let loser = takeAll(limits, now) else {
                takeShadows(limits, now, holding: &slots)
                return .admitted
            }
            if let shortfall = limits[loser].cell.shortfall(now) {
                return refused(refusal(limits, now) ?? LimitRefusal(limits[loser], shortfall))
            }
        }
        return refused(refusal(limits, now) ?? LimitRefusal(limits[0], lostRace))
    }

    /// Charges limits among which no concurrency limit is: hits.
    public static func admit(_ limits: Span<BoundLimit>, _ now: LimitTime) -> LimitVerdict {
        var slots = ConcurrencySlots()
        let verdict = admit(limits, now, holding: &slots)
        assert(slots.isEmpty, "a concurrency limit needs someone who holds its place")
        return verdict
    }

    /// Gives back what one request was charged by `admit`: it was refused for another reason before anything was done for it. Places are
    /// given back by whoever holds them; limits in shadow mode keep the charge, as they may not have taken one.
    public static func refund(_ limits: Span<BoundLimit>) { limits.withUnsafeBufferPointer { refund($0) } }

    @inline(never) private static func refund(_ limits: Limits) {
        for index in limits.indices where !limits[index].isShadow && limits[index].cell.kind != .concurrency {
            limits[index].cell.giveBack()
        }
    }

    private typealias Limits = UnsafeBufferPointer<BoundLimit>

    /// What a request is told that lost 16 races: to come back at once.
    private static let lostRace = CellShortfall(wanted: 1, available: 0, waitNanoseconds: 1_000_000, isPermanent: false)

    @inline(__always) private static func hasRoom(_ limits: Limits, _ now: LimitTime) -> Bool {
        for index in limits.indices where !limits[index].isShadow && !limits[index].cell.hasRoom(now) { return false }
        return true
    }

    /// Charges all that may refuse. If one has no room any more, the others get theirs back and its index is returned.
    @inline(__always) private static func takeAll(_ limits: Limits, _ now: LimitTime) -> Int? {
        for index in limits.indices where !limits[index].isShadow && !limits[index].cell.take(now) {
            giveBack(limits, before: index)
            return index
        }
        return nil
    }

    @inline(never) private static func giveBack(_ limits: Limits, before end: Int) {
        for index in 0..<end where !limits[index].isShadow { limits[index].cell.giveBack() }
    }

    /// The request is admitted: charges the limits in shadow mode, and notes whose places are taken.
    @inline(__always)
    private static func takeShadows(_ limits: Limits, _ now: LimitTime, holding slots: inout ConcurrencySlots) {
        for index in limits.indices {
            let cell = limits[index].cell
            if limits[index].isShadow, !cell.take(now) {
                cell.shadowRefusedCount.wrappingAdd(1, ordering: .relaxed)
                slots.noteShadowRefusal()
            } else if cell.kind == .concurrency {
                slots.hold(cell)
            }
        }
    }

    /// The weightiest refusal; nil if all have room now.
    @inline(never) private static func refusal(_ limits: Limits, _ now: LimitTime) -> LimitRefusal? {
        var weightiest: LimitRefusal?
        for index in limits.indices where !limits[index].isShadow {
            guard let shortfall = limits[index].cell.shortfall(now) else { continue }
            let refusal = LimitRefusal(limits[index], shortfall)
            if weightiest.map({ refusal.outweighs($0) }) ?? true { weightiest = refusal }
        }
        return weightiest
    }

    private static func refused(_ refusal: LimitRefusal) -> LimitVerdict {
        refusal.limit.cell.refusedCount.wrappingAdd(1, ordering: .relaxed)
        return .refused(refusal)
    }

    // MARK: Tokens and cost

    /// Reserves the estimate of each limit, or of none; for `BoundLimits.metered`, joined over all scopes that apply. `reservation` must be
    /// empty. Nothing else can get between the check and the reservation: all cells are held meanwhile, in the order of their addresses.
    public static func reserve(
        _ limits: Span<BoundLimit>, estimate: UseEstimate, _ now: LimitTime, into reservation: inout Reservation
    ) -> LimitVerdict {
        precondition(reservation.isEmpty, "a reservation must end before the next one begins")
        return limits.withUnsafeBufferPointer { reserve($0, estimate, now, &reservation) }
    }

    private static func reserve(
        _ limits: Limits, _ estimate: UseEstimate, _ now: LimitTime, _ reservation: inout Reservation
    ) -> LimitVerdict {
        let count = limits.count
        if count == 0 { return .admitted }
        return withUnsafeTemporaryAllocation(of: Int32.self, capacity: count) { order in
            // One entry for each cell, should a limit be named twice.
            let locked = sort(limits, into: order)
            for index in 0..<locked { limits[Int(order[index])].cell.lock() }
            let verdict = reserveLocked(limits, order, locked, estimate, now, &reservation)
            for index in 0..<locked { limits[Int(order[index])].cell.unlock() }
            return verdict
        }
    }

    /// Insertion sort by address, without repetitions: there are seldom more than four. Returns how many entries it wrote.
    @inline(__always)
    private static func sort(_ limits: Limits, into order: UnsafeMutableBufferPointer<Int32>) -> Int {
        var count = 0
        next: for index in limits.indices {
            let address = ObjectIdentifier(limits[index].cell)
            var place = count
            while place > 0 {
                let other = ObjectIdentifier(limits[Int(order[place - 1])].cell)
                if other == address { continue next }
                if other < address { break }
                place -= 1
            }
            var moved = count
            while moved > place {
                order[moved] = order[moved - 1]
                moved -= 1
            }
            order[place] = Int32(index)
            count += 1
        }
        return count
    }

    @inline(__always)
    private static func reserveLocked(
        _ limits: Limits, _ order: UnsafeMutableBufferPointer<Int32>, _ count: Int, _ estimate: UseEstimate, _ now: LimitTime,
        _ reservation: inout Reservation
    ) -> LimitVerdict {
        var weightiest: LimitRefusal?
        for index in 0..<count {
            let limit = limits[Int(order[index])]
            let wanted = estimate.wanted(of: limit.cell.measure, capacity: limit.cell.burst.load(ordering: .relaxed))
            guard !limit.isShadow, wanted > limit.cell.availableLocked(now) else { continue }
            guard let shortfall = limit.cell.shortfallLocked(wanted: wanted, now) else { continue }
            let refusal = LimitRefusal(limit, shortfall)
            if weightiest.map({ refusal.outweighs($0) }) ?? true { weightiest = refusal }
        }
        if let weightiest { return refused(weightiest) }
        for index in 0..<count {
            let limit = limits[Int(order[index])]
            let cell = limit.cell
            let wanted = estimate.wanted(of: cell.measure, capacity: cell.burst.load(ordering: .relaxed))
            if limit.isShadow, wanted > cell.availableLocked(now) {
                cell.shadowRefusedCount.wrappingAdd(1, ordering: .relaxed)
                reservation.noteShadowRefusal()
            } else {
                cell.reserveLocked(wanted)
                reservation.hold(cell, wanted)
            }
        }
        return .admitted
    }
}
