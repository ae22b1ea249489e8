// Helicone's compact grammar: `quota;w=seconds;u=request|token|cents;s=user|property`
// (https://docs.helicone.ai/features/advanced-usage/custom-rate-limits). There a client sends it in a header; here only an operator writes it.

import GatewayModel
import JSON

/// Reads one policy of Helicone's grammar as the limit that it means.
enum LimitPolicy {
    private static let rule = "a policy such as 100;w=60;u=request;s=user"

    /// A bucket; `s` makes it one for each value of a metadata name.
    static func limit(_ node: LimitNode) throws(LimitSyntaxError) -> Limit {
        let text = try node.text(rule: rule)
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
        var fields: [String: String] = [:]
        for part in parts.dropFirst() {
            guard part.count > 2, part.dropFirst().first == "=", let name = part.first.map(String.init), "wus".contains(name) else {
                throw node.error("\"\(printable(text))\" is not \(rule)")
            }
            guard fields.updateValue(String(part.dropFirst(2)), forKey: name) == nil else { throw node.error("\(name)= is given twice") }
        }
        guard let window = fields["w"] else { throw node.error("w=, the window in seconds, is missing") }
        let measure = try measure(fields["u"] ?? "request", node)
        let amount = try amount(parts.first ?? "", measure, node)
        let seconds = try LimitReader.boundedSeconds(window + "s", node, rule: "a window in seconds")
        var selector = LimitSelector.all
        if let segment = fields["s"] { selector = .metadata(try LimitReader.metadataName(segment, node)) }
        return try LimitReader.bucket(measure, amount, seconds, nil, node, selector)
    }

    private static let nanoUSDPerCent: Int64 = 10_000_000

    private static func measure(_ unit: String, _ node: LimitNode) throws(LimitSyntaxError) -> LimitMeasure {
        switch unit {
        case "request": return .requests
        case "token": return .tokens
        case "cents": return .cost
        default: throw node.error("u=\(printable(unit)) is not one of request, token, cents")
        }
    }

    /// The quota in the unit of the measure; whole also for cents.
    private static func amount(_ text: String, _ measure: LimitMeasure, _ node: LimitNode) throws(LimitSyntaxError) -> Int64 {
        guard measure == .cost else { return try LimitReader.amount(text, measure, node) }
        let cents = try LimitReader.amount(text, .tokens, node)
        guard cents <= Limit.amountMax / nanoUSDPerCent else {
            throw node.error("\(printable(text)) cents are above the maximum \(Limit.amountMax / nanoUSDPerCent)")
        }
        return cents * nanoUSDPerCent
    }

    private static func trimmed(_ part: Substring) -> String {
        String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
