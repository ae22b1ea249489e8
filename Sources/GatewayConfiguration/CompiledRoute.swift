public import Routing

/// A list of targets with its strategies: as it was written, and as requests are planned with it.
public struct CompiledRoute: Sendable, Equatable {
    /// Strategies over strategies, targets at the leaves; other routes already put in.
    public let tree: RouteNode
    /// What `RoutePlanner` takes.
    public let plan: RoutePlan

    /// Compiles a tree. `name` is the route's: it salts sticky shares.
    init(_ tree: RouteNode, name: String) throws(RoutePlanError) {
        self.tree = tree
        plan = try RoutePlan(tree, name: name)
    }

    /// The strategy at the root.
    public var strategy: RouteStrategy { RouteStrategy(of: tree) }

    /// Compares trees: the plan follows from the tree and the route's name.
    public static func == (left: CompiledRoute, right: CompiledRoute) -> Bool { left.tree == right.tree }
}
