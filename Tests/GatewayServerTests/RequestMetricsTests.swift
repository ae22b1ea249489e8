import EventLog
import GatewayModel
import Testing

@testable import GatewayServer

@Suite struct RequestMetricsTests {
    private func event(_ change: (inout GatewayEvent) -> Void = { _ in }) -> GatewayEvent {
        var event = GatewayEvent(id: RequestID(at: WallTime(milliseconds: 1), random: (1, 2)), createdAt: WallTime(milliseconds: 1))
        event.status = 200
        event.cacheLayer = .miss
        event.operation = "chat_completions"
        change(&event)
        return event
    }

    private func counts(_ metrics: RequestMetrics, _ histogram: Histogram, _ variant: Int) -> HistogramCounts {
        var counts = HistogramCounts(of: histogram)
        metrics.histograms.add(histogram, variant, to: &counts)
        return counts
    }

    @Test func `a value at a bound belongs below it and one above to the next bucket`() {
        for histogram in Histogram.allCases {
            for (index, bound) in histogram.bounds.enumerated() {
                let block = HistogramBlock()
                block.add(bound, to: histogram, histogram.variants - 1)
                block.add(bound + 1, to: histogram, histogram.variants - 1)
                var counts = HistogramCounts(of: histogram)
                block.add(histogram, histogram.variants - 1, to: &counts)
                #expect(counts.buckets[index] == 1 && counts.buckets[index + 1] == 1 && counts.count == 2)
                #expect(counts.sum == bound * 2 + 1)
            }
        }
    }

    @Test func `bounds rise and no variant counts in another's cells`() {
        let block = HistogramBlock()
        for histogram in Histogram.allCases {
            #expect(zip(histogram.bounds, histogram.bounds.dropFirst()).allSatisfy { $0 < $1 })
            for variant in 0..<histogram.variants {
                for _ in 0...(histogram.rawValue * 100 + variant) { block.add(.max / 4096, to: histogram, variant) }
            }
        }
        for histogram in Histogram.allCases {
            for variant in 0..<histogram.variants {
                var counts = HistogramCounts(of: histogram)
                block.add(histogram, variant, to: &counts)
                #expect(counts.count == UInt64(histogram.rawValue * 100 + variant + 1))
            }
        }
    }

    @Test func `a hit counts no provider time and no tokens`() {
        let metrics = RequestMetrics()
        metrics.record(
            event {
                $0.cacheLayer = .exact
                $0.tokensSaved = 30
                $0.provider = "openai"
                $0.durationMicroseconds = 80
                $0.firstByteMicroseconds = 60
            }, labels: [])
        #expect(counts(metrics, .duration, Int(GatewayEvent.CacheLayer.exact.rawValue)).sum == 80)
        #expect(counts(metrics, .firstByte, Int(GatewayEvent.CacheLayer.exact.rawValue)).sum == 60)
        for histogram in [Histogram.operationDuration, .timeToFirstToken, .timePerOutputToken, .tokenUsage] {
            for variant in 0..<histogram.variants { #expect(counts(metrics, histogram, variant).count == 0) }
        }
        var sums: [String: [UInt64]] = [:]
        metrics.providers.add(to: &sums)
        #expect(sums.isEmpty)
    }

    @Test func `a streamed answer counts the first token and the time of each after it`() {
        let metrics = RequestMetrics()
        metrics.record(
            event {
                $0.attemptCount = 1
                $0.provider = "openai"
                $0.flags = .stream
                $0.tokensIn = 10
                $0.tokensOut = 11
                $0.firstByteMicroseconds = 200_000
                $0.durationMicroseconds = 700_000
            }, labels: [])
        #expect(counts(metrics, .timeToFirstToken, 0).sum == 200_000)
        #expect(counts(metrics, .timePerOutputToken, 0).sum == 50_000)
        #expect(counts(metrics, .tokenUsage, 0).sum == 10)
        #expect(counts(metrics, .tokenUsage, 1).sum == 11)
    }

    @Test func `one token has no time per further token`() {
        let metrics = RequestMetrics()
        metrics.record(
            event {
                $0.attemptCount = 1
                $0.flags = .stream
                $0.tokensOut = 1
                $0.firstByteMicroseconds = 5
                $0.durationMicroseconds = 9
            }, labels: [])
        #expect(counts(metrics, .timePerOutputToken, 0).count == 0)
    }

    @Test func `an operator's action is no request`() {
        let metrics = RequestMetrics()
        metrics.record(event { $0.flags = .audit }, labels: [.model, .tenant])
        #expect(counts(metrics, .duration, Int(GatewayEvent.CacheLayer.miss.rawValue)).count == 0)
    }

    @Test func `names that come from outside are not told apart unless asked for`() {
        let metrics = RequestMetrics()
        let one = event {
            $0.attemptCount = 1
            $0.provider = "openai"
            $0.model = "m"
            $0.tenant = "t"
        }
        var sums: [String: [UInt64]] = [:]
        metrics.record(one, labels: [])
        metrics.models.add(to: &sums)
        metrics.tenants.add(to: &sums)
        #expect(sums.isEmpty)
        metrics.record(one, labels: [.model, .tenant])
        metrics.models.add(to: &sums)
        metrics.tenants.add(to: &sums)
        #expect(sums.keys.sorted() == ["openai/m", "t"])
    }

    @Test func `one name too many shares a series with all later ones`() {
        let counters = LabelledCounters(namesMax: 3)
        for name in ["a", "b", "c", "d", "e", "a", "other", String(repeating: "x", count: 257)] { counters.record(event(), under: name) }
        var sums: [String: [UInt64]] = [:]
        counters.add(to: &sums)
        #expect(sums.mapValues { $0[LabelledCounter.requests.rawValue] } == ["a": 2, "b": 1, "c": 1, "other": 4])
    }

    @Test func `two loops' names are summed by name and not by place`() {
        let (first, second) = (LabelledCounters(namesMax: 3), LabelledCounters(namesMax: 3))
        for name in ["a", "b"] { first.record(event { $0.tokensIn = 5 }, under: name) }
        for name in ["b", "c"] {
            second.record(
                event {
                    $0.status = 500; $0.errorKind = .upstream
                }, under: name)
        }
        var sums: [String: [UInt64]] = [:]
        first.add(to: &sums)
        second.add(to: &sums)
        #expect(sums.mapValues { $0[LabelledCounter.requests.rawValue] } == ["a": 1, "b": 2, "c": 1])
        #expect(sums.mapValues { $0[LabelledCounter.errors.rawValue] } == ["a": 0, "b": 1, "c": 1])
    }
}
