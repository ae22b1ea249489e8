import GatewayModel
import Storage
import Synchronization

/// The state of the cache and what it did since it was opened.
public struct CacheStatistics: Sendable {
    /// Entries in the store.
    public var entries: Int
    /// Bytes they cost on disk.
    public var bytes: Int
    /// The cap of `bytes`.
    public var byteCap: Int
    /// Answers accepted and not yet in the store.
    public var pendingEntries: Int
    /// Bytes of those.
    public var pendingBytes: Int
    /// Answers written.
    public var stored: UInt64
    /// Entries evicted to make room.
    public var evicted: UInt64
    /// Bad records found and removed. Each was a miss.
    public var removedBad: UInt64
    /// Bad records met by readers.
    public var badReads: UInt64
    /// Answers not stored, by reason.
    public var refused: [CacheReason: UInt64]
    /// Purges begun.
    public var purges: UInt64
    /// The used part of the map, in percent.
    public var usedPercent: Int
    /// The writer thread's own counters and state.
    public var writer: WriterStatistics
}

/// The counters behind `CacheStatistics`, each an atomic.
final class CacheCounters: Sendable {
    let entries = Atomic<Int>(0)
    let bytes = Atomic<Int>(0)
    let stored = Atomic<UInt64>(0)
    let evicted = Atomic<UInt64>(0)
    let removedBad = Atomic<UInt64>(0)
    let badReads = Atomic<UInt64>(0)
    let purges = Atomic<UInt64>(0)
    let usedPercent = Atomic<Int>(0)
    let isFull = Atomic<Bool>(false)
    private let refusedTooLarge = Atomic<UInt64>(0)
    private let refusedPurged = Atomic<UInt64>(0)
    private let refusedQueueFull = Atomic<UInt64>(0)
    private let refusedUnavailable = Atomic<UInt64>(0)

    func publish(_ state: EvictionState) {
        entries.store(state.entries, ordering: .relaxed)
        bytes.store(state.bytes, ordering: .relaxed)
    }

    func refuse(_ reason: CacheReason) {
        switch reason {
        case .entryTooLarge: refusedTooLarge.add(1, ordering: .relaxed)
        case .purged: refusedPurged.add(1, ordering: .relaxed)
        case .queueFull: refusedQueueFull.add(1, ordering: .relaxed)
        default: refusedUnavailable.add(1, ordering: .relaxed)
        }
    }

    var refused: [CacheReason: UInt64] {
        [
            .entryTooLarge: refusedTooLarge.load(ordering: .relaxed), .purged: refusedPurged.load(ordering: .relaxed),
            .queueFull: refusedQueueFull.load(ordering: .relaxed), .storeUnavailable: refusedUnavailable.load(ordering: .relaxed),
        ]
    }
}
