public import EventLog
public import GatewayModel
public import JSON

/// Reads the body of `PATCH /logs/{id}`.
public enum LogRemarks {
    /// The change that the fields ask for: `feedback` (-1, 1 or null), `score` (0 to 100, or null), `metadata` (a flat object, or null). Throws 400
    /// for other fields and values, and for none.
    public static func change(of fields: JSONObject) throws(GatewayError) -> LogChange {
        guard !fields.members.isEmpty else { throw invalid("feedback", "or score or metadata is required") }
        var change = LogChange()
        for member in fields.members {
            switch member.key {
            case "feedback": change.feedback = try part(member) { $0.intValue }
            case "score": change.score = try part(member) { $0.doubleValue }
            case "metadata": change.metadata = try part(member) { $0.objectValue.map { text(of: $0) } }
            default:
                throw GatewayError(
                    status: 400, code: "unknown_field", message: "There is no field \"\(String(member.key.prefix(64)))\" here.",
                    param: String(member.key.prefix(64)))
            }
        }
        if let problem = change.problem { throw invalid(problem.field, problem.reason) }
        return change
    }

    private static func part<Value>(
        _ member: JSONObject.Member, _ read: (JSONValue) -> Value?
    ) throws(GatewayError) -> LogChange.Part<Value> {
        if member.value.isNull { return .clear }
        guard let value = read(member.value) else {
            throw invalid(member.key, member.key == "metadata" ? "is a flat JSON object, or null" : "is a number, or null")
        }
        return .set(value)
    }

    private static func text(of object: JSONObject) -> String {
        var bytes: [UInt8] = []
        JSONValue.object(object).write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func invalid(_ name: String, _ what: String) -> GatewayError {
        GatewayError(status: 400, code: "invalid_field", message: "\(name) \(what).", param: name)
    }
}
