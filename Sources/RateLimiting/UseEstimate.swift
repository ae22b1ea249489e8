import GatewayModel

/// What a request is expected to use. Negative numbers count as 0.
public struct UseEstimate: Sendable, Equatable {
    /// What is known: the input, and the output as far as the request bounds it. More of it than a limit holds is refused for good.
    public var use: MeteredUse
    /// Output tokens that only a configured default assumes, as the request has no `max_tokens`. Besides those of `use`; cut for each limit so
    /// that the whole is no more than the limit can hold.
    public var softOutputTokens: Int64
    /// Nano-USD for them; likewise.
    public var softCost: Int64

    /// Makes an estimate.
    public init(_ use: MeteredUse, softOutputTokens: Int64 = 0, softCost: Int64 = 0) {
        self.use = use
        self.softOutputTokens = softOutputTokens
        self.softCost = softCost
    }

    /// Both parts together, each count 0...`Limit.amountMax`: what is charged for an answer that reports nothing.
    public var whole: MeteredUse {
        MeteredUse(
            inputTokens: TokenEstimator.sum(use.inputTokens, 0), outputTokens: TokenEstimator.sum(use.outputTokens, softOutputTokens),
            cost: TokenEstimator.sum(use.cost, softCost))
    }

    /// What to reserve of a limit that can hold `capacity`.
    func wanted(of measure: LimitMeasure, capacity: Int64) -> Int64 {
        let soft: Int64 =
            switch measure {
            case .tokens, .outputTokens: softOutputTokens
            case .cost: softCost
            case .inputTokens, .requests, .hits, .concurrency: 0
            }
        let known = use.withoutNegatives.amount(of: measure)
        guard soft > 0 else { return known }
        let (sum, overflow) = known.addingReportingOverflow(soft)
        return max(known, min(overflow ? .max : sum, capacity))
    }
}

extension MeteredUse {
    /// Negative numbers, which only a broken upstream can report, as 0: so that they cannot hide what is used besides.
    var withoutNegatives: MeteredUse {
        MeteredUse(inputTokens: max(0, inputTokens), outputTokens: max(0, outputTokens), cost: max(0, cost))
    }
}
