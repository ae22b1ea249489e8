import GatewayModel
import Storage

/// The ring's databases and the changes of one write transaction to them.
///
/// Layout: `rows` first sequence → block; `bodies` sequence → the row's payloads; `patches` sequence → what was said about the row;
/// `rollups` records of the `RollupTable`; `meta` one record: next sequence, birth, quota. Sequences are 8 bytes, big-endian.
struct RingStore: Sendable {
    static let databases = ["rows", "bodies", "patches", "rollups", "meta"]
    static let schema = StoreSchema(name: "ring", version: 1)

    let rows: StoreDatabase
    let bodies: StoreDatabase
    let patches: StoreDatabase
    let rollups: StoreDatabase
    private let meta: StoreDatabase
    private static let metaKey = Array("ring".utf8)

    init(_ environment: StoreEnvironment) {
        rows = environment.database("rows")
        bodies = environment.database("bodies")
        patches = environment.database("patches")
        rollups = environment.database("rollups")
        meta = environment.database("meta")
    }

    // MARK: - Opening

    /// What the store holds. Blocks whose head does not hold, and bodies and patches of rows that are gone, are deleted.
    func load(in transaction: borrowing WriteTransaction, now: WallTime) throws(StoreError) -> RingState {
        var state = RingState()
        state.began = now
        try loadMeta(into: &state, in: transaction)
        var bad: [(StoreDatabase, [UInt8])] = []
        let none: [UInt8] = []
        try transaction.forEach(from: none.span, in: rows) { key, value in
            let key = Array(span: key)
            let info = value.withUnsafeBytes { RingBlockView($0)?.info }
            if let info, RingBlock.key(info.first) == key { state.restored(info) } else { bad.append((rows, key)) }
            return true
        }
        try transaction.forEach(from: none.span, in: bodies) { key, value in
            let sequence = key.withUnsafeBytes { RingBlock.sequence(ofKey: $0) }
            if let sequence, state.directory.isLive(sequence) {
                state.addedPayload(sequence, cost: RingBlock.cost(ofValue: value.count))
            } else {
                bad.append((bodies, Array(span: key)))
            }
            return true
        }
        try transaction.forEach(from: none.span, in: patches) { key, value in
            let sequence = key.withUnsafeBytes { RingBlock.sequence(ofKey: $0) }
            let patch = value.withUnsafeBytes { LogPatch(encoded: $0) }
            if let sequence, let patch, state.directory.isLive(sequence) {
                state.restoredPatch(patch, sequence)
            } else {
                bad.append((patches, Array(span: key)))
            }
            return true
        }
        for (database, key) in bad { try transaction.delete(key.span, in: database) }
        return state
    }

    /// Hands over what an earlier run's rollups had not yet taken up.
    func restore(_ table: RollupTable, in transaction: borrowing WriteTransaction) throws(StoreError) {
        try transaction.forEach(from: RollupKey.restoreStart.span, in: rollups) { key, value in
            if RollupKey(bytes: key)?.isInterval == true { return false }
            table.restore(key: key, value: value)
            return true
        }
    }

    /// What is to be written of the rollups.
    func changes(
        of table: RollupTable, now: WallTime, in transaction: borrowing WriteTransaction
    ) throws(StoreError) -> RollupChanges {
        let database = rollups
        return try table.takeChanges(now: now) { (key) throws(StoreError) in
            try transaction.withValue(for: key.span, in: database) { Array(span: $0) }
        }
    }

    /// Deletes a range of the rollups' keys.
    func deleteCells(_ range: RollupKeyRange, in transaction: borrowing WriteTransaction) throws(StoreError) {
        var keys: [[UInt8]] = []
        try transaction.forEach(from: range.lower.span, in: rollups) { key, _ in
            let bytes = Array(span: key)
            guard bytes.lexicographicallyPrecedes(range.upper) else { return false }
            keys.append(bytes)
            return true
        }
        for key in keys { try transaction.delete(key.span, in: rollups) }
    }

