import GatewayModel
import Storage

/// Reads rows for one thread at a time: of the blocks that a state names, those that are still there.
final class RingReader {
    /// A walk over rows.
    struct Walk {
        var filter: LogFilter
        var isNewest: Bool
        /// The walk begins behind this row; `nil` for the near end.
        var after: UInt64?
        var limit: Int
        /// Rows to look at; at least one block is.
        var scannedMax = Int.max
        /// Rows begun before this are past their age.
        var cutoff: Int64 = .min
    }

    /// What a walk found.
    struct Found {
        var rows: [LogRow] = []
        /// Where the next walk goes on; `nil` at the ring's end.
        var last: UInt64?
        var scanned = 0
    }

    private let transaction: ReadTransaction
    private let store: RingStore
    private let counters: LogCounters

    init(_ environment: StoreEnvironment, _ store: RingStore, _ counters: LogCounters) {
        transaction = environment.makeReader()
        self.store = store
        self.counters = counters
    }

    /// Walks over the blocks of `state`, which may be gone by now.
    func walk(_ walk: Walk, _ state: RingState) -> Found {
        var found = Found()
        let directory = state.directory
        var place = start(of: walk, in: directory)
        while place >= 0, place < directory.count {
            let info = directory[place]
            if walk.filter.mayMatch(from: info.oldest, to: info.newest), info.newest >= walk.cutoff {
                if let last = look(into: info, walk, state, &found) {
                    found.last = hasMore(behind: last, place, walk, directory) ? last : nil
                    return found
                }
            }
            place += walk.isNewest ? -1 : 1
            if found.scanned >= walk.scannedMax, place >= 0, place < directory.count {
                found.last = walk.isNewest ? info.first : directory[place].first - 1
                return found
            }
        }
        return found
    }

    private func start(of walk: Walk, in directory: RingDirectory) -> Int {
        guard let after = walk.after else { return walk.isNewest ? directory.count - 1 : 0 }
        if walk.isNewest { return after == 0 ? -1 : directory.place(of: after - 1) ?? -1 }
        return directory.place(of: after == .max ? after : after + 1) ?? 0
    }

    private func hasMore(behind last: UInt64, _ place: Int, _ walk: Walk, _ directory: RingDirectory) -> Bool {
        let info = directory[place]
        if walk.isNewest {
            if place > 0 { return true }
            guard let bit = info.live.first else { return false }
            return info.first + UInt64(bit) < last
        }
        if place + 1 < directory.count { return true }
        guard let bit = info.live.last else { return false }
        return info.first + UInt64(bit) > last
    }

    /// Looks at the rows of a block. The last row's sequence if the limit was reached in it.
    private func look(into info: BlockInfo, _ walk: Walk, _ state: RingState, _ found: inout Found) -> UInt64? {
        withBlock(info) { view in
            let count = view.info.present
            for step in 0..<count {
                guard let (bit, row) = view.row(walk.isNewest ? count - 1 - step : step) else {
                    counters.badBlocks.add(1, ordering: .relaxed)
                    return nil
                }
                let sequence = info.first + UInt64(bit)
                if let after = walk.after, walk.isNewest ? sequence >= after : sequence <= after { continue }
                guard info.live.contains(bit), row.createdAt >= walk.cutoff else { continue }
                found.scanned += 1
                let context = RingReader.context(row, sequence, state)
                guard walk.filter.matches(context) else { continue }
                found.rows.append(RingReader.row(context))
                if found.rows.count >= walk.limit { return sequence }
            }
            return nil
        }.flatMap { $0 }
    }

    /// The row of an id; `nil` if it is not there.
    func row(_ id: RequestID, _ state: RingState, cutoff: Int64) -> LogRow? {
        for place in (0..<state.directory.count).reversed() {
            let info = state.directory[place]
            guard info.idLeast <= id.high, info.idGreatest >= id.high, info.newest >= cutoff else { continue }
            let found = withBlock(info) { view -> LogRow? in
                for index in 0..<view.info.present {
                    guard let (bit, row) = view.row(index) else { return nil }
                    guard row.idLow == id.low, row.idHigh == id.high, info.live.contains(bit), row.createdAt >= cutoff else { continue }
                    return RingReader.row(RingReader.context(row, info.first + UInt64(bit), state))
                }
                return nil
            }
            if let found = found.flatMap({ $0 }) { return found }
        }
        return nil
    }

    /// When the first or the last row that can be read was begun.
    func createdAt(ofLast isLast: Bool, _ state: RingState) -> WallTime? {
        guard let info = isLast ? state.directory.last : state.directory.first, let bit = isLast ? info.live.last : info.live.first else {
            return nil
        }
        return withBlock(info) { view -> WallTime? in
            for index in 0..<view.info.present {
                if let found = view.row(index), found.bit == bit { return WallTime(milliseconds: found.row.createdAt) }
            }
            return nil
        }.flatMap { $0 }
    }

    /// A row's body; `nil` if it has none, or no longer.
    func body(_ isResponse: Bool, of sequence: UInt64) -> GatewayEvent.Payload? {
        transaction.withValue(for: RingBlock.key(sequence).span, in: store.bodies) { value in
            value.withUnsafeBytes { StagedRows.Bodies.body(isResponse, of: $0) }
        }.flatMap { $0 }
    }

    /// Walks the rollups' records from a key on. `false` where the store can't be read.
    func forEachCell(from start: [UInt8], _ visit: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool) -> Bool {
        transaction.forEach(in: store.rollups, from: start.span, .forward, visit)
    }

    /// `nil` if the block is gone or does not hold.
    private func withBlock<R>(_ info: BlockInfo, _ body: (RingBlockView) -> R) -> R? {
        let result = transaction.withValue(for: RingBlock.key(info.first).span, in: store.rows) { value in
            value.withUnsafeBytes { bytes -> R? in
                guard let view = RingBlockView(bytes), view.isWhole else {
                    counters.badBlocks.add(1, ordering: .relaxed)
                    return nil
                }
                return body(view)
            }
        }
        return result.flatMap { $0 }
    }

    @inline(__always)
    static func context(_ row: RowView, _ sequence: UInt64, _ state: RingState) -> RowContext {
        let mayHaveBodies = row.sections.contains(.request) || row.sections.contains(.response)
        return RowContext(
            row: row, sequence: sequence, hasPayloads: mayHaveBodies && state.payloads.contains(sequence),
            patch: state.patches.isEmpty ? nil : state.patches[sequence])
    }

    static func row(_ context: RowContext) -> LogRow {
        LogRow(sequence: context.sequence, bytes: Array(context.row.bytes), patch: context.patch, hasPayloads: context.hasPayloads)
    }
}

@available(*, unavailable)
extension RingReader: Sendable {}
