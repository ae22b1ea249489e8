// Repeats on one target are what doubles an outage, so they are counted against the target's requests: at most a fifth of them over 10 s, and
// never fewer than 10 in 10 s, so that a quiet target is still repeated. Counted in slots of half a second: requests over a little less than
// 10 s, repeats over a little more, which keeps the promise for every window that ends with a repeat.

public import GatewayModel

/// The repeats that one target may still get. Confined to its owner's lock.
public struct RetryBudget: Sendable {
    /// The share of the requests that may be repeated, in percent.
    public let percent: Int
    /// How many repeats are always allowed in a window.
    public let floor: Int

    private var requests: SlidingCounts
    private var repeats: SlidingCounts

    /// The window in seconds.
    public static let windowSeconds = 10
    private static let slotNanoseconds: UInt64 = 500_000_000

    /// Makes a full budget; the defaults are those of the wire contract.
    public init(percent: Int = 20, floor: Int = 10) {
        self.percent = percent.clamped(to: 0...100)
        self.floor = max(floor, 0)
        let slots = RetryBudget.windowSeconds * 2
        requests = SlidingCounts(slots: slots, slotNanoseconds: RetryBudget.slotNanoseconds)
        repeats = SlidingCounts(slots: slots + 1, slotNanoseconds: RetryBudget.slotNanoseconds)
    }

    /// A request asks the target for the first time.
    public mutating func countRequest(at now: MonotonicTime) { requests.add(at: now) }

    /// Takes one repeat if there is one left.
    public mutating func takeRepeat(at now: MonotonicTime) -> Bool {
        requests.advance(to: now)
        repeats.advance(to: now)
        guard repeats.total < allowance else { return false }
        repeats.add(at: now)
        return true
    }

    /// Repeats left at this moment.
    public mutating func left(at now: MonotonicTime) -> Int {
        requests.advance(to: now)
        repeats.advance(to: now)
        return max(allowance - repeats.total, 0)
    }

    private var allowance: Int { max(requests.total * percent / 100, floor) }
}
