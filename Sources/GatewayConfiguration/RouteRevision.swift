import Routing

// What a cached answer of a route depends on: which targets may give it, and by what it is decided which one does. Timeouts, ttl, prices and
// retries decide how an answer comes, not which.

/// The revision of a route, grown part by part.
struct RouteRevision {
    private var hash = RevisionHash()
    private let providers: [UInt64]

    /// `providers`: the revisions of the providers, by index.
    init(_ name: String, providers: [UInt64]) {
        self.providers = providers
        hash.add(name)
    }

    /// The revision of everything added.
    var value: UInt64 { hash.value }

    mutating func add(_ tree: RouteNode, for refusal: UpstreamRefusal) {
        hash.add(refusal.rawValue)
        add(tree)
    }

    mutating func add(allowsHints: Bool, storesFallbackUnderRoute: Bool) {
        hash.add((allowsHints ? 1 : 0) | (storesFallbackUnderRoute ? 2 : 0))
    }

    /// A node: its strategy, the number of its children and each of them, so that no two trees are hashed alike.
    mutating func add(_ node: RouteNode) {
        switch node {
        case .target(let target): add(target)
        case .fallback(let children), .lowestLatency(let children), .cheapest(let children):
            open(node, children.count)
            for child in children { add(child) }
        case .weighted(let children):
            open(node, children.count)
            for child in children {
                hash.add(UInt64(child.weight))
                add(child.node)
            }
        case .percentage(let key, let shares):
            open(node, shares.count)
            hash.add(key.name)
            for share in shares {
                hash.add(UInt64(max(share.basisPoints, 0)))
                add(share.node)
            }
        case .conditional(let cases, let otherwise):
            open(node, cases.count)
            for one in cases {
                add(one.condition)
                add(one.node)
            }
            hash.add(otherwise == nil ? 0 : 1)
            if let otherwise { add(otherwise) }
        }
    }

    private mutating func open(_ node: RouteNode, _ count: Int) {
        hash.add(RouteStrategy(of: node).rawValue)
        hash.add(UInt64(count))
    }

    private mutating func add(_ target: RouteTarget) {
        hash.add("target")
        hash.add(target.target.provider)
        hash.add(target.target.model)
        hash.add(providers.indices.contains(target.provider) ? providers[target.provider] : 0)
        let capabilities = target.capabilities
        hash.add(UInt64(max(capabilities.contextTokens ?? 0, 0)))
        hash.add((capabilities.tools ? 1 : 0) | (capabilities.images ? 2 : 0) | (capabilities.jsonMode ? 4 : 0))
        hash.add(target.condition == nil ? 0 : 1)
        if let condition = target.condition { add(condition) }
    }

    private mutating func add(_ condition: RouteCondition) {
        switch condition {
        case .equals(let field, let value): add("equals", field, [value])
        case .isIn(let field, let values): add("in", field, values)
        case .exists(let field): add("exists", field, [])
        case .not(let inner):
            hash.add("not")
            add(inner)
        case .all(let parts): add("all", parts)
        case .any(let parts): add("any", parts)
        }
    }

    private mutating func add(_ name: String, _ field: RouteField, _ values: [String]) {
        hash.add(name)
        hash.add(field.name)
        hash.add(UInt64(values.count))
        for value in values { hash.add(value) }
    }

    private mutating func add(_ name: String, _ parts: [RouteCondition]) {
        hash.add(name)
        hash.add(UInt64(parts.count))
        for part in parts { add(part) }
    }
}

extension RouteField {
    /// The field's name in YAML.
    var name: String {
        switch self {
        case .metadata(let name): "metadata." + name
        case .tenant: "tenant"
        case .key: "key"
        case .model: "model"
        case .operation: "operation"
        case .stream: "stream"
        case .tools: "tools"
        case .images: "images"
        case .json: "json"
        case .size: "size"
        }
    }
}
