// The typed accessors of a section.

import Tenants

extension Section {
    /// A whole number in the table's unit, or `nil` where the file has none and the table no default.
    func optionalInteger(_ name: String) -> Int? {
        let parameter = parameter(name)
        let standard: Int? = if case .integer(let value) = parameter.standard { value } else { nil }
        guard let text = scalar(name) else { return standard }
        do {
            let value = try integer(text, parameter)
            guard isWithin(value, parameter, name, text) else { return standard }
            return value
        } catch {
            report(name, message(for: error, text, parameter))
            return standard
        }
    }

    /// A whole number in the table's unit.
    func integer(_ name: String) -> Int { optionalInteger(name) ?? 0 }

    /// A decimal number, or `nil`.
    func optionalNumber(_ name: String) -> Double? {
        let parameter = parameter(name)
        let standard: Double? = if case .number(let value) = parameter.standard { value } else { nil }
        guard let text = scalar(name) else { return standard }
        guard let value = try? Quantity.number(text) else {
            report(name, "\"\(shown(text))\" is not a number")
            return standard
        }
        if let range = parameter.range, value < Double(range.lowerBound) || value > Double(range.upperBound) {
            report(name, "\(text) is not between \(range.lowerBound) and \(range.upperBound)")
            return standard
        }
        return value
    }

    /// A share between 0 and 1, or `nil`.
    func optionalShare(_ name: String) -> Double? {
        let parameter = parameter(name)
        let standard: Double? = if case .number(let value) = parameter.standard { value } else { nil }
        guard let text = scalar(name) else { return standard }
        guard let value = try? Quantity.share(text) else {
            report(name, "\"\(shown(text))\" is not \(kindPhrase(of: parameter))")
            return standard
        }
        let percent = parameter.range ?? 0...100
        guard value >= Double(percent.lowerBound) / 100, value <= Double(percent.upperBound) / 100 else {
            report(name, "\(shown(text)) is not between \(percent.lowerBound)% and \(percent.upperBound)%")
            return standard
        }
        return value
    }

    /// `true` or `false`, or `nil`.
    func optionalFlag(_ name: String) -> Bool? {
        let standard: Bool? = if case .flag(let value) = parameter(name).standard { value } else { nil }
        guard let text = scalar(name) else { return standard }
        switch text {
        case "true": return true
        case "false": return false
        default:
            report(name, "\"\(shown(text))\" is neither true nor false")
            return standard
        }
    }

    /// `true` or `false`.
    func flag(_ name: String) -> Bool { optionalFlag(name) ?? false }

