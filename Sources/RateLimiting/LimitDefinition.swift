import GatewayModel

/// One limit of one scope, as it is told to clients and operators. Shared by all buckets that it makes.
final class LimitDefinition: Sendable {
    let limit: Limit
    let scope: LimitScope
    let policyName: String
    /// That of the limit, where admission reads it without copying the limit.
    let isShadow: Bool

    init(limit: Limit, scope: LimitScope, policyName: String) {
        self.limit = limit
        self.scope = scope
        self.policyName = policyName
        isShadow = limit.isShadow
    }

    var parameters: CellParameters { CellParameters(limit) }
}

/// The limits of one scope with one selector, by the step of a request that they belong to.
struct LimitSet: Sendable {
    var hits: [LimitDefinition] = []
    var requests: [LimitDefinition] = []
    var metered: [LimitDefinition] = []

    static let empty = LimitSet()

    var all: [LimitDefinition] { hits + requests + metered }

    var isEmpty: Bool { hits.isEmpty && requests.isEmpty && metered.isEmpty }

    mutating func append(_ definition: LimitDefinition) {
        switch definition.limit.measure {
        case .hits: hits.append(definition)
        case .requests, .concurrency: requests.append(definition)
        case .tokens, .inputTokens, .outputTokens, .cost: metered.append(definition)
        }
    }

    /// Whether the other set says the same under the same names.
    func isSame(as other: LimitSet) -> Bool {
        let (mine, theirs) = (all, other.all)
        guard mine.count == theirs.count else { return false }
        return zip(mine, theirs).allSatisfy { $0 === $1 || ($0.limit == $1.limit && $0.policyName == $1.policyName) }
    }
}

/// Puts the limits of one scope under their selectors, names them, and adds the buckets for hits that follow from request limits.
struct LimitSorting {
    private(set) var all = LimitSet()
    private(set) var models: [(pattern: String, set: LimitSet)] = []
    private(set) var families: [(name: String, set: LimitSet)] = []
    private let scope: LimitScope
    private var timesNamed: [String: Int] = [:]

    init(_ limits: [Limit], scope: LimitScope, hitsFactor: Int64) {
        self.scope = scope
        for limit in limits { add(limit) }
        for limit in limits where limit.measure == .requests {
            let hasOwnHits = limits.contains { $0.measure == .hits && $0.selector == limit.selector }
            if !hasOwnHits { add(LimitSorting.hits(following: limit, factor: hitsFactor)) }
        }
    }

    /// The bucket for hits of a scope that limits requests only: the same window, `factor` times the rate and the burst.
    private static func hits(following limit: Limit, factor: Int64) -> Limit {
        var hits = limit
        hits.measure = .hits
        hits.amount = multiplied(limit.amount, factor)
        hits.burst = multiplied(limit.burst, factor)
        hits.alertPercents = []
        return hits
    }

    private static func multiplied(_ value: Int64, _ factor: Int64) -> Int64 {
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        return overflow ? Limit.amountMax : min(product, Limit.amountMax)
    }

    private mutating func add(_ limit: Limit) {
        let definition = LimitDefinition(limit: limit, scope: scope, policyName: name(of: limit))
        switch limit.selector {
        case .all: all.append(definition)
        case .model(let pattern):
            if let index = models.firstIndex(where: { $0.pattern == pattern }) {
                models[index].set.append(definition)
            } else {
                models.append((pattern, LimitSet.empty))
                models[models.count - 1].set.append(definition)
            }
        case .metadata(let name):
            if let index = families.firstIndex(where: { $0.name == name }) {
                families[index].set.append(definition)
            } else {
                families.append((name, LimitSet.empty))
                families[families.count - 1].set.append(definition)
            }
        }
    }

    /// `tenant-requests`, `key-input-tokens-model`, `tenant-cost-metadata-2`: a key of a structured field (RFC 8941, section 3.1.2) that
    /// no other limit of the scope has.
    private mutating func name(of limit: Limit) -> String {
        let measure =
            limit.measure == .inputTokens ? "input-tokens" : limit.measure == .outputTokens ? "output-tokens" : limit.measure.rawValue
        let variant =
            switch limit.selector {
            case .all: ""
            case .model: "-model"
            case .metadata: "-metadata"
            }
        let base = "\(scope.kind)-\(measure)\(variant)"
        let times = timesNamed[base, default: 0] + 1
        timesNamed[base] = times
        return times == 1 ? base : "\(base)-\(times)"
    }
}
