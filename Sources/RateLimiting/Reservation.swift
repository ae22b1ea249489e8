import GatewayModel

/// What `LimitAdmission.reserve` set aside of token and cost limits for one request. Ends once: by `settle` with what was used, by `release`
/// if nothing was sent upstream. One that goes without either is charged what was reserved: the money may be spent.
public struct Reservation: ~Copyable, Sendable {
    private struct Part: Sendable {
        let cell: LimitCell
        let amount: Int64
    }

    /// How many limits fit without an allocation.
    private static let inlineCount = 6
    private var parts = InlineArray<6, Part?>(repeating: nil)
    private var others: [Part] = []
    private var count = 0
    private var shadowRefusals: UInt64 = 0

    /// Holds nothing.
    public init() {}

    deinit {
        if count > 0 { abandonAll() }
    }

    /// Whether it holds nothing: nothing was reserved, or it has ended.
    public var isEmpty: Bool { count == 0 }

    mutating func hold(_ cell: LimitCell, _ amount: Int64) {
        if count < Reservation.inlineCount {
            parts[count] = Part(cell: cell, amount: amount)
        } else {
            others.append(Part(cell: cell, amount: amount))
        }
        count += 1
    }

    mutating func noteShadowRefusal() { shadowRefusals += 1 }

    /// How many limits in shadow mode would have refused since this was last asked.
    public mutating func takeShadowRefusals() -> UInt64 {
        defer { shadowRefusals = 0 }
        return shadowRefusals
    }

    /// Ends the reservation: every limit is charged what was really used. Numbers below 0 count as 0, those above `Limit.amountMax` as that.
    /// Does nothing when it has ended before.
    @discardableResult
    public mutating func settle(actual: MeteredUse, _ now: LimitTime) -> SettleResult {
        var isUnderestimated = false
        let actual = actual.withoutNegatives
        end { part in
            let used = actual.amount(of: part.cell.measure)
            if part.cell.settle(reserved: part.amount, used: used, now: now) { isUnderestimated = true }
        }
        return SettleResult(isUnderestimated: isUnderestimated)
    }

    /// Ends the reservation without a charge. Does nothing when it has ended before.
    public mutating func release(_ now: LimitTime) {
        end { part in _ = part.cell.settle(reserved: part.amount, used: 0, now: now) }
    }

    /// Out of `deinit`, where the compiler of Swift 6.3 cannot read an `InlineArray`.
    private borrowing func abandonAll() {
        for index in 0..<min(count, Reservation.inlineCount) {
            if let part = parts[index] { part.cell.abandon(reserved: part.amount) }
        }
        for part in others { part.cell.abandon(reserved: part.amount) }
    }

    private mutating func end(_ body: (Part) -> Void) {
        for index in 0..<min(count, Reservation.inlineCount) {
            if let part = parts[index] { body(part) }
            parts[index] = nil
        }
        for part in others { body(part) }
        if !others.isEmpty { others = [] }
        count = 0
    }
}

/// What a settlement found.
public struct SettleResult: Sendable, Equatable {
    /// Some limit was charged more than had been reserved of it.
    public let isUnderestimated: Bool
}
