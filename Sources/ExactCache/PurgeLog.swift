import GatewayModel
import Storage
import Synchronization

/// The purges of this run: what an answer whose request began before one of them is compared with.
///
/// Without purges in between (nearly always) that costs one atomic load. The log is bounded: an answer older than all it remembers is not
/// stored, which is safe and next to impossible.
final class PurgeLog: @unchecked Sendable {  // @unchecked: `entries` is guarded by `mutex`
    private let latest = Atomic<UInt64>(0)
    private let mutex = Lock()
    private var entries: [(epoch: UInt64, selector: PurgeSelector)] = []
    private let capacity: Int

    init(capacity: Int = 1024) { self.capacity = capacity }

    var epoch: PurgeEpoch { PurgeEpoch(value: latest.load(ordering: .sequentiallyConsistent)) }

    /// Notes a purge. From here on no answer begun earlier that it selects gets into the pending writes.
    func add(_ selector: PurgeSelector) {
        mutex.withLock {
            let epoch = latest.load(ordering: .relaxed) + 1
            if selector == .all { entries.removeAll() }
            entries.append((epoch, selector))
            if entries.count > capacity { entries.removeFirst() }
            latest.store(epoch, ordering: .sequentiallyConsistent)
        }
    }

    /// Whether a purge since `begun` selects the record.
    func selects(_ bytes: [UInt8], digest: Digest256, since begun: PurgeEpoch) -> Bool {
        guard begun != epoch else { return false }
        guard let view = CacheRecordView(bytes.span, digest: digest) else { return true }
        return mutex.withLock {
            guard let first = entries.first else { return false }
            if first.selector != .all, first.epoch > begun.value + 1 { return true }
            return entries.contains { $0.epoch > begun.value && $0.selector.selects(view, digest: digest, in: bytes.span) }
        }
    }
}
