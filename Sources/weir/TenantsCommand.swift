import Admin
import ArgumentParser
import GatewayModel
import JSON

/// `weir tenants …`
struct TenantsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenants", abstract: "Makes, lists, changes and deletes tenants.",
        subcommands: [List.self, Create.self, Change.self, Delete.self])

    /// A tenant's policy.
    struct Policy: ParsableArguments {
        @Option(name: .long, help: "Whose provider keys are used: configured, client or either.") var providerKeys: String?
        @Option(name: .long, help: "Models, comma-separated, with * as wildcard. All again: *.") var models: String?
        @Option(name: .long, help: "Providers, comma-separated. All again: *.") var providers: String?
        @Option(name: .long, help: "Paths granted beyond a provider's listed operations, comma-separated.") var paths: String?
        @Option(name: .long, help: "Seconds for which answers are kept.") var cacheTtl: Int?
        @Option(name: .long, help: "Requests in flight at once.") var inFlightMax: Int?
        @Flag(name: .long, inversion: .prefixedEnableDisable, help: "Keep answers or not.") var cache: Bool?
        @Flag(name: .long, inversion: .prefixedEnableDisable, help: "Charge what a request's cf-aig-custom-cost says, or what it costs.")
        var customCost: Bool?
        @OptionGroup(title: "Limits") var limits: LimitOptions

        /// The fields of the admin API.
        func fields() throws -> [(String, JSONValue)] {
            var fields: [(String, JSONValue)] = providerKeys.map { [("provider_keys", .string($0))] } ?? []
            for (name, text) in [("models", models), ("providers", providers), ("paths", paths)] {
                if let text { fields.append((name, try Lists.json(text, of: name))) }
            }
            if let inFlightMax { fields.append(("in_flight_max", .number(inFlightMax))) }
            var kept: [(String, JSONValue)] = []
            if let cacheTtl { kept.append(("ttl", .number(cacheTtl))) }
            if let cache { kept.append(("enabled", .bool(cache))) }
            if let customCost { fields.append(("custom_cost", .bool(customCost))) }
            if let limits = try limits.json() { fields.append(("limits", limits)) }
            if !kept.isEmpty { fields.append(("cache", .object(pairs: kept))) }
            return fields
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists tenants.")
        @OptionGroup var common: CommonOptions
        @Flag(name: .long, help: "As JSON.") var json = false

        func run() throws {
            let result = try Operate.on(common, { try $0.call("GET", "/tenants") }) { operations throws(GatewayError) in
                operations.listTenants()
            }
            if json { return Output.result(jsonText(result)) }
            var table = Table(["ID", "PROVIDER KEYS", "CACHE", "STATE", "MANAGED BY", "LIMITS"])
            for tenant in result["tenants"]?.arrayValue ?? [] {
                let text = { (name: String) in tenant[name]?.stringValue ?? "" }
                table.add([
                    text("id"), text("provider_keys"), tenant["cache"]?["enabled"]?.boolValue.map { $0 ? "on" : "off" } ?? "default",
                    tenant["disabled"]?.boolValue == true ? "disabled" : "active", text("managed_by"),
                    LimitOptions.summary(of: tenant),
                ])
            }
            Output.result(table.text)
        }
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a tenant.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var policy: Policy
        @Argument(help: "The tenant's id.") var id: String

        func run() throws {
            let object = JSONValue.object(pairs: [("id", .string(id))] + (try policy.fields()))
            let result = try Operate.on(common, { try $0.call("POST", "/tenants", body: object) }) { operations throws(GatewayError) in
                try operations.createTenant(object.objectValue ?? JSONObject())
            }
            Output.result(jsonText(result))
        }
    }

    struct Change: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes a tenant's policy. Only what is given is changed.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var policy: Policy
        @Argument(help: "The tenant's id.") var id: String

        func run() throws {
            let object = JSONValue.object(pairs: try policy.fields())
            let result = try Operate.on(common, { try $0.call("PATCH", "/tenants/" + encoded(id), body: object) }) {
                operations throws(GatewayError) in try operations.changeTenant(id, object.objectValue ?? JSONObject())
            }
            Output.result(jsonText(result))
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Deletes a tenant, its keys and its answers.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The tenant's id.") var id: String

        func run() throws {
            _ = try Operate.on(common, { try $0.call("DELETE", "/tenants/" + encoded(id)) }) { operations throws(GatewayError) in
                try operations.deleteTenant(id)
            }
            Output.note("tenant \(id) is deleted")
        }
    }
}
