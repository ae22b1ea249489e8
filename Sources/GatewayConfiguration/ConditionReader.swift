import GatewayModel
import Routing
import Tenants

// Conditions are plain mappings: field and value, several fields are "and". What a field can never be is refused, since a condition that can
// never hold is a slip nobody notices.

/// Reads `when:`.
struct ConditionReader {
    /// The most values of a list.
    static let valuesMax = 100
    /// The most fields of a mapping, and conditions under `any`.
    static let partsMax = 32
    /// The longest value, in bytes: as long as metadata may be.
    static let valueBytesMax = Metadata.textBytesMax

    private static let fieldNames = ["tenant", "key", "model", "operation", "stream", "tools", "images", "json", "size", "any", "not"]
    private static let fieldRule = "metadata.NAME, tenant, key, model, operation, stream, tools, images, json, size, any or not"
    private static let valueRule = "must be a value, a list of values, {not: value or list} or {exists: true or false}"

    let context: SectionContext

    /// The condition of a node; `nil` after reporting what is wrong.
    func condition(_ node: ConfigurationNode, path: String) -> RouteCondition? {
        guard let condition = whole(node, path) else { return nil }
        guard ConditionReader.depth(of: condition) <= RoutePlan.depthMax else {
            context.report(node.line, path, "conditions stand in conditions deeper than \(RoutePlan.depthMax) levels")
            return nil
        }
        return condition
    }

    private func whole(_ node: ConfigurationNode, _ path: String) -> RouteCondition? {
        guard case .mapping(let fields) = node.content else {
            context.report(node.line, path, "must be a mapping from fields to values, not \(node.kindName)")
            return nil
        }
        guard (1...ConditionReader.partsMax).contains(fields.count) else {
            let count = "\(fields.count) fields where 1 to \(ConditionReader.partsMax) are allowed"
            context.report(node.line, path, count)
            return nil
        }
        let parts = fields.compactMap { part($0, path + "." + context.shown($0.name)) }
        guard parts.count == fields.count else { return nil }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private func part(_ field: ConfigurationNode.Field, _ path: String) -> RouteCondition? {
        switch field.name {
        case "any": return any(field, path)
        case "not": return whole(field.value, path).map(RouteCondition.not)
        default: break
        }
        guard let known = RouteField(name: field.name), field.name.utf8.count <= "metadata.".utf8.count + Metadata.nameBytesMax else {
            let hint = NearestName.of(field.name, among: ConditionReader.fieldNames).map { "; did you mean \($0)?" } ?? ""
            let rule = hint.isEmpty ? "; one of \(ConditionReader.fieldRule)" : hint
            context.report(field.line, path, "is not a field of a request" + rule)
            return nil
        }
        return comparison(known, field, path)
    }

    private func any(_ field: ConfigurationNode.Field, _ path: String) -> RouteCondition? {
        guard case .list(let nodes) = field.value.content, (1...ConditionReader.partsMax).contains(nodes.count) else {
            context.report(field.line, path, "must be a list of 1 to \(ConditionReader.partsMax) conditions")
            return nil
        }
        let parts = nodes.enumerated().compactMap { index, node in whole(node, "\(path)[\(index)]") }
        return parts.count == nodes.count ? .any(parts) : nil
    }

    // MARK: One field

    private func comparison(_ known: RouteField, _ field: ConfigurationNode.Field, _ path: String) -> RouteCondition? {
        guard case .mapping(let fields) = field.value.content else { return match(known, field.value, field.line, path) }
        guard fields.count == 1, let only = fields.first else {
            context.report(field.line, path, ConditionReader.valueRule)
            return nil
        }
        switch (only.name, only.value.text) {
        case ("not", _): return match(known, only.value, only.line, path).map(RouteCondition.not)
        case ("exists", "true"?): return .exists(known)
        case ("exists", "false"?): return .not(.exists(known))
        default:
            context.report(only.line, path, ConditionReader.valueRule)
            return nil
        }
    }

    private func match(_ known: RouteField, _ node: ConfigurationNode, _ line: Int, _ path: String) -> RouteCondition? {
        switch node.content {
        case .scalar(let text): return isPossible(text, of: known, line, path) ? .equals(known, text) : nil
        case .list(let nodes):
            guard (1...ConditionReader.valuesMax).contains(nodes.count) else {
                context.report(line, path, "\(nodes.count) values where 1 to \(ConditionReader.valuesMax) are allowed")
                return nil
            }
            var texts: [String] = []
            for node in nodes {
                guard let text = node.text else {
                    context.report(node.line, path, "every value must be a text, not \(node.kindName)")
                    return nil
                }
                guard isPossible(text, of: known, node.line, path) else { return nil }
                texts.append(text)
            }
            return .isIn(known, texts)
        case .mapping, .null:
            context.report(line, path, ConditionReader.valueRule)
            return nil
        }
    }

    /// Whether a field can have a value; else it is reported.
    private func isPossible(_ text: String, of field: RouteField, _ line: Int, _ path: String) -> Bool {
        let words: [String]
        switch field {
        case .stream, .tools, .images, .json: words = ["true", "false"]
        case .size: words = PromptSize.allCases.map(\.rawValue)
        case .operation: words = Operation.allCases.map(\.name)
        case .metadata, .tenant, .key, .model:
            guard text.utf8.count > ConditionReader.valueBytesMax else { return true }
            context.report(line, path, "a value is longer than \(ConditionReader.valueBytesMax) bytes")
            return false
        }
        guard !words.contains(text) else { return true }
        let hint = NearestName.of(text, among: words).map { "; did you mean \($0)?" } ?? ""
        context.report(line, path, "\"\(context.shown(text))\" is not one of \(words.joined(separator: ", "))" + hint)
        return false
    }

    /// How deep conditions stand in conditions; 1 for a plain one. YAML's own depth bounds the recursion.
    private static func depth(of condition: RouteCondition) -> Int {
        switch condition {
        case .equals, .isIn, .exists: 1
        case .not(let inner): 1 + depth(of: inner)
        case .all(let parts), .any(let parts): 1 + (parts.map(depth(of:)).max() ?? 0)
        }
    }
}

extension SectionContext {
    /// A value cut to 64 characters for a message.
    func shown(_ text: String) -> String { text.count <= 64 ? text : String(text.prefix(64)) + "…" }
}
