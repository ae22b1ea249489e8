import GatewayModel

/// The answer of admission.
public enum LimitVerdict: Sendable {
    /// Every limit has room and was charged.
    case admitted
    /// At least one has none, and none was charged.
    case refused(LimitRefusal)
}

/// Which limit refused a request and what would help. Where several refuse: a permanent refusal before all others, then the longest wait.
public struct LimitRefusal: Sendable {
    /// The limit that has no room.
    public let limit: BoundLimit
    /// Exact: waiting so long (at least 1 ns) is enough for every limit that refused, if nothing else happens. nil when time alone does not
    /// help: all places are taken, what is missing is reserved by requests under way, or the refusal is permanent.
    public let retryAfterNanoseconds: UInt64?
    /// The request is larger than the limit can ever hold.
    public let isPermanent: Bool
    /// What could be used, in the limit's unit; below 0 in debt.
    public let available: Int64
    /// What the request needs.
    public let wanted: Int64

    init(_ limit: BoundLimit, _ shortfall: CellShortfall) {
        self.limit = limit
        retryAfterNanoseconds = shortfall.waitNanoseconds
        isPermanent = shortfall.isPermanent
        available = shortfall.available
        wanted = shortfall.wanted
    }

    /// The whole seconds for `Retry-After`, rounded up: at least 1, `fallback` when no wait is known.
    public func retryAfterSeconds(fallback: Int64 = 1) -> Int64 {
        guard let nanoseconds = retryAfterNanoseconds else { return fallback }
        return Int64(max(1, nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 == 0 ? 0 : 1)))
    }

    /// Whether this one is the better one to tell the client of.
    func outweighs(_ other: LimitRefusal) -> Bool {
        if isPermanent != other.isPermanent { return isPermanent }
        guard let mine = retryAfterNanoseconds else { return false }
        guard let theirs = other.retryAfterNanoseconds else { return true }
        return mine > theirs
    }
}
