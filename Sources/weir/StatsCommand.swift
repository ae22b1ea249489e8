import ArgumentParser
import JSON

/// `weir stats`
struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Shows requests, errors, hits, tokens, money and latency of a window of time.",
        discussion: "Asks the running gateway. The numbers are exact, however many rows the event log still has.")
    @OptionGroup var common: CommonOptions
    @Option(name: .long, help: "The last so much time: 15m, 1h, 24h, 7d, 30d.") var window: String?
    @Option(name: .long, help: "The window's begin, with --to in place of --window.") var from: String?
    @Option(name: .long, help: "The window's end.") var to: String?
    @Option(name: .long, help: "tenant, provider, model, route, cache or error; several joined by commas.") var groupBy: String?
    @Option(name: .long, help: "Only of this tenant.") var tenant: String?
    @Option(name: .long, help: "Only of this provider.") var provider: String?
    @Option(name: .long, help: "Only of this model.") var model: String?
    @Option(name: .long, help: "Only of this route.") var route: String?
    @Option(name: .long, help: "Groups shown; the rest is summed up.") var top: Int?
    @Option(name: .long, help: "What ranks groups: requests, cost, errors or tokens.") var order: String?
    @Option(name: .long, help: "The length of a point of the series, in JSON and CSV: auto, 1m, 1h, 1d …") var step: String?
    @Flag(name: .long, help: "As JSON.") var json = false
    @Flag(name: .long, help: "As CSV.") var csv = false

    func validate() throws {
        guard !(json && csv) else { throw ValidationError("Either --json or --csv.") }
    }

    func run() throws {
        let client = try Target.client(common)
        var fields: [(String, String)] = []
        let options = [
            ("window", window), ("from", from), ("to", to), ("group_by", groupBy), ("tenant", tenant), ("provider", provider),
            ("model", model), ("route", route), ("top", top.map(String.init)), ("order", order), ("step", step),
        ]
        for (name, value) in options { if let value { fields.append((name, value)) } }
        if csv {
            let answer = try client.send("GET", path("/stats", fields + [("format", "csv")]))
            guard answer.status == 200 else { throw client.error(answer) }
            return Output.bytes(answer.body)
        }
        let result = try client.call("GET", path("/stats", fields))
        Output.result(json ? Terminal.json(result) : StatsText(result).text)
    }
}

/// Statistics as tables for people.
struct StatsText {
    private let result: JSONValue

    init(_ result: JSONValue) { self.result = result }

    var text: String {
        let window = result["window"]
        let groups = result["groups"]?.arrayValue ?? []
        let span = "\(window?["from"]?.stringValue ?? "") to \(window?["to"]?.stringValue ?? "")"
        return ([span, totals] + (groups.isEmpty ? [] : [table(of: groups)])).joined(separator: "\n\n")
    }

    private var totals: String {
        let all = Measures(result["totals"] ?? .null)
        var table = Table(["WHAT", "VALUE", "OF IT"])
        table.add([
            "requests", all.text("requests"),
            "\(all.text("attempts")) attempts, \(all.text("retries")) retries, \(all.text("fallbacks")) fallbacks",
        ])
        table.add(["errors", Figures.short(all.sum("errors")), all.parts("errors")])
        table.add(["hits", Figures.short(all.sum("hits")), all.parts("hits")])
        table.add(["hit ratio", all.ratio, "\(all.text("misses")) misses, \(all.text("bypasses")) bypasses"])
        table.add(["tokens in", all.text("tokens_in"), "\(all.text("tokens_cached")) from the provider's prompt cache"])
        table.add(["tokens out", all.text("tokens_out"), ""])
        table.add(["tokens saved", all.text("tokens_saved"), ""])
        table.add(["cost", all.dollars("cost"), "\(all.dollars("cost_saved")) saved"])
        table.add(["latency", all.milliseconds("latency_ms", "p50"), all.percentiles("latency_ms")])
        table.add(["first byte", all.milliseconds("ttfb_ms", "p50"), all.percentiles("ttfb_ms")])
        table.add(["overhead", all.milliseconds("overhead_us", "p50", perUnit: 0.001), all.percentiles("overhead_us", perUnit: 0.001)])
        return table.text
    }

    private func table(of groups: [JSONValue]) -> String {
        let names = groups.first?["key"]?.objectValue?.members.map(\.key) ?? []
        var table = Table(
            names.map { $0.uppercased() } + ["REQUESTS", "ERRORS", "HIT RATIO", "TOKENS", "SAVED", "COST", "SAVED", "P50", "P99"])
        for group in groups {
            let all = Measures(group)
            let key = names.map { group["key"]?[$0]?.stringValue ?? "" }
            table.add(
                key.map { $0.isEmpty ? "-" : $0 } + [
                    all.text("requests"), Figures.short(all.sum("errors")), all.ratio,
                    Figures.short(all.count("tokens_in") + all.count("tokens_out")),
                    all.text("tokens_saved"), all.dollars("cost"), all.dollars("cost_saved"), all.milliseconds("latency_ms", "p50"),
                    all.milliseconds("latency_ms", "p99"),
                ])
        }
        return table.text
    }

    /// The measures of a window, point or group.
    private struct Measures {
        let json: JSONValue

        init(_ json: JSONValue) { self.json = json }

        func count(_ name: String) -> Int { json[name]?.intValue ?? 0 }
        func text(_ name: String) -> String { Figures.short(count(name)) }
        func dollars(_ name: String) -> String { LogLine.dollars(json[name]?.doubleValue ?? 0) }

        var ratio: String { json["hit_ratio"]?.doubleValue.map { Figures.fixed($0 * 100, 1) + "%" } ?? "-" }

        func sum(_ name: String) -> Int { json[name]?.objectValue?.members.reduce(0) { $0 + ($1.value.intValue ?? 0) } ?? 0 }

        /// `3 exact, 1 stale`
        func parts(_ name: String) -> String {
            let parts = json[name]?.objectValue?.members.filter { ($0.value.intValue ?? 0) > 0 } ?? []
            return parts.map { "\(Figures.short($0.value.intValue ?? 0)) \($0.key)" }.joined(separator: ", ")
        }

        func milliseconds(_ name: String, _ figure: String, perUnit: Double = 1) -> String {
            json[name]?[figure]?.doubleValue.map { LogLine.duration($0 * perUnit) } ?? "-"
        }

        /// `p90 …, p99 …, mean …`
        func percentiles(_ name: String, perUnit: Double = 1) -> String {
            let figures = json[name]?.objectValue?.members.map(\.key).filter { $0 != "p50" } ?? []
            return figures.map { "\($0) \(milliseconds(name, $0, perUnit: perUnit))" }.joined(separator: ", ")
        }
    }
}
