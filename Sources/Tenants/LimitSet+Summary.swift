import GatewayModel

extension LimitSet {
    /// All limits on one line for people: `100/1m requests, 20000/1m tokens, $5/30d, 8 at once`. Empty without limits.
    public var summary: String { limits.map(\.summary).joined(separator: ", ") }
}

extension Limit {
    /// `100/1m requests`, `$50 a month`, `5/1m requests for each user`.
    fileprivate var summary: String {
        let quantity = (measure == .cost ? "$" : "") + amountText
        let noun =
            switch measure {
            case .requests, .hits, .tokens: " " + measure.rawValue
            case .inputTokens: " input tokens"
            case .outputTokens: " output tokens"
            case .cost, .concurrency: ""
            }
        let rate =
            switch window {
            case .bucket: "\(quantity)/\(periodText)\(noun)"
            case .rolling: "\(quantity)\(noun) in any \(periodText)"
            case .calendar(let window): "\(quantity)\(noun) \(window == .hour ? "an" : "a") \(window.rawValue)"
            case .atOnce: "\(quantity) at once"
            }
        let burstText = burst == amount ? "" : " (burst \(text(ofAmount: burst)))"
        return rate + burstText + scopeText + (isShadow ? " (shadow)" : "")
    }

    private var scopeText: String {
        switch selector {
        case .all: ""
        case .model(let pattern): " for " + printable(pattern)
        case .metadata(let name): " for each " + name
        }
    }
}
