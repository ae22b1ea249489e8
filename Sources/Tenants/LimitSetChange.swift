public import JSON

/// A change of a key's or tenant's limits: each member that is given replaces the whole of it, `null` removes it, all others stay.
public struct LimitSetChange: Sendable, Equatable {
    /// Members of the set that are taken out first; `nil`: all.
    private let replaced: [String]?
    private let given: [JSONObject.Member]

    /// Reads a change in the grammar of limits; `null` removes all. A policy replaces the members that it means, so that a change made twice
    /// is the change made once.
    public init(_ json: JSONValue) throws(LimitSyntaxError) {
        given = try LimitSet(parts: json).members
        replaced = json.objectValue.map { $0.members.map(\.key) }
    }

    /// The set after the change; throws when the set as a whole is no longer allowed.
    public func applied(to set: LimitSet) throws(LimitSyntaxError) -> LimitSet {
        guard let replaced else { return LimitSet() }
        var object = JSONObject(members: set.members)
        for name in replaced { object[name] = nil }
        for member in given { object[member.key] = member.value }
        return try LimitSet(json: .object(object))
    }
}
