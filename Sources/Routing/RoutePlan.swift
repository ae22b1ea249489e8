// A route is a tree to the operator and a flat array to the planner: nodes refer to their children by index, children of a node stand side by
// side, and each node knows which leaves lie below it as a bit set. So a walk over it allocates nothing and "the cheapest of this subtree" is a
// loop over bits.

/// Why a route cannot be compiled.
public enum RoutePlanError: Error, Sendable, Equatable {
    /// A node without children, or no target at all.
    case empty
    /// More targets than `RoutePlan.targetsMax`.
    case tooManyTargets
    /// More nodes than `RoutePlan.nodesMax`.
    case tooManyNodes
    /// Nodes or conditions stand deeper than `RoutePlan.depthMax`.
    case tooDeep
    /// All weights of a node are 0.
    case noWeight
    /// A share is outside 0...10,000 or they sum to more than 10,000.
    case badShares
    /// A price is negative, infinite or not a number.
    case badPrice
}

/// A compiled route: immutable, shared by all loops.
public struct RoutePlan: Sendable {
    /// The most targets of one route.
    public static let targetsMax = 64
    /// The most nodes of one route, leaves included.
    public static let nodesMax = 256
    /// How deep nodes may stand in nodes, and conditions in conditions.
    public static let depthMax = 10

    /// What a compiled node does with its children.
    enum Strategy: Sendable {
        case leaf(Int)
        case fallback, lowestLatency, cheapest
        /// Parallel to the children.
        case weighted([UInt32])
        /// Parallel to the children; one child more when there is an `otherwise`.
        case conditional([RouteCondition])
        /// Upper ends of the shares in basis points, parallel to the children; the salt keeps two nodes from drawing alike.
        case percentage(RouteField, [Int], salt: UInt64)
    }

    struct Node: Sendable {
        var strategy: Strategy
        var children: Range<Int>
        /// Bit n: target n lies below.
        var leaves: UInt64
    }

    /// The leaves in the order they are written; what steps and statuses refer to by index.
    public let targets: [RouteTarget]
    /// For each target the first one of the same provider and model: its own index, unless it repeats another.
    public let firstOfKind: [Int]
    let nodes: [Node]

    /// Compiles a tree. `name` salts sticky shares, so that two routes do not put the same tenants into their canaries.
    public init(_ root: RouteNode, name: String = "") throws(RoutePlanError) {
        var compiler = RouteCompiler(salt: StickyHash.of(name, salt: 0))
        try compiler.compile(root)
        guard !compiler.targets.isEmpty else { throw .empty }
        let targets = compiler.targets
        self.targets = targets
        nodes = compiler.nodes
        firstOfKind = targets.indices.map { index in targets.firstIndex { $0.target == targets[index].target } ?? index }
    }
}

/// One pass from the tree to the arrays.
private struct RouteCompiler {
    let salt: UInt64
    var targets: [RouteTarget] = []
    var nodes: [RoutePlan.Node] = []

    init(salt: UInt64) { self.salt = salt }

    mutating func compile(_ root: RouteNode) throws(RoutePlanError) {
        nodes.append(RoutePlan.Node(strategy: .fallback, children: 0..<0, leaves: 0))
        try fill(0, with: root, depth: 1)
    }

    private mutating func fill(_ index: Int, with node: RouteNode, depth: Int) throws(RoutePlanError) {
        guard depth <= RoutePlan.depthMax else { throw .tooDeep }
        if case .target(let target) = node { return try fill(index, with: target) }
        let (strategy, children) = try parts(of: node, index)
        guard !children.isEmpty else { throw .empty }
        let start = nodes.count
        guard start + children.count <= RoutePlan.nodesMax else { throw .tooManyNodes }
        for _ in children { nodes.append(RoutePlan.Node(strategy: .fallback, children: 0..<0, leaves: 0)) }
        var leaves: UInt64 = 0
        for (offset, child) in children.enumerated() {
            try fill(start + offset, with: child, depth: depth + 1)
            leaves |= nodes[start + offset].leaves
        }
        nodes[index] = RoutePlan.Node(strategy: strategy, children: start..<(start + children.count), leaves: leaves)
    }

    private mutating func fill(_ index: Int, with target: RouteTarget) throws(RoutePlanError) {
        guard targets.count < RoutePlan.targetsMax else { throw .tooManyTargets }
        if let price = target.price {
            guard price.input.isFinite, price.output.isFinite, price.input >= 0, price.output >= 0 else { throw .badPrice }
        }
        try check(target.condition)
        nodes[index] = RoutePlan.Node(strategy: .leaf(targets.count), children: 0..<0, leaves: 1 << UInt64(targets.count))
        targets.append(target)
    }

    private func parts(of node: RouteNode, _ index: Int) throws(RoutePlanError) -> (RoutePlan.Strategy, [RouteNode]) {
        switch node {
        case .target: return (.fallback, [])
        case .fallback(let children): return (.fallback, children)
        case .lowestLatency(let children): return (.lowestLatency, children)
        case .cheapest(let children): return (.cheapest, children)
        case .weighted(let children):
            guard children.isEmpty || children.contains(where: { $0.weight > 0 }) else { throw .noWeight }
            return (.weighted(children.map(\.weight)), children.map(\.node))
        case .conditional(let cases, let otherwise):
            for one in cases { try check(one.condition) }
            return (.conditional(cases.map(\.condition)), cases.map(\.node) + (otherwise.map { [$0] } ?? []))
        case .percentage(let key, let shares):
            var ends: [Int] = []
            for share in shares {
                guard (0...10_000).contains(share.basisPoints) else { throw .badShares }
                ends.append((ends.last ?? 0) + share.basisPoints)
            }
            guard ends.last ?? 0 <= 10_000 else { throw .badShares }
            return (.percentage(key, ends, salt: salt ^ RandomSource.mix(UInt64(index))), shares.map(\.node))
        }
    }

    private func check(_ condition: RouteCondition?) throws(RoutePlanError) {
        guard let condition, condition.depth > RoutePlan.depthMax else { return }
        throw .tooDeep
    }
}

/// Where a sticky key falls.
enum StickyHash {
    /// FNV-1a over the bytes, finished by a mixer since FNV's high bits are poor for short keys.
    static func of(_ text: String, salt: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ salt
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return RandomSource.mix(hash)
    }

    /// 0..<10,000.
    static func basisPoint(of hash: UInt64) -> Int { Int(hash.multipliedFullWidth(by: 10_000).high) }
}
