import ArgumentParser

/// Which rows of the event log, as the commands take it.
struct LogFilterOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .upToNextOption,
        help: "FIELD.OPERATOR:VALUE …, such as status_code.gte:500; operators eq neq contains lt gt lte gte in.")
    var filter: [String] = []
    @Option(name: .long, help: "Of this tenant.") var tenant: String?
    @Option(name: .long, help: "Of this model.") var model: String?
    @Option(name: .long, help: "Of this provider.") var provider: String?
    @Option(name: .long, help: "A text within id, event id, path, model, tenant or error code.") var search: String?
    @Flag(name: .long, help: "Only what went wrong.") var errors = false

    /// The fields of the query.
    var fields: [(String, String)] {
        var fields = filter.map { ("filter", $0) }
        for (name, value) in [("tenant", tenant), ("model", model), ("provider", provider), ("search", search)] {
            if let value { fields.append((name, value)) }
        }
        if errors { fields.append(("success", "false")) }
        return fields
    }
}

/// A path with a query.
func path(_ path: String, _ fields: [(String, String)]) -> String {
    fields.isEmpty ? path : path + "?" + fields.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
}
