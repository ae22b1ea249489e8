import GatewayModel
public import JSON

extension LimitSet {
    /// Reads limits in the grammar of docs/configuration.md. `null` members count as left out, `null` as no limits.
    ///
    /// - Parameter allowsMetadata: whether limits for each value of a metadata name are allowed: for keys and tenants, not for routes.
    public init(json: JSONValue, allowsMetadata: Bool = true) throws(LimitSyntaxError) {
        try self.init(parts: json)
        try check(allowsMetadata: allowsMetadata)
    }

    /// Reads limits that may be a part of a set: what only a whole set must fulfil is not checked.
    init(parts json: JSONValue) throws(LimitSyntaxError) {
        var reader = LimitReader()
        if !json.isNull { try reader.readSet(json) }
        self.init(limits: reader.limits)
    }

    /// What a set must fulfil as a whole.
    private func check(allowsMetadata: Bool) throws(LimitSyntaxError) {
        guard limits.count <= Limit.countMax else {
            throw LimitSyntaxError([], "\(limits.count) limits where at most \(Limit.countMax) are allowed")
        }
        let bounded = Set(limits.filter { $0.selector == .all }.map(\.measure))
        for limit in limits {
            guard case .metadata(let name) = limit.selector else { continue }
            let measure = limit.measure.rawValue
            guard allowsMetadata else {
                throw LimitSyntaxError([.member("metadata")], "is for limits of keys and tenants only, not of routes")
            }
            guard bounded.contains(limit.measure) else {
                throw LimitSyntaxError(
                    [.member("metadata"), .member(name), .member(limit.window.isBudget ? "budgets" : measure)],
                    "needs a limit of \(measure) for all values together beside metadata, since clients choose the values")
            }
        }
    }

    /// The limits in the same grammar; `LimitSet(json:)` of it is this set. Exact for whatever the grammar can say.
    public var json: JSONValue { .object(JSONObject(members: members)) }

    /// The members of `json`.
    var members: [JSONObject.Member] {
        var members = LimitSet.members(limits.filter { $0.selector == .all })
        var models: [JSONObject.Member] = []
        var names: [JSONObject.Member] = []
        for (index, limit) in limits.enumerated() where index == 0 || limits[index - 1].selector != limit.selector {
            let group = JSONValue.object(JSONObject(members: LimitSet.members(limits.filter { $0.selector == limit.selector })))
            switch limit.selector {
            case .all: break
            case .model(let pattern): models.append(JSONObject.Member(key: pattern, value: group))
            case .metadata(let name): names.append(JSONObject.Member(key: name, value: group))
            }
        }
        if !models.isEmpty { members.append(JSONObject.Member(key: "models", value: .object(JSONObject(members: models)))) }
        if !names.isEmpty { members.append(JSONObject.Member(key: "metadata", value: .object(JSONObject(members: names)))) }
        return members
    }

    /// The members for limits of one selector: one for each measure, and the budgets.
    private static func members(_ limits: [Limit]) -> [JSONObject.Member] {
        var members: [JSONObject.Member] = []
        for measure in LimitMeasure.allCases {
            let values = limits.filter { $0.measure == measure && !$0.window.isBudget }.map(value(of:))
            guard let first = values.first else { continue }
            members.append(JSONObject.Member(key: measure.rawValue, value: values.count == 1 ? first : .array(values)))
        }
        let budgets = limits.filter(\.window.isBudget).map(value(of:))
        if !budgets.isEmpty { members.append(JSONObject.Member(key: "budgets", value: .array(budgets))) }
        return members
    }

    private static func value(of limit: Limit) -> JSONValue {
        let amount = JSONValue.number(limit.amountText)
        switch limit.window {
        case .bucket:
            if limit.burst == limit.amount, !limit.isShadow { return .string("\(limit.amountText)/\(limit.periodText)") }
            var object = JSONObject()
            object["rate"] = amount
            object["per"] = .string(limit.periodText)
            if limit.burst != limit.amount { object["burst"] = .number(limit.text(ofAmount: limit.burst)) }
            if limit.isShadow { object["shadow"] = true }
            return .object(object)
        case .atOnce: return limit.isShadow ? ["max": amount, "shadow": true] : amount
        case .rolling, .calendar:
            var object = JSONObject()
            object[limit.measure.rawValue] = amount
            object["per"] = .string(limit.periodText)
            if limit.alertPercents != alertPercentsDefault { object["alert_at"] = .array(limit.alertPercents.map { .number($0) }) }
            if limit.isShadow { object["shadow"] = true }
            return .object(object)
        }
    }
}

extension Limit {
    /// The amount as the grammar writes it: USD for money.
    var amountText: String { text(ofAmount: amount) }

    /// An amount of the limit's measure as the grammar writes it.
    func text(ofAmount amount: Int64) -> String { measure == .cost ? LimitAmount.usdText(nanoUSD: amount) : String(amount) }

    /// The period or window as the grammar writes it; empty for what is at once.
    var periodText: String {
        switch window {
        case .bucket(let nanoseconds): LimitAmount.periodText(seconds: max(1, nanoseconds / 1_000_000_000))
        case .rolling(let seconds): LimitAmount.periodText(seconds: seconds)
        case .calendar(let window): window.rawValue
        case .atOnce: ""
        }
    }
}
