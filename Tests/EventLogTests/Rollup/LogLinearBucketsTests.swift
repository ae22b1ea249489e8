@testable import EventLog
import GatewayModel
import TestSupport
import Testing

@Suite struct LogLinearBucketsTests {
    @Test func `buckets follow each other without gap or overlap up to the largest value`() {
        var next: UInt64 = 0
        for index in 0..<LogLinearBuckets.count {
            #expect(LogLinearBuckets.lowerBound(of: index) == next)
            next += LogLinearBuckets.width(of: index)
            #expect(
                LogLinearBuckets.index(of: next - 1) == index && LogLinearBuckets.index(of: LogLinearBuckets.lowerBound(of: index)) == index
            )
        }
        #expect(next == LogLinearBuckets.valueMax + 1)
        #expect(LogLinearBuckets.index(of: .max) == LogLinearBuckets.count - 1)
    }

    @Test func `an estimate is off by at most five percent, wherever in the bucket the value was`() {
        for index in 0..<LogLinearBuckets.count {
            let low = Double(LogLinearBuckets.lowerBound(of: index))
            let high = low + Double(LogLinearBuckets.width(of: index) - 1)
            for fraction in [0, 0.5, 1] {
                let estimate = LogLinearBuckets.estimate(in: index, at: fraction)
                #expect(estimate - low <= low * LogLinearBuckets.relativeError && high - estimate <= high * LogLinearBuckets.relativeError)
                #expect(index >= 32 || estimate == low)
            }
        }
    }

    @Test(arguments: [1, 2, 10, 999, 5000])
    func `percentiles are within the bound of the sorted values`(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        for shape in 0..<4 {
            var buckets = BucketCounts()
            var values: [UInt64] = []
            for _ in 0..<count {
                let value: UInt64 =
                    switch shape {
                    case 0: random.next() % 30
                    case 1: random.next() >> (random.next() % 40 + 24)
                    case 2: 123_456
                    default: random.next() % 100 == 0 ? 9_000_000 : 200 + random.next() % 50
                    }
                values.append(value)
                buckets.add(value, to: .overhead)
                buckets.add(random.next() % 7, to: .latency)
                buckets.add(random.next() % 7, to: .rate)
            }
            values.sort()
            let wanted = [0, 1, 5000, 9000, 9900, 9999, 10_000]
            let found = buckets.percentiles(of: .overhead, wanted)
            for (percentile, estimate) in zip(wanted, found) {
                let rank = max(1, (count * percentile + 9999) / 10_000)
                let truth = Double(values[rank - 1])
                #expect(abs((estimate ?? -1e9) - truth) <= truth * LogLinearBuckets.relativeError)
            }
            #expect(zip(found, found.dropFirst()).allSatisfy { ($0 ?? 0) <= ($1 ?? 0) })
        }
    }

    @Test func `the rank of a percentile does not overflow`() {
        #expect(BucketCounts.rank(of: 10_000, in: .max) == .max)
        #expect(BucketCounts.rank(of: 0, in: 5) == 1)
        #expect(BucketCounts.rank(of: 5000, in: 5) == 3)
        #expect(BucketCounts().percentiles(of: .latency, [5000]) == [nil])
    }

    @Test func `a rate needs tokens and time, and a stream's counts from the first byte`() {
        var answer = event(at: noon)
        answer.durationMicroseconds = 2_000_000
        answer.firstByteMicroseconds = 1_000_000
        #expect(RollupCell.rate(of: answer) == nil)
        answer.tokensOut = 100
        #expect(RollupCell.rate(of: answer) == 50_000)
        answer.flags.insert(.stream)
        #expect(RollupCell.rate(of: answer) == 100_000)
        answer.firstByteMicroseconds = 2_000_000
        #expect(RollupCell.rate(of: answer) == nil)
        answer.firstByteMicroseconds = 1_999_999
        answer.tokensOut = .max
        #expect(RollupCell.rate(of: answer) == LogLinearBuckets.valueMax)
    }
}
