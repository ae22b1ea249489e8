import ArgumentParser
import JSON
import SemanticCache

/// `weir semantic simulate`
struct SemanticSimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Replays recorded traffic through the semantic cache and tells what it would have answered, and how well.",
        discussion: """
            FILE holds rows of the event log with their bodies, one JSON object a line, as GET /logs/export?payloads=true gives them with the \
            admin token; bodies are recorded where events.payloads says so. - is standard input. Rows without bodies are counted and left out.

            The recorded answers are compared as the gateway's judge compares them: by text, numbers and JSON, then by meaning. What stays open \
            counts as wrong. Answers are taken to be kept long enough to be found again; exact hits stay with the exact cache. The error is \
            that of all eligible requests, with its 95 % interval (Clopper and Pearson).
            """)
    @OptionGroup var options: SemanticModelOptions
    @Option(name: .long, help: "The recorded traffic.") var log: String
    @Option(name: .long, help: "The bound on wrong answers, 0.01 or 1%; may be repeated. 1% when not given.") var maxError: [String] = []
    @Option(name: .long, help: "A plain cosine in place of a bound; may be repeated.") var threshold: [String] = []
    @OptionGroup var guarding: SemanticGuardOptions
    @Option(name: .long, help: "What is served before enough is learnt: aliases or prior.") var cold = "aliases"
    @Option(name: .long, help: "Requests of this tenant only.") var tenant: String?
    @Option(name: .long, help: "Chooses which would-be hits are audited.") var seed: UInt64 = 1
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        let policies = try policies()
        let (rules, words) = (try guarding.chosen(), try guarding.lists())
        let models = try options.open()
        var progress = ProgressLine()
        let traffic = try SemanticTraffic(path: log, tenant: tenant, models, words, &progress)
        let replay = SemanticReplay(traffic, models, words, rules, &progress)
        var report = SemanticSimulationText(traffic: traffic)
        for policy in policies {
            progress.note("replaying: \(report.runs.count) of \(policies.count) done")
            report.runs.append((policy, try replay.run(policy, seed: seed)))
        }
        progress.end()
        if traffic.rows.isEmpty {
            Output.note("There is no eligible request with its bodies in it. The gateway records bodies where events.payloads is true.")
        }
        Output.result(json ? jsonText(report.json) : report.text)
    }

    private func policies() throws -> [SemanticPolicy] {
        guard cold == "aliases" || cold == "prior" else {
            throw CommandError("--cold: \(cold) is neither aliases nor prior", exitCode: .usage)
        }
        let bounds = maxError.isEmpty && threshold.isEmpty ? ["0.01"] : maxError
        let rules: [SemanticPolicy.Rule] =
            try bounds.map { .maxError(try ShareText.parse($0, "--max-error")) }
            + threshold.map { .threshold(Float(try ShareText.parse($0, "--threshold"))) }
        return rules.map { rule in
            var policy = SemanticPolicy(rule: rule)
            policy.cold = cold == "prior" ? .prior : .aliasesOnly
            return policy
        }
    }
}

/// What a replay found, for people and for scripts.
struct SemanticSimulationText {
    let traffic: SemanticTraffic
    var runs: [(policy: SemanticPolicy, outcome: SemanticReplay.Outcome)] = []

    init(traffic: SemanticTraffic) { self.traffic = traffic }

    // MARK: For people

    var text: String {
        var counts = Table(["WHAT", "ROWS"])
        counts.add(["requests", "\(traffic.requests)"])
        counts.add(["eligible", "\(traffic.rows.count)"])
        for reason in IneligibleReason.allCases {
            if let count = traffic.ineligible[reason] { counts.add(["not eligible: \(reason.rawValue)", "\(count)"]) }
        }
        for other in SemanticRow.Other.allCases {
            if let count = traffic.others[other] { counts.add([other.rawValue.replacing("_", with: " "), "\(count)"]) }
        }
        var table = Table(["RULE", "HITS", "HIT RATE", "WRONG", "ERROR", "95% INTERVAL", "AUDITS", "SAVED"])
        for (policy, outcome) in runs {
            let interval = ShareInterval.clopperPearson(outcome.wrong, of: outcome.requests)
            table.add([
                Self.name(policy), "\(outcome.hits)", Self.percent(outcome.hits, of: outcome.requests), "\(outcome.wrong)",
                Self.percent(outcome.wrong, of: outcome.requests),
                "\(Self.percent(interval.lowerBound)) to \(Self.percent(interval.upperBound))", "\(outcome.audits)",
                LogLine.dollars(outcome.saved),
            ])
        }
        return counts.text + "\n\n" + table.text
    }

    private static func name(_ policy: SemanticPolicy) -> String {
        switch policy.rule {
        case .maxError(let bound): "max error \(percent(bound))"
        case .threshold(let cosine): "threshold \(Figures.fixed(Double(cosine), 3)), unverified"
        }
    }

    private static func percent(_ part: Int, of whole: Int) -> String { whole > 0 ? percent(Double(part) / Double(whole)) : "-" }

    private static func percent(_ share: Double) -> String { Figures.fixed(share * 100, 2) + "%" }

    // MARK: For scripts

    var json: JSONValue {
        var object = JSONObject()
        object["rows"] = .number(traffic.lines)
        object["requests"] = .number(traffic.requests)
        object["eligible"] = .number(traffic.rows.count)
        object["ineligible"] = .object(
            pairs: IneligibleReason.allCases.compactMap { reason in traffic.ineligible[reason].map { (reason.rawValue, .number($0)) } })
        for other in SemanticRow.Other.allCases { object[other.rawValue] = .number(traffic.others[other] ?? 0) }
        object["runs"] = .array(runs.map(Self.json))
        return .object(object)
    }

    private static func json(_ policy: SemanticPolicy, _ outcome: SemanticReplay.Outcome) -> JSONValue {
        let whole = Double(max(1, outcome.requests))
        let interval = ShareInterval.clopperPearson(outcome.wrong, of: outcome.requests)
        var object = JSONObject()
        switch policy.rule {
        case .maxError(let bound): object["max_error"] = .number(bound)
        case .threshold(let cosine): object["threshold"] = .number(Double(cosine.description) ?? 0)
        }
        object["requests"] = .number(outcome.requests)
        object["hits"] = .number(outcome.hits)
        object["hit_rate"] = .number(Double(outcome.hits) / whole)
        object["wrong"] = .number(outcome.wrong)
        object["error"] = .number(Double(outcome.wrong) / whole)
        object["error_interval"] = [.number(interval.lowerBound), .number(interval.upperBound)]
        object["audits"] = .number(outcome.audits)
        object["stopped_at_gate"] = .number(outcome.gated)
        object["cost_saved_usd"] = .number(outcome.saved)
        object["thresholds"] = .object(pairs: outcome.thresholds.map { ($0.tenant, .number($0.threshold)) })
        return .object(object)
    }
}