    /// Counts every row by its tenant.
    func countTenants(_ state: RingState, in transaction: borrowing WriteTransaction) throws(StoreError) -> TenantRows {
        var tenants = TenantRows()
        for place in 0..<state.directory.count {
            let info = state.directory[place]
            _ = try transaction.withValue(for: RingBlock.key(info.first).span, in: rows) { value in
                value.withUnsafeBytes { bytes in
                    guard let view = RingBlockView(bytes) else { return }
                    for index in 0..<view.info.present {
                        guard let (bit, row) = view.row(index), info.live.contains(bit) else { continue }
                        tenants.append(info.first + UInt64(bit), block: info.first, tenant: Array(row.text(.tenant)))
                    }
                }
            }
        }
        return tenants
    }

    // MARK: - Changes

    func put(_ block: RingBlockBuilder, in transaction: borrowing WriteTransaction) throws(StoreError) {
        try transaction.put(block.encoded.span, for: RingBlock.key(block.first).span, in: rows)
    }

    /// Writes a block anew with the rows that can be read. Returns its length; 0 if it could not be read.
    func pack(_ info: BlockInfo, in transaction: borrowing WriteTransaction) throws(StoreError) -> Int {
        let key = RingBlock.key(info.first)
        let packed = try transaction.withValue(for: key.span, in: rows) { value in
            value.withUnsafeBytes { bytes -> RingBlockBuilder? in
                guard let view = RingBlockView(bytes), view.isWhole else { return nil }
                var builder = RingBlockBuilder(first: info.first)
                for index in 0..<view.info.present {
                    if let (bit, row) = view.row(index), info.live.contains(bit) { builder.append(row, sequence: info.first + UInt64(bit)) }
                }
                return builder
            }
        }
        guard let packed = packed.flatMap({ $0 }), !packed.isEmpty else { return 0 }
        try put(packed, in: transaction)
        return packed.length
    }

    /// Deletes what the caps took away.
    func carryOut(_ effects: RingState.Effects, in transaction: borrowing WriteTransaction) throws(StoreError) {
        for sequence in effects.deadBlocks { try transaction.delete(RingBlock.key(sequence).span, in: rows) }
        for sequence in effects.deadPayloads { try transaction.delete(RingBlock.key(sequence).span, in: bodies) }
        for sequence in effects.deadPatches { try transaction.delete(RingBlock.key(sequence).span, in: patches) }
    }

    // MARK: - Meta

    func saveMeta(_ state: RingState, in transaction: borrowing WriteTransaction) throws(StoreError) {
        var bytes: [UInt8] = [
            1, UInt8(truncatingIfNeeded: state.quota.per.map { 1 + (CalendarWindow.allCases.firstIndex(of: $0) ?? 0) } ?? 0),
        ]
        bytes.append(littleEndian: state.next)
        bytes.append(littleEndian: state.began.milliseconds)
        bytes.append(littleEndian: state.quota.end)
        bytes.append(littleEndian: Int64(state.quota.used))
        try transaction.put(bytes.span, for: Self.metaKey.span, in: meta)
    }

    private func loadMeta(into state: inout RingState, in transaction: borrowing WriteTransaction) throws(StoreError) {
        let bytes = try transaction.withValue(for: Self.metaKey.span, in: meta) { Array(span: $0) }
        guard let bytes, bytes.count == 34, bytes[0] == 1 else { return }
        func word(_ offset: Int) -> UInt64 { (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) } }
        state.next = max(1, min(word(2), 1 << 62))
        state.began = WallTime(milliseconds: Int64(bitPattern: word(10)))
        guard (1...CalendarWindow.allCases.count).contains(Int(bytes[1])) else { return }
        let used = Int(clamping: Int64(bitPattern: word(26)))
        state.quota = .init(per: CalendarWindow.allCases[Int(bytes[1]) - 1], end: Int64(bitPattern: word(18)), used: max(0, used))
    }

    // MARK: - The check by a child process

    /// Whether a record of the store holds: for `StoreCheck`.
    static func verify(database: String, key: Span<UInt8>, value: Span<UInt8>) -> Bool {
        switch database {
        case "rows":
            key.withUnsafeBytes { key in
                value.withUnsafeBytes { value in
                    guard let view = RingBlockView(value) else { return false }
                    return view.isWhole && RingBlock.sequence(ofKey: key) == view.info.first
                }
            }
        case "bodies": key.count == 8 && value.count >= 24
        case "patches": key.count == 8 && value.withUnsafeBytes { LogPatch(encoded: $0) } != nil
        default: true
        }
    }
}

extension [UInt8] {
    init(span: Span<UInt8>) { self = span.withUnsafeBufferPointer { Array($0) } }
}
