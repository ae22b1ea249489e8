import GatewayModel
import GatewayServer
import JSON

/// `GET /stats`: the counters since start by their names without prefix and suffix, and the targets. Windows and rates come with the event log.
enum StatsReport {
    static func describe(_ control: ControlPlane) -> JSONValue {
        var counters = JSONObject()
        for counter in Counter.allCases {
            counters[counter.isNano ? "cost_nanousd" : shortName(counter.name)] = .number(Int(clamping: control.value(of: counter)))
        }
        return [
            "counters": .object(counters), "in_flight": .number(control.inFlight), "connections": .number(control.connections),
            "flights": .number(control.flights), "targets": control.targetReadings(),
        ]
    }

    /// `weir_requests_total` as `requests`.
    private static func shortName(_ name: String) -> String {
        var name = name[...]
        if name.hasPrefix("weir_") { name = name.dropFirst(5) }
        if name.hasSuffix("_total") { name = name.dropLast(6) }
        return String(name)
    }
}
