import GatewayModel

/// Counts over the last so many slots of time, the running one included. A clock that goes back counts into the newest slot.
struct SlidingCounts: Sendable {
    private var slots: [UInt32]
    private let slotNanoseconds: UInt64
    private var newest: UInt64 = 0
    private(set) var total: Int = 0

    /// - Parameter slots: how many, at least 1: the window spans more than `slots - 1` and at most `slots` of them.
    init(slots: Int, slotNanoseconds: UInt64) {
        precondition(slots > 0 && slotNanoseconds > 0)
        self.slots = Array(repeating: 0, count: slots)
        self.slotNanoseconds = slotNanoseconds
    }

    /// Lets go of what is too old.
    mutating func advance(to now: MonotonicTime) {
        let slot = now.nanoseconds / slotNanoseconds
        guard slot > newest else { return }
        guard slot - newest < UInt64(slots.count) else {
            newest = slot
            return clear()
        }
        while newest < slot {
            newest += 1
            let index = Int(newest % UInt64(slots.count))
            total -= Int(slots[index])
            slots[index] = 0
        }
    }

    mutating func add(_ count: UInt32 = 1, at now: MonotonicTime) {
        advance(to: now)
        let index = Int(newest % UInt64(slots.count))
        let (sum, overflow) = slots[index].addingReportingOverflow(count)
        guard !overflow else { return }
        slots[index] = sum
        total += Int(count)
    }

    mutating func clear() {
        for index in slots.indices { slots[index] = 0 }
        total = 0
    }
}
