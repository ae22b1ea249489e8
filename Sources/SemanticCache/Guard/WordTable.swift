// Hash to entry, open addressing over two arrays: half a dozen nanoseconds a look-up, where Dictionary's keyed hash takes thirty.

struct WordTable {
    private var slots: [Int32]
    private var keys: [UInt64] = []
    private(set) var entries: [WordEntry] = []

    init() { slots = [Int32](repeating: -1, count: 4096) }

    /// A table without words.
    static let none = WordTable()

    /// How many words it holds.
    var count: Int { keys.count }

    /// The index of a word's entry, or -1.
    @inline(__always)
    func index(of key: UInt64) -> Int {
        let mask = slots.count &- 1
        var slot = Int(truncatingIfNeeded: key) & mask
        while true {
            let index = Int(slots[slot])
            if index < 0 || keys[index] == key { return index }
            slot = (slot &+ 1) & mask
        }
    }

    /// The entry of a word.
    @inline(__always)
    func entry(of key: UInt64) -> WordEntry? {
        let index = index(of: key)
        return index < 0 ? nil : entries[index]
    }

    /// Changes a word's entry, a new one if there was none.
    mutating func update(_ key: UInt64, _ change: (inout WordEntry) -> Void) {
        var index = index(of: key)
        if index < 0 {
            if (keys.count + 1) * 2 > slots.count { grow() }
            index = keys.count
            keys.append(key)
            entries.append(WordEntry())
            place(index)
        }
        change(&entries[index])
    }

    private mutating func place(_ index: Int) {
        let mask = slots.count &- 1
        var slot = Int(truncatingIfNeeded: keys[index]) & mask
        while slots[slot] >= 0 { slot = (slot &+ 1) & mask }
        slots[slot] = Int32(truncatingIfNeeded: index)
    }

    private mutating func grow() {
        slots = [Int32](repeating: -1, count: slots.count * 2)
        for index in keys.indices { place(index) }
    }
}
