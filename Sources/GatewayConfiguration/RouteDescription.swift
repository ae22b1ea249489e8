public import JSON
import Routing

// Routes as JSON, for `weir routes` and the admin API.

extension RouteDefinition {
    /// The route in short: strategy, targets, and what happens when they fail.
    public var json: JSONValue {
        var object = JSONObject()
        object["name"] = .string(name)
        object["strategy"] = .string(selection.strategy.rawValue)
        object["targets"] = .array(targets.map { .string($0.provider + "/" + $0.model) })
        object["dialects"] = .array(dialects.map { .string($0.name) })
        object["cache_by"] = .string(cacheBy.rawValue)
        object["retry"] = retry.json
        object["hedge"] = hedge.map(\.json) ?? .null
        for refusal in UpstreamRefusal.allCases {
            let targets = refusals[refusal]?.plan.targets.map { JSONValue.string($0.name) }
            object["on_" + refusal.rawValue] = targets.map { .array($0) } ?? .null
        }
        object["hints"] = .bool(allowsHints)
        object["store_fallback_under_route"] = .bool(storesFallbackUnderRoute)
        return .object(object)
    }
}

extension RouteTarget {
    /// `provider/model`.
    var name: String { target.provider + "/" + target.model }
}

extension RetryPolicy {
    /// The policy with durations in milliseconds.
    var json: JSONValue {
        [
            "attempts": .number(attemptsPerTarget), "delay_ms": .number(delayMilliseconds), "backoff": .string(backoff.rawValue),
            "steps": .number(stepsMax), "deadline_ms": .number(Int(clamping: deadlineMilliseconds)),
            "retry_after_max_ms": .number(Int(clamping: retryAfterMillisecondsMax)),
            "patience_ms": .number(Int(clamping: patienceMilliseconds)), "on_timeout": .bool(repeatsTimedOut),
            "on_stored": .bool(repeatsStored),
        ]
    }
}

extension HedgePolicy {
    /// The policy with durations in milliseconds.
    var json: JSONValue {
        [
            "quantile": .number(quantile), "delay_min_ms": .number(Int(clamping: delayMillisecondsMin)),
            "delay_max_ms": .number(Int(clamping: delayMillisecondsMax)),
        ]
    }
}
