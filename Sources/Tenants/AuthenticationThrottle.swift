public import GatewayModel

/// Counts unknown keys by client address, so that a guesser is slowed down while good keys from the same address are not: it is asked only
/// after a key was refused.
///
/// A token bucket per address (IPv6: per /64) in a table of fixed size. Confined to one loop; pure, time is an argument.
public struct AuthenticationThrottle: Sendable {
    private struct Slot: Sendable {
        var address = IPAddress(high: 0, low: 0)
        var failures: Double = 0
        var updated = MonotonicTime(nanoseconds: 0)
    }

    /// How many addresses share one set of the table.
    private static let ways = 4

    private let failuresPerMinuteMax: Double
    private var slots: [Slot]

    /// Makes a throttle that lets an address fail so often a minute. `addressesMax` is rounded up to a power of two, at least 4.
    public init(failuresPerMinuteMax: Int, addressesMax: Int = 1024) {
        self.failuresPerMinuteMax = Double(max(1, failuresPerMinuteMax))
        var count = AuthenticationThrottle.ways
        while count < min(addressesMax, 1 << 20) { count *= 2 }
        slots = [Slot](repeating: Slot(), count: count)
    }

    /// Counts a refused key. Returns whether the address has failed too often: delay the answer, or close the connection after it.
    public mutating func recordFailure(from address: IPAddress, now: MonotonicTime) -> Bool {
        let subject = address.v4 == nil ? IPAddress(high: address.high, low: 0) : address
        let index = place(of: subject, now: now)
        let failures = remaining(slots[index], now: now) + 1
        slots[index] = Slot(address: subject, failures: min(failures, failuresPerMinuteMax + 1), updated: now)
        return failures > failuresPerMinuteMax
    }

    /// The failures that still count: they are forgotten evenly over a minute.
    private func remaining(_ slot: Slot, now: MonotonicTime) -> Double {
        let minutes = Double(now.nanoseconds(since: slot.updated)) / 60e9
        return max(0, slot.failures - minutes * failuresPerMinuteMax)
    }

    /// The slot of the address, or the one of its set that is nearest to forgotten.
    private func place(of address: IPAddress, now: MonotonicTime) -> Int {
        var hasher = Hasher()
        hasher.combine(address)
        let setCount = slots.count / AuthenticationThrottle.ways
        let first = (hasher.finalize() & (setCount - 1)) * AuthenticationThrottle.ways
        var best = first
        var least = Double.infinity
        for index in first..<(first + AuthenticationThrottle.ways) {
            if slots[index].address == address, slots[index].failures > 0 { return index }
            let left = remaining(slots[index], now: now)
            if left < least { (best, least) = (index, left) }
        }
        return best
    }
}
