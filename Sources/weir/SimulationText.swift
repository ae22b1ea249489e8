import GatewayModel
import GatewayServer
import JSON
import RateLimiting
import Tenants

/// What a replay found, for people and for scripts.
struct SimulationText {
    private let report: SimulationReport
    private let counts: ReplayCounts

    init(_ report: SimulationReport, _ counts: ReplayCounts) {
        self.report = report
        self.counts = counts
    }

    // MARK: For people

    /// A line about the recording, a table of limits, a table of tenants.
    var text: String { ([summary] + [limitTable, tenantTable].compactMap { $0 }).joined(separator: "\n\n") }

    private var summary: String {
        let total = report.total
        var lines = [
            "\(Self.count(total.offered, "request")) of \(Self.count(report.tenants.count, "tenant"))"
                + (report.first.map { ", \(Expiry.text(of: $0)) to \(Expiry.text(of: report.last ?? $0))" } ?? "")
                + "; \(Self.count(counts.others, "other line")), \(counts.unreadable) unreadable.",
            "These limits would have refused \(total.refused) (\(Self.share(total.refused, of: total.offered))); "
                + "\(total.refusedThen) were refused when they were recorded.",
        ]
        if report.lateCount > 0 { lines.append("\(report.lateCount) came too far out of order and count as later than they were.") }
        if report.endedEarlyCount > 0 { lines.append("\(report.endedEarlyCount) count as shorter than they were: too many at once.") }
        return lines.joined(separator: "\n")
    }

    private var limitTable: String? {
        guard !report.limits.isEmpty else { return nil }
        var table = Table(["OF", "LIMIT", "MET", "REFUSED", "FIRST", "WORST MINUTE", "PEAK USE", "LONGEST WAIT", "ENOUGH"])
        for result in report.limits {
            let worst = result.worstMinute.map { "\(result.worstMinuteRefused) at \(Self.minute($0))" }
            table.add([
                "\(result.scope.kind) \(result.scope.id)", LimitListing.words(result.limit) + (result.limit.isShadow ? " (shadow)" : ""),
                "\(result.met)", "\(result.refused) (\(Self.share(result.refused, of: result.met)))",
                result.firstRefusal.map(Self.minute) ?? "-", worst ?? "-", "\(result.peakPercent)%",
                result.retryAfterSecondsMax.map { SpanText.text(seconds: Int(clamping: $0)) } ?? "-", Self.enough(result),
            ])
        }
        return table.text
    }

    private var tenantTable: String? {
        guard !report.tenants.isEmpty else { return nil }
        var table = Table(["TENANT", "REQUESTS", "HITS", "WOULD REFUSE", "REFUSED THEN", "LIMITS"])
        for tenant in report.tenants {
            table.add([
                tenant.id, "\(tenant.counts.offered)", "\(tenant.counts.hits)",
                "\(tenant.counts.refused) (\(Self.share(tenant.counts.refused, of: tenant.counts.offered)))",
                "\(tenant.counts.refusedThen)", tenant.isLimited ? "yes" : "none",
            ])
        }
        return table.text
    }

    /// What would have refused nothing: `burst 37`, `$12.50`.
    private static func enough(_ result: SimulationReport.LimitResult) -> String {
        guard result.met > 0 else { return "-" }
        guard let enough = result.enough else { return "no limit would do" }
        let amount = LimitText.amount(enough, result.limit.measure)
        if case .bucket = result.limit.window { return "burst \(result.limit.measure == .cost ? amount : "\(enough)")" }
        return amount
    }

    private static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// `2.5%`; `<0.1%` rather than none.
    private static func share(_ part: Int, of whole: Int) -> String {
        guard part > 0, whole > 0 else { return "0%" }
        let tenths = Int((Double(part) * 1000 / Double(whole)).rounded())
        return tenths == 0 ? "<0.1%" : "\(tenths / 10).\(tenths % 10)%"
    }

    /// `2026-03-01T12:04Z`
    private static func minute(_ time: WallTime) -> String { String(Expiry.text(of: time).dropLast(4)) + "Z" }

    // MARK: For scripts

    /// All numbers; money is decimal text in USD.
    var json: JSONValue {
        var object = JSONObject()
        object["requests"] = .number(report.total.offered)
        object["hits"] = .number(report.total.hits)
        object["refused"] = .number(report.total.refused)
        object["refused_then"] = .number(report.total.refusedThen)
        object["first"] = Self.time(report.first)
        object["last"] = Self.time(report.last)
        object["other_lines"] = .number(counts.others)
        object["unreadable_lines"] = .number(counts.unreadable)
        object["out_of_order"] = .number(report.lateCount)
        object["ended_early"] = .number(report.endedEarlyCount)
        object["limits"] = .array(report.limits.map(Self.json))
        object["tenants"] = .array(
            report.tenants.map {
                [
                    "tenant": .string($0.id), "requests": .number($0.counts.offered), "hits": .number($0.counts.hits),
                    "refused": .number($0.counts.refused), "refused_then": .number($0.counts.refusedThen), "limited": .bool($0.isLimited),
                ]
            })
        return .object(object)
    }

    private static func json(_ result: SimulationReport.LimitResult) -> JSONValue {
        var object = JSONObject()
        object["scope"] = .string(result.scope.kind)
        object["id"] = .string(result.scope.id)
        object["name"] = .string(result.policyName)
        object["text"] = .string(LimitListing.words(result.limit))
        object["shadow"] = .bool(result.limit.isShadow)
        object["met"] = .number(result.met)
        object["refused"] = .number(result.refused)
        object["refused_for_good"] = .number(result.refusedForGood)
        object["first_refusal"] = time(result.firstRefusal)
        object["worst_minute"] = time(result.worstMinute)
        object["worst_minute_refused"] = .number(result.worstMinuteRefused)
        object["peak_percent"] = .number(result.peakPercent)
        object["retry_after_seconds_max"] = result.retryAfterSecondsMax.map { .number(Int(clamping: $0)) } ?? .null
        object["enough"] =
            result.enough.map { result.limit.measure == .cost ? .string(LimitText.usd($0)) : .number(Int(clamping: $0)) } ?? .null
        return .object(object)
    }

    private static func time(_ time: WallTime?) -> JSONValue { time.map { .string(Expiry.text(of: $0)) } ?? .null }
}
