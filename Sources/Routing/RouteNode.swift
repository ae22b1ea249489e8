/// A route as the operator writes it: strategies over strategies, targets at the leaves. Compiled once, into a `RoutePlan`.
public indirect enum RouteNode: Sendable, Equatable {
    /// One upstream.
    case target(RouteTarget)
    /// The children in this order.
    case fallback([RouteNode])
    /// A child drawn by weight first, the others, drawn likewise, after it. Weights are parallel to the children.
    case weighted([WeightedChild])
    /// The better of two children drawn at random, then the others by latency (power of two choices over peak-EWMA).
    case lowestLatency([RouteNode])
    /// The cheapest child for this request first.
    case cheapest([RouteNode])
    /// The child of the first case that holds, and no other.
    case conditional([ConditionalCase], otherwise: RouteNode?)
    /// A child drawn by a hash of `key`, so that one key always gets the same; the others after it, in order.
    case percentage(key: RouteField, [PercentageShare])
}

/// A child of a `weighted` node.
public struct WeightedChild: Sendable, Equatable {
    /// Its share, relative to its siblings'. With 0 it is taken only when nothing else is left.
    public var weight: UInt32
    /// What it stands for.
    public var node: RouteNode

    /// Makes a child.
    public init(weight: UInt32, node: RouteNode) {
        self.weight = weight
        self.node = node
    }
}

/// A case of a `conditional` node.
public struct ConditionalCase: Sendable, Equatable {
    /// When it applies.
    public var condition: RouteCondition
    /// What is asked then.
    public var node: RouteNode

    /// Makes a case.
    public init(when condition: RouteCondition, node: RouteNode) {
        self.condition = condition
        self.node = node
    }
}

/// A share of a `percentage` node.
public struct PercentageShare: Sendable, Equatable {
    /// Its share in hundredths of a percent, 0...10,000. What the shares leave of 10,000 goes to the last one.
    public var basisPoints: Int
    /// What is asked first for this share.
    public var node: RouteNode

    /// Makes a share.
    public init(basisPoints: Int, node: RouteNode) {
        self.basisPoints = basisPoints
        self.node = node
    }
}
