import GatewayModel
import Synchronization

/// A limit together with the bucket that it is counted in. Two words: copying it costs two retains, no allocation.
public struct BoundLimit: Sendable {
    let definition: LimitDefinition
    /// Changed by nobody; a variable so that the table of metadata values can ask whether anyone else holds the cell.
    var cell: LimitCell

    init(_ definition: LimitDefinition, _ cell: LimitCell) {
        self.definition = definition
        self.cell = cell
    }

    /// The limit as it was bound.
    public var limit: Limit { definition.limit }
    /// Whose limit it is.
    public var scope: LimitScope { definition.scope }
    /// A name for `RateLimit-Policy` that no other limit of the scope has: `tenant-requests`, `key-tokens-model`, `tenant-cost-2`.
    public var policyName: String { definition.policyName }
    /// What it counts.
    public var measure: LimitMeasure { definition.limit.measure }
    /// Whether it only counts what it would have refused.
    public var isShadow: Bool { definition.isShadow }
    /// Whether its state may be told to a tenant. What is left of a route's limit says what other tenants do.
    public var isPublic: Bool {
        if case .route = definition.scope { false } else { true }
    }

    /// What the bucket looks like now. Takes no lock (about 10 ns); `now` may be slightly old.
    public func status(_ now: LimitTime) -> LimitStatus { cell.status(now) }
}

/// The limits of a scope (or of one model pattern or metadata value of it) by the step at which they are charged.
public final class BoundLimits: Sendable {
    /// Charged by a request that the exact cache answers.
    public let hits: [BoundLimit]
    /// Charged by every other request, before it joins or leads a flight: requests and concurrency.
    public let requests: [BoundLimit]
    /// Reserved before the provider is asked and settled at the end: tokens, input and output tokens, cost.
    public let metered: [BoundLimit]
    /// Limits for the models that match a pattern, besides those above. Empty but for a whole scope.
    public let models: [ModelLimits]
    /// Limits with a bucket per value of a metadata name, besides those above. Empty but for a whole scope.
    public let families: [MetadataFamily]
    /// Whether any of them is a budget with percentages to tell; without those of models and families.
    let hasAlerts: Bool

    /// No limits at all.
    public static let none = BoundLimits(hits: [], requests: [], metered: [])

    init(
        hits: [BoundLimit], requests: [BoundLimit], metered: [BoundLimit], models: [ModelLimits] = [], families: [MetadataFamily] = []
    ) {
        self.hits = hits
        self.requests = requests
        self.metered = metered
        self.models = models
        self.families = families
        hasAlerts = [hits, requests, metered].contains { $0.contains { !$0.definition.limit.alertPercents.isEmpty } }
    }

    /// Whether nothing is limited.
    public var isEmpty: Bool { hits.isEmpty && requests.isEmpty && metered.isEmpty && models.isEmpty && families.isEmpty }

    /// Those of the scope as a whole, without model patterns and metadata.
    var all: [BoundLimit] { hits + requests + metered }

    /// Calls `body` with each of them.
    @inline(__always) func forEachLimit(_ body: (BoundLimit) -> Void) {
        for index in hits.indices { body(hits[index]) }
        for index in requests.indices { body(requests[index]) }
        for index in metered.indices { body(metered[index]) }
    }

    /// Whether a cell may have changed since it was last recorded. Cheap: asked of every scope once a second.
    var isDirty: Bool { BoundLimits.isDirty(hits) || BoundLimits.isDirty(requests) || BoundLimits.isDirty(metered) }

    @inline(__always) private static func isDirty(_ limits: [BoundLimit]) -> Bool {
        for index in limits.indices where limits[index].cell.isDirty.load(ordering: .relaxed) { return true }
        return false
    }
}

/// The limits for the models that match a pattern: one bucket each, for all these models together.
public struct ModelLimits: Sendable {
    /// As in the configuration: `gpt-4o*` or `openai/gpt-4o*`.
    public let pattern: String
    /// What they are; without models and families of their own.
    public let limits: BoundLimits
}
