import GatewayModel
import Synchronization

/// What was purged lately: so that an answer on its way when a purge came isn't added after it.
final class PurgeRecord: @unchecked Sendable {  // @unchecked: `selectors` and `forgotten` are guarded by `mutex`.
    /// What a purge removed.
    enum Selector {
        case all
        case tenant(String)
        case key(String)
        case model(String)
        case answers(Set<UInt64>)

        func selects(_ record: EntryRecord) -> Bool {
            switch self {
            case .all: true
            case .tenant(let tenant): record.owner.tenant == tenant
            case .key(let key): record.owner.keyID == key
            case .model(let model): record.owner.model == model
            case .answers(let groups): groups.contains(record.answer.words.0)
            }
        }
    }

    /// Purges remembered; a request that began before the oldest of them is taken as purged.
    static let capacity = 512

    private let current = Atomic<UInt64>(0)
    private let mutex = Lock()
    private var selectors: [(epoch: UInt64, selector: Selector)] = []
    private var forgotten: UInt64 = 0

    /// Grows with each purge.
    var epoch: UInt64 { current.load(ordering: .sequentiallyConsistent) }

    /// A purge begins: before anything is removed.
    func add(_ selector: Selector) {
        mutex.withLock {
            let epoch = current.add(1, ordering: .sequentiallyConsistent).newValue
            if selectors.count == Self.capacity { forgotten = selectors.removeFirst().epoch }
            selectors.append((epoch, selector))
        }
    }

    /// Whether a purge since `begun` selects a record.
    func selects(_ record: EntryRecord, since begun: UInt64) -> Bool {
        guard epoch != begun else { return false }
        return mutex.withLock {
            begun < forgotten || selectors.contains { $0.epoch > begun && $0.selector.selects(record) }
        }
    }
}
