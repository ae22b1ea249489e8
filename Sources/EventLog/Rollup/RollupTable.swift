// The exact counts behind `/stats`: per minute, hour and day, by tenant, provider, model, route, cache layer and kind of error.

import GatewayModel

/// Exact rollups of all requests. Pure: it does no I/O and reads no clock; whoever owns it writes what `takeChanges` returns.
///
/// Safe to use from every thread; `takeChanges`, `didCommit` and `didFail` from one at a time.
public final class RollupTable: @unchecked Sendable {
    // @unchecked: all state is guarded by `mutex`.

    /// What bounds it.
    public let limits: RollupLimits
    private let mutex = Lock()

    /// Makes one with nothing in it.
    public init(limits: RollupLimits = RollupLimits()) { self.limits = limits }

    /// Takes up a record of the store, before the first event: every one from `RollupKey.restoreStart` on until the key is an interval.
    /// - Returns: `false` if it is damaged or no such record; it is counted and must be ignored.
    @discardableResult
    public func restore(key: Span<UInt8>, value: Span<UInt8>) -> Bool { false }

    /// Counts a finished request in the minute, hour and day of its `createdAt`. An operator's action (`audit`) is none.
    public func record(_ event: GatewayEvent) {}

    /// What to write so that everything recorded so far is in the store. Call it in each write transaction, then `didCommit` or `didFail`;
    /// calling it again before either counts as `didFail`.
    ///
    /// Between two checkpoints it is one small record with the counts since the last call. At a checkpoint (each
    /// `limits.checkpointSeconds`, or when memory fills) the pending counts are added to the stored intervals that `read` gives.
    /// - Parameter read: The value under a key as the transaction sees it; `nil` if there is none. What it throws is passed on, and counts
    ///   as `didFail`.
    public func takeChanges<E: Error>(now: WallTime, read: (_ key: [UInt8]) throws(E) -> [UInt8]?) throws(E) -> RollupChanges {
        RollupChanges()
    }

    /// The changes last taken are in the store.
    public func didCommit() {}

    /// The changes last taken are not in the store. Nothing is lost: the next ones hold them.
    public func didFail() {}

    /// Answers a query from the store and from what is still in memory. A few milliseconds; never blocks a writer for more than the copying
    /// of the pending counts.
    /// - Parameter scan: Hands records from a start key on, by rising keys, to `visit` until it returns `false`; returns `false` itself if
    ///   the store can't be read. It is called several times, and may see a newer state each time.
    /// - Returns: `nil` if the store can't be read.
    public func evaluate(
        _ query: StatsQuery,
        scan: (_ start: [UInt8], _ visit: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool) -> Bool
    ) -> StatsResult? { nil }

    /// What became of the events so far.
    public var counts: RollupCounts { RollupCounts() }
}
