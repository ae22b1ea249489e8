import GatewayModel
import Hashing

/// The answer to a `StatsQuery`. `StatsResult+JSON` and `StatsResult+CSV` write it.
public struct StatsResult: Sendable {
    /// The query.
    public internal(set) var query: StatsQuery
    /// The sum of the series.
    public internal(set) var totals: StatsMeasures
    /// One point per step, those without events too.
    public internal(set) var series: [StatsPoint]
    /// The groups, ranked; the rest, named `other` in all dimensions, last.
    public internal(set) var groups: [StatsGroup]
    /// Requests of the window counted under `other` in a dimension, because a bound was reached.
    public internal(set) var labelOverflow: UInt64
    /// Records of the store that were damaged and are missing from the answer. A record may count twice.
    public internal(set) var damaged: Int

    /// The largest relative error of a percentile.
    public static let percentileBounds = LogLinearBuckets.relativeError

    /// A weak entity tag of an answer's bytes, quotes included.
    public static func entityTag(of bytes: Span<UInt8>) -> String {
        let hash = xxh3_128(bytes)
        var text: [UInt8] = []
        text.append(literal: "W/\"")
        for word in [hash.high, hash.low] {
            for shift in stride(from: 60, through: 0, by: -4) {
                text.append(hexDigit(UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15))
            }
        }
        text.append(0x22)
        return String(decoding: text, as: UTF8.self)
    }

    /// `p50`, `p99.9`.
    static func percentileName(_ hundredths: Int) -> String { "p" + DecimalText.text(UInt64(hundredths), decimals: 2) }
}

/// Numbers in decimal, without going through a binary fraction.
enum DecimalText {
    /// `value` / 10^`decimals`, without trailing zeros.
    static func text(_ value: UInt64, decimals: Int) -> String {
        var digits = String(value)
        if digits.utf8.count <= decimals { digits = String(repeating: "0", count: decimals + 1 - digits.utf8.count) + digits }
        let whole = digits.dropLast(decimals)
        var fraction = digits.suffix(decimals)
        while fraction.last == "0" { fraction.removeLast() }
        return fraction.isEmpty ? String(whole) : "\(whole).\(fraction)"
    }

    /// A figure that may be missing, rounded.
    static func text(_ value: Double?, scale: Double, decimals: Int) -> String? {
        guard let value else { return nil }
        let scaled = (value * scale).rounded()
        return text(scaled >= 1.8e19 ? UInt64.max : UInt64(max(0, scaled)), decimals: decimals)
    }
}

/// A field of the measures as JSON and CSV show it.
struct StatsColumn {
    /// The members it is nested in, and its name.
    let path: [String]
    /// Its text; `nil` for none.
    let text: (StatsMeasures) -> String?

    /// All, in the order of the contract.
    static func all(percentiles: [Int]) -> [StatsColumn] {
        var columns: [StatsColumn] = [sum("requests", .requests), sum("attempts", .attempts), sum("successes", .successes)]
        for kind in GatewayEvent.ErrorKind.allCases where kind != .none {
            columns.append(StatsColumn(["errors", kind.name]) { String($0[kind]) })
        }
        for layer: GatewayEvent.CacheLayer in [.exact, .stale, .semantic, .collapsed, .partial] {
            columns.append(StatsColumn(["hits", layer.name]) { String($0[layer]) })
        }
        columns += [
            StatsColumn(["misses"]) { String($0[GatewayEvent.CacheLayer.miss]) },
            StatsColumn(["bypasses"]) { String($0[GatewayEvent.CacheLayer.bypass]) },
            StatsColumn(["hit_ratio"]) { DecimalText.text($0.hitRatio, scale: 1e6, decimals: 6) },
            sum("tokens_in", .tokensIn), sum("tokens_out", .tokensOut), sum("tokens_cached", .tokensCached),
            sum("tokens_saved", .tokensSaved),
            sum("cost", .cost, decimals: 9), sum("cost_saved", .costSaved, decimals: 9), sum("request_bytes", .requestBytes),
            sum("response_bytes", .responseBytes), sum("retries", .retries), sum("fallbacks", .fallbacks),
        ]
        columns += distribution("latency_ms", .latency, scale: 1, decimals: 3, percentiles)
        columns += distribution("overhead_us", .overhead, scale: 10, decimals: 1, percentiles)
        columns += distribution("ttfb_ms", .firstByte, scale: 1, decimals: 3, percentiles)
        columns += distribution("tokens_per_second", .rate, scale: 1, decimals: 3, percentiles)
        return columns
    }

    private init(_ path: [String], _ text: @escaping (StatsMeasures) -> String?) {
        self.path = path
        self.text = text
    }

    private static func sum(_ name: String, _ measure: RollupMeasure, decimals: Int = 0) -> StatsColumn {
        StatsColumn([name]) { DecimalText.text($0[measure], decimals: decimals) }
    }

    private static func distribution(
        _ name: String, _ histogram: RollupHistogram, scale: Double, decimals: Int, _ percentiles: [Int]
    ) -> [StatsColumn] {
        let columns = percentiles.enumerated().map { place, percentile in
            StatsColumn([name, StatsResult.percentileName(percentile)]) {
                DecimalText.text($0.percentile(place, of: histogram), scale: scale, decimals: decimals)
            }
        }
        return columns + [StatsColumn([name, "mean"]) { DecimalText.text($0.mean(of: histogram), scale: scale, decimals: decimals) }]
    }
}
