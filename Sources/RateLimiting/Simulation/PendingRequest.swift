import GatewayModel

/// What a request under way holds of the two sets of buckets, until its recorded end.
final class PendingRequest: Comparable {
    /// Nanoseconds of the replay's clock.
    let end: Int64
    private let number: Int
    private let use: MeteredUse
    private var slots = ConcurrencySlots()
    private var wideSlots = ConcurrencySlots()
    private var reservation = Reservation()
    private var wideReservation = Reservation()

    init(end: Int64, number: Int, use: MeteredUse) {
        self.end = end
        self.number = number
        self.use = use
    }

    /// Earlier ends first, then earlier starts.
    static func < (left: PendingRequest, right: PendingRequest) -> Bool { (left.end, left.number) < (right.end, right.number) }

    /// Each is itself only.
    static func == (left: PendingRequest, right: PendingRequest) -> Bool { left === right }

    /// Whether it holds nothing, so that its end changes nothing.
    var isEmpty: Bool { slots.isEmpty && wideSlots.isEmpty && reservation.isEmpty && wideReservation.isEmpty }

    func enter(_ limits: [BoundLimit], _ now: LimitTime) -> LimitVerdict { LimitAdmission.admit(limits.span, now, holding: &slots) }

    func reserve(_ limits: [BoundLimit], _ estimate: UseEstimate, _ now: LimitTime) -> LimitVerdict {
        LimitAdmission.reserve(limits.span, estimate: estimate, now, into: &reservation)
    }

    func enterWide(_ limits: [BoundLimit], _ now: LimitTime) -> Bool {
        guard !limits.isEmpty else { return true }
        if case .refused = LimitAdmission.admit(limits.span, now, holding: &wideSlots) { return false }
        return true
    }

    func reserveWide(_ limits: [BoundLimit], _ estimate: UseEstimate, _ now: LimitTime) -> Bool {
        guard !limits.isEmpty else { return true }
        if case .refused = LimitAdmission.reserve(limits.span, estimate: estimate, now, into: &wideReservation) { return false }
        return true
    }

    /// Gives the places back.
    func leave() { slots.release() }

    /// As `leave`, in the roomy buckets.
    func leaveWide() { wideSlots.release() }

    /// The end: places are given back, what was used is charged.
    func settle(_ now: LimitTime) {
        leave()
        leaveWide()
        reservation.settle(actual: use, now)
        wideReservation.settle(actual: use, now)
    }
}
