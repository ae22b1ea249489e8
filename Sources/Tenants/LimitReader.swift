// The grammar of limits. Its shape is told in docs/configuration.md; what is refused here is refused everywhere, at its place and with what
// to write instead. Amounts and times are bounded so that the arithmetic of the limiter can't overflow.

import GatewayModel
import JSON

/// Reads limits from JSON.
struct LimitReader {
    private(set) var limits: [Limit] = []

    static let plainNames = LimitMeasure.allCases.map(\.rawValue) + ["budgets"]
    static let names = plainNames + ["models", "metadata", "policies"]
    private static let example = "requests: 100/1m"

    // MARK: Sets

    /// Reads a whole set.
    mutating func readSet(_ json: JSONValue) throws(LimitSyntaxError) {
        let set = LimitNode(value: json, steps: [])
        for (name, node) in try set.members(known: LimitReader.names, example: LimitReader.example) {
            switch name {
            case "models":
                for (pattern, node) in try node.entries(example: "\"gpt-4o*\": {requests: 20/1m}") {
                    do { _ = try ScopedPatternList([pattern], of: .model) } catch { throw node.error(error.description) }
                    try readNested(node, .model(pattern))
                }
            case "metadata":
                for (name, node) in try node.entries(example: "user: {requests: 5/1m}") {
                    try readNested(node, .metadata(try LimitReader.metadataName(name, node)))
                }
            case "policies": for item in node.items { limits.append(try LimitPolicy.limit(item)) }
            default: try readMember(name, node, .all)
            }
        }
    }

    static func metadataName(_ name: String, _ node: LimitNode) throws(LimitSyntaxError) -> String {
        guard Identifier.isName(name, bytesMax: Metadata.nameBytesMax) else {
            throw node.error("a metadata name is \(Identifier.rule(bytesMax: Metadata.nameBytesMax))")
        }
        return name
    }

    private mutating func readNested(_ node: LimitNode, _ selector: LimitSelector) throws(LimitSyntaxError) {
        if node.value.isNull { return }
        for (name, node) in try node.members(known: LimitReader.plainNames, example: LimitReader.example) {
            try readMember(name, node, selector)
        }
    }

    private mutating func readMember(_ name: String, _ node: LimitNode, _ selector: LimitSelector) throws(LimitSyntaxError) {
        guard let measure = LimitMeasure(rawValue: name) else {
            for item in node.items { limits.append(try LimitReader.budget(item, selector)) }
            return
        }
        for item in node.items {
            limits.append(
                try measure == .concurrency ? LimitReader.concurrency(item, selector) : LimitReader.bucket(measure, item, selector))
        }
    }

    // MARK: One limit

    /// `100/1m`, or `{rate: 20000, per: 1m, burst: 40000, shadow: true}`.
    private static func bucket(
        _ measure: LimitMeasure, _ node: LimitNode, _ selector: LimitSelector
    ) throws(LimitSyntaxError) -> Limit {
        guard case .object = node.value else {
            let text = try node.text(rule: rateRule(measure))
            guard let slash = text.firstIndex(of: "/") else { throw node.error("\"\(printable(text))\" is not \(rateRule(measure))") }
            let amount = try amount(String(text[..<slash]), measure, node)
            let seconds = try period(String(text[text.index(after: slash)...]), measure, node)
            return try bucket(measure, amount, seconds, nil, node, selector)
        }
        var amount: Int64?
        var seconds: Int64?
        var burst: Int64?
        var isShadow = false
        for (name, node) in try node.members(known: ["rate", "per", "burst", "shadow"], example: "rate: 100, per: 1m") {
            switch name {
            case "rate": amount = try self.amount(try node.text(rule: amountRule(measure)), measure, node)
            case "burst": burst = try self.amount(try node.text(rule: amountRule(measure)), measure, node)
            case "per": seconds = try period(try node.text(rule: periodRule), measure, node)
            default: isShadow = try node.flag()
            }
        }
        guard let amount else { throw node.error("rate is missing") }
        guard let seconds else { throw node.error("per is missing") }
        var limit = try bucket(measure, amount, seconds, burst, node, selector)
        limit.isShadow = isShadow
        return limit
    }

    static func bucket(
        _ measure: LimitMeasure, _ amount: Int64, _ seconds: Int64, _ burst: Int64?, _ node: LimitNode, _ selector: LimitSelector
    ) throws(LimitSyntaxError) -> Limit {
        let nanoseconds = seconds * 1_000_000_000
        if measure == .requests || measure == .hits, amount > nanoseconds / Limit.intervalNanosecondsMin {
            throw node.error("is more than one in \(Limit.intervalNanosecondsMin) nanoseconds, which can't be counted exactly")
        }
        // A bucket that fills for longer than any period would need more than 64 bits of nanoseconds.
        if let burst, burst.multipliedFullWidth(by: seconds) > amount.multipliedFullWidth(by: Limit.periodSecondsMax) {
            throw node.error("a burst that takes longer than \(periodMaxText) to flow back is not kept; lower burst or raise rate")
        }
        return Limit(measure: measure, selector: selector, amount: amount, window: .bucket(nanoseconds: nanoseconds), burst: burst)
    }

