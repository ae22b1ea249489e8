import GatewayModel
import JSON
import Tenants

// Limits of use: the grammar is read in Tenants, the same as for the admin API; here YAML becomes JSON and an error's place becomes a line.

extension Section {
    /// The limits of a field; none where it is missing or wrong.
    func limits(_ name: String, _ names: PolicyNames, allowsMetadata: Bool = true) -> LimitSet {
        guard let node = node(name) else { return LimitSet() }
        do throws(LimitSyntaxError) {
            return try LimitSet(json: node.json, allowsMetadata: allowsMetadata).renamingModels(names)
        } catch {
            let separator = error.steps.isEmpty ? "" : error.path.hasPrefix("[") ? "" : "."
            context.report(node.line(of: error.steps) ?? line(of: name), path(of: name) + separator + error.path, error.message)
            return LimitSet()
        }
    }

    /// USD in nano-USD, or `nil` where the file has none.
    func optionalNanoUSD(_ name: String) -> Int64? {
        let parameter = parameter(name)
        guard let text = scalar(name) else { return nil }
        do throws(LimitAmount.Problem) {
            let nanoUSD = try LimitAmount.nanoUSD(text)
            if let range = parameter.range, nanoUSD > Int64(range.upperBound) * 1_000_000_000 { throw .tooLarge }
            return nanoUSD
        } catch {
            switch error {
            case .malformed: report(name, "\"\(shown(text))\" is not USD with up to 9 decimals, such as 0.25")
            case .tooFine: report(name, "\(shown(text)) has more than 9 decimals")
            case .tooLarge: report(name, "\(shown(text)) is above the maximum \(parameter.range?.upperBound ?? 0) (USD)")
            }
            return nil
        }
    }
}

extension LimitSet {
    /// The set with canonical provider names in its model patterns.
    fileprivate func renamingModels(_ names: PolicyNames) throws(LimitSyntaxError) -> LimitSet {
        var renamed: [Limit] = []
        for var limit in limits {
            if case .model(let pattern) = limit.selector {
                do {
                    limit.selector = .model(try names.models([pattern]).texts.first ?? pattern)
                } catch {
                    throw LimitSyntaxError([.member("models"), .member(pattern)], error.description)
                }
            }
            renamed.append(limit)
        }
        return LimitSet(limits: renamed)
    }
}

extension ConfigurationNode {
    /// The node as JSON: a scalar without quotes is what it looks like.
    var json: JSONValue {
        switch content {
        case .null: .null
        case .scalar(let text): isQuoted ? .string(text) : text == "true" ? true : text == "false" ? false : .string(text)
        case .list(let items): .array(items.map(\.json))
        case .mapping(let fields): .object(JSONObject(members: fields.map { JSONObject.Member(key: $0.name, value: $0.value.json) }))
        }
    }

    /// The line of a part of this node, or of the last step towards it that the file has.
    func line(of steps: [LimitSyntaxError.Step]) -> Int? {
        var node = self
        var line: Int?
        for step in steps {
            switch (step, node.content) {
            case (.member(let name), .mapping(let fields)):
                guard let field = fields.first(where: { $0.name == name }) else { return line }
                (node, line) = (field.value, field.line)
            case (.item(let index), .list(let items)):
                guard items.indices.contains(index) else { return line }
                (node, line) = (items[index], items[index].line)
            default: return line
            }
        }
        return line
    }
}
