import JSON

/// A part of the JSON of limits and the way to it: every error tells where it is.
struct LimitNode {
    let value: JSONValue
    let steps: [LimitSyntaxError.Step]

    func error(_ message: String) -> LimitSyntaxError { LimitSyntaxError(steps, message) }

    /// The members that are not `null`. Names that are not among `known` are refused, with the nearest that is.
    func members(known: [String], example: String) throws(LimitSyntaxError) -> [(name: String, node: LimitNode)] {
        let members = try entries(example: example)
        for (name, node) in members where !known.contains(name) {
            let hint = NearestName.of(name, among: known).map { "; did you mean \($0)?" } ?? ""
            throw node.error("is not a known field" + hint)
        }
        return members.filter { !$0.node.value.isNull }
    }

    /// The members of an object with names of the operator's choice.
    func entries(example: String) throws(LimitSyntaxError) -> [(name: String, node: LimitNode)] {
        guard let object = value.objectValue else { throw error("must have fields such as \(example)") }
        return object.members.map { ($0.key, LimitNode(value: $0.value, steps: steps + [.member($0.key)])) }
    }

    /// The items of a list; anything else is a list of one.
    var items: [LimitNode] {
        guard let items = value.arrayValue else { return [self] }
        return items.enumerated().map { LimitNode(value: $0.element, steps: steps + [.item($0.offset)]) }
    }

    /// The text of a string or number.
    func text(rule: String) throws(LimitSyntaxError) -> String {
        switch value {
        case .string(let text), .number(let text): return text
        default: throw error("must be \(rule)")
        }
    }

    func flag() throws(LimitSyntaxError) -> Bool {
        guard let flag = value.boolValue else { throw error("must be true or false") }
        return flag
    }
}
