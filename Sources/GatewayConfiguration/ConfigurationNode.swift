/// A YAML value with the line it stands on: all that the rest of the module sees of YAML.
struct ConfigurationNode {
    enum Content {
        case null
        case scalar(String)
        case list([ConfigurationNode])
        case mapping([Field])
    }

    /// One name and value of a mapping.
    struct Field {
        let name: String
        let line: Int
        let value: ConfigurationNode
    }

    let content: Content
    /// From 1.
    let line: Int
    /// Whether a scalar stands in quotes, so that it is a text whatever it looks like.
    var isQuoted = false

    /// What kind of value it is, for messages.
    var kindName: String {
        switch content {
        case .null: "nothing"
        case .scalar: "a single value"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }

    /// The text of a scalar.
    var text: String? {
        if case .scalar(let text) = content { return text }
        return nil
    }
}
