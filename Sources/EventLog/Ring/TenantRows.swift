/// Which rows belong to whom, where the cap counts each tenant's rows on its own.
struct TenantRows: Sendable {
    private struct Queue: Sendable {
        /// Rows in order, with some that are gone already.
        var sequences: [UInt64] = []
        var head = 0
        var live = 0
    }

    private var indices: [[UInt8]: Int32] = [:]
    private var queues: [Queue] = []
    /// By block: the tenant of each sequence in it, -1 for none.
    private var owners: [UInt64: [Int32]] = [:]

    /// The tenants that have or had rows.
    var names: [[UInt8]] { Array(indices.keys) }

    /// Rows of a tenant that can be read.
    func count(of tenant: [UInt8]) -> Int { indices[tenant].map { queues[Int($0)].live } ?? 0 }

    mutating func append(_ sequence: UInt64, block: UInt64, tenant: [UInt8]) {
        let index: Int32
        if let known = indices[tenant] {
            index = known
        } else {
            index = Int32(queues.count)
            indices[tenant] = index
            queues.append(Queue())
        }
        queues[Int(index)].sequences.append(sequence)
        queues[Int(index)].live += 1
        owners[block, default: [Int32](repeating: -1, count: RowBits.capacity)][Int(sequence - block)] = index
    }

    /// The oldest row of a tenant that can be read.
    mutating func oldest(of tenant: [UInt8], in directory: RingDirectory) -> UInt64? {
        guard let index = indices[tenant] else { return nil }
        skipGone(Int(index), directory)
        let queue = queues[Int(index)]
        return queue.head < queue.sequences.count ? queue.sequences[queue.head] : nil
    }

    /// A row went, for whatever reason; `directory` shows it gone.
    mutating func removed(_ sequence: UInt64, block: UInt64, in directory: RingDirectory) {
        guard let owner = owners[block]?[Int(sequence - block)], owner >= 0 else { return }
        owners[block]?[Int(sequence - block)] = -1
        queues[Int(owner)].live -= 1
        skipGone(Int(owner), directory)
    }

    mutating func removed(block: UInt64) { owners[block] = nil }

    private mutating func skipGone(_ index: Int, _ directory: RingDirectory) {
        var head = queues[index].head
        while head < queues[index].sequences.count, !directory.isLive(queues[index].sequences[head]) { head += 1 }
        if head > 256, head * 2 > queues[index].sequences.count {
            queues[index].sequences.removeFirst(head)
            head = 0
        }
        queues[index].head = head
    }
}
