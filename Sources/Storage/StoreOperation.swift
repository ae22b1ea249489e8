/// One change of one record.
public enum StoreOperation: Sendable {
    /// Put a value in place of what was there.
    case put(StoreDatabase, key: [UInt8], value: [UInt8])
    /// Put a value under a key greater than all others.
    case append(StoreDatabase, key: [UInt8], value: [UInt8])
    /// Delete a record; nothing happens if there is none.
    case delete(StoreDatabase, key: [UInt8])
    /// Delete all records of a database.
    case deleteAll(StoreDatabase)

    /// Bytes it takes in a queue.
    var bytes: Int {
        switch self {
        case .put(_, let key, let value), .append(_, let key, let value): key.count + value.count + 64
        case .delete(_, let key): key.count + 64
        case .deleteAll: 64
        }
    }

    /// Whether LMDB takes its key: 1 to 511 bytes.
    var isValid: Bool {
        switch self {
        case .put(_, let key, _), .append(_, let key, _), .delete(_, let key): (1...511).contains(key.count)
        case .deleteAll: true
        }
    }

    func apply(in transaction: borrowing WriteTransaction) throws(StoreError) {
        switch self {
        case .put(let database, let key, let value): try transaction.put(value.span, for: key.span, in: database)
        case .append(let database, let key, let value): try transaction.append(value.span, for: key.span, in: database)
        case .delete(let database, let key): try transaction.delete(key.span, in: database)
        case .deleteAll(let database): try transaction.deleteAll(in: database)
        }
    }

    /// Where it goes; `nil` if its place among the others matters.
    fileprivate var place: (database: StoreDatabase, key: [UInt8])? {
        switch self {
        case .put(let database, let key, _), .delete(let database, let key): (database, key)
        case .append, .deleteAll: nil
        }
    }
}

/// Changes that are kept together or not at all, and whom to tell.
public struct StoreSubmission: Sendable {
    /// The changes, in order.
    public var operations: [StoreOperation]
    /// Called once, on the writer thread or the submitting one: `nil` once they are in the store.
    public var completion: (@Sendable (StoreError?) -> Void)?
}

/// The plain work of a writer thread: apply operations. What the keys store uses, and any store without rules of its own.
public final class OperationWork: StoreWork {
    private let evict: (@Sendable (borrowing WriteTransaction) throws(StoreError) -> Void)?

    /// `evict` deletes some records when the map is full; without it a batch that doesn't fit is dropped.
    public init(evict: (@Sendable (borrowing WriteTransaction) throws(StoreError) -> Void)? = nil) { self.evict = evict }

    /// Applies all operations, sorted by key where their order doesn't matter: neighbours share pages.
    public func apply(_ items: [StoreSubmission], in transaction: borrowing WriteTransaction) throws(StoreError) {
        for operation in Self.sorted(items.flatMap(\.operations)) { try operation.apply(in: transaction) }
    }

    /// Runs the eviction given at init.
    public func makeRoom(in transaction: borrowing WriteTransaction) throws(StoreError) { try evict?(transaction) }

    /// Tells those who wait.
    public func committed(_ items: [StoreSubmission]) {
        for item in items { item.completion?(nil) }
    }

    /// Tells those who wait.
    public func discarded(_ items: [StoreSubmission], _ error: StoreError) {
        for item in items { item.completion?(error) }
    }

    /// Sorted by database and key; operations on one key keep their order, and a batch with appends or emptyings keeps it wholly.
    static func sorted(_ operations: [StoreOperation]) -> [StoreOperation] {
        var places: [(database: UInt32, key: [UInt8], index: Int)] = []
        places.reserveCapacity(operations.count)
        for (index, operation) in operations.enumerated() {
            guard let place = operation.place else { return operations }
            places.append((place.database.handle, place.key, index))
        }
        places.sort { left, right in
            if left.database != right.database { return left.database < right.database }
            if left.key != right.key { return left.key.lexicographicallyPrecedes(right.key) }
            return left.index < right.index
        }
        return places.map { operations[$0.index] }
    }
}

extension WriterThread where Work == OperationWork {
    /// Queues changes that are kept together. `completion` is called exactly once: also when they are refused, then before this returns.
    /// - Returns: `false` if they were refused.
    @discardableResult
    public func submit(
        _ operations: [StoreOperation], isDurable: Bool, completion: (@Sendable (StoreError?) -> Void)? = nil
    ) -> Bool {
        guard operations.allSatisfy(\.isValid) else {
            completion?(StoreError(kind: .tooLarge, message: "a key must have 1 to 511 bytes"))
            return false
        }
        let bytes = operations.reduce(0) { $0 + $1.bytes }
        if submit(StoreSubmission(operations: operations, completion: completion), bytes: bytes, isDurable: isDurable) { return true }
        completion?(StoreError(kind: .queueFull, message: "the writer of \(environment.path) takes no more: full or closed"))
        return false
    }

    /// Writes changes and returns once they would survive a power cut. Blocks: for control threads and commands.
    public func commit(_ operations: [StoreOperation]) throws(StoreError) {
        let outcome = Outcome()
        submit(operations, isDurable: true) { outcome.set($0) }
        if let error = outcome.wait() { throw error }
    }
}

/// The result of one submission, handed from the writer to who waits.
private final class Outcome: @unchecked Sendable {  // @unchecked: `error` is written before the latch opens and read after
    private let latch = Latch()
    private var error: StoreError?

    func set(_ error: StoreError?) {
        self.error = error
        latch.open()
    }

    func wait() -> StoreError? {
        latch.wait()
        return error
    }
}
