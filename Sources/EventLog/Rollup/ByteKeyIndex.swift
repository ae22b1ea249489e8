import Hashing

/// Numbers distinct byte strings from 0 on, in the order they come. Open addressing over one arena: a known key costs no allocation, and
/// `String`'s Unicode comparison, which takes different bytes for the same, has no part in it.
struct ByteKeyIndex: Sendable {
    private var slots: [Int32] = []
    private var hashes: [UInt64] = []
    private var ends: [Int] = []
    private var arena: [UInt8] = []

    /// How many keys there are.
    var count: Int { hashes.count }

    /// The number of a key; `nil` if it has none.
    func find(_ key: UnsafeBufferPointer<UInt8>) -> Int? {
        guard !slots.isEmpty else { return nil }
        let slot = slots[position(of: key, hash: ByteKeyIndex.hash(key))]
        return slot < 0 ? nil : Int(slot)
    }

    /// The number of a key, a new one if it has none and there are fewer than `max`; `nil` if there are not.
    mutating func insert(_ key: UnsafeBufferPointer<UInt8>, max: Int = .max) -> Int? {
        if slots.isEmpty { rehash(to: 16) }
        let hash = ByteKeyIndex.hash(key)
        let place = position(of: key, hash: hash)
        if slots[place] >= 0 { return Int(slots[place]) }
        guard count < max, count < Int32.max else { return nil }
        slots[place] = Int32(count)
        hashes.append(hash)
        arena.append(contentsOf: key)
        ends.append(arena.count)
        if count * 2 > slots.count { rehash(to: slots.count * 2) }
        return count - 1
    }

    /// Hands the bytes of a key to `body`.
    func withKey<R>(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        arena.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[start(of: index)..<ends[index]])) }
    }

    /// The bytes of a key.
    func key(_ index: Int) -> ArraySlice<UInt8> { arena[start(of: index)..<ends[index]] }

    /// Forgets all keys, keeping the memory.
    mutating func removeAll() {
        for index in slots.indices { slots[index] = -1 }
        hashes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        arena.removeAll(keepingCapacity: true)
    }

    /// Bytes of memory held, roughly.
    var bytes: Int { slots.capacity * 4 + hashes.capacity * 8 + ends.capacity * 8 + arena.capacity }

    private func start(of index: Int) -> Int { index == 0 ? 0 : ends[index - 1] }

    private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 { xxh3(key.span) }

    /// The slot of a key, or the empty one where it belongs.
    private func position(of key: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int {
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while slots[place] >= 0 {
            let index = Int(slots[place])
            if hashes[index] == hash, withKey(index, { $0.elementsEqual(key) }) { break }
            place = (place + 1) & mask
        }
        return place
    }

    private mutating func rehash(to capacity: Int) {
        slots = [Int32](repeating: -1, count: capacity)
        for index in hashes.indices {
            var place = Int(truncatingIfNeeded: hashes[index]) & (capacity - 1)
            while slots[place] >= 0 { place = (place + 1) & (capacity - 1) }
            slots[place] = Int32(index)
        }
    }
}
