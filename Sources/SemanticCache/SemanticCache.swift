// The semantic cache: answers to questions that mean the same.
//
// Vectors lie in partitions (`VectorIndex`), their records in a store of their own (`EntryStore`), the answers in the exact cache. A lookup finds
// the nearest entries, asks the guard about their texts and the scope's learner (`LearnerTable`) whether the match may be served. Whatever is
// judged afterwards teaches the learner. Every doubt is a miss.

public import GatewayModel
import Hashing
public import Storage
import Synchronization

/// Answers to questions that mean the same: vectors in partitions, and what was learnt about when a near one may be trusted. Any thread may
/// call it; lookups go through a `SemanticReader` per thread.
public final class SemanticCache: Sendable {
    let options: SemanticCacheOptions
    let index: VectorIndex
    let store: EntryStore
    let learners: LearnerTable
    let counters = SemanticCounters()
    private let purges = PurgeRecord()
    private let warming = Atomic<Bool>(true)
    private let nextID = Atomic<UInt64>(1)
    private let encoder: UInt64

    /// Opens the store and begins to read it in the background: until it is read, every lookup is a miss (`warming`).
    /// - Throws: what opening the store throws. A gateway that gets an error goes on without a semantic cache.
    public init(_ options: SemanticCacheOptions) throws(StoreError) {
        let sizes = [options.dimensions, options.gateDimensions]
        guard sizes.allSatisfy({ (1...QueryVector.dimensionsMax).contains($0) }) else {
            throw StoreError(kind: .other, message: "vectors must have 1 to \(QueryVector.dimensionsMax) dimensions")
        }
        self.options = options
        encoder = xxh3(Array("\(options.modelID)\n\(sizes)".utf8).span)
        let layout = VectorBlock.Layout(dimensions: options.dimensions, gateDimensions: options.gateDimensions)
        let perKey = max(1, Int(Double(options.entriesMax) * Double(max(1, min(100, options.keySharePercent))) / 100))
        index = VectorIndex(
            layout: layout,
            limits: VectorIndex.Limits(
                entries: max(1, options.entriesMax), entriesPerPartition: max(1, options.entriesPerPartitionMax),
                partitions: max(1, options.partitionsMax), entriesPerKey: perKey, insertsPerMinute: max(0, options.keyInsertsPerMinute)))
        store = try EntryStore(options, layout: layout)
        learners = LearnerTable(scopesMax: options.scopesMax)
        nextID.store(store.lastID() &+ 1, ordering: .relaxed)
        warmUp()
    }

    /// Whether stored vectors are still being read: every lookup is a miss until then.
    public var isWarming: Bool { warming.load(ordering: .acquiring) }

    /// What opening the store had to do; `nil` without a store.
    public var opening: StoreOpening? { store.opening }

    /// A reader for one thread.
    public func makeReader() -> SemanticReader { SemanticReader(cache: self) }

    // MARK: - Entries

    /// The moment a request begins, for `insert`.
    public var purgeEpoch: UInt64 { purges.epoch }

    /// Adds an entry; `begun` is `purgeEpoch` as it was when its request began: what was purged since isn't added. Takes the index's lock
    /// and some microseconds; where it must evict, up to milliseconds: not for an event loop.
    /// - Returns: `nil` once readers find it, otherwise why it was not added.
    public func insert(_ insertion: SemanticInsertion, begun: UInt64, now: WallTime) -> SemanticReason? {
        let reason = tryInsert(insertion, begun: begun, now: now)
        counters.inserted(reason)
        return reason
    }