    /// `8`, or `{max: 8, shadow: true}`.
    private static func concurrency(_ node: LimitNode, _ selector: LimitSelector) throws(LimitSyntaxError) -> Limit {
        let rule = "how many requests at once, such as 8"
        guard case .object = node.value else {
            let amount = try amount(try node.text(rule: rule), .concurrency, node)
            return Limit(measure: .concurrency, selector: selector, amount: amount, window: .atOnce)
        }
        var amount: Int64?
        var isShadow = false
        for (name, node) in try node.members(known: ["max", "shadow"], example: "max: 8") {
            if name == "max" { amount = try self.amount(try node.text(rule: rule), .concurrency, node) } else { isShadow = try node.flag() }
        }
        guard let amount else { throw node.error("max is missing") }
        return Limit(measure: .concurrency, selector: selector, amount: amount, window: .atOnce, isShadow: isShadow)
    }

    private static let budgetMeasures: [LimitMeasure] = [.cost, .tokens, .inputTokens, .outputTokens, .requests]

    /// `{cost: 50, per: month, alert_at: [80, 100], shadow: false}`.
    private static func budget(_ node: LimitNode, _ selector: LimitSelector) throws(LimitSyntaxError) -> Limit {
        var found: (measure: LimitMeasure, amount: Int64)?
        var window: LimitWindow?
        var alerts = LimitSet.alertPercentsDefault
        var isShadow = false
        let known = budgetMeasures.map(\.rawValue) + ["per", "alert_at", "shadow"]
        for (name, node) in try node.members(known: known, example: "cost: 50, per: month") {
            switch name {
            case "per": window = try budgetWindow(node)
            case "alert_at": alerts = try alertPercents(node)
            case "shadow": isShadow = try node.flag()
            default:
                guard let measure = LimitMeasure(rawValue: name) else { continue }
                guard found == nil else { throw node.error("a budget has one measure; write a second budget for the other") }
                found = (measure, try amount(try node.text(rule: amountRule(measure)), measure, node))
            }
        }
        guard let found else { throw node.error("needs one of \(budgetMeasures.map(\.rawValue).joined(separator: ", "))") }
        guard let window else { throw node.error("per is missing") }
        return Limit(
            measure: found.measure, selector: selector, amount: found.amount, window: window, isShadow: isShadow, alertPercents: alerts)
    }

    private static func budgetWindow(_ node: LimitNode) throws(LimitSyntaxError) -> LimitWindow {
        let text = try node.text(rule: budgetPeriodRule)
        if let window = CalendarWindow(rawValue: text) { return .calendar(window) }
        return .rolling(seconds: try boundedSeconds(text, node, rule: budgetPeriodRule))
    }

    private static func alertPercents(_ node: LimitNode) throws(LimitSyntaxError) -> [Int] {
        let rule = "whole percentages from 1 to 100, each larger than the one before"
        var percents: [Int] = []
        for item in node.items {
            guard let percent = Int(try item.text(rule: rule)), (1...100).contains(percent), percent > percents.last ?? 0 else {
                throw item.error("must be \(rule)")
            }
            percents.append(percent)
        }
        return percents
    }

    // MARK: Amounts and periods

    static func amount(_ text: String, _ measure: LimitMeasure, _ node: LimitNode) throws(LimitSyntaxError) -> Int64 {
        let amount: Int64
        do {
            amount = try measure == .cost ? LimitAmount.nanoUSD(text) : LimitAmount.count(text)
        } catch {
            switch error {
            case .malformed: throw node.error("\"\(printable(text))\" is not \(amountRule(measure))")
            case .tooFine: throw node.error("\(printable(text)) has more than 9 decimals")
            case .tooLarge: throw node.error("\(printable(text)) is above the maximum \(amountMaxText(measure))")
            }
        }
        guard amount > 0 else { throw node.error("0 would refuse everything; to switch a key or tenant off, set disabled: true") }
        guard amount <= Limit.amountMax else { throw node.error("\(printable(text)) is above the maximum \(amountMaxText(measure))") }
        return amount
    }

    private static func period(_ text: String, _ measure: LimitMeasure, _ node: LimitNode) throws(LimitSyntaxError) -> Int64 {
        if CalendarWindow(rawValue: text) != nil {
            throw node.error(
                "a bucket has a period such as 1h or 30d; for UTC's \(text) write budgets: [{\(measure.rawValue): …, per: \(text)}]")
        }
        return try boundedSeconds(text, node, rule: periodRule)
    }

    static func boundedSeconds(_ text: String, _ node: LimitNode, rule: String) throws(LimitSyntaxError) -> Int64 {
        let seconds: Int64
        do {
            seconds = try LimitAmount.seconds(text)
        } catch {
            guard error == .tooLarge else { throw node.error("\"\(printable(text))\" is not \(rule)") }
            throw node.error("\(printable(text)) is above the maximum \(periodMaxText)")
        }
        guard seconds > 0 else { throw node.error("\(printable(text)) is below the minimum 1s") }
        guard seconds <= Limit.periodSecondsMax else { throw node.error("\(printable(text)) is above the maximum \(periodMaxText)") }
        return seconds
    }

    private static let periodRule = "a period such as 1s, 1m, 24h or 30d"
    private static let budgetPeriodRule = "hour, day or month of UTC, or a period such as 24h or 30d"
    private static let periodMaxText = LimitAmount.periodText(seconds: Limit.periodSecondsMax)

    private static func rateRule(_ measure: LimitMeasure) -> String {
        measure == .cost ? "USD per period, such as 5/30d" : "an amount per period, such as 100/1m"
    }

    private static func amountRule(_ measure: LimitMeasure) -> String {
        measure == .cost ? "USD with up to 9 decimals, such as 0.25" : "a whole number"
    }

    private static func amountMaxText(_ measure: LimitMeasure) -> String {
        measure == .cost ? LimitAmount.usdText(nanoUSD: Limit.amountMax) + " USD" : String(Limit.amountMax)
    }
}
