import GatewayModel
import RateLimiting
import Tenants

/// The limits of one key, tenant or route, bound to their buckets. Made on the control thread, read by all loops.
final class ScopeLimits: Sendable {
    /// Those that every request counts against, and the families that have a bucket for each value of a metadata name.
    let bound: BoundLimits
    /// Those of models, by pattern.
    let models: [(pattern: ScopedPatternList, limits: BoundLimits)]
    /// Those with a bucket for each value of a metadata name.
    var families: [MetadataFamily] { bound.families }

    /// Binds limits. `nil` where there are none. `tenant`: whose metadata values they count among; `nil` for routes.
    init?(_ limits: [Limit], scope: LimitScope, tenant: String?, registry: LimitRegistry, now: LimitTime) {
        guard !limits.isEmpty else { return nil }
        bound = registry.bind(limits, scope: scope, tenant: tenant, now)
        models = bound.models.compactMap { model in
            (try? ScopedPatternList([model.pattern], of: .model)).map { (pattern: $0, limits: model.limits) }
        }
    }

    /// Adds the groups whose pattern matches.
    func addMatching(model: String, provider: String, to applied: AppliedLimits) {
        let model = Array(model.utf8)
        let provider = Array(provider.utf8)
        for (pattern, limits) in models where pattern.matches(model.span, at: provider.span) { applied.add(limits) }
    }
}
