import GatewayModel

extension StatsQuery {
    /// Reads a query from the decoded fields of a URL: `window` or `from` and `to`, `step`, `group_by`, one field per dimension to filter by,
    /// `top`, `order`, `percentiles`, `format`. A field may come once, `group_by` several times. Anything else is an error.
    public init(fields: [(name: String, value: String)], now: WallTime, limits: RollupLimits = RollupLimits()) throws(StatsQueryError) {
        var texts = StatsFields()
        for field in fields { try texts.take(field.name, field.value, limits) }
        let second = max(0, now.milliseconds / 1000)
        let span = try StatsSpan(texts, now: second, limits)
        let step = try StatsQuery.step(texts.texts["step"] ?? "auto", span, second, limits)
        // The running step counts as the last one, also when it has only just begun.
        let end = span.isRunning ? StatsQuery.start(of: span.to, step) + step.seconds : StatsQuery.ceiling(of: span.to, step)
        to = end
        from = span.isRunning ? end - StatsQuery.ceiling(of: span.to - span.from, step) : StatsQuery.start(of: span.from, step)
        stepSeconds = step.seconds
        resolution = step.resolution
        groupBy = texts.groupBy
        filters = texts.filters
        if let text = texts.texts["top"] {
            guard let top = StatsQuery.number(text), (1...StatsQuery.topMax).contains(top) else {
                throw StatsQueryError(field: "top", message: "must be a whole number from 1 to \(StatsQuery.topMax)")
            }
            self.top = top
        }
        if let text = texts.texts["order"] { order = try StatsQuery.choice(text, "order") }
        if let text = texts.texts["format"] { format = try StatsQuery.choice(text, "format") }
        if let text = texts.texts["percentiles"] { percentiles = try StatsQuery.percentiles(text) }
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ text: String, _ field: String
    ) throws(StatsQueryError) -> Choice where Choice.RawValue == String {
        if let choice = Choice(rawValue: text) { return choice }
        throw StatsQueryError(field: field, message: "must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    }

    private static func step(_ name: String, _ span: StatsSpan, _ now: Int64, _ limits: RollupLimits) throws(StatsQueryError) -> StatsStep {
        let length = span.to - span.from
        func isKept(_ step: StatsStep) -> Bool { span.from >= now - limits.retentionSeconds(of: step.resolution) }
        if name == "auto" {
            // Enough points for a chart, and no more than it has room for.
            if let step = StatsStep.all.first(where: { length / $0.seconds <= 200 && isKept($0) }) { return step }
            if let step = StatsStep.all.last, length / step.seconds < pointsMax { return step }
            throw StatsQueryError(field: "window", message: "would make more than \(pointsMax) points; take a shorter one")
        }
        guard let step = StatsStep.all.first(where: { $0.name == name }) else {
            let names = StatsStep.all.map(\.name).joined(separator: ", ")
            throw StatsQueryError(field: "step", message: "must be auto or one of \(names)")
        }
        guard isKept(step) else {
            let hours = limits.retentionSeconds(of: step.resolution) / 3600
            let kept = hours % 24 == 0 && hours > 48 ? "\(hours / 24) days" : "\(hours) hours"
            throw StatsQueryError(field: "step", message: "is kept for \(kept) only; take a longer step or a later window")
        }
        guard length / step.seconds < pointsMax else {
            throw StatsQueryError(field: "step", message: "would make more than \(pointsMax) points; take a longer one")
        }
        return step
    }

    private static func start(of second: Int64, _ step: StatsStep) -> Int64 { second - second % step.seconds }

    private static func ceiling(of second: Int64, _ step: StatsStep) -> Int64 {
        let start = start(of: second, step)
        return start == second ? start : start + step.seconds
    }

    /// `50,90,99.9` in hundredths, rising, each once.
    private static func percentiles(_ text: String) throws(StatsQueryError) -> [Int] {
        var values: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let value = hundredths(part) else {
                throw StatsQueryError(
                    field: "percentiles", message: "must be numbers from 0 to 100 with at most two decimals, joined by commas")
            }
            values.insert(value)
            guard values.count <= percentilesMax else {
                throw StatsQueryError(field: "percentiles", message: "are more than \(percentilesMax)")
            }
        }
        return values.sorted()
    }

    private static func hundredths(_ text: Substring) -> Int? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, whole.utf8.count <= 3, let percent = number(whole) else { return nil }
        guard parts.count == 2 else { return percent <= 100 ? percent * 100 : nil }
        guard (1...2).contains(parts[1].utf8.count), let fraction = number(parts[1]) else { return nil }
        let value = percent * 100 + (parts[1].utf8.count == 1 ? fraction * 10 : fraction)
        return value <= 10_000 ? value : nil
    }