    private func tryInsert(_ insertion: SemanticInsertion, begun: UInt64, now: WallTime) -> SemanticReason? {
        guard insertion.text.count <= options.textBytesMax else { return .textTooLong }
        let gate: QuantisedVector
        let vector: QuantisedVector
        do throws(SemanticReason) {
            gate = try QuantisedVector(insertion.gate.span, dimensions: options.gateDimensions)
            vector = try QuantisedVector(insertion.vector.span, dimensions: options.dimensions)
        } catch { return error }
        let id = nextID.add(1, ordering: .relaxed).oldValue
        let owner = EntryOwner(tenant: insertion.tenant, keyID: insertion.keyID, model: insertion.model)
        let record = EntryRecord(
            id: id, created: now, partition: insertion.partition, answer: insertion.answer, isAlias: insertion.isAlias, owner: owner,
            text: insertion.text, encoder: encoder, gate: gate, vector: vector)
        guard let bytes = record.encoded() else { return .textTooLong }
        guard store.put(id, bytes, dropped: { [weak self] in self?.forgetEntries { $0 == id } }) else { return .storeUnavailable }
        let minute = now.milliseconds / 60_000
        if let reason = add(record, minute: minute) {
            store.delete([id])
            return reason
        }
        // A purge moves the epoch first and then removes: so it found the entry, or is seen here.
        if purges.selects(record, since: begun) {
            forgetEntries { $0 == id }
            return .purged
        }
        return nil
    }

    private func add(_ record: EntryRecord, minute: Int64?) -> SemanticReason? {
        let entry = IndexEntry(id: record.id, answer: record.answer.words.0, owner: 0, gate: record.gate, vector: record.vector)
        var evicted: [UInt64] = []
        let reason = index.insert(entry, owner: record.owner, partition: record.partition, minute: minute) { evicted.append($0) }
        store.delete(evicted)
        counters.evicted.add(UInt64(evicted.count), ordering: .relaxed)
        return reason
    }

    /// The answer that an entry leads to; `nil` if there is none of that number, or it can't be read. Opens a reader: for commands.
    public func answer(ofEntry id: UInt64) -> Digest256? { store.makeReader().record(id)?.answer }

    /// Removes entries by id, as when their record turned out to be gone.
    func forgetEntries(_ condition: (UInt64) -> Bool) { store.delete(index.remove { _, _, id in condition(id) }) }

    /// The records of these entries of a partition are gone: so that no later lookup stumbles over them again.
    func forget(_ ids: [UInt64], in partition: Digest256) {
        store.delete(index.remove(in: partition) { _, _, id in ids.contains(id) })
    }

    // MARK: - Removing

    /// The answers of these keys are gone from the exact cache: their entries go as well. One pass over the index for all of them.
    /// - Returns: how many entries went.
    @discardableResult
    public func remove(answers: [Digest256]) -> Int {
        guard !answers.isEmpty else { return 0 }
        let groups = Set(answers.map(\.words.0))
        return purge(.answers(groups)) { index.remove { answer, _, _ in groups.contains(answer) } }
    }

    /// Everything that a tenant's requests filled, and what its scopes learnt: those named for it, or for it and a slash and more.
    public func removeTenant(_ tenant: String) {
        purge(.tenant(tenant)) { index.remove(ownedBy: { $0.tenant == tenant }) }
        forget { $0 == tenant || $0.hasPrefix(tenant + "/") }
    }

    /// Everything that a virtual key filled.
    public func removeKey(_ keyID: String) { purge(.key(keyID)) { index.remove(ownedBy: { $0.keyID == keyID }) } }

    /// Everything that a model answered.
    public func removeModel(_ model: String) { purge(.model(model)) { index.remove(ownedBy: { $0.model == model }) } }

    /// Every entry. What was learnt stays: it holds no texts and no answers.
    public func removeAll() { purge(.all) { index.remove { _, _, _ in true } } }

    /// Forgets what scopes learnt.
    public func forgetLearning(where condition: (String) -> Bool) { forget(condition) }

    @discardableResult
    private func purge(_ selector: PurgeRecord.Selector, _ remove: () -> [UInt64]) -> Int {
        purges.add(selector)
        let removed = remove()
        store.delete(removed)
        return removed.count
    }

    private func forget(_ condition: (String) -> Bool) {
        for name in learners.remove(where: condition) { store.putLearning(Self.learningName(name), []) }
    }

    /// Whether anything was purged since.
    func isPurged(since epoch: UInt64) -> Bool { purges.epoch != epoch }

    // MARK: - Learning

