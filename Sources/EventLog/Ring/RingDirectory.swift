/// The blocks of the ring in order, held in memory: what is where, how old, and which rows can be read.
struct RingDirectory: Sendable {
    private var blocks: [BlockInfo] = []
    /// Blocks before this index are gone; the array is shortened once half of it is.
    private var head = 0

    var count: Int { blocks.count - head }
    var isEmpty: Bool { count == 0 }
    var first: BlockInfo? { isEmpty ? nil : blocks[head] }
    var last: BlockInfo? { isEmpty ? nil : blocks[blocks.count - 1] }

    /// The block at a place, counted from the oldest.
    subscript(place: Int) -> BlockInfo {
        get { blocks[head + place] }
        set { blocks[head + place] = newValue }
    }

    mutating func append(_ block: BlockInfo) { blocks.append(block) }

    mutating func remove(at place: Int) {
        guard place == 0 else {
            blocks.remove(at: head + place)
            return
        }
        head += 1
        guard head > 64, head * 2 > blocks.count else { return }
        blocks.removeFirst(head)
        head = 0
    }

    /// The place of the last block that begins at or before a sequence; `nil` if all begin later.
    func place(of sequence: UInt64) -> Int? {
        var low = head
        var high = blocks.count
        while low < high {
            let middle = (low + high) / 2
            if blocks[middle].first <= sequence { low = middle + 1 } else { high = middle }
        }
        return low > head ? low - 1 - head : nil
    }

    /// Whether a row can be read.
    func isLive(_ sequence: UInt64) -> Bool {
        guard let place = place(of: sequence) else { return false }
        let block = self[place]
        let bit = sequence - block.first
        return bit < UInt64(RowBits.capacity) && block.live.contains(Int(bit))
    }
}

/// The rows that have payloads, and what these take, by rising sequence.
struct PayloadList: Sendable {
    private var entries: [(sequence: UInt64, cost: Int)] = []
    private var head = 0
    /// Bytes of the file that all of them take.
    private(set) var bytes = 0

    /// The oldest; `nil` for none.
    var first: UInt64? { head < entries.count ? entries[head].sequence : nil }
    /// How many.
    private(set) var count = 0

    /// Adds one, later than all others.
    mutating func append(_ sequence: UInt64, cost: Int) {
        entries.append((sequence, cost))
        bytes += cost
        count += 1
    }

    func contains(_ sequence: UInt64) -> Bool {
        guard let index = index(of: sequence) else { return false }
        return entries[index].cost > 0
    }

    /// Removes one; `false` if there was none. Its place stays until those before it are gone.
    mutating func remove(_ sequence: UInt64) -> Bool {
        guard let index = index(of: sequence), entries[index].cost > 0 else { return false }
        bytes -= entries[index].cost
        count -= 1
        entries[index].cost = 0
        while head < entries.count, entries[head].cost == 0 { head += 1 }
        if head > 256, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return true
    }

    private func index(of sequence: UInt64) -> Int? {
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].sequence == sequence ? low : nil
    }
}
