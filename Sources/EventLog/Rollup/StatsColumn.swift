import GatewayModel

/// A field of the measures as JSON and CSV show it. One list for both.
struct StatsColumn {
    /// The member it is nested in, if any, and its name.
    let path: [String]
    /// Appends its text; returns `false`, and appends nothing, where there is no figure.
    let append: (StatsMeasures, inout [UInt8]) -> Bool

    /// All, in the order of the contract.
    static func all(percentiles: [Int]) -> [StatsColumn] {
        var columns: [StatsColumn] = [sum("requests", .requests), sum("attempts", .attempts), sum("successes", .successes)]
        for kind in GatewayEvent.ErrorKind.allCases where kind != .none { columns.append(count(["errors", kind.name]) { $0[kind] }) }
        for layer: GatewayEvent.CacheLayer in [.exact, .stale, .semantic, .collapsed, .partial] {
            columns.append(count(["hits", layer.name]) { $0[layer] })
        }
        columns += [
            count(["misses"]) { $0[GatewayEvent.CacheLayer.miss] }, count(["bypasses"]) { $0[GatewayEvent.CacheLayer.bypass] },
            figure(["hit_ratio"], scale: 1e6, decimals: 6) { $0.hitRatio },
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

    private static func sum(_ name: String, _ measure: RollupMeasure, decimals: Int = 0) -> StatsColumn {
        StatsColumn(path: [name]) {
            DecimalText.append($0[measure], decimals: decimals, to: &$1)
            return true
        }
    }

    private static func count(_ path: [String], _ value: @escaping (StatsMeasures) -> UInt64) -> StatsColumn {
        StatsColumn(path: path) {
            $1.append(decimal: value($0))
            return true
        }
    }

    private static func figure(
        _ path: [String], scale: Double, decimals: Int, _ value: @escaping (StatsMeasures) -> Double?
    ) -> StatsColumn {
        StatsColumn(path: path) { measures, bytes in
            guard let value = value(measures) else { return false }
            DecimalText.append(value, scale: scale, decimals: decimals, to: &bytes)
            return true
        }
    }

    private static func distribution(
        _ name: String, _ histogram: RollupHistogram, scale: Double, decimals: Int, _ percentiles: [Int]
    ) -> [StatsColumn] {
        let columns = percentiles.enumerated().map { place, percentile in
            figure([name, StatsResult.percentileName(percentile)], scale: scale, decimals: decimals) { $0.percentile(place, of: histogram) }
        }
        return columns + [figure([name, "mean"], scale: scale, decimals: decimals) { $0.mean(of: histogram) }]
    }
}

/// Numbers in decimal, without going through a binary fraction.
enum DecimalText {
    /// Appends `value` / 10^`decimals`, without trailing zeros.
    static func append(_ value: UInt64, decimals: Int, to bytes: inout [UInt8]) {
        var unit: UInt64 = 1
        for _ in 0..<decimals { unit *= 10 }
        bytes.append(decimal: value / unit)
        var rest = value % unit
        guard rest > 0 else { return }
        bytes.append(0x2E)
        while rest > 0 {
            unit /= 10
            bytes.append(UInt8(truncatingIfNeeded: 0x30 + rest / unit))
            rest %= unit
        }
    }

    /// Appends a figure, rounded: `scale` is what makes one unit of the last decimal of it 1.
    static func append(_ value: Double, scale: Double, decimals: Int, to bytes: inout [UInt8]) {
        let scaled = (value * scale).rounded()
        append(scaled >= 1.8e19 ? UInt64.max : UInt64(max(0, scaled)), decimals: decimals, to: &bytes)
    }
}
