import ArgumentParser
import Foundation
import GatewayConfiguration
import GatewayModel
import JSON

/// `weir routes …`
struct RoutesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "routes", abstract: "Lists routes, and tells what a request to one of them would be sent to.",
        subcommands: [List.self, Test.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the routes of the configuration.")
        @OptionGroup var common: CommonOptions
        @Flag(name: .long, help: "As JSON.") var json = false

        func run() throws {
            let routes = try common.load().routes
            if json { return Output.result(jsonText(["routes": .array(routes.map(\.json))])) }
            var table = Table(["ROUTE", "STRATEGY", "TARGETS", "DIALECTS", "CACHED BY"])
            for route in routes {
                table.add([
                    route.name, route.selection.strategy.rawValue,
                    route.targets.map { $0.provider + "/" + $0.model }.joined(separator: " "),
                    route.dialects.map(\.name).joined(separator: " "), route.cacheBy.rawValue,
                ])
            }
            Output.result(table.text)
        }
    }

    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Plans a request and sends nothing: which targets, in which order, and why not the others.",
            discussion: """
                Asks the running gateway, which knows the health of every target. Without one, or with --offline, plans with the \
                configuration file alone and takes every target to be healthy.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The route's name.") var route: String
        @Option(name: .long, help: "A file with the request's JSON body; - reads standard input.") var body: String?
        @Option(name: .long, help: "The operation, such as messages; that of a chat when not given.") var operation: String?
        @Option(name: .long, help: "The tenant that asks.") var tenant: String?
        @Option(name: .long, help: "The id of the virtual key that asks.") var key: String?
        @Option(name: .long, parsing: .upToNextOption, help: "Metadata of the request: NAME=VALUE …") var metadata: [String] = []
        @Flag(name: .long, help: "The request is for a stream.") var stream = false
        @Flag(name: .long, help: "The request has tools.") var tools = false
        @Flag(name: .long, help: "The request has images.") var images = false
        @Flag(name: .long, help: "The request wants a JSON answer.") var jsonMode = false
        @Option(name: .long, help: "Another number is another draw of weights and unnamed percentages.") var seed = 0
        @Flag(name: .long, help: "With the configuration file alone, even if a gateway runs.") var offline = false
        @Flag(name: .long, help: "As JSON.") var json = false

        func run() throws {
            let configuration = try common.load()
            let request = try requestJSON()
            let result = try live(configuration, request) ?? planned(configuration, request)
            Output.result(json ? jsonText(result) : RehearsalText(result).text)
        }

        /// What the running gateway plans; `nil` where none answers.
        private func live(_ configuration: GatewayConfigurationSnapshot, _ request: JSONValue) throws -> JSONValue? {
            guard !offline else { return nil }
            do {
                let client = try Target.client(configuration, common.folder(configuration))
                return try client.call("POST", "/routes/\(encoded(route))/test", body: request)
            } catch let error as CommandError where error.exitCode == .unavailable {
                return nil
            }
        }

        /// What the configuration alone plans.
        private func planned(_ configuration: GatewayConfigurationSnapshot, _ request: JSONValue) throws -> JSONValue {
            guard let definition = configuration.route(named: route) else {
                throw CommandError("There is no route \(route). weir routes list shows them.", exitCode: .notFound)
            }
            do {
                let request = try RehearsedRequest(json: request, route: definition, configuration: configuration)
                return RouteRehearsal(of: definition, request: request, in: configuration).json
            } catch {
                throw CommandError([error.param, error.message].compactMap { $0 }.joined(separator: ": "), exitCode: .usage)
            }
        }

        /// The request as the admin port takes it.
        private func requestJSON() throws -> JSONValue {
            var request = JSONObject()
            if let body { request["body"] = try document(body) }
            for (name, text) in [("operation", operation), ("tenant", tenant), ("key", key)] {
                if let text { request[name] = .string(text) }
            }
            var entries = JSONObject()
            for entry in metadata {
                let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, !parts[0].isEmpty else {
                    throw CommandError("--metadata: \"\(entry)\" is not NAME=VALUE", exitCode: .usage)
                }
                entries[String(parts[0])] = .string(String(parts[1]))
            }
            if entries.count > 0 { request["metadata"] = .object(entries) }
            for (name, flag) in [("stream", stream), ("tools", tools), ("images", images), ("json_mode", jsonMode)] where flag {
                request[name] = true
            }
            request["seed"] = .number(seed)
            return .object(request)
        }

        private func document(_ path: String) throws -> JSONValue {
            let data = path == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: path)
            guard let data else { throw CommandError("--body: \(path) can't be read", exitCode: .usage) }
            do {
                return try JSONValue(parsing: Array(data).span)
            } catch {
                throw CommandError("--body: \(path) is not JSON: \(error)", exitCode: .usage)
            }
        }
    }
}

/// A rehearsal for people, from its JSON: what a gateway answered and what was planned here look alike.
private struct RehearsalText {
    private let plan: JSONValue

    init(_ plan: JSONValue) { self.plan = plan }

    var text: String {
        var lines = [heading, "", table(plan)]
        for (name, title) in [("on_context_length", "a prompt that does not fit"), ("on_content_filter", "a content filter's refusal")] {
            if let list = plan[name], !list.isNull { lines += ["", "after \(title):", table(list)] }
        }
        return (lines + ["", retry]).joined(separator: "\n")
    }

    private var heading: String {
        let health = plan["health_known"]?.boolValue == true ? "live health" : "health not known, taken as good"
        let request = plan["request"]
        let traits = ["stream", "tools", "images", "json_mode"].filter { request?[$0]?.boolValue == true }
        let tokens = "\(request?["input_tokens"]?.intValue ?? 0) + \(request?["output_tokens"]?.intValue ?? 0) tokens"
        let parts = [request?["operation"]?.stringValue ?? ""] + traits + [tokens]
        return "route \(word(plan, "route")), \(word(plan, "strategy")), \(health)\nrequest: \(parts.joined(separator: ", "))"
    }

    private func table(_ list: JSONValue) -> String {
        var table = Table(["STEP", "TARGET", "CONNECT", "FIRST BYTE", "IDLE", "NOTE"])
        for row in list["targets"]?.arrayValue ?? [] {
            let note = row["last_resort"]?.stringValue.map { "last resort: " + $0 } ?? ""
            let times = ["connect_ms", "first_byte_ms", "idle_ms"].map { span(row[$0]) }
            table.add(["\(row["step"]?.intValue ?? 0)", word(row, "target")] + times + [note])
        }
        for row in list["skipped"]?.arrayValue ?? [] {
            table.add(["-", word(row, "target"), "", "", "", "\(word(row, "reason")): \(word(row, "detail"))"])
        }
        return table.text
    }

    private var retry: String {
        let policy = plan["retry"]
        func number(_ name: String) -> Int { policy?[name]?.intValue ?? 0 }
        var text = "retry: \(number("attempts")) attempts a target, \(span(policy?["delay_ms"])) \(policy?["backoff"]?.stringValue ?? ""), "
        text += "at most \(number("steps")) targets, first byte within \(span(policy?["deadline_ms"]))"
        if let hedge = plan["hedge"], !hedge.isNull {
            text += "\nhedge: the next target after the \(hedge["quantile"]?.doubleValue ?? 0) quantile, "
            text += "\(span(hedge["delay_min_ms"])) to \(span(hedge["delay_max_ms"]))"
        }
        return text
    }

    /// Milliseconds, or whole seconds where they are.
    private func span(_ value: JSONValue?) -> String {
        let milliseconds = value?.intValue ?? 0
        return milliseconds > 0 && milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
    }

    private func word(_ value: JSONValue, _ name: String) -> String { value[name]?.stringValue ?? "" }
}
