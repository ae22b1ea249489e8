// A cell in bytes: most sums of most cells are zero, so a bitmap names the others; buckets are written as distances. The sums come first,
// behind their length, so that ranking reads only them and drawing percentiles only the rest.

extension RollupCell {
    /// Appends: length of the sums, bitmap, sums, number of buckets, buckets. `scratch` is the caller's, to spare an allocation per cell.
    func encode(to bytes: inout [UInt8], scratch: inout [UInt8]) {
        scratch.removeAll(keepingCapacity: true)
        counters.encode(to: &scratch)
        bytes.append(counted: scratch)
        bytes.append(number: UInt64(buckets.words.count))
        var previous: UInt64 = 0
        for word in buckets.words {
            let key = word >> BucketCounts.countBits
            bytes.append(number: key - previous)
            bytes.append(number: word & BucketCounts.countMax)
            previous = key
        }
    }

    /// Reads what `encode` wrote; `nil` if it is something else.
    init?(encoded: UnsafeBufferPointer<UInt8>) {
        var reader = EncodedCell(encoded)
        self.init()
        guard reader.read(into: &counters), reader.read(into: &buckets) else { return nil }
    }
}

extension RollupCounters {
    /// Appends a bitmap of the sums that are not zero, and these.
    func encode(to bytes: inout [UInt8]) {
        var bitmap: UInt64 = 0
        for index in 0..<RollupCounters.count where self[index] != 0 { bitmap |= 1 << UInt64(index) }
        bytes.append(number: bitmap)
        for index in 0..<RollupCounters.count where self[index] != 0 { bytes.append(number: self[index]) }
    }
}

/// A cell as it lies in a record, read without being copied first.
struct EncodedCell {
    private var counters: ByteCursor
    private var buckets: ByteCursor

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        var cursor = ByteCursor(bytes)
        let length = cursor.number()
        counters = ByteCursor(cursor.slice(length))
        buckets = ByteCursor(cursor.rest())
    }

    /// Adds the sums to `sums`. Returns `false` if the bytes are no cell.
    mutating func read(into sums: inout RollupCounters) -> Bool {
        var bitmap = counters.number()
        guard bitmap < 1 << UInt64(RollupCounters.count) else { return false }
        while bitmap != 0 {
            sums.add(counters.number(), at: bitmap.trailingZeroBitCount)
            bitmap &= bitmap - 1
        }
        return !counters.isFailed && counters.isAtEnd
    }

    /// Replaces `counts` with the buckets. Returns `false` if the bytes are no cell.
    mutating func read(into counts: inout BucketCounts) -> Bool {
        counts.removeAll()
        let isRead = forEachBucket { key, count in counts.append(key: key, count: count) }
        return isRead
    }

    /// Hands over every bucket's key and count until `body` returns `false`. Returns `false` then, and if the bytes are no cell.
    mutating func forEachBucket(_ body: (UInt64, UInt64) -> Bool) -> Bool {
        let count = buckets.number()
        guard count <= UInt64(BucketCounts.keyCount) else { return false }
        var key: UInt64 = 0
        for _ in 0..<count {
            key = key.addingSaturating(buckets.number())
            guard body(key, buckets.number()) else { return false }
        }
        return !buckets.isFailed && buckets.isAtEnd
    }
}
