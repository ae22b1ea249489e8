import GatewayModel

/// The blocks of a partition as they were at a moment. Entries are still appended to the last one, and removed from any.
final class BlockList: Sendable {
    let blocks: [VectorBlock]
    init(_ blocks: [VectorBlock]) { self.blocks = blocks }

    /// Entries that are not removed. A few may come or go meanwhile.
    var live: Int { blocks.reduce(0) { $0 + $1.live } }
}

/// Entries that may answer for one another: same tenant scope, target, parameters and context. Never searched together with another's.
final class Partition: @unchecked Sendable {  // @unchecked: everything but `published` is touched under the index's writing lock only.
    let key: Digest256
    let layout: VectorBlock.Layout
    let published: PublishedReference<BlockList>
    private(set) var live = 0
    /// Where the evictor goes on: block and slot.
    private var hand = (block: 0, slot: 0)

    init(key: Digest256, layout: VectorBlock.Layout, fence: ReaderFence) {
        self.key = key
        self.layout = layout
        published = PublishedReference(BlockList([]), fence: fence)
    }

    private var blocks: [VectorBlock] { published.current?.blocks ?? [] }

    /// Adds an entry.
    func append(_ entry: IndexEntry) {
        let blocks = blocks
        if let last = blocks.last, !last.isFull {
            last.append(entry)
        } else {
            // Small partitions stay small; large ones grow by whole blocks.
            let block = VectorBlock(layout: layout, capacity: min(VectorBlock.capacityMax, max(8, live)))
            block.append(entry)
            published.replace(BlockList(blocks + [block]))
        }
        live += 1
    }

    /// Removes the entries that `condition` selects and hands their ids and owners to `removed`.
    func remove(where condition: (VectorBlock, Int) -> Bool, removed: (_ id: UInt64, _ owner: UInt32) -> Void) {
        for block in blocks where block.live > 0 {
            for slot in 0..<block.count where block.id(slot) != 0 && condition(block, slot) { remove(block, slot, removed) }
        }
        compact()
    }

    /// Removes the first entry, from where the last call stopped, that satisfies `condition` and was not used since it was last looked at.
    /// Looks at each at most twice. Whether there was one.
    func evictOne(where condition: (VectorBlock, Int) -> Bool, removed: (_ id: UInt64, _ owner: UInt32) -> Void) -> Bool {
        let blocks = blocks
        let total = blocks.reduce(0) { $0 + $1.count }
        var steps = 0
        while steps < 2 * total {
            if hand.block >= blocks.count { hand = (0, 0) }
            let block = blocks[hand.block]
            guard hand.slot < block.count else {
                hand = (hand.block + 1, 0)
                continue
            }
            let slot = hand.slot
            hand.slot += 1
            steps += 1
            guard block.id(slot) != 0, condition(block, slot), !block.takeUse(slot) else { continue }
            remove(block, slot, removed)
            if block.live * 2 < block.count { compact() }
            return true
        }
        return false
    }

    private func remove(_ block: VectorBlock, _ slot: Int, _ removed: (UInt64, UInt32) -> Void) {
        let id = block.remove(slot)
        guard id != 0 else { return }
        live -= 1
        removed(id, block.owner(slot))
    }

    /// Drops empty blocks, and rewrites neighbours that are half empty into one. Order is kept.
    private func compact() {
        let old = blocks
        var new: [VectorBlock] = []
        var isChanged = false
        for block in old {
            // The last block is still being filled: its free slots are no waste.
            let isSparse = block.live * 2 < (block === old.last ? block.count : block.capacity)
            guard isSparse else {
                new.append(block)
                continue
            }
            isChanged = true
            guard block.live > 0 else { continue }
            if let last = new.last, old.firstIndex(where: { $0 === last }) == nil, last.capacity - last.count >= block.live {
                Self.copy(block, into: last)
            } else {
                let packed = VectorBlock(layout: layout, capacity: min(VectorBlock.capacityMax, block.live * 2))
                Self.copy(block, into: packed)
                new.append(packed)
            }
        }
        guard isChanged else { return }
        hand = (0, 0)
        published.replace(BlockList(new))
    }

    private static func copy(_ block: VectorBlock, into other: VectorBlock) {
        for slot in 0..<block.count { if let entry = block.entry(slot) { other.append(entry) } }
    }
}
