import GatewayModel
import GatewayServer

/// The exposition text of `/metrics` (Prometheus format 0.0.4), from the one table of counters.
struct Metrics {
    private let control: ControlPlane

    init(_ control: ControlPlane) { self.control = control }

    /// All counters, then gauges.
    var text: [UInt8] {
        var output: [UInt8] = []
        for counter in Counter.allCases {
            append(counter.name, "counter", counter.help, [("", control.value(of: counter))], to: &output)
        }
        let reasons = CacheReason.allCases.map { ("{reason=\"\($0.rawValue)\"}", control.value(of: $0)) }
        append(
            "weir_cache_reason_total", "counter", "Why an answer was not read from, or not kept in, the cache.", reasons, to: &output)
        let gauges: [(String, String, UInt64)] = [
            ("weir_requests_in_flight", "Requests that occupy an upstream slot.", UInt64(clamping: control.inFlight)),
            ("weir_connections_open", "Client connections open on the data port.", UInt64(clamping: control.connections)),
            (
                "weir_breakers_open", "Targets that are not asked because every key's breaker is open.",
                UInt64(clamping: control.openBreakers)
            ),
            ("weir_flights_open", "Upstream answers that other requests may follow.", UInt64(clamping: control.flights)),
        ]
        for (name, help, value) in gauges { append(name, "gauge", help, [("", value)], to: &output) }
        return output
    }

    private func append(_ name: String, _ type: String, _ help: String, _ samples: [(String, UInt64)], to output: inout [UInt8]) {
        output.append(contentsOf: "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n".utf8)
        for (labels, value) in samples { output.append(contentsOf: "\(name)\(labels) \(value)\n".utf8) }
    }
}
