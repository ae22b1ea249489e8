import GatewayModel
import JSON

/// A model that a key may use, as `GET /v1/models` lists it.
public struct ListedModel: Sendable, Equatable {
    /// What a request puts into `model`: `provider/model` or a route's name.
    public var id: String
    /// Who serves it: a provider's name, or `weir` for a route.
    public var owner: String
    /// Seconds since 1970 when it was made known; 0 where nobody says.
    public var createdSeconds: Int64

    /// Makes an entry.
    public init(id: String, owner: String, createdSeconds: Int64 = 0) {
        self.id = id
        self.owner = owner
        self.createdSeconds = createdSeconds
    }

    /// Appends the model in a dialect's shape, as `GET /v1/models/{id}` answers.
    public func append(as dialect: Dialect, to body: inout [UInt8]) {
        switch dialect {
        case .openAI:
            body.append(literal: "{\"id\":")
            appendJSONString(id, to: &body)
            body.append(literal: ",\"object\":\"model\",\"created\":")
            body.append(decimal: createdSeconds)
            body.append(literal: ",\"owned_by\":")
            appendJSONString(owner, to: &body)
            body.append(literal: "}")
        case .anthropic:
            body.append(literal: "{\"type\":\"model\",\"id\":")
            appendJSONString(id, to: &body)
            body.append(literal: ",\"display_name\":")
            appendJSONString(id, to: &body)
            body.append(literal: ",\"created_at\":\"")
            appendTimestamp(createdSeconds, to: &body)
            body.append(literal: "\"}")
        case .gemini:
            body.append(literal: "{\"name\":")
            appendJSONString("models/" + id, to: &body)
            body.append(literal: ",\"displayName\":")
            appendJSONString(id, to: &body)
            body.append(literal: ",\"supportedGenerationMethods\":[\"generateContent\",\"countTokens\"]}")
        }
    }
}

/// Appends a whole list of models in a dialect's shape: one page, nothing more to fetch.
public func appendModelsList(_ models: [ListedModel], dialect: Dialect, to body: inout [UInt8]) {
    body.append(literal: dialect == .openAI ? "{\"object\":\"list\",\"data\":[" : dialect == .anthropic ? "{\"data\":[" : "{\"models\":[")
    for (index, model) in models.enumerated() {
        if index > 0 { body.append(0x2C) }
        model.append(as: dialect, to: &body)
    }
    body.append(literal: "]")
    if dialect == .anthropic {
        body.append(literal: ",\"has_more\":false,\"first_id\":")
        if let first = models.first { appendJSONString(first.id, to: &body) } else { body.append(literal: "null") }
        body.append(literal: ",\"last_id\":")
        if let last = models.last { appendJSONString(last.id, to: &body) } else { body.append(literal: "null") }
    }
    body.append(literal: "}")
}

/// Appends an RFC 3339 time in UTC, of seconds since 1970 (clamped to the years 1970 to 9999).
func appendTimestamp(_ seconds: Int64, to body: inout [UInt8]) {
    let clamped = min(max(seconds, 0), 253_402_300_799)
    // Days to a civil date: Howard Hinnant's `civil_from_days`, years counted from March.
    let days = clamped / 86_400 + 719_468
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let day = dayOfYear - (153 * shifted + 2) / 5 + 1
    let time = clamped % 86_400
    func pad(_ value: Int64, _ width: Int) {
        let text = String(value)
        body.append(contentsOf: String(repeating: "0", count: max(0, width - text.utf8.count)).utf8)
        body.append(contentsOf: text.utf8)
    }
    pad(year, 4)
    body.append(0x2D)
    pad(month, 2)
    body.append(0x2D)
    pad(day, 2)
    body.append(0x54)
    pad(time / 3600, 2)
    body.append(0x3A)
    pad(time / 60 % 60, 2)
    body.append(0x3A)
    pad(time % 60, 2)
    body.append(0x5A)
}
