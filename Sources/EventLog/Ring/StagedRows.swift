import GatewayModel

/// Rows on the writer thread that are counted already and not in the store yet. They stay through a failed transaction.
struct StagedRows {
    /// A body, redacted and cut.
    struct Bodies {
        var request: GatewayEvent.Payload?
        var response: GatewayEvent.Payload?

        /// Bytes of both.
        var count: Int { (request?.bytes.count ?? 0) + (response?.bytes.count ?? 0) }

        /// The record: for each of the two, bytes kept plus one (4; 0 for none) and bytes in all (8); then the bytes.
        var encoded: [UInt8] {
            var bytes: [UInt8] = []
            for body in [request, response] {
                bytes.append(littleEndian: body.map { UInt32(clamping: $0.bytes.count + 1) } ?? 0)
                bytes.append(littleEndian: body?.fullLength ?? 0)
            }
            for body in [request, response] { if let body { bytes.append(contentsOf: body.bytes) } }
            return bytes
        }

        /// One body of a record; `nil` where it has none or does not hold.
        static func body(_ isResponse: Bool, of record: UnsafeRawBufferPointer) -> GatewayEvent.Payload? {
            guard record.count >= 24 else { return nil }
            func kept(_ offset: Int) -> Int { Int(UInt32(littleEndian: record.loadUnaligned(fromByteOffset: offset, as: UInt32.self))) - 1 }
            let request = kept(0)
            let response = kept(12)
            let start = isResponse ? 24 + max(0, request) : 24
            let count = isResponse ? response : request
            guard count >= 0, start + count <= record.count else { return nil }
            let full = record.loadUnaligned(fromByteOffset: isResponse ? 16 : 4, as: UInt64.self)
            return GatewayEvent.Payload(bytes: Array(record[start..<(start + count)]), fullLength: UInt64(littleEndian: full))
        }
    }

    /// The rows, one after the other.
    private(set) var bytes: [UInt8] = []
    /// Where each ends.
    private(set) var ends: [Int] = []
    /// By place, for those that have bodies.
    private(set) var bodies: [Int: Bodies] = [:]
    /// Bytes of the queue that each stands for.
    private var costs: [Int] = []
    /// Bytes of the queue that all of them stand for.
    private(set) var queueBytes = 0

    var isEmpty: Bool { ends.isEmpty }

    mutating func append(_ row: UnsafeRawBufferPointer, bodies: Bodies?, queueBytes cost: Int) {
        bytes.append(contentsOf: row)
        if let bodies { self.bodies[ends.count] = bodies }
        ends.append(bytes.count)
        costs.append(cost)
        queueBytes += cost
    }

    /// Hands over each row that holds, with its place, until `body` returns `false`. Returns how many were handed over or do not hold.
    @discardableResult
    func forEach<E: Error>(_ body: (Int, RowView) throws(E) -> Bool) throws(E) -> Int {
        // The array outlives the loop and is not changed in it.
        let result: Result<Int, E> = bytes.withUnsafeBytes { all in
            var start = 0
            for (place, end) in ends.enumerated() {
                defer { start = end }
                guard let row = RowView(UnsafeRawBufferPointer(rebasing: all[start..<end])) else { continue }
                do throws(E) { if try !body(place, row) { return .success(place + 1) } } catch { return .failure(error) }
            }
            return .success(ends.count)
        }
        return try result.get()
    }

    /// The first rows are in the store, or given up. Returns the bytes of the queue that they stood for.
    mutating func removeFirst(_ count: Int) -> Int {
        guard count < ends.count else {
            defer { self = StagedRows() }
            return queueBytes
        }
        guard count > 0 else { return 0 }
        let cut = ends[count - 1]
        let freed = costs[..<count].reduce(0, +)
        bytes.removeFirst(cut)
        ends = ends[count...].map { $0 - cut }
        costs.removeFirst(count)
        queueBytes -= freed
        bodies = Dictionary(uniqueKeysWithValues: bodies.filter { $0.key >= count }.map { ($0.key - count, $0.value) })
        return freed
    }
}
