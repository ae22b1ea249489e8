import GatewayModel

/// Limits in words, for messages, reports and tables.
public enum LimitText {
    /// An amount with its unit: `100 requests`, `1 token`, `$0.25`.
    public static func amount(_ amount: Int64, _ measure: LimitMeasure) -> String {
        switch measure {
        case .requests: "\(amount) request\(amount == 1 ? "" : "s")"
        case .hits: "\(amount) hit\(amount == 1 ? "" : "s")"
        case .tokens: "\(amount) token\(amount == 1 ? "" : "s")"
        case .inputTokens: "\(amount) input token\(amount == 1 ? "" : "s")"
        case .outputTokens: "\(amount) output token\(amount == 1 ? "" : "s")"
        case .cost: "$" + usd(amount)
        case .concurrency: "\(amount) at once"
        }
    }

    /// Nano-USD as USD: at least two decimals, at most nine, none that is a trailing zero beyond the second.
    public static func usd(_ nanoUSD: Int64) -> String {
        let magnitude = nanoUSD.magnitude
        var fraction = String(magnitude % 1_000_000_000)
        fraction = String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
        while fraction.utf8.count > 2, fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(nanoUSD < 0 ? "-" : "")\(magnitude / 1_000_000_000).\(fraction)"
    }

    /// A limit in words: `100 requests per 1 m`, `$50.00 per month`, `8 at once`.
    public static func describe(_ limit: Limit) -> String {
        let amount = amount(limit.amount, limit.measure)
        switch limit.window {
        case .bucket(let nanoseconds): return "\(amount) per \(period(seconds: nanoseconds / 1_000_000_000))"
        case .rolling(let seconds): return "\(amount) in any \(period(seconds: seconds))"
        case .calendar(let window): return "\(amount) per \(window.rawValue)"
        case .atOnce: return amount
        }
    }

    /// A span in its largest whole unit: `1m`, `30d`, `90s`.
    public static func period(seconds: Int64) -> String {
        for (unit, length) in [("d", 86_400), ("h", 3600), ("m", 60)] as [(String, Int64)] where seconds >= length && seconds % length == 0
        {
            return "\(seconds / length)\(unit)"
        }
        return "\(seconds)s"
    }
}
