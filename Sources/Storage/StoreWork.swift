/// What a writer thread does with the submissions of its queue: the part of writing that differs between stores.
///
/// Except for `discarded`, every method is called on the writer thread only.
public protocol StoreWork: AnyObject, Sendable {
    /// One submission.
    associatedtype Item: Sendable

    /// Writes a batch. May be called again with the same items after a rollback, so memory of what was written is only kept in `committed`.
    func apply(_ items: [Item], in transaction: borrowing WriteTransaction) throws(StoreError)

    /// The map is full and `apply` was rolled back: only delete, some 64 of the least valuable records. Called in two transactions in a
    /// row, because LMDB reuses pages only two transactions after they were freed.
    func makeRoom(in transaction: borrowing WriteTransaction) throws(StoreError)

    /// A change by `makeRoom` was committed.
    func madeRoom()

    /// The last batch given to `apply` is in the store (and durable, if it was asked to be).
    func committed(_ items: [Item])

    /// These will not be written. Called on the writer thread, or on a submitting thread for items that a newer one displaced.
    func discarded(_ items: [Item], _ error: StoreError)

    /// About once a second, between transactions.
    func housekeep(_ usage: StoreUsage)
}

extension StoreWork {
    /// Does nothing: without it the batch is dropped when the map is full.
    public func makeRoom(in transaction: borrowing WriteTransaction) throws(StoreError) {}
    /// Does nothing.
    public func madeRoom() {}
    /// Does nothing.
    public func housekeep(_ usage: StoreUsage) {}
}
