import GatewayModel

/// Now, on the two clocks that limits need. Read once by the caller, handed to every call.
public struct LimitTime: Sendable, Hashable {
    /// What buckets refill by.
    public var monotonic: MonotonicTime
    /// What budgets' windows and records go by: civil time that the caller derives from the monotonic clock, so that it does not jump.
    public var civil: WallTime

    /// Joins the two readings.
    @inlinable public init(monotonic: MonotonicTime, civil: WallTime) {
        self.monotonic = monotonic
        self.civil = civil
    }

    /// Where buckets stop counting time: 2⁶¹ ns, 73 years after the clock's origin. Keeps all sums of times within 63 bits.
    static let nanosecondsMax: Int64 = 1 << 61

    /// The monotonic reading as the buckets keep it.
    var nanoseconds: Int64 { Int64(truncatingIfNeeded: min(monotonic.nanoseconds, UInt64(LimitTime.nanosecondsMax))) }

    /// The civil reading within ±285,000 years, so that the calendar's arithmetic cannot overflow.
    var milliseconds: Int64 { min(max(civil.milliseconds, -(1 << 53)), 1 << 53) }
}

/// Division that rounds towards minus infinity; `divisor` is positive.
func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
}
