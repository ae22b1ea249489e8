import GatewayModel
import Storage

/// What a lookup found.
public enum CacheLookup<Result> {
    /// Nothing that may be served.
    case miss
    /// A record within its time to live.
    case fresh(Result)
    /// A record past it by so many whole seconds, within its stale window: for routes that allow it.
    case stale(Result, secondsBeyond: Int64)
}

extension CacheLookup: Sendable where Result: Sendable {}

/// Looks up answers on one event loop. A hit takes one atomic load, one LMDB lookup and a checksum: no allocation, and no lock unless an
/// answer of the same shard is pending.
public final class CacheReader {
    private let cache: ExactCache
    @usableFromInline let transaction: ReadTransaction
    @usableFromInline let records: StoreDatabase
    /// Whether the lookup under way met a bad record.
    @usableFromInline var hasBad = false
    /// The last bad record reported, so that a hot one isn't reported with every request until the writer got to it.
    private var lastBad: Digest256?
    private let pending: PendingWrites.Probe
    private let hot: HotTable.Probe

    init(cache: ExactCache, transaction: ReadTransaction) {
        self.cache = cache
        self.transaction = transaction
        records = cache.environment.database("val")
        pending = cache.pending.probe
        hot = cache.hot.probe
    }

    /// Looks for the answer of `digest` and hands its record to `body`, with the bytes that the view's ranges are about.
    ///
    /// - Parameters:
    ///   - digest: the key.
    ///   - now: by the cache's clock.
    ///   - body: called for a fresh or stale record only; the bytes are valid inside it. It must not look up again.
    @inlinable
    public func look<Result>(
        up digest: Digest256, now: WallTime, _ body: (_ view: CacheRecordView, _ bytes: Span<UInt8>) -> Result
    ) -> CacheLookup<Result> {
        if let bytes = pendingEntry(digest)?.bytes { return serve(bytes.span, digest, now, body) }
        let found = digest.withBytes { key in
            transaction.withValue(for: key, in: records) { bytes in serve(bytes, digest, now, body) }
        }
        if hasBad { reportBad(digest) }
        return found ?? .miss
    }

    /// Whether a record is there that may be served, fresh or stale.
    public func contains(_ digest: Digest256, now: WallTime) -> Bool {
        if case .miss = look(up: digest, now: now, { _, _ in }) { return false }
        return true
    }

    /// The part of `look` that depends on `Result`.
    @inlinable
    func serve<Result>(
        _ bytes: Span<UInt8>, _ digest: Digest256, _ now: WallTime, _ body: (CacheRecordView, Span<UInt8>) -> Result
    ) -> CacheLookup<Result> {
        guard let view = verify(bytes, digest) else { return .miss }
        switch view.freshness(now: now) {
        case .fresh: return .fresh(body(view, bytes))
        case .stale(let seconds): return .stale(body(view, bytes), secondsBeyond: seconds)
        case .expired: return .miss
        }
    }

    @usableFromInline
    func pendingEntry(_ digest: Digest256) -> PendingEntry? { pending.mayContain(digest) ? cache.pending.entry(digest) : nil }

    /// Verifies a record and counts the use. A bad one is only noted: no lock is taken while the read transaction is open.
    @usableFromInline
    func verify(_ bytes: Span<UInt8>, _ digest: Digest256) -> CacheRecordView? {
        guard let view = CacheRecordView(bytes, digest: digest) else {
            hasBad = true
            return nil
        }
        hot.touch(digest)
        return view
    }

    @usableFromInline
    @inline(never)
    func reportBad(_ digest: Digest256) {
        hasBad = false
        guard lastBad != digest else { return }
        lastBad = digest
        cache.reportBad(digest)
    }
}

@available(*, unavailable)
extension CacheReader: Sendable {}
