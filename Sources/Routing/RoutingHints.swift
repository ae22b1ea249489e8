/// What a client may wish of its request's routing: OpenRouter's `models` and `provider` members. Wishes narrow or reorder what the operator
/// allows; they never add to it.
public struct RoutingHints: Sendable, Equatable {
    /// What to order by instead of the route's own strategy.
    public enum Sort: String, Sendable, CaseIterable {
        /// The cheapest first.
        case price
        /// The quickest first. Tokens per second are not measured: the time to the first byte stands for them.
        case throughput
        /// The quickest to the first byte first.
        case latency
    }

    /// Models in order of preference, as `provider/model` or bare; targets of other models are left out. Empty: no wish.
    public var models: [String]
    /// Indices of providers to ask first, in this order.
    public var order: [Int]
    /// Whether others than those in `order` may be asked (without `order`: others than the first).
    public var allowsFallbacks: Bool
    /// The only providers that may be asked, by index; `nil`: any.
    public var only: [Int]?
    /// Providers that must not be asked, by index.
    public var ignore: [Int]
    /// What to order by.
    public var sort: Sort?
    /// The highest price in USD per million input tokens.
    public var maxInputPrice: Double?
    /// The highest price in USD per million output tokens.
    public var maxOutputPrice: Double?

    /// Makes a set of wishes; by default none.
    public init(
        models: [String] = [], order: [Int] = [], allowsFallbacks: Bool = true, only: [Int]? = nil, ignore: [Int] = [],
        sort: Sort? = nil, maxInputPrice: Double? = nil, maxOutputPrice: Double? = nil
    ) {
        self.models = models
        self.order = order
        self.allowsFallbacks = allowsFallbacks
        self.only = only
        self.ignore = ignore
        self.sort = sort
        self.maxInputPrice = maxInputPrice
        self.maxOutputPrice = maxOutputPrice
    }

    /// No wishes.
    public static let none = RoutingHints()

    /// Where a target stands in `models`; `nil` when it is not wished for.
    func modelRank(of target: RouteTarget) -> Int? {
        if models.isEmpty { return 0 }
        return models.firstIndex { name in
            if name == target.target.model { return true }
            // provider/model, compared without building a string
            let provider = target.target.provider.utf8
            let model = target.target.model.utf8
            let text = name.utf8
            guard text.count == provider.count + 1 + model.count, text.starts(with: provider) else { return false }
            let rest = text.dropFirst(provider.count)
            return rest.first == 0x2F && rest.dropFirst().elementsEqual(model)
        }
    }

    /// Why the client does not want a target; `nil` when it may be asked.
    func refusal(of target: RouteTarget) -> SkipReason? {
        if ignore.contains(target.provider) { return .hint(.ignore) }
        if let only, !only.contains(target.provider) { return .hint(.only) }
        if modelRank(of: target) == nil { return .hint(.models) }
        if !order.isEmpty, !allowsFallbacks, !order.contains(target.provider) { return .hint(.allowFallbacks) }
        if let maxInputPrice, !(target.price.map { $0.input <= maxInputPrice } ?? false) { return .hint(.maxPrice) }
        if let maxOutputPrice, !(target.price.map { $0.output <= maxOutputPrice } ?? false) { return .hint(.maxPrice) }
        return nil
    }
}
