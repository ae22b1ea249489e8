import ExactCache
import GatewayModel
import GatewayServer
import JSON

/// What the exact cache holds and did, as `GET /cache/stats` and `weir cache stats` tell.
public enum CacheReport {
    /// The statistics of an open cache.
    public static func describe(_ statistics: CacheStatistics) -> JSONValue {
        let refused = statistics.refused.sorted { $0.key.rawValue < $1.key.rawValue }
        return .object(pairs: [
            ("entries", .number(statistics.entries)), ("bytes", .number(statistics.bytes)), ("bytes_max", .number(statistics.byteCap)),
            ("used_percent", .number(statistics.usedPercent)), ("pending_entries", .number(statistics.pendingEntries)),
            ("pending_bytes", .number(statistics.pendingBytes)), ("stored", number(statistics.stored)),
            ("evicted", number(statistics.evicted)),
            ("bad_records", number(statistics.badReads)), ("removed_bad", number(statistics.removedBad)),
            ("purges", number(statistics.purges)),
            ("refused", .object(pairs: refused.map { ($0.key.rawValue, number($0.value)) })),
        ])
    }

    /// The statistics, with the requests' side of the running gateway.
    static func describe(_ control: ControlPlane) -> JSONValue {
        guard let cache = control.cache, case .object(var object) = describe(cache.statistics) else {
            return ["error": .string(control.cacheProblem ?? "The cache store is not open.")]
        }
        for (name, counter) in [
            ("hits", Counter.hits), ("stale_hits", .staleHits), ("misses", .misses), ("collapsed", .collapsed), ("bypasses", .bypasses),
        ] {
            object.members.append(JSONObject.Member(key: name, value: number(control.value(of: counter))))
        }
        let reasons = CacheReason.allCases.map { ($0.rawValue, number(control.value(of: $0))) }.filter { $0.1 != .number("0") }
        object.members.append(JSONObject.Member(key: "reasons", value: .object(pairs: reasons)))
        return .object(object)
    }

    private static func number(_ value: UInt64) -> JSONValue { .number(String(value)) }
}
