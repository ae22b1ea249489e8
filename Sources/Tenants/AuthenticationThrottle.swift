public import GatewayModel

/// Counts unknown keys by client address, so that a guesser is slowed down while good keys from the same address are not: it is asked only
/// after a key was refused.
///
/// A token bucket per address (IPv6: per /64) in a table of fixed size. Confined to one loop; pure, time is an argument.
public struct AuthenticationThrottle: Sendable {
    private struct Slot: Sendable {
        var address = IPAddress(ipv4: 0)
        var failures: Double = 0
        var updated = MonotonicTime(nanoseconds: 0)
    }

    /// How many addresses share one set of the table.
    private static let ways = 4

    /// How often an address may fail a minute, at least once. May change between calls, as a configuration does.
    public var failuresPerMinuteMax: Int
    private var slots: [Slot]

    /// Makes a throttle that lets an address fail so often a minute. `addressesMax` is rounded up to a power of two, at least 4.
    public init(failuresPerMinuteMax: Int = 1, addressesMax: Int = 1024) {
        self.failuresPerMinuteMax = failuresPerMinuteMax
        var count = AuthenticationThrottle.ways
        while count < min(addressesMax, 1 << 20) { count *= 2 }
        slots = [Slot](repeating: Slot(), count: count)
    }

    /// Counts a refused key. Returns whether the address has failed too often: delay the answer, or close the connection after it.
    public mutating func recordFailure(from address: IPAddress, now: MonotonicTime) -> Bool {
        let client = address.unmapped
        let subject = client.isIPv4 ? client : IPAddress(ipv6High: client.high, low: 0)
        let limit = Double(max(1, failuresPerMinuteMax))
        let index = place(of: subject, limit: limit, now: now)
        let failures = remaining(slots[index], limit: limit, now: now) + 1
        slots[index] = Slot(address: subject, failures: min(failures, limit + 1), updated: now)
        return failures > limit
    }

    /// The failures that still count: they are forgotten evenly over a minute.
    private func remaining(_ slot: Slot, limit: Double, now: MonotonicTime) -> Double {
        let minutes = Double(now.nanoseconds(since: slot.updated)) / 60e9
        return max(0, slot.failures - minutes * limit)
    }

    /// The slot of the address, or the one of its set that is nearest to forgotten.
    private func place(of address: IPAddress, limit: Double, now: MonotonicTime) -> Int {
        var hasher = Hasher()
        hasher.combine(address)
        let setCount = slots.count / AuthenticationThrottle.ways
        let first = (hasher.finalize() & (setCount - 1)) * AuthenticationThrottle.ways
        var best = first
        var least = Double.infinity
        for index in first..<(first + AuthenticationThrottle.ways) {
            if slots[index].address == address, slots[index].failures > 0 { return index }
            let left = remaining(slots[index], limit: limit, now: now)
            if left < least { (best, least) = (index, left) }
        }
        return best
    }
}
