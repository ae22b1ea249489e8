import GatewayModel
import RateLimiting

/// The limits that one request counts against, in the order they were found: its key's and tenant's, then what the plan adds. Reused by the
/// requests of a connection; confined to its loop.
final class AppliedLimits {
    /// The groups, each with its limits by phase.
    private(set) var groups: [BoundLimits] = []
    /// The groups that were charged for the request: what a further target shares with the first is not charged again.
    private var charged: [BoundLimits] = []
    /// How many of `charged` stand for targets that were asked.
    private var keptCount = 0
    /// The places taken in limits on concurrency.
    private var places = ConcurrencySlots()
    /// Limits in shadow mode that would have refused to set something aside.
    private var shadowRefusals: UInt64 = 0
    /// Scratch for one admission.
    private var candidates: [BoundLimit] = []

    /// Forgets the last request's.
    func reset() {
        places.release()
        groups.removeAll(keepingCapacity: true)
        charged.removeAll(keepingCapacity: true)
        keptCount = 0
    }

    /// How many groups apply.
    var count: Int { groups.count }

    /// Adds a group.
    func add(_ group: BoundLimits?) {
        if let group, !(group.hits.isEmpty && group.requests.isEmpty && group.metered.isEmpty) { groups.append(group) }
    }

    /// Forgets all groups but the first: another target has others.
    func keepFirst(_ count: Int) { groups.removeSubrange(min(count, groups.count)...) }

    /// Whether no limit applies.
    var isEmpty: Bool { groups.isEmpty }

    /// Charges a hit.
    func chargeHit(now: LimitTime) -> LimitVerdict {
        candidates.removeAll(keepingCapacity: true)
        for group in groups { candidates.append(contentsOf: group.hits) }
        let candidates = self.candidates
        return candidates.isEmpty ? .admitted : LimitAdmission.admit(candidates.span, now, holding: &places)
    }

    /// Charges a request to the groups that were not charged yet, all or none, and takes its places.
    func chargeRequest(now: LimitTime) -> LimitVerdict {
        candidates.removeAll(keepingCapacity: true)
        let count = charged.count
        for group in groups where !charged.prefix(count).contains(where: { $0 === group }) {
            candidates.append(contentsOf: group.requests)
            charged.append(group)
        }
        let verdict = take(now)
        if case .refused = verdict { charged.removeSubrange(count...) }
        return verdict
    }

    /// Takes back the charge of a request that another of its limits refuses. Its places are given back as ever.
    func refundRequest() {
        candidates.removeAll(keepingCapacity: true)
        for group in charged { candidates.append(contentsOf: group.requests) }
        charged.removeAll(keepingCapacity: true)
        keptCount = 0
        let candidates = self.candidates
        if !candidates.isEmpty { LimitAdmission.refund(candidates.span) }
    }

    /// The target is asked: what was charged for it stays charged.
    func keepCharges() { keptCount = charged.count }

    /// The target is not asked: its own limits get back what they were charged, and the places taken. Those of key and tenant, the first so many
    /// groups, stay charged for the next target.
    func refundTarget(keepingFirst count: Int) {
        candidates.removeAll(keepingCapacity: true)
        for index in (keptCount..<charged.count).reversed() where !groups.prefix(count).contains(where: { $0 === charged[index] }) {
            candidates.append(contentsOf: charged.remove(at: index).requests)
        }
        let candidates = self.candidates
        guard !candidates.isEmpty else { return }
        LimitAdmission.refund(candidates.span)
        places.release(candidates.span)
    }

    /// Takes the places alone: for a request that was charged, followed another's answer, and must now fetch its own.
    func takePlacesAgain(now: LimitTime) -> LimitVerdict {
        candidates.removeAll(keepingCapacity: true)
        for group in groups { for limit in group.requests where limit.measure == .concurrency { candidates.append(limit) } }
        return take(now)
    }

    private func take(_ now: LimitTime) -> LimitVerdict {
        let candidates = self.candidates
        return candidates.isEmpty ? .admitted : LimitAdmission.admit(candidates.span, now, holding: &places)
    }

    /// How many limits in shadow mode would have refused since this was last asked.
    func takeShadowRefusals() -> UInt64 {
        defer { shadowRefusals = 0 }
        return shadowRefusals + places.takeShadowRefusals()
    }

    /// Gives the places back. Calling it again does nothing.
    func leavePlaces() { places.release() }

    /// Whether anything here counts tokens or money.
    var isMetered: Bool { groups.contains { !$0.metered.isEmpty } }

    /// Whether money is limited, so that what has no price can't simply pass.
    var limitsCost: Bool { groups.contains { $0.metered.contains { $0.measure == .cost && !$0.isShadow } } }

    /// Sets tokens and money aside.
    func reserve(_ estimate: UseEstimate, into meter: Meter, now: LimitTime) -> LimitVerdict {
        candidates.removeAll(keepingCapacity: true)
        for group in groups { candidates.append(contentsOf: group.metered) }
        let candidates = self.candidates
        let verdict = LimitAdmission.reserve(candidates.span, estimate: estimate, now, into: &meter.reservation)
        shadowRefusals += meter.reservation.takeShadowRefusals()
        return verdict
    }
}

@available(*, unavailable)
extension AppliedLimits: Sendable {}
