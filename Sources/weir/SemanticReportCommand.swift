import ArgumentParser
import JSON

/// `weir semantic report`
struct SemanticReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Shows hits, audits, the error with its interval, savings, and the riskiest pairs served.",
        discussion: """
            Asks the running gateway. Counts are since its start, those of scopes since they began. The error is wrong answers of all requests, \
            as the last audits tell, with the ends of its 95 % interval. weir semantic evict takes the number of an entry.
            """)
    @OptionGroup var common: CommonOptions
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        let result = try Target.client(common).call("GET", "/semantic")
        Output.result(json ? Terminal.json(result) : SemanticReportText(result).text)
    }
}

/// `weir semantic evict`
struct SemanticEvictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evict", abstract: "Evicts a wrong answer with all questions that it would be served for.",
        discussion: "Asks the running gateway. When the command returns, the answer is served for similar questions no more.")
    @OptionGroup var common: CommonOptions
    @Argument(help: "The number of an entry: from the report, or entry= of weir-semantic-match.") var entry: UInt64

    func run() throws {
        _ = try Target.client(common).call("DELETE", "/semantic/entries/\(entry)")
        Output.result("evicted \(entry)")
    }
}

/// The semantic cache's figures as tables for people.
struct SemanticReportText {
    private let report: JSONValue

    init(_ report: JSONValue) { self.report = report }

    var text: String {
        guard report["state"]?.stringValue != "off" else { return "off: \(report["problem"]?.stringValue ?? "")" }
        return [totals, scopes, riskiest].compactMap { $0 }.joined(separator: "\n\n")
    }

    private func count(_ name: String) -> String { Figures.short(report[name]?.intValue ?? 0) }

    private func parts(_ name: String) -> String {
        let members = report[name]?.objectValue?.members.filter { ($0.value.intValue ?? 0) > 0 } ?? []
        return members.map { "\(Figures.short($0.value.intValue ?? 0)) \($0.key)" }.joined(separator: ", ")
    }

    private var totals: String {
        let (models, judge) = (report["models"], report["judge"])
        var table = Table(["WHAT", "VALUE", "OF IT"])
        table.add([
            "state", report["state"]?.stringValue ?? "", "\(models?["gate"]?.stringValue ?? ""), \(models?["sentence"]?.stringValue ?? "")",
        ])
        table.add(["entries", count("entries"), "\(count("partitions")) partitions"])
        table.add(["look-ups", count("lookups"), parts("misses")])
        table.add(["not eligible", Figures.short(sum("ineligible")), parts("ineligible")])
        table.add(["served", count("served"), share(report["served"]?.intValue ?? 0, of: scopeSum("requests"))])
        table.add(["audits", Figures.short(scopeSum("audits_judged")), "\(Figures.short(scopeSum("audits_wrong"))) wrong"])
        let verdicts = ["equal", "different", "unsure", "dropped", "waiting"].map { "\(Figures.short(judge?[$0]?.intValue ?? 0)) \($0)" }
        table.add(["judged", Figures.short(judge?["judged"]?.intValue ?? 0), verdicts.joined(separator: ", ")])
        table.add(["saved", LogLine.dollars(report["cost_saved_usd"]?.doubleValue ?? 0), "\(count("tokens_saved")) tokens"])
        return table.text
    }

    private func sum(_ name: String) -> Int { report[name]?.objectValue?.members.reduce(0) { $0 + ($1.value.intValue ?? 0) } ?? 0 }

    private func scopeSum(_ name: String) -> Int { (report["scopes"]?.arrayValue ?? []).reduce(0) { $0 + ($1[name]?.intValue ?? 0) } }

    private func share(_ part: Int, of whole: Int) -> String {
        whole > 0 ? "\(Figures.fixed(Double(part) / Double(whole) * 100, 1))% of \(Figures.short(whole)) requests" : ""
    }

    private var scopes: String? {
        guard let scopes = report["scopes"]?.arrayValue, !scopes.isEmpty else { return nil }
        var table = Table(["SCOPE", "REQUESTS", "SERVED", "AUDITS", "WRONG", "ERROR", "95% INTERVAL", "BOUND: SERVED FROM P", "ALARM"])
        for scope in scopes {
            let number = { (name: String) in Figures.short(scope[name]?.intValue ?? 0) }
            let interval = scope["audited_error_interval"]?.arrayValue?.compactMap(\.doubleValue) ?? []
            table.add([
                scope["scope"]?.stringValue ?? "", number("requests"), number("served"), number("audits_judged"), number("audits_wrong"),
                scope["audited_error"]?.doubleValue.map(Self.percent) ?? "-",
                interval.count == 2 ? "\(Self.percent(interval[0])) to \(Self.percent(interval[1]))" : "-",
                Self.thresholds(scope), scope["alarmed"]?.boolValue == true ? "now" : number("alarms"),
            ])
        }
        return table.text
    }

    private static func percent(_ share: Double) -> String { "\(Figures.fixed(share * 100, 2))%" }

    /// `1.00%: 0.930`
    private static func thresholds(_ scope: JSONValue) -> String {
        let members = scope["thresholds"]?.objectValue?.members ?? []
        let texts = members.map { "\(percent(Double($0.key) ?? 0)): \(Figures.fixed($0.value.doubleValue ?? 0, 3))" }
        return texts.isEmpty ? "-" : texts.joined(separator: ", ")
    }

    private var riskiest: String? {
        guard let pairs = report["riskiest"]?.arrayValue, !pairs.isEmpty else { return nil }
        var table = Table(["ENTRY", "P", "COSINE", "SCOPE", "ASKED", "ANSWERED AS"])
        for pair in pairs {
            let text = { (name: String) in PairLine.shown(Array((pair[name]?.stringValue ?? "-").utf8)) }
            table.add([
                "\(pair["entry"]?.intValue ?? 0)", pair["p"]?.doubleValue.map { Figures.fixed($0, 3) } ?? "-",
                Figures.fixed(pair["cosine"]?.doubleValue ?? 0, 3), text("scope"), text("text"), text("matched_text"),
            ])
        }
        return "The riskiest pairs served:\n" + table.text
    }
}
