// The exact cache: recorded answers by the digest of the request, in an LMDB environment of its own.
//
// Reads happen on the event loops, each with its own `CacheReader`; writes are queued for one thread. An answer is visible from the moment
// `store` returns, and a purge hides what it selects from the moment it completes, pending answers and running requests included. The
// store is disposable: a damaged one is set aside at open and begun anew, and a bad record is a miss.

import GatewayModel
import Storage
import Synchronization

/// Answers by digest: fingerprint → recorded answer, with ttl, eviction and purge. Any thread may call it. It must be closed: its writer
/// thread keeps it alive until then.
public final class ExactCache: Sendable {
    /// The time by which records are stamped and judged.
    public let clock: SteadyClock
    /// What opening the store had to do.
    public var opening: StoreOpening { environment.opening }
    /// Bytes that entries may cost on disk.
    public let byteCap: Int
    /// Bytes of one encoded record.
    public let entryBytesMax: Int

    let environment: StoreEnvironment
    let hot: HotTable
    let pending = PendingWrites()
    let writer: WriterThread<CacheWriter>
    private let purgeLog = PurgeLog()
    private let isClosed = Atomic<Bool>(false)

    /// Opens the store and starts its writer thread.
    /// - Throws: what `StoreEnvironment.open` throws. A gateway that gets an error goes on without a cache.
    public init(_ options: ExactCacheOptions) throws(StoreError) {
        clock = SteadyClock(wall: .now(), monotonic: .now())
        let free = DiskSpace.free(at: options.path) ?? DiskSpace.free(at: ".")
        let existing = StoreEnvironment.fileBytes(at: options.path)
        byteCap = ExactCacheOptions.effectiveByteCap(configured: options.byteCap, free: free, existing: existing)
        entryBytesMax = options.entryBytesMax
        environment = try .open(path: options.path, options: ExactCache.storeOptions(options, byteCap: byteCap))
        hot = HotTable(slots: ExactCacheOptions.hotSlots(for: byteCap))
        let ghostSlots = ExactCacheOptions.hotSlots(for: byteCap) / 4
        let work = try CacheWriter(environment: environment, pending: pending, hot: hot, ghostSlots: ghostSlots, byteCap: byteCap)
        writer = try WriterThread(environment: environment, work: work, limits: options.writer, name: "weir-cache")
    }

    private static func storeOptions(_ options: ExactCacheOptions, byteCap: Int) -> StoreOptions {
        let mapSize = ExactCacheOptions.mapSize(for: byteCap)
        return StoreOptions(
            schema: ExactCacheOptions.schema, databases: CacheStore.databases, mapSize: mapSize, maxReaders: options.maxReaders,
            durability: .noMetaSync, noReadAhead: DiskSpace.physicalMemory().map { mapSize > $0 / 2 } ?? false, isDisposable: true,
            checker: options.checker)
    }

    /// A reader for one event loop.
    public func makeReader() -> CacheReader { CacheReader(cache: self, transaction: environment.makeReader()) }

    /// The moment a request begins, for `store`.
    public var purgeEpoch: PurgeEpoch { purgeLog.epoch }

    /// Accepts an answer: from now on readers find it. Never waits; takes a short lock, shared with hits only on the same shard.
    ///
    /// - Parameters:
    ///   - record: the answer, `created` by `clock`.
    ///   - digest: its key.
    ///   - begun: `purgeEpoch` as it was before the upstream was asked.
    /// - Returns: `nil` once accepted; otherwise why not: `entryTooLarge`, `purged` or `storeUnavailable`. An accepted answer may still be
    ///   displaced by newer ones before it is written, which is counted as `queueFull`.
    public func store(_ record: CacheRecord, for digest: Digest256, begun: PurgeEpoch) -> CacheReason? {
        guard let reason = accept(record, digest, begun) else { return nil }
        writer.work.counters.refuse(reason)
        return reason
    }

    private func accept(_ record: CacheRecord, _ digest: Digest256, _ begun: PurgeEpoch) -> CacheReason? {
        guard !isClosed.load(ordering: .relaxed), !writer.work.counters.isFull.load(ordering: .relaxed) else { return .storeUnavailable }
        // The body alone already decides for most of what is too large, before it is copied.
        guard record.body.count <= entryBytesMax, let bytes = record.encoded(for: digest), bytes.count <= entryBytesMax else {
            return .entryTooLarge
        }
        let entry = PendingEntry(digest: digest, bytes: bytes)
        let isPurged = { self.purgeLog.selects(bytes, digest: digest, since: begun) }
        guard pending.insert(entry, unless: isPurged) else { return .purged }
        guard writer.submit(.store(entry), bytes: bytes.count + 128) else {
            pending.remove(entry)
            return .storeUnavailable
        }
        return nil
    }

    /// Counts a use of an entry that was served by other means than a lookup (a lookup counts by itself).
    public func touch(_ digest: Digest256) { hot.touch(digest) }

    /// Removes what `selector` selects. `completion` is called once, on the writer thread (on this one if the cache is closed): from then on
    /// nothing selected is served, be it stored, pending or under way from a request begun earlier.
    ///
    /// Costs a lookup for `.key`, a walk over all pages for `.all`, and for the rest a look at every record: about a second per million.
    public func purge(_ selector: PurgeSelector, completion: @escaping @Sendable (PurgeResult) -> Void) {
        let work = writer.work
        work.counters.purges.add(1, ordering: .relaxed)
        purgeLog.add(selector)
        let withdrawn = pending.removeAll(selectedBy: selector)
        if !writer.perform({ completion(work.purge(selector, withdrawn: withdrawn)) }) {
            completion(PurgeResult(removed: 0, error: "the cache's store is closed or given up"))
        }
    }

    /// Blocks until what was accepted so far is written or refused. For tests and commands.
    public func flush() { writer.flush() }

    /// Writes out what is pending and closes the store. Readers miss from now on. Idempotent; blocks; one thread calls it.
    public func close() {
        guard !isClosed.exchange(true, ordering: .sequentiallyConsistent) else { return }
        writer.close()
        environment.close()
    }

    /// Counters and state now.
    public var statistics: CacheStatistics {
        let counters = writer.work.counters
        let size = pending.size
        return CacheStatistics(
            entries: counters.entries.load(ordering: .relaxed), bytes: counters.bytes.load(ordering: .relaxed), byteCap: byteCap,
            pendingEntries: size.entries, pendingBytes: size.bytes, stored: counters.stored.load(ordering: .relaxed),
            evicted: counters.evicted.load(ordering: .relaxed), removedBad: counters.removedBad.load(ordering: .relaxed),
            badReads: counters.badReads.load(ordering: .relaxed), refused: counters.refused,
            purges: counters.purges.load(ordering: .relaxed), usedPercent: counters.usedPercent.load(ordering: .relaxed),
            writer: writer.statistics)
    }

    /// A reader met a bad record: it is looked at again by the writer, and removed if it is still bad.
    func reportBad(_ digest: Digest256) {
        writer.work.counters.badReads.add(1, ordering: .relaxed)
        _ = writer.submit(.verify(digest), bytes: 128)
    }
}
