public import Routing

/// How a route chooses among its targets, by its name in YAML.
public enum RouteStrategy: String, Sendable, CaseIterable {
    /// In the order written.
    case fallback
    /// Drawn by weight.
    case weighted
    /// The quicker of two drawn at random.
    case lowestLatency = "lowest_latency"
    /// The cheapest for the request.
    case cheapest
    /// Drawn by percentages, the same for one key each time.
    case percentage
    /// By conditions on the request.
    case conditional

    /// The strategy of a node; a target alone is a fallback of one.
    public init(of node: RouteNode) {
        self =
            switch node {
            case .target, .fallback: .fallback
            case .weighted: .weighted
            case .lowestLatency: .lowestLatency
            case .cheapest: .cheapest
            case .percentage: .percentage
            case .conditional: .conditional
            }
    }

    /// What answers are kept under where a route does not say: the target where it is known beforehand which one is asked, else the route, as
    /// one draw in many would find what another stored.
    var cacheBy: RouteDefinition.CacheBy {
        switch self {
        case .fallback, .conditional: .target
        case .weighted, .lowestLatency, .cheapest, .percentage: .route
        }
    }
}
