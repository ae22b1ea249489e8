import JSON

// How the pieces of an OpenAI stream add up: the rule of the official SDKs (text is appended, lists of objects with an `index` are merged by it,
// other lists are appended, objects are merged), made safe against providers that repeat a name or an id in every piece.

extension JSONObject {
    /// Names whose text is told once, or again with every piece; never in pieces.
    private static let wholeTexts: Set<String> = ["id", "type", "role", "name", "format", "object", "model"]

    /// Adds a delta to what has come so far.
    mutating func merge(delta: JSONObject) {
        for member in delta.members {
            guard let old = self[member.key], !old.isNull else {
                self[member.key] = member.value
                continue
            }
            if let merged = JSONObject.merged(old, member.value, key: member.key) { self[member.key] = merged }
        }
    }

    /// The sum of two values of one name; `nil` where the old one stays.
    private static func merged(_ old: JSONValue, _ new: JSONValue, key: String) -> JSONValue? {
        switch (old, new) {
        case (_, .null): return nil
        case (.string(let before), .string(let after)):
            guard wholeTexts.contains(key) else { return .string(before + after) }
            return before.isEmpty ? new : old
        case (.object(var object), .object(let delta)):
            object.merge(delta: delta)
            return .object(object)
        case (.array(let before), .array(let after)): return .array(merged(before, after))
        default: return new
        }
    }

    private static func merged(_ before: [JSONValue], _ after: [JSONValue]) -> [JSONValue] {
        var list = before
        for element in after {
            guard case .object(let delta) = element, let index = element["index"]?.intValue,
                let place = list.firstIndex(where: { $0["index"]?.intValue == index }), case .object(var object) = list[place]
            else {
                list.append(element)
                continue
            }
            object.merge(delta: delta)
            list[place] = .object(object)
        }
        return list
    }

    /// The object without some of its members.
    func without(_ keys: String...) -> JSONObject { JSONObject(members: members.filter { !keys.contains($0.key) }) }

    /// Takes a member over from a later chunk: the first that says something stays.
    mutating func adopt(_ member: Member) {
        switch self[member.key] {
        case nil, .null, .string(""), .number("0"): self[member.key] = member.value
        default: break
        }
    }
}

/// Values by a small index, kept in its order.
struct IndexedObjects {
    private(set) var entries: [(index: Int, object: JSONObject)] = []

    /// The object of an index, made when it is first asked for.
    subscript(index: Int) -> JSONObject {
        get { entries.first { $0.index == index }?.object ?? JSONObject() }
        set {
            if let place = entries.firstIndex(where: { $0.index == index }) {
                entries[place].object = newValue
            } else {
                let place = entries.firstIndex { $0.index > index } ?? entries.count
                entries.insert((index, newValue), at: place)
            }
        }
    }
}
