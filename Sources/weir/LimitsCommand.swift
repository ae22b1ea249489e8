import Admin
import ArgumentParser
import GatewayConfiguration
import GatewayModel
import JSON
import RateLimiting
import Tenants

/// `weir limits …`
struct LimitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limits", abstract: "Shows how limits stand, and tries others on recorded traffic.",
        subcommands: [Show.self, SimulateCommand.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What is left of the limits of a tenant and its keys.",
            discussion:
                "When no gateway runs, what it last recorded, as it would be now. Requests refused are counted while a gateway runs.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The tenant's id.") var tenant: String
        @Option(name: .long, help: "Of this key only, by its id.") var key: String?
        @Flag(name: .long, help: "As JSON.") var json = false

        func run() throws {
            let path = key.map { "/keys/\(encoded($0))/limits" } ?? "/tenants/\(encoded(tenant))/limits"
            let result = try Operate.onStore(common, { try $0.call("GET", path) }) { store, configuration throws(GatewayError) in
                let limits = StoredLimits.operations(store, configuration)
                if let key { return try limits.key(key) }
                return try limits.tenant(tenant)
            }
            if let key, result["tenant"]?.stringValue != tenant {
                throw CommandError("The key \(key) is not one of tenant \(tenant).", exitCode: .notFound)
            }
            Output.result(json ? jsonText(result) : Show.table(result))
        }

        private static func table(_ result: JSONValue) -> String {
            var table = Table(["OF", "LIMIT", "WHAT", "REMAINING", "SPENT", "RESERVED", "FULL AGAIN", "REFUSED"])
            var isEmpty = true
            for scope in [result] + (result["keys"]?.arrayValue ?? []) {
                let owner = "\(scope["scope"]?.stringValue ?? "") \(scope["id"]?.stringValue ?? "")"
                for limit in scope["limits"]?.arrayValue ?? [] {
                    isEmpty = false
                    table.add([owner] + row(limit))
                }
            }
            return isEmpty ? "There are no limits." : table.text
        }

        private static func row(_ limit: JSONValue) -> [String] {
            let text = { (name: String) in limit[name]?.stringValue ?? "" }
            let count = { (name: String) in limit[name]?.intValue ?? 0 }
            let amount = { (name: String) in text("unit") == "USD" ? "$" + text(name) : "\(count(name))" }
            let value = limit["value"]?.stringValue.map { ", \($0)" } ?? ""
            let isShadow = limit["shadow"]?.boolValue == true
            return [
                text("name"), text("text") + value, amount("remaining"), amount("spent"), amount("outstanding"), whenFull(limit),
                isShadow ? "\(count("shadow_refused")) (shadow)" : "\(count("refused"))",
            ]
        }

        private static func whenFull(_ limit: JSONValue) -> String {
            if let end = limit["resets_at"]?.stringValue { return "at \(end)" }
            guard limit["window"]?.stringValue != "at_once" else { return "-" }
            let seconds = limit["reset_seconds"]?.intValue ?? 0
            return seconds == 0 ? "now" : "in \(SpanText.text(seconds: seconds))"
        }
    }
}

/// Spans of time for people.
enum SpanText {
    /// `45s`, `6m10s`, `3h5m`, `12d4h`: two units at most.
    static func text(seconds: Int) -> String {
        switch seconds {
        case ..<60: "\(seconds)s"
        case ..<3600: "\(seconds / 60)m\(seconds % 60 == 0 ? "" : "\(seconds % 60)s")"
        case ..<86_400: "\(seconds / 3600)h\(seconds % 3600 / 60 == 0 ? "" : "\(seconds % 3600 / 60)m")"
        default: "\(seconds / 86_400)d\(seconds % 86_400 / 3600 == 0 ? "" : "\(seconds % 86_400 / 3600)h")"
        }
    }
}
