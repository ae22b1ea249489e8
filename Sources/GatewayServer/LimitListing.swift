import GatewayModel
import JSON
import RateLimiting
import Tenants

/// Limits and how they stand as JSON: one shape for the admin port, the commands and `GET /weir/usage`. Money is decimal text in USD.
public enum LimitListing {
    /// `{"scope": "tenant", "id": "acme", "limits": […]}`
    public static func object(_ scope: LimitScope, _ reports: [LimitReport]) -> JSONObject {
        var object = JSONObject()
        object["scope"] = .string(scope.kind)
        object["id"] = .string(scope.id)
        object["limits"] = .array(reports.map { .object(limit($0)) })
        return object
    }

    /// One bucket.
    static func limit(_ report: LimitReport) -> JSONObject {
        let limit = report.limit
        let status = report.status
        func amount(_ amount: Int64) -> JSONValue {
            limit.measure == .cost ? .string(LimitText.usd(amount)) : .number(Int(clamping: amount))
        }
        var object = JSONObject()
        object["name"] = .string(report.policyName)
        object["measure"] = .string(limit.measure.rawValue)
        object["selector"] = selector(limit.selector)
        if let value = report.value { object["value"] = .string(value) }
        object["text"] = .string(words(limit))
        object["amount"] = amount(limit.amount)
        addWindow(limit.window, to: &object)
        object["burst"] = amount(limit.burst)
        object["unit"] = .string(limit.measure == .cost ? "USD" : limit.measure.rawValue)
        object["remaining"] = amount(status.remaining)
        object["spent"] = amount(status.spent)
        object["outstanding"] = amount(status.outstanding)
        object["reset_seconds"] = .number(Int(clamping: report.resetSeconds))
        if let end = report.windowEnds { object["resets_at"] = .string(Expiry.text(of: end)) }
        object["refused"] = .number(Int(report.refused))
        object["shadow_refused"] = .number(Int(report.shadowRefused))
        object["underestimated"] = .number(Int(report.underestimated))
        object["shadow"] = .bool(limit.isShadow)
        return object
    }

    /// The limit in words, with what it holds for: `100 requests per 1m for model gpt-4o*`.
    public static func words(_ limit: Limit) -> String {
        let burst = limit.burst == limit.amount ? "" : ", burst \(LimitText.amount(limit.burst, limit.measure))"
        let text = LimitText.describe(limit) + burst
        return switch limit.selector {
        case .all: text
        case .model(let pattern): "\(text) for model \(pattern)"
        case .metadata(let name): "\(text) for each \(name)"
        }
    }

    private static func selector(_ selector: LimitSelector) -> JSONValue {
        switch selector {
        case .all: "all"
        case .model(let pattern): ["model": .string(pattern)]
        case .metadata(let name): ["metadata": .string(name)]
        }
    }

    private static func addWindow(_ window: LimitWindow, to object: inout JSONObject) {
        let (kind, period): (String, String?) =
            switch window {
            case .bucket(let nanoseconds): ("bucket", LimitText.period(seconds: nanoseconds / 1_000_000_000))
            case .rolling(let seconds): ("rolling", LimitText.period(seconds: seconds))
            case .calendar(let window): ("calendar", window.rawValue)
            case .atOnce: ("at_once", nil)
            }
        object["window"] = .string(kind)
        object["per"] = period.map { .string($0) } ?? .null
    }
}
