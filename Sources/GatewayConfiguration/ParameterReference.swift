// docs/configuration.md, printed from the table. A test compares the file with this text, so the two can't drift apart.

/// Prints the parameter table as Markdown.
public enum ParameterReference {
    /// The whole page.
    public static func markdown(_ table: ParameterTable = .standard) -> String {
        var lines = introduction
        var names: [String] = []
        for parameter in table.parameters {
            let name = topName(of: parameter, table)
            if !names.contains(name) { names.append(name) }
        }
        for name in names {
            lines += ["", "## \(name.isEmpty ? "Top level" : name)", ""]
            if let section = table.parameter(at: name) { lines += [section.advice, ""] }
            lines += ["| field | value | default | range | reload | meaning |", "| --- | --- | --- | --- | --- | --- |"]
            lines += table.parameters.filter { topName(of: $0, table) == name && $0.path != name && $0.kind != .section }.map(row)
        }
        return (lines + [""] + targetsOfARoute + [""] + limitsOfUse).joined(separator: "\n") + "\n"
    }

    private static let introduction = [
        "# Configuration",
        "",
        "<!-- Printed from the parameter table: WEIR_WRITE_DOCS=1 swift test --filter ParameterReferenceTests -->",
        "",
        "`weir` reads `config/weir.yaml`; `weir check-config` checks it without starting anything. Every field has a default, and unknown",
        "fields are errors. Durations are written `500ms`, `30s`, `5m`, `1h` or `30d`, sizes `64KiB`, `32MiB` or `8GiB`; a number without a",
        "unit counts in the unit of the table. Secrets are never in the file: `env:NAME`, `file:PATH` or `credential:NAME` (systemd) says where",
        "they are. `*` in a field's path is a name of your choice, `[]` the items of a list.",
        "",
        "A field marked *restart* is reported on reload and takes effect at the next start. A reload that finds any error changes nothing.",
    ]

    /// Fields without a section of their own are gathered under the top level.
    private static func topName(of parameter: Parameter, _ table: ParameterTable) -> String {
        let first = String(parameter.path.split(separator: ".").first ?? "")
        return table.fieldNames(in: first).isEmpty && table.fieldNames(in: first + ".*").isEmpty ? "" : first
    }

    private static func row(_ parameter: Parameter) -> String {
        let cells = [
            "`\(parameter.path)`", kind(parameter), standard(parameter), range(parameter), parameter.isReloadable ? "yes" : "restart",
            parameter.advice.replacing("|", with: "\\|"),
        ]
        return "| " + cells.joined(separator: " | ") + " |"
    }

    private static func kind(_ parameter: Parameter) -> String {
        switch parameter.kind {
        case .count(let unit): unit.isEmpty ? "number" : unit
        case .milliseconds: "duration (ms)"
        case .seconds: "duration (s)"
        case .bytes: "size"
        case .number: "number"
        case .share: "share (`1%` or `0.01`)"
        case .flag: "true or false"
        case .text: "text"
        case .choice(let words): words.joined(separator: ", ")
        case .texts(let countMax), .secrets(let countMax): "list, at most \(countMax)"
        case .secret: "reference to a secret"
        case .usd: "USD"
        case .limits: "[limits](#limits-of-use)"
        case .targets(let countMax): "[targets](#targets-of-a-route), at most \(countMax)"
        case .condition: "[condition](#targets-of-a-route)"
        case .values: "names and values"
        case .section: "section"
        case .sections(let countMax): "sections by name, at most \(countMax)"
        case .items(let countMax): "list of sections, at most \(countMax)"
        }
    }

    private static func standard(_ parameter: Parameter) -> String {
        switch parameter.standard {
        case .none: ""
        case .integer(let value): shown(value, parameter.kind)
        case .number(let value): number(value, parameter.kind)
        case .flag(let value): String(value)
        case .text(let value): value.isEmpty ? "" : "`\(value)`"
        case .texts(let values): values.map { "`\($0)`" }.joined(separator: ", ")
        }
    }

    private static func range(_ parameter: Parameter) -> String {
        guard let range = parameter.range else { return "" }
        if case .usd = parameter.kind { return "\(range.lowerBound) to \(range.upperBound) USD" }
        if case .text = parameter.kind { return "\(range.lowerBound) to \(range.upperBound) bytes" }
        if range.lowerBound == range.upperBound { return shown(range.lowerBound, parameter.kind) }
        return "\(shown(range.lowerBound, parameter.kind)) to \(shown(range.upperBound, parameter.kind))"
    }

    private static func number(_ value: Double, _ kind: Parameter.Kind) -> String {
        if kind == .share { return Quantity.percent(value) }
        return value == value.rounded() ? String(Int(value)) : String(value)
    }

    /// A value in the largest unit that it is a whole number of.
    private static func shown(_ value: Int, _ kind: Parameter.Kind) -> String {
        switch kind {
        case .milliseconds: scaled(value, [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")])
        case .seconds: scaled(value, [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")])
        case .bytes: scaled(value, [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")])
        case .share: "\(value)%"
        default: String(value)
        }
    }

    private static func scaled(_ value: Int, _ units: [(size: Int, name: String)]) -> String {
        guard value > 0, let unit = units.first(where: { value % $0.size == 0 }) else { return String(value) }
        return "\(value / unit.size) \(unit.name)"
    }
}
