// One mapping of the file, read by the table. Making a section reports every field that the table does not know; each accessor checks one
// field's kind and bounds and answers the default when the field is missing or wrong, so that one load reports everything at once. What was
// read from a file with errors never leaves the loader.

import Tenants

/// What all sections of one file share.
final class SectionContext {
    let file: String
    let table: ParameterTable
    let errors: ErrorCollector

    init(file: String, table: ParameterTable, errors: ErrorCollector) {
        self.file = file
        self.table = table
        self.errors = errors
    }

    func report(_ line: Int?, _ field: String?, _ message: String) {
        errors.add(ConfigurationError(file: file, line: line, field: field, message: message))
    }
}

/// A mapping and its place in the table.
struct Section {
    let context: SectionContext
    /// The path in the table, with `*` for chosen names.
    let pattern: String
    /// The path as the operator reads it.
    let path: String
    /// The line it begins on; `nil` where the file does not have it.
    let line: Int?
    private var fields: [String: ConfigurationNode.Field] = [:]

    /// The whole file.
    init(root: ConfigurationNode, context: SectionContext) {
        self.init(node: root, pattern: "", path: "", context: context)
    }

    init(node: ConfigurationNode?, pattern: String, path: String, context: SectionContext) {
        self.context = context
        self.pattern = pattern
        self.path = path
        line = node?.line
        guard let node else { return }
        switch node.content {
        case .null: break
        case .mapping(let list): adopt(list)
        case .scalar, .list: context.report(node.line, path.isEmpty ? nil : path, "must be a mapping of fields, not \(node.kindName)")
        }
    }

    private mutating func adopt(_ list: [ConfigurationNode.Field]) {
        let known = context.table.fieldNames(in: pattern)
        for field in list {
            if known.contains(field.name) {
                fields[field.name] = field
            } else {
                let shown = String(field.name.prefix(64))
                let hint = NearestName.of(field.name, among: known).map { "; did you mean \($0)?" } ?? ""
                context.report(field.line, joined(path, shown), "is not a known field" + hint)
            }
        }
    }

    // MARK: Places

    /// The table's entry for a field; a name the table does not have is a slip in this module.
    func parameter(_ name: String) -> Parameter {
        guard let parameter = context.table.parameter(at: joined(pattern, name)) else {
            preconditionFailure("no parameter \(joined(pattern, name))")
        }
        return parameter
    }

    /// The node of a field, `nil` where it is missing or left empty.
    func node(_ name: String) -> ConfigurationNode? {
        guard let value = fields[name]?.value else { return nil }
        if case .null = value.content { return nil }
        return value
    }

    /// Whether the file has the field.
    func has(_ name: String) -> Bool { node(name) != nil }

    /// The line of a field, else of the section.
    func line(of name: String) -> Int? { fields[name]?.line ?? line }

    /// The path of a field as the operator reads it.
    func path(of name: String) -> String { joined(path, name) }

    /// Reports trouble with a field.
    func report(_ name: String, _ message: String) { context.report(line(of: name), path(of: name), message) }

    private func joined(_ parent: String, _ name: String) -> String { parent.isEmpty ? name : parent + "." + name }

    /// Reports every field but the given ones.
    func refuseFields(except allowed: [String]) {
        for name in fields.keys.sorted() where !allowed.contains(name) { report(name, "does not belong in this file") }
    }

    // MARK: Parts

    /// A section below this one, empty where the file does not have it.
    func section(_ name: String) -> Section {
        _ = parameter(name)
        return Section(node: node(name), pattern: joined(pattern, name), path: path(of: name), context: context)
    }

    /// The names and nodes of a mapping with chosen names, at most as many as the table allows.
    func namedNodes(_ name: String) -> [ConfigurationNode.Field] {
        guard let node = node(name) else { return [] }
        guard case .mapping(let fields) = node.content else {
            report(name, "must be a mapping from names to values, not \(node.kindName)")
            return []
        }
        guard case .sections(let countMax) = parameter(name).kind, fields.count > countMax else { return fields }
        report(name, "\(fields.count) entries where at most \(countMax) are allowed")
        return []
    }

    /// The section of one chosen name.
    func section(_ name: String, of field: ConfigurationNode.Field) -> Section {
        Section(node: field.value, pattern: joined(pattern, name) + ".*", path: path(of: name) + "." + field.name, context: context)
    }

    /// The sections of a list.
    func items(_ name: String) -> [Section] {
        guard let node = node(name), case .items(let countMax) = parameter(name).kind else { return [] }
        guard case .list(let nodes) = node.content else {
            report(name, "must be a list, not \(node.kindName)")
            return []
        }
        guard nodes.count <= countMax else {
            report(name, "\(nodes.count) entries where at most \(countMax) are allowed")
            return []
        }
        return nodes.enumerated().map { index, node in
            Section(node: node, pattern: joined(pattern, name) + "[]", path: path(of: name) + "[\(index)]", context: context)
        }
    }
}