    /// A text within the table's length, or `nil`.
    func optionalText(_ name: String) -> String? {
        let parameter = parameter(name)
        let standard: String? = if case .text(let value) = parameter.standard { value } else { nil }
        guard let text = scalar(name) else { return standard }
        if let range = parameter.range, !range.contains(text.utf8.count) {
            report(name, "is \(text.utf8.count) bytes long where \(range.lowerBound) to \(range.upperBound) are allowed")
            return standard
        }
        if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            report(name, "must not hold control characters")
            return standard
        }
        return text
    }

    /// A text within the table's length.
    func text(_ name: String) -> String { optionalText(name) ?? "" }

    /// One of the table's words.
    func choice<Choice: RawRepresentable>(_ name: String, _ type: Choice.Type) -> Choice? where Choice.RawValue == String {
        let parameter = parameter(name)
        guard case .choice(let words) = parameter.kind else { preconditionFailure("\(parameter.path) is no choice") }
        let standard: Choice? = if case .text(let word) = parameter.standard { Choice(rawValue: word) } else { nil }
        guard let text = scalar(name) else { return standard }
        guard words.contains(text), let value = Choice(rawValue: text) else {
            let hint = NearestName.of(text, among: words).map { "; did you mean \($0)?" } ?? ""
            report(name, "\"\(shown(text))\" is not one of \(words.joined(separator: ", "))" + hint)
            return standard
        }
        return value
    }

    /// A list of texts; one text counts as a list of one. Reports an empty list, an empty text and more items than the table allows.
    func texts(_ name: String) -> [String] {
        let parameter = parameter(name)
        let standard: [String] = if case .texts(let values) = parameter.standard { values } else { [] }
        let countMax =
            switch parameter.kind {
            case .texts(let countMax), .secrets(let countMax): countMax
            default: preconditionFailure("\(parameter.path) is no list")
            }
        guard let node = node(name) else { return standard }
        return texts(in: node, countMax: countMax, field: path(of: name)) ?? standard
    }

    /// The texts of a node that is a list or one text; `nil` after reporting what is wrong.
    func texts(in node: ConfigurationNode, countMax: Int, field: String) -> [String]? {
        let nodes: [ConfigurationNode]
        switch node.content {
        case .scalar: nodes = [node]
        case .list(let items): nodes = items
        case .mapping, .null:
            context.report(node.line, field, "must be a list of texts, not \(node.kindName)")
            return nil
        }
        guard nodes.count <= countMax else {
            context.report(node.line, field, "\(nodes.count) entries where at most \(countMax) are allowed")
            return nil
        }
        var texts: [String] = []
        for item in nodes {
            guard let text = item.text, !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
                context.report(item.line, field, "every entry must be a text on one line, not \(item.kindName)")
                return nil
            }
            guard text.utf8.count <= 2048 else {
                context.report(item.line, field, "an entry is longer than 2048 bytes")
                return nil
            }
            guard !texts.contains(text) else {
                context.report(item.line, field, "\"\(shown(text))\" is listed twice")
                return nil
            }
            texts.append(text)
        }
        return texts
    }

    // MARK: Checks

    /// The scalar of a field; reports a list or a mapping.
    func scalar(_ name: String) -> String? {
        guard let node = node(name) else { return nil }
        guard let text = node.text else {
            report(name, "must be \(kindPhrase(of: parameter(name))), not \(node.kindName)")
            return nil
        }
        return text
    }

    private func integer(_ text: String, _ parameter: Parameter) throws(Quantity.Problem) -> Int {
        switch parameter.kind {
        case .milliseconds: try Quantity.duration(text, unitMilliseconds: 1)
        case .seconds: try Quantity.duration(text, unitMilliseconds: 1000)
        case .bytes: try Quantity.size(text)
        default: try Quantity.count(text)
        }
    }

    private func isWithin(_ value: Int, _ parameter: Parameter, _ name: String, _ text: String) -> Bool {
        guard let range = parameter.range, !range.contains(value) else { return true }
        let unit = parameter.unit.isEmpty ? "" : " (\(parameter.unit))"
        let bound = value < range.lowerBound ? "below the minimum \(range.lowerBound)" : "above the maximum \(range.upperBound)"
        report(name, "\(shown(text)) is \(bound)\(unit)")
        return false
    }

    private func message(for problem: Quantity.Problem, _ text: String, _ parameter: Parameter) -> String {
        switch problem {
        case .notWhole: return "\(shown(text)) is not a whole number of \(parameter.unit)"
        case .tooLarge:
            let unit = parameter.unit.isEmpty ? "" : " (\(parameter.unit))"
            return "\(shown(text)) is above the maximum \(parameter.range?.upperBound ?? Int.max)\(unit)"
        case .malformed: return "\"\(shown(text))\" is not \(kindPhrase(of: parameter))"
        }
    }

    private func kindPhrase(of parameter: Parameter) -> String {
        switch parameter.kind {
        case .milliseconds, .seconds: "a duration such as 500ms, 30s, 5m, 1h or 30d"
        case .bytes: "a size such as 64KiB, 32MiB or 8GiB"
        case .count: "a whole number"
        case .number: "a number"
        case .share: "a share such as 1% or 0.01"
        case .usd: "USD with up to 9 decimals, such as 0.25"
        case .flag: "true or false"
        case .choice(let words): "one of \(words.joined(separator: ", "))"
        default: "a text"
        }
    }

    /// A value cut to 64 characters for a message.
    func shown(_ text: String) -> String { text.count <= 64 ? text : String(text.prefix(64)) + "…" }
}
