// Log-linear buckets, as HdrHistogram's: every power of two is cut into 16 equal parts, so a bucket is at most 1/16 as wide as its lower
// edge. Integers below 32 have a bucket of their own. A percentile is interpolated within the middle 60 % of its bucket: whichever value of
// the bucket was the true one, the estimate is off by at most 0.8/16 = 5 % of it.

/// The buckets of all histograms.
enum LogLinearBuckets {
    /// The largest relative error of a percentile, for values up to `valueMax`.
    static let relativeError = 0.05
    /// Values beyond it count as this one. In microseconds: 12 days.
    static let valueMax: UInt64 = (1 << 40) - 1
    /// How many buckets there are: 36 powers of two above 16, and the 16 below.
    static let count = 592

    /// The bucket of a value, rising with it.
    static func index(of value: UInt64) -> Int {
        let value = min(value, valueMax)
        guard value >= 16 else { return Int(truncatingIfNeeded: value) }
        let shift = 59 - value.leadingZeroBitCount
        return (shift + 1) * 16 + Int(truncatingIfNeeded: (value >> UInt64(shift)) & 15)
    }

    /// The smallest value of a bucket.
    static func lowerBound(of index: Int) -> UInt64 {
        index < 16 ? UInt64(index) : UInt64(16 + index % 16) << UInt64(index / 16 - 1)
    }

    /// How many integers a bucket holds.
    static func width(of index: Int) -> UInt64 { index < 16 ? 1 : 1 << UInt64(index / 16 - 1) }

    /// What to report for a value that lies at `fraction` (0...1) of a bucket's counts.
    static func estimate(in index: Int, at fraction: Double) -> Double {
        Double(lowerBound(of: index)) + Double(width(of: index) - 1) * (0.2 + 0.6 * fraction)
    }
}

/// The counts of all histograms of a cell: sorted words of 12 bits of histogram and bucket and 52 bits of count.
///
/// One array for all four, because most cells see few events: a word per bucket that was hit, one allocation per cell.
struct BucketCounts: Sendable, Equatable {
    /// The words, strictly rising by their upper 12 bits; no count is 0.
    private(set) var words: [UInt64] = []

    static let countBits: UInt64 = 52
    static let countMax: UInt64 = (1 << 52) - 1
    /// How many keys there are: the upper 12 bits of a word are below it.
    static let keyCount = RollupHistogram.allCases.count * LogLinearBuckets.count

    /// The key of a histogram's bucket.
    static func key(_ histogram: RollupHistogram, _ bucket: Int) -> Int { Int(histogram.rawValue) * LogLinearBuckets.count + bucket }

    /// Counts one value.
    mutating func add(_ value: UInt64, to histogram: RollupHistogram) {
        _ = add(key: BucketCounts.key(histogram, LogLinearBuckets.index(of: value)), count: 1, from: 0)
    }

    /// Adds all counts of another.
    mutating func merge(_ other: BucketCounts) {
        if words.isEmpty {
            words = other.words
            return
        }
        var position = 0
        for word in other.words {
            position = add(
                key: Int(truncatingIfNeeded: word >> BucketCounts.countBits), count: word & BucketCounts.countMax, from: position)
        }
    }

    /// Adds a count that belongs behind all others, as they come when decoding. Returns `false` if it does not.
    mutating func append(key: UInt64, count: UInt64) -> Bool {
        guard key < UInt64(BucketCounts.keyCount), count > 0, count <= BucketCounts.countMax else { return false }
        if let last = words.last, last >> BucketCounts.countBits >= key { return false }
        words.append(key << BucketCounts.countBits | count)
        return true
    }

    /// Forgets all, keeping the memory.
    mutating func removeAll() { words.removeAll(keepingCapacity: true) }

    /// Adds to the count of a key that is not before `start`. Returns where it is.
    private mutating func add(key: Int, count: UInt64, from start: Int) -> Int {
        let wanted = UInt64(key) << BucketCounts.countBits
        var low = start
        var high = words.count
        words.withUnsafeBufferPointer { words in
            while low < high {
                let middle = (low + high) / 2
                if words[middle] < wanted { low = middle + 1 } else { high = middle }
            }
        }
        if low < words.count, words[low] >> BucketCounts.countBits == UInt64(key) {
            // Both counts have 52 bits, so that the sum can't overflow the word.
            let sum = (words[low] & BucketCounts.countMax) + count
            words[low] = wanted | min(sum, BucketCounts.countMax)
        } else {
            words.insert(wanted | count, at: low)
        }
        return low
    }
}

extension BucketCounts {
    /// How many values a histogram holds.
    func total(of histogram: RollupHistogram) -> UInt64 {
        var sum: UInt64 = 0
        for word in slice(of: histogram) { sum = sum.addingSaturating(word & BucketCounts.countMax) }
        return sum
    }

    /// Percentiles by nearest rank, given in hundredths of a percent, rising; `nil` for each where nothing was counted.
    func percentiles(of histogram: RollupHistogram, _ wanted: [Int]) -> [Double?] {
        let slice = slice(of: histogram)
        let total = total(of: histogram)
        guard total > 0 else { return wanted.map { _ in nil } }
        var results: [Double?] = []
        var position = slice.startIndex
        var before: UInt64 = 0
        for percentile in wanted {
            let rank = BucketCounts.rank(of: percentile, in: total)
            while position + 1 < slice.endIndex, before + (slice[position] & BucketCounts.countMax) < rank {
                before += slice[position] & BucketCounts.countMax
                position += 1
            }
            let count = slice[position] & BucketCounts.countMax
            let bucket = Int(slice[position] >> BucketCounts.countBits) - BucketCounts.key(histogram, 0)
            let fraction = (Double(rank) - Double(before) - 0.5) / Double(count)
            results.append(LogLinearBuckets.estimate(in: bucket, at: min(max(fraction, 0), 1)))
        }
        return results
    }

    /// The place, from 1, of a percentile among sorted values: its share of them, rounded up.
    static func rank(of hundredths: Int, in total: UInt64) -> UInt64 {
        let product = total.multipliedFullWidth(by: UInt64(hundredths))
        let (quotient, remainder) = UInt64(10_000).dividingFullWidth(product)
        return max(1, quotient + (remainder > 0 ? 1 : 0))
    }

    private func slice(of histogram: RollupHistogram) -> ArraySlice<UInt64> {
        let lower = position(ofKey: BucketCounts.key(histogram, 0))
        return words[lower..<position(ofKey: BucketCounts.key(histogram, LogLinearBuckets.count))]
    }

    private func position(ofKey key: Int) -> Int {
        var low = 0
        var high = words.count
        while low < high {
            let middle = (low + high) / 2
            if words[middle] >> BucketCounts.countBits < UInt64(key) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension UInt64 {
    /// The sum, or the largest number there is.
    func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
