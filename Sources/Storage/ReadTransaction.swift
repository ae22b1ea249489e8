import CLMDB
import Synchronization

/// One pooled read transaction: renewed for every call and reset before the call returns, so that it never pins old pages.
///
/// Confined to one thread (an event loop has one, made by `StoreEnvironment.makeReader`). A lookup costs about 0.6 µs and allocates
/// nothing. Bytes are valid only inside the closure they are handed to. Calls don't nest.
public final class ReadTransaction {
    private let environment: StoreEnvironment
    private let slot: ReaderSlot

    init(environment: StoreEnvironment, slot: ReaderSlot) {
        self.environment = environment
        self.slot = slot
    }

    deinit { environment.retire(slot) }

    /// Hands the value under `key` to `body`. `nil` if there is none, or if the store can't be read now (closed, reopening, damaged
    /// page): a cache has a miss then; whoever must know the difference uses `isReadable`.
    @inlinable
    public func withValue<R>(for key: Span<UInt8>, in database: StoreDatabase, _ body: (Span<UInt8>) -> R) -> R? {
        guard let bytes = beginValue(for: key, in: database) else { return nil }
        defer { end() }
        return body(bytes.span)
    }

    /// Hands records from `start` on to `body` until it returns `false`, all of one moment. An empty start is the near end.
    /// Returns `false` if the store could not be read to the end.
    @discardableResult
    public func forEach(
        in database: StoreDatabase, from start: Span<UInt8>, _ direction: StoreDirection = .forward,
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) -> Bool {
        guard begin() else { return false }
        defer { end() }
        let code = StoreCursor.walk(slot.transaction, database, from: start, direction, body)
        if code != MDB_SUCCESS { environment.countReadFailure(code) }
        return code == MDB_SUCCESS
    }

    /// The number of records in a database; `nil` if the store can't be read now.
    public func count(in database: StoreDatabase) -> Int? {
        guard begin() else { return nil }
        defer { end() }
        var statistics = MDB_stat()
        guard mdb_stat(slot.transaction, database.handle, &statistics) == MDB_SUCCESS else { return nil }
        return Int(clamping: statistics.ms_entries)
    }

    /// Whether a read would work now.
    public var isReadable: Bool {
        guard begin() else { return false }
        end()
        return true
    }

    /// Begins and looks up. Where it returns bytes, `end` must follow; where it returns `nil`, it has ended already.
    @usableFromInline
    func beginValue(for key: Span<UInt8>, in database: StoreDatabase) -> UnsafeBufferPointer<UInt8>? {
        guard begin() else { return nil }
        var value = MDB_val()
        let code = key.withStoreValue { mdb_get(slot.transaction, database.handle, &$0, &value) }
        if code == MDB_SUCCESS { return value.bytes }
        end()
        if code != MDB_NOTFOUND { environment.countReadFailure(code) }
        return nil
    }

    /// Enters the fence, then renews. The order matters: `StoreEnvironment.fenceReaders` first takes the epoch away and then waits for
    /// every slot to be even, so that either we see no epoch or it waits for us.
    @inline(__always)
    private func begin() -> Bool {
        let sequence = slot.sequence.load(ordering: .relaxed)
        precondition(sequence & 1 == 0, "reads of one ReadTransaction must not nest")
        slot.sequence.store(sequence &+ 1, ordering: .sequentiallyConsistent)
        let epoch = environment.epoch.load(ordering: .sequentiallyConsistent)
        if epoch != 0, slot.epoch == epoch, let transaction = slot.transaction, mdb_txn_renew(transaction) == MDB_SUCCESS { return true }
        return beginAnew(epoch)
    }

    /// The first read, the first after a reopen, or a store that can't be read.
    @inline(never)
    private func beginAnew(_ epoch: UInt64) -> Bool {
        if epoch != 0 {
            let code = environment.beginRead(slot, epoch: epoch)
            if code == MDB_SUCCESS { return true }
            environment.countReadFailure(code)
        }
        slot.sequence.add(1, ordering: .sequentiallyConsistent)
        return false
    }

    /// Resets the transaction and leaves the fence.
    @usableFromInline
    func end() {
        mdb_txn_reset(slot.transaction)
        slot.sequence.store(slot.sequence.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    }
}

@available(*, unavailable)
extension ReadTransaction: Sendable {}

/// What a reader and its environment share.
///
/// The transaction belongs to whoever may hold it by the protocol of `sequence`: the reader's thread while it is odd; the environment
/// once it has taken the epoch away and seen it even.
final class ReaderSlot: @unchecked Sendable {  // @unchecked: handed over by the protocol of `sequence`
    /// Odd while a read runs. That it stands still at an odd value is how a stuck reader is found without reading a clock per lookup.
    let sequence = Atomic<UInt64>(0)
    /// The LMDB transaction, reset between reads.
    var transaction: OpaquePointer?
    /// The opening of the environment that the transaction belongs to.
    var epoch: UInt64 = 0
    /// What `StoreEnvironment.oldestRead` saw last, and when. Guarded by the registry's mutex.
    var seen: (sequence: UInt64, at: UInt64) = (0, 0)
}
