import EventLog
import GatewayModel
import Testing

/// What the rollups must say, by going through all events one by one.
struct RollupModel {
    var events: [GatewayEvent] = []

    /// Sums of the events that a test picks.
    struct Sums {
        var measures = [UInt64](repeating: 0, count: RollupMeasure.allCases.count)
        var layers = [UInt64](repeating: 0, count: 8)
        var errors = [UInt64](repeating: 0, count: 9)
        var values: [[UInt64]] = [[], [], []]

        mutating func add(_ event: GatewayEvent) {
            layers[Int(event.cacheLayer.rawValue)] += 1
            errors[Int(event.errorKind.rawValue)] += 1
            add(1, .requests)
            if event.errorKind == .none, event.status >= 200, event.status < 400 { add(1, .successes) }
            add(UInt64(event.attemptCount), .attempts)
            for attempt in event.attempts.dropFirst() { add(1, attempt.isRepeat ? .retries : .fallbacks) }
            add(event.tokensIn, .tokensIn)
            add(event.tokensOut, .tokensOut)
            add(event.tokensCached, .tokensCached)
            add(event.tokensSaved, .tokensSaved)
            add(event.costNanoUSD, .cost)
            add(event.costSavedNanoUSD, .costSaved)
            add(event.requestBytes, .requestBytes)
            add(event.responseBytes, .responseBytes)
            add(event.durationMicroseconds, .latencySum)
            add(event.overheadMicroseconds, .overheadSum)
            add(event.firstByteMicroseconds, .firstByteSum)
            values[0].append(event.durationMicroseconds)
            values[1].append(event.overheadMicroseconds)
            if event.firstByteMicroseconds > 0 { values[2].append(event.firstByteMicroseconds) }
        }

        private mutating func add(_ amount: UInt64, _ measure: RollupMeasure) { measures[Int(measure.rawValue)] += amount }
    }

    /// The sums of each class of events; events without a class are left out.
    func sums<Class: Hashable>(_ classify: (GatewayEvent) -> Class?) -> [Class: Sums] {
        var sums: [Class: Sums] = [:]
        for event in events {
            if let found = classify(event) { sums[found, default: Sums()].add(event) }
        }
        return sums
    }
}

/// Compares to the unit, percentiles within their bound.
func expectSame(_ found: StatsMeasures, _ expected: RollupModel.Sums?, _ query: StatsQuery, _ where_: String) {
    let expected = expected ?? RollupModel.Sums()
    let measures = RollupMeasure.allCases.filter { $0 != .rateSum && $0 != .overflowed }
    #expect(measures.map { found[$0] } == measures.map { expected.measures[Int($0.rawValue)] }, "\(where_)")
    #expect(GatewayEvent.CacheLayer.allCases.map { found[$0] } == expected.layers, "\(where_)")
    #expect(GatewayEvent.ErrorKind.allCases.map { found[$0] } == expected.errors, "\(where_)")
    for histogram in [RollupHistogram.latency, .overhead, .firstByte] {
        let sorted = expected.values[Int(histogram.rawValue)].sorted()
        for (place, percentile) in query.percentiles.enumerated() {
            guard let estimate = found.percentile(place, of: histogram), !sorted.isEmpty else {
                #expect(found.percentile(place, of: histogram) == nil && sorted.isEmpty, "\(histogram) \(where_)")
                continue
            }
            let rank = max(1, (sorted.count * percentile + 9999) / 10_000)
            let truth = Double(min(sorted[rank - 1], (1 << 40) - 1))
            #expect(abs(estimate - truth) <= truth * StatsResult.percentileBounds + 1e-9, "\(histogram) p\(percentile) \(where_)")
        }
    }
}
