import GatewayModel
import Synchronization

/// Two-bit use counters of entries, found by digest: how hits tell the eviction what is hot.
///
/// Lossy on purpose. Entries that share a slot share a count; two loops that count at once may count one. A hit on a hot entry only reads
/// (the counter stops at 3), so the loops don't pass a cache line around. One byte an entry of a table that is touched only where used.
final class HotTable: @unchecked Sendable {  // @unchecked: the counters are atomics; their address never changes
    private let counters: UnsafeMutablePointer<Atomic<UInt8>>
    private let mask: UInt64
    /// The highest count.
    static let most: UInt8 = 3

    /// Makes a table of `slots` counters, a power of two.
    init(slots: Int) {
        precondition(slots > 0 && slots & (slots - 1) == 0, "the slots of a HotTable are a power of two")
        counters = .allocate(capacity: slots)
        for index in 0..<slots { (counters + index).initialize(to: Atomic(0)) }
        mask = UInt64(slots - 1)
    }

    deinit { counters.deallocate() }

    private func slot(_ digest: Digest256) -> Int { Int(digest.words.1 & mask) }

    /// The table for readers that keep the cache alive: a touch costs no reference count that all loops share.
    struct Probe {
        fileprivate let counters: UnsafeMutablePointer<Atomic<UInt8>>
        fileprivate let mask: UInt64

        /// One more use.
        @inline(__always)
        func touch(_ digest: Digest256) {
            let counter = counters + Int(digest.words.1 & mask)
            let count = counter.pointee.load(ordering: .relaxed)
            if count < HotTable.most { counter.pointee.store(count &+ 1, ordering: .relaxed) }
        }
    }

    /// A probe, valid as long as this.
    var probe: Probe { Probe(counters: counters, mask: mask) }

    /// One more use.
    func touch(_ digest: Digest256) { probe.touch(digest) }

    /// Uses since the counter was last changed here, 0...3.
    func count(_ digest: Digest256) -> UInt8 { counters[slot(digest)].load(ordering: .relaxed) }

    /// Sets the counter.
    func set(_ digest: Digest256, to count: UInt8) { counters[slot(digest)].store(min(count, Self.most), ordering: .relaxed) }
}

/// Entries evicted not long ago, by fingerprint: one that comes back at once was evicted too early and goes to the main queue.
///
/// Fixed size, lossy: an entry is taken for another with a chance of 2⁻³², and forgotten when a later one takes its slot.
struct GhostTable {
    private var slots: [(fingerprint: UInt32, evictedAt: UInt32)]
    private let mask: UInt64
    private var evictions: UInt32 = 0

    /// Makes a table of `slots` entries, a power of two.
    init(slots count: Int) {
        precondition(count > 0 && count & (count - 1) == 0, "the slots of a GhostTable are a power of two")
        slots = Array(repeating: (0, 0), count: count)
        mask = UInt64(count - 1)
    }

    mutating func insert(_ digest: Digest256) {
        evictions &+= 1
        slots[Int(digest.words.2 & mask)] = (GhostTable.fingerprint(digest), evictions)
    }

    /// Whether it was evicted within the last `window` evictions.
    func contains(_ digest: Digest256, window: Int) -> Bool {
        let slot = slots[Int(digest.words.2 & mask)]
        return slot.fingerprint == GhostTable.fingerprint(digest) && evictions &- slot.evictedAt < UInt32(clamping: window)
    }

    /// Never 0, which marks an empty slot.
    private static func fingerprint(_ digest: Digest256) -> UInt32 { UInt32(truncatingIfNeeded: digest.words.3) | 1 }
}