    /// The fresh answer was judged against the ticket's candidates, in their order: learns from it. A missing verdict is unsure. Now and
    /// then computes for some ten milliseconds: not for an event loop.
    /// - Returns: the answer whose group the fresh question belongs to (`insert` it with that as an alias); `nil` if it founds its own.
    public func conclude(_ ticket: SemanticTicket, verdicts: [AnswerEquality]) -> Digest256? {
        let votes = ticket.candidates.indices.map { index -> Bool? in
            switch index < verdicts.count ? verdicts[index] : .unsure {
            case .equal: true
            case .different: false
            case .unsure: nil
            }
        }
        let equal = learners.conclude(ticket, verdicts: votes)
        saveLearning(all: false)
        return equal.map { ticket.candidates[$0].answer }
    }

    /// No fresh answer came, or nobody judged it.
    public func abandon(_ ticket: SemanticTicket) { learners.abandon(ticket) }

    private func saveLearning(all: Bool) {
        for (name, learner, relations) in learners.changes(all: all) {
            // The models that it was learnt with, the scope's name, the families, the state.
            var bytes: [UInt8] = []
            let text = Array(name.utf8.prefix(1 << 15))
            bytes.add(encoder)
            bytes.add(UInt16(text.count))
            bytes += text
            bytes.add(UInt32(relations.count))
            store.putLearning(Self.learningName(name), bytes + relations + learner)
        }
    }

    /// Names may be longer than a store's key, so those are hashed; the name itself stands before the state.
    private static func learningName(_ scope: String) -> [UInt8] {
        [2] + SHA256.digest(of: Array(scope.utf8).span).bytes
    }

    /// Blocks until what was accepted so far is written. For tests and commands.
    public func flush() {
        saveLearning(all: true)
        store.flush()
    }

    /// Writes out what is pending and closes the store. Idempotent; blocks; one thread calls it.
    public func close() {
        saveLearning(all: true)
        store.close()
    }

    // MARK: - Warming up

    private func warmUp() {
        store.readLearning { name, bytes in restoreLearning(name, bytes) }
        let last = nextID.load(ordering: .relaxed)
        store.readAll { [weak self] key, record in
            guard let self else { return }
            // Newer ones were added by `insert` meanwhile.
            if let record, record.id >= last, record.id <= EntryStore.idMax, EntryStore.key(record.id) == key { return }
            guard let record, fits(record), EntryStore.key(record.id) == key, !purges.selects(record, since: 0) else {
                counters.dropped.add(1, ordering: .relaxed)
                store.delete(key: key)
                return
            }
            if add(record, minute: nil) != nil {
                store.delete(key: key)
            } else if purges.selects(record, since: 0) {
                forgetEntries { $0 == record.id }
            }
        } done: { [weak self] in
            self?.warming.store(false, ordering: .releasing)
        }
    }

    /// Whether a record's vectors are of this cache's models.
    private func fits(_ record: EntryRecord) -> Bool {
        (1...EntryStore.idMax).contains(record.id) && record.encoder == encoder && record.gate.codes.count == options.gateDimensions
            && record.vector.codes.count == options.dimensions
    }

    private func restoreLearning(_ name: [UInt8], _ bytes: [UInt8]) {
        var reader = ByteReader(bytes: bytes)
        guard reader.next(UInt64.self) == encoder, let length = reader.next(UInt16.self), bytes.count >= 14 + Int(length) else { return }
        let scope = String(decoding: bytes[10..<10 + Int(length)], as: UTF8.self)
        var rest = ByteReader(bytes: Array(bytes[(10 + Int(length))...]))
        guard Self.learningName(scope) == name, let count = rest.next(UInt32.self), bytes.count >= 14 + Int(length) + Int(count) else {
            return
        }
        let start = 14 + Int(length)
        guard let relations = AnswerRelations(Array(bytes[start..<start + Int(count)])),
            let learner = ScopeLearner(Array(bytes[(start + Int(count))...]))
        else { return }
        learners.restore(scope: scope, learner, relations)
    }
}
