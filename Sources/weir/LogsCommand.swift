import Admin
import ArgumentParser
import JSON

/// `weir logs …`
struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Shows finished requests.",
        discussion: "Asks the running gateway. `weir logs show ID` shows one request with its attempts.",
        subcommands: [List.self, Show.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists requests, the newest first.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var filters: LogFilterOptions
        @Option(name: .long, help: "Begun at or after: a time, or how long ago, such as 15m.") var since: String?
        @Option(name: .long, help: "Begun before: a time, or how long ago.") var until: String?
        @Option(name: .long, help: "How many, at most 100000.") var limit = 50
        @Flag(name: .long, help: "The oldest first.") var oldest = false
        @Flag(name: .long, help: "As JSON, one row per line.") var json = false
        @Flag(name: [.long, .customShort("f")], help: "Then go on with new ones as they come.") var follow = false

        func validate() throws {
            guard (1...100_000).contains(limit) else { throw ValidationError("--limit is a number from 1 to 100000.") }
            guard !follow || (until == nil && !oldest) else {
                throw ValidationError("--follow goes on from now: without --until and --oldest.")
            }
        }

        func run() throws {
            let client = try Target.client(common)
            let rows = try rows(client)
            if json {
                for row in follow ? rows.reversed() : rows { Output.result(Terminal.json(row)) }
            } else if follow {
                Output.result(LogLine.header)
                for row in rows.reversed() { Output.result(LogLine(row).text()) }
            } else {
                var table = Table(LogLine.columns.map(\.title))
                for row in rows { table.add(LogLine(row, hasDate: true).cells) }
                Output.result(rows.isEmpty ? "There are no such requests." : table.text)
            }
            if follow { try TailCommand.follow(client, filters, json: json) }
        }

        /// Pages until there are as many as wanted.
        private func rows(_ client: AdminClient) throws -> [JSONValue] {
            var fields = filters.fields
            if let since { fields.append(("since", since)) }
            if let until { fields.append(("until", until)) }
            if oldest { fields.append(("order", "oldest")) }
            var rows: [JSONValue] = []
            var cursor: String?
            repeat {
                let size = [("limit", String(min(500, limit - rows.count)))]
                let page = try client.call("GET", path("/logs", fields + size + (cursor.map { [("cursor", $0)] } ?? [])))
                rows += page["rows"]?.arrayValue ?? []
                cursor = page["next_cursor"]?.stringValue
                if page["gap"]?.boolValue == true { Output.note("weir: rows were overwritten while they were read") }
            } while cursor != nil && rows.count < limit
            return rows
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one request with its attempts, or a body of it.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The row's id: cf-aig-log-id of the answer.") var id: String
        @Flag(name: .long, help: "The request's body, where it is collected.") var request = false
        @Flag(name: .long, help: "The answer's body, where it is collected.") var response = false
        @Flag(name: .long, help: "As JSON.") var json = false

        func validate() throws {
            guard !(request && response) else { throw ValidationError("Either --request or --response.") }
        }

        func run() throws {
            let client = try Target.client(common)
            if request || response { return try showBody(client) }
            let row = try client.call("GET", "/logs/\(encoded(id))")
            Output.result(json ? Terminal.json(row) : Show.text(row))
        }

        /// The bytes as they are for a program; for people, inert.
        private func showBody(_ client: AdminClient) throws {
            let answer = try client.send("GET", "/logs/\(encoded(id))/\(request ? "request" : "response")")
            guard answer.status == 200 else { throw client.error(answer) }
            let text = String(decoding: answer.body, as: UTF8.self)
            guard Terminal.isInteractive else { return Output.bytes(answer.body) }
            Output.result(
                text.split(separator: "\n", omittingEmptySubsequences: false).map { InertText.of(String($0)) }.joined(separator: "\n"))
        }

        private static func text(_ row: JSONValue) -> String {
            var table = Table(["FIELD", "VALUE"])
            for member in row.objectValue?.members ?? [] where member.key != "attempt_details" {
                if let text = member.value.stringValue {
                    table.add([member.key, text.isEmpty ? "-" : text])
                } else {
                    table.add([member.key, member.value.isNull ? "-" : jsonText(member.value)])
                }
            }
            var attempts = Table(["ATTEMPT", "TARGET", "STATUS", "DURATION", "FAILURE"])
            let details = row["attempt_details"]?.arrayValue ?? []
            for (number, attempt) in details.enumerated() {
                let text = { (name: String) in attempt[name]?.stringValue ?? "" }
                let status = attempt["status"]?.intValue ?? 0
                attempts.add([
                    "\(number + 1)\(attempt["is_repeat"]?.boolValue == true ? " (again)" : "")", "\(text("provider"))/\(text("model"))",
                    status == 0 ? "-" : "\(status)", LogLine.duration(attempt["duration_ms"]?.doubleValue ?? 0),
                    text("failure").isEmpty ? "-" : text("failure"),
                ])
            }
            return details.isEmpty ? table.text : table.text + "\n\n" + attempts.text
        }
    }
}

/// `weir tail`
struct TailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Shows requests as they finish, until it is interrupted.",
        discussion: "Asks the running gateway. Rows that come faster than they can be shown are left out, and their number is told.")
    @OptionGroup var common: CommonOptions
    @OptionGroup var filters: LogFilterOptions
    @Flag(name: .long, help: "As JSON, one row per line.") var json = false

    func run() throws {
        let client = try Target.client(common)
        if !json { Output.result(LogLine.header) }
        try TailCommand.follow(client, filters, json: json)
    }

    static func follow(_ client: AdminClient, _ filters: LogFilterOptions, json: Bool) throws {
        try client.follow(path("/logs/tail", filters.fields)) { event, data in
            guard let value = try? JSONValue(parsing: data.span) else { return }
            if event == "gap" { return Output.note("weir: \(value["dropped"]?.intValue ?? 0) rows left out: they came too fast") }
            guard event == "row" else { return }
            Output.result(json ? Terminal.json(value) : LogLine(value).text())
            Output.flush()
        }
        throw CommandError("The gateway ended the tail.", exitCode: .unavailable)
    }
}
