// Sets as sorted arrays: built once per text, compared by walking both.

enum SortedKeys {
    /// Sorts, each key once.
    static func makeSet<Key: Comparable>(_ keys: inout [Key]) {
        guard keys.count > 1 else { return }
        keys.sort()
        var kept = 1
        for index in 1..<keys.count where keys[index] != keys[kept - 1] {
            keys[kept] = keys[index]
            kept += 1
        }
        keys.removeLast(keys.count - kept)
    }

    /// Whether a sorted array has a key.
    @inline(__always)
    static func contains(_ keys: [UInt64], _ key: UInt64) -> Bool {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low < keys.count && keys[low] == key
    }

    /// How many keys only the left has, and only the right.
    static func difference(_ left: [UInt64], _ right: [UInt64]) -> (left: Int, right: Int) {
        var (at, other) = (0, 0)
        var (onlyLeft, onlyRight) = (0, 0)
        while at < left.count, other < right.count {
            if left[at] == right[other] {
                at += 1
                other += 1
            } else if left[at] < right[other] {
                onlyLeft += 1
                at += 1
            } else {
                onlyRight += 1
                other += 1
            }
        }
        return (onlyLeft + left.count - at, onlyRight + right.count - other)
    }
}
