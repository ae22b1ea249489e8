public import JSON

extension Metadata {
    /// Reads a flat JSON object: texts, numbers and booleans, at most 16.
    public init(_ json: JSONValue) throws(PatternError) {
        guard let object = json.objectValue else { throw PatternError("metadata must be an object of texts, numbers and booleans") }
        self.init()
        for member in object.members {
            switch member.value {
            case .string(let text): try add(member.key, .text(text))
            case .number(let text): try add(member.key, .number(text))
            case .bool(let flag): try add(member.key, .flag(flag))
            case .null, .array, .object: throw PatternError("metadata \"\(printable(member.key))\" must be a text, a number or a boolean")
            }
        }
    }

    /// The entries as a flat JSON object.
    public var json: JSONValue {
        var object = JSONObject()
        for entry in entries {
            let value: JSONValue =
                switch entry.value {
                case .text(let text): .string(text)
                case .number(let text): .number(text)
                case .flag(let flag): .bool(flag)
                }
            object.members.append(JSONObject.Member(key: entry.name, value: value))
        }
        return .object(object)
    }
}
