import GatewayModel
import Glibc
import TestSupport
import Testing

@testable import RateLimiting

let isMeasuring = getenv("WEIR_MEASURE") != nil

/// Timings, printed with WEIR_MEASURE=1 in a release build: `WEIR_MEASURE=1 swift test -c release --filter LimitMeasurements`.
@Suite(.enabled(if: isMeasuring), .serialized) struct LimitMeasurements {
    private static let rounds = 1_000_000

    /// Best of five runs, in nanoseconds a round.
    @discardableResult
    private func measure(_ name: String, limit: Double, _ body: (Int) -> Void) -> Double {
        var best = Double.infinity
        for _ in 0..<5 {
            let begin = MonotonicTime.now()
            for round in 0..<LimitMeasurements.rounds { body(round) }
            best = min(best, Double(MonotonicTime.now().nanoseconds(since: begin)) / Double(LimitMeasurements.rounds))
        }
        print("measured: \(name): \(best) ns")
        #expect(best <= limit)
        return best
    }

    private let time = ManualTime()

    private func at(_ round: Int) -> LimitTime {
        var time = time
        time.advance(nanoseconds: UInt64(round) * 1000)
        return time.now
    }

    @Test func admission() {
        let fast = requests(1_000_000, per: 1, burst: 1_000_000_000)
        let nested = (0..<4).map { _ in bound(fast, time.now) }
        measure("admission with 4 nested request limits", limit: 500) { round in _ = LimitAdmission.admit(nested.span, at(round)) }
        let one = [nested[0]]
        measure("admission with 1 request limit", limit: 200) { round in _ = LimitAdmission.admit(one.span, at(round)) }
        let places = Array(nested[..<2]) + [bound(concurrency(5), time.now), bound(concurrency(5), time.now)]
        measure("admission with 2 request and 2 concurrency limits, and release", limit: 1000) { round in
            var slots = ConcurrencySlots()
            _ = LimitAdmission.admit(places.span, at(round), holding: &slots)
            slots.release()
        }
        let spent = bound(requests(1, per: 86_400), time.now)
        _ = admit([spent], time.now)
        let refusing = Array(nested[..<3]) + [spent]
        measure("refusal by the last of 4", limit: 1000) { round in _ = LimitAdmission.admit(refusing.span, at(round)) }
    }

    /// Four nested limits, as of a key and its tenant; the tenants in an order that no cache foresees.
    @Test func tenants() {
        let costs = [1, 10_000].map { count in
            let registry = LimitRegistry()
            let limits = [requests(1_000_000, per: 1, burst: 1_000_000_000), requests(1_000_000_000, per: 3600), concurrency(1000)]
            let tenants = (0..<count).map { index in
                registry.bind(limits, scope: .tenant("t\(index)"), time.now).requests
                    + registry.bind([limits[0]], scope: .key("k\(index)"), time.now).requests
            }
            var random = SplitMix64(seed: 8)
            let order = (0..<65_536).map { _ in Int.random(in: 0..<count, using: &random) }
            return measure("admission with 4 nested limits, of \(count) tenants", limit: 500) { round in
                let limits = tenants[order[round & 65_535]]
                var slots = ConcurrencySlots()
                _ = LimitAdmission.admit(limits.span, at(round), holding: &slots)
                slots.release()
            }
        }
        print("measured: 10,000 tenants add \(costs[1] - costs[0]) ns to a request")
    }

    @Test func reservation() {
        let levels = (0..<3).map { _ in bound(tokens(1_000_000_000, per: 1, burst: 1_000_000_000_000), time.now) }
        measure("reserve and settle with 3 levels", limit: 1000) { round in
            var reservation = Reservation()
            _ = LimitAdmission.reserve(levels.span, estimate: estimate(100, 200), at(round), into: &reservation)
            reservation.settle(actual: MeteredUse(inputTokens: 100, outputTokens: 90), at(round))
        }
        let budgets = [cost(Limit.amountMax, .calendar(.month)), cost(Limit.amountMax, .rolling(seconds: 86_400))].map {
            bound($0, time.now)
        }
        let mixed = [levels[0]] + budgets
        measure("reserve and settle with a level, a calendar and a rolling budget", limit: 2000) { round in
            var reservation = Reservation()
            _ = LimitAdmission.reserve(mixed.span, estimate: estimate(100, 200, cost: 10), at(round), into: &reservation)
            reservation.settle(actual: MeteredUse(inputTokens: 100, outputTokens: 90, cost: 9), at(round))
        }
    }

    @Test func status() {
        for limit in [
            requests(100, per: 60), tokens(100_000, per: 60), cost(100, .calendar(.month)), cost(100, .rolling(seconds: 3600)),
            concurrency(9),
        ] {
            let bound = bound(limit, time.now)
            if !limit.measure.isMetered { _ = bound.cell.take(time.now) } else { _ = spend([bound], estimate(50, cost: 50), time.now) }
            var sum: Int64 = 0
            measure("status of \(limit.measure) \(limit.window)", limit: 50) { round in sum &+= bound.status(at(round / 1000)).remaining }
            #expect(sum >= 0)
        }
    }

    @Test func registry() {
        let registry = LimitRegistry()
        let limits = [requests(100), tokens(1000), cost(100, .calendar(.month)), concurrency(5)]
        let before = residentBytes()
        let begin = MonotonicTime.now()
        for index in 0..<10_000 { _ = registry.bind(limits, scope: .tenant("tenant-\(index)"), time.now) }
        let middle = MonotonicTime.now()
        for index in 0..<10_000 { _ = registry.bind(limits, scope: .tenant("tenant-\(index)"), time.now) }
        let end = MonotonicTime.now()
        print(
            "measured: 10,000 tenants bound: \(middle.nanoseconds(since: begin) / 10_000) ns each, again \(end.nanoseconds(since: middle) / 10_000) ns each"
        )
        print("measured: \((residentBytes() - before) / 50_000) bytes for each of 5 buckets, definitions and tables included")
        let scan = MonotonicTime.now()
        _ = registry.takeDirty(max: 1000, time.now)
        print("measured: look for changed buckets among 50,000: \(MonotonicTime.now().nanoseconds(since: scan) / 1000) µs")
        for index in 0..<10_000 {
            _ = spend(registry.bind(limits, scope: .tenant("tenant-\(index)"), time.now).metered, estimate(1, cost: 1), time.now)
        }
        let taking = MonotonicTime.now()
        let count = registry.takeDirty(max: 50_000, time.now).count
        print("measured: take \(count) records: \(MonotonicTime.now().nanoseconds(since: taking) / UInt64(count)) ns each")
        let alerting = MonotonicTime.now()
        _ = registry.takeAlerts(time.now)
        print("measured: look for alerts among 50,000: \(MonotonicTime.now().nanoseconds(since: alerting) / 1000) µs")

        let family = LimitRegistry().bind(
            [Limit(measure: .tokens, selector: .metadata("user"), amount: 10, window: .bucket(nanoseconds: second))], scope: .tenant("t"),
            time.now
        ).families[0]
        let values = (0..<10_000).map { Array("user-\($0)".utf8) }
        let memory = residentBytes()
        for value in values { _ = family.limits(for: value.span, time.now) }
        print("measured: \((residentBytes() - memory) / 10_000) bytes for each metadata value with one bucket")
        measure("look-up of a metadata value among 10,000", limit: 500) { round in
            let value = values[round % 10_000]
            _ = family.limits(for: value.span, time.now)
        }
    }

    private func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 200)
        guard fgets(&line, 200, file) != nil else { return 0 }
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * 4096
    }
}