    /// At most nine digits, and nothing else.
    static func number(_ text: some StringProtocol) -> Int? {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }
}

/// The fields of a query, each known and at most once.
struct StatsFields {
    private(set) var texts: [String: String] = [:]
    private(set) var groupBy: [StatsDimension] = []
    private(set) var filters: [StatsDimension: String] = [:]

    private static let names: Set<String> = ["window", "from", "to", "step", "top", "order", "percentiles", "format"]

    mutating func take(_ name: String, _ value: String, _ limits: RollupLimits) throws(StatsQueryError) {
        if name == "group_by" {
            try takeGroups(value)
        } else if let dimension = StatsDimension.allCases.first(where: { $0.name == name }) {
            try takeFilter(dimension, value, limits)
        } else if StatsFields.names.contains(name) {
            guard texts.updateValue(value, forKey: name) == nil else { throw StatsQueryError(field: name, message: "is given twice") }
        } else {
            throw StatsQueryError(field: String(name.prefix(64)), message: "is no field of this query")
        }
    }

    private mutating func takeGroups(_ value: String) throws(StatsQueryError) {
        for part in value.split(separator: ",", omittingEmptySubsequences: false) {
            guard let dimension = StatsDimension.allCases.first(where: { $0.name == part }) else {
                let names = StatsDimension.allCases.map(\.name).joined(separator: ", ")
                throw StatsQueryError(field: "group_by", message: "must be one or more of \(names), joined by commas")
            }
            guard !groupBy.contains(dimension) else { throw StatsQueryError(field: "group_by", message: "names \(dimension.name) twice") }
            groupBy.append(dimension)
        }
    }

    private mutating func takeFilter(_ dimension: StatsDimension, _ value: String, _ limits: RollupLimits) throws(StatsQueryError) {
        guard value.utf8.count <= limits.labelBytesMax else {
            throw StatsQueryError(field: dimension.name, message: "is longer than \(limits.labelBytesMax) bytes")
        }
        if let labels = dimension.labels, !labels.contains(value) {
            throw StatsQueryError(field: dimension.name, message: "must be one of \(labels.joined(separator: ", "))")
        }
        guard filters.updateValue(value, forKey: dimension) == nil else {
            throw StatsQueryError(field: dimension.name, message: "is given twice")
        }
    }
}

/// The window of a query before it is moved to multiples of a step.
struct StatsSpan {
    private(set) var from: Int64
    private(set) var to: Int64
    /// Whether it ends now.
    private(set) var isRunning = false

    init(_ fields: StatsFields, now: Int64, _ limits: RollupLimits) throws(StatsQueryError) {
        to = now
        if let text = fields.texts["to"] {
            to = try StatsSpan.moment(text, "to")
            guard to <= now + 86_400 else { throw StatsQueryError(field: "to", message: "lies in the future") }
        } else {
            isRunning = true
        }
        let longest = limits.retentionSeconds(of: .day)
        guard let text = fields.texts["from"] else {
            let length = try StatsSpan.length(fields.texts["window"] ?? "1h", longest)
            from = to - length
            // Half a window that nothing was kept of is no answer to the whole.
            guard from >= now - longest else { throw StatsSpan.tooEarly("window", longest) }
            return
        }
        guard fields.texts["window"] == nil else {
            throw StatsQueryError(field: "window", message: "can't be given together with from")
        }
        from = try StatsSpan.moment(text, "from")
        isRunning = false
        guard from < to else { throw StatsQueryError(field: "from", message: "must lie before the end of the window") }
        guard from >= now - longest else { throw StatsSpan.tooEarly("from", longest) }
    }

    private static func tooEarly(_ field: String, _ longest: Int64) -> StatsQueryError {
        StatsQueryError(field: field, message: "reaches back further than the \(longest / 86_400) days that are kept")
    }

    private static func moment(_ text: String, _ field: String) throws(StatsQueryError) -> Int64 {
        if let second = StatsTime.second(of: text) { return second }
        throw StatsQueryError(field: field, message: "must be a time such as 2027-01-31T12:00:00Z")
    }

    /// `15m`, `24h`, `30d`.
    private static func length(_ text: String, _ longest: Int64) throws(StatsQueryError) -> Int64 {
        let units: [Character: Int64] = ["m": 60, "h": 3600, "d": 86_400]
        guard let last = text.last, let unit = units[last], let count = StatsQuery.number(text.dropLast()), count > 0,
            Int64(count) * unit <= longest
        else {
            throw StatsQueryError(field: "window", message: "must be a span such as 15m, 24h or 30d, of at most \(longest / 86_400) days")
        }
        return Int64(count) * unit
    }
}
