// How use is counted against the limits of tenants, keys and routes.

extension ParameterTable {
    static let metering: [Parameter] = [
        Parameter("metering", .section, "How use is counted against the limits of tenants, keys and routes."),
        Parameter(
            "metering.default_max_tokens", .count(unit: "tokens"), .integer(256), 0...1_000_000,
            "The output assumed beforehand of a request that names no maximum. What it really used is charged at its end."),
        Parameter(
            "metering.hits_factor", .count(unit: ""), .integer(50), 1...10_000,
            "How many times its rate of requests may be answered from the cache where there is a limit of requests and none of hits."),
        Parameter(
            "metering.metadata_values_max", .count(unit: "values"), .integer(10_000), 1...1_000_000,
            "Metadata values of a tenant that are counted each on their own. All further ones share one count."),
        Parameter(
            "metering.alert_webhook", .text, .none, 1...2048,
            "An https URL, or http on loopback, that is sent a JSON message when a budget reaches a percentage of alert_at."),
        Parameter("metering.alert_webhook_secret", .secret, "Sent to alert_webhook as Authorization: Bearer."),
    ]
}
