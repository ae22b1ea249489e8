import Admin
import ArgumentParser
import GatewayModel
import JSON

/// `weir keys …`
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Makes, lists, changes, rotates and revokes virtual keys.",
        subcommands: [Create.self, List.self, Change.self, Rotate.self, Revoke.self])

    /// What narrows a key.
    struct Policy: ParsableArguments {
        @Option(name: .long, help: "Models, with * as wildcard, comma-separated: gpt-4o,demo/*. All again: *.")
        var models: String?
        @Option(name: .long, help: "Providers, comma-separated.")
        var providers: String?
        @Option(name: .long, help: "Paths at the provider, comma-separated, with * as wildcard.")
        var paths: String?
        @Option(name: .long, help: "When the key ends: 30d, 12h, 2027-01-01 or a time in RFC 3339.")
        var expires: String?
        @Option(name: .long, help: "Client addresses the key holds from, comma-separated: 10.0.0.0/8.")
        var allowIp: String?

        /// The fields of the admin API.
        func fields() throws -> [(String, JSONValue)] {
            try [("models", models), ("providers", providers), ("paths", paths), ("allow_ip", allowIp)].compactMap { name, text in
                try text.map { (name, try Lists.json($0, of: name)) }
            } + (expires.map { [("expires", $0 == "never" ? .null : .string($0))] } ?? [])
        }
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a key and prints it, alone, on standard output; it is shown this once. A missing tenant is made.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var policy: Policy
        @OptionGroup(title: "Limits") var limits: LimitOptions
        @Option(name: .long, help: "The tenant the key belongs to.") var tenant: String
        @Option(name: .long, help: "A name for people.") var name: String?
        @Flag(name: .long, help: "The whole answer as JSON.") var json = false

        func run() throws {
            var fields: [(String, JSONValue)] = [("tenant", .string(tenant))] + (try policy.fields())
            if let name { fields.append(("label", .string(name))) }
            if let limits = try limits.json() { fields.append(("limits", limits)) }
            let object = JSONValue.object(pairs: fields)
            let result = try Operate.on(common, { try $0.call("POST", "/keys", body: object) }) { operations throws(GatewayError) in
                try operations.createKey(object.objectValue ?? JSONObject())
            }
            if result["tenant_created"]?.boolValue == true { Output.note("made tenant \(tenant)") }
            Output.note("key \(result["id"]?.stringValue ?? "") of tenant \(tenant); it is shown this once")
            Output.result(json ? jsonText(result) : result["key"]?.stringValue ?? "")
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists keys; never their secrets.")
        @OptionGroup var common: CommonOptions
        @Option(name: .long, help: "Of this tenant only.") var tenant: String?
        @Flag(name: .long, help: "As JSON.") var json = false

        func run() throws {
            let path = "/keys" + (tenant.map { "?tenant=" + encoded($0) } ?? "")
            let result = try Operate.on(common, { try $0.call("GET", path) }) { operations throws(GatewayError) in
                operations.listKeys(tenant: tenant)
            }
            if json { return Output.result(jsonText(result)) }
            var table = Table(["ID", "TENANT", "NAME", "HINT", "CREATED", "EXPIRES", "STATE", "MANAGED BY", "LIMITS"])
            for key in result["keys"]?.arrayValue ?? [] {
                let text = { (name: String) in key[name]?.stringValue ?? "" }
                table.add([
                    text("id"), text("tenant"), text("label"), "…" + text("hint"), text("created"), key["expires"]?.stringValue ?? "never",
                    text("state"), text("managed_by"), LimitOptions.summary(of: key),
                ])
            }
            Output.result(table.text)
        }
    }

    struct Change: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes what a key may do. Only what is given is changed.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var policy: Policy
        @OptionGroup(title: "Limits") var limits: LimitOptions
        @Argument(help: "The key's id, as `weir keys list` shows it.") var id: String
        @Option(name: .long, help: "A name for people.") var name: String?
        @Flag(name: .long, inversion: .prefixedEnableDisable, help: "Switch the key on or off.") var key: Bool?

        func run() throws {
            var fields = try policy.fields()
            if let name { fields.append(("label", .string(name))) }
            if let limits = try limits.json() { fields.append(("limits", limits)) }
            if let key { fields.append(("disabled", .bool(!key))) }
            guard !fields.isEmpty else { throw CommandError("Nothing to change: give at least one option.", exitCode: .usage) }
            let object = JSONValue.object(pairs: fields)
            let result = try Operate.on(common, { try $0.call("PATCH", "/keys/" + encoded(id), body: object) }) {
                operations throws(GatewayError) in
                try operations.changeKey(id, object.objectValue ?? JSONObject())
            }
            Output.result(jsonText(result))
        }
    }

    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Gives a key a new secret and prints it, alone, on standard output.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The key's id.") var id: String
        @Option(name: .long, help: "Seconds for which the old secret still holds.") var overlap = 0

        func run() throws {
            let object: JSONValue = ["overlap": .number(overlap)]
            let result = try Operate.on(common, { try $0.call("POST", "/keys/\(encoded(id))/rotate", body: object) }) {
                operations throws(GatewayError) in try operations.rotateKey(id, object.objectValue ?? JSONObject())
            }
            Output.note("key \(id) has a new secret; the old one \(overlap > 0 ? "holds \(overlap) s more" : "no longer holds")")
            Output.result(result["key"]?.stringValue ?? "")
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Revokes a key for good, at once.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The key's id.") var id: String

        func run() throws {
            _ = try Operate.on(common, { try $0.call("POST", "/keys/\(encoded(id))/revoke") }) { operations throws(GatewayError) in
                try operations.revokeKey(id)
            }
            Output.note("key \(id) is revoked")
        }
    }
}
