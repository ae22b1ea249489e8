import GatewayModel
import Providers
import RateLimiting
import Routing
import Tenants

// Routes may name other routes, so they are read in two steps: every name with its targets as written, then each as a tree over provider
// targets, which RouteTreeReader grows.

/// Reads the `routes:` section.
struct RouteReader {
    private typealias Draft = RouteTreeReader.Draft

    private let root: Section
    private let providers: ProviderTable
    private let revisions: [UInt64]
    private let timeouts: TimeoutSettings
    private let retry: RetryPolicy
    private let semantic: SemanticPolicySettings
    private let prices: PriceTable

    /// `revisions`: of the providers, by index. `timeouts`, `retry` and `semantic`: what holds where a route sets nothing.
    init(
        root: Section, providers: ProviderTable, revisions: [UInt64], timeouts: TimeoutSettings, retry: RetryPolicy,
        semantic: SemanticPolicySettings, prices: PriceTable
    ) {
        self.root = root
        self.providers = providers
        self.revisions = revisions
        self.timeouts = timeouts
        self.retry = retry
        self.semantic = semantic
        self.prices = prices
    }

    /// The routes in the order of the file.
    func routes() -> [RouteDefinition] {
        let drafts = root.namedNodes("routes").compactMap(draft(_:))
        let byName = Dictionary(drafts.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let trees = RouteTreeReader(root: root, providers: providers, prices: prices, drafts: byName)
        return drafts.compactMap { route($0, trees) }
    }

    private func draft(_ field: ConfigurationNode.Field) -> Draft? {
        let path = "routes." + root.shown(field.name)
        guard Identifier.isName(field.name) else {
            root.context.report(field.line, path, "a route's name is \(Identifier.rule())")
            return nil
        }
        guard !ReservedNames.isReserved(field.name) else {
            root.context.report(field.line, path, "the name \(field.name) is reserved")
            return nil
        }
        if case .mapping = field.value.content {
            let section = root.section("routes", of: field)
            guard let list = RouteTreeReader.List("targets", of: section) else {
                if !section.has("targets") { section.report("targets", "at least one provider/model is needed") }
                return nil
            }
            return Draft(name: field.name, line: list.line ?? field.line, path: list.path, targets: list.nodes, section: section)
        }
        guard let nodes = RouteTreeReader.List.nodes(field.value) else {
            root.context.report(field.line, path, "must be provider/model, a list of targets or a mapping, not \(field.value.kindName)")
            return nil
        }
        let section = Section(node: nil, pattern: "routes.*", path: path, context: root.context)
        return Draft(name: field.name, line: field.line, path: path, targets: nodes, section: section)
    }

    // MARK: One route

    private func route(_ draft: Draft, _ trees: RouteTreeReader) -> RouteDefinition? {
        let section = draft.section
        let timeouts = TimeoutSettings(section.section("timeouts"), standard: timeouts)
        let retry = RetryPolicy(section.section("retry"), standard: retry, deadlineMilliseconds: timeouts.deadlineMilliseconds)
        let refusals = refusals(draft, trees)
        guard let tree = trees.tree(of: draft), let selection = compiled(tree.node, draft.name, draft.line, draft.path) else { return nil }
        let targets = RouteReader.unique(selection.plan.targets.map(\.target))
        let others = refusals.values.flatMap { $0.plan.targets.map(\.target) }
        let all = RouteReader.unique(targets + others.sorted { ($0.provider, $0.model) < ($1.provider, $1.model) })
        guard let dialects = dialects(of: all, draft) else { return nil }
        let hedge = section.has("hedge") ? HedgePolicy(section.section("hedge")) : nil
        if hedge != nil, targets.count < 2 { section.report("hedge", "needs a second target to ask") }
        let cache = section.section("cache")
        let events = section.section("events")
        let (allowsHints, storesFallback) = (section.flag("hints"), section.flag("store_fallback_under_route"))
        var revision = RouteRevision(draft.name, providers: revisions)
        revision.add(selection.tree)
        for refusal in UpstreamRefusal.allCases { if let list = refusals[refusal] { revision.add(list.tree, for: refusal) } }
        revision.add(allowsHints: allowsHints, storesFallbackUnderRoute: storesFallback)
        return RouteDefinition(
            name: draft.name, targets: targets, selection: selection, refusals: refusals, retry: retry, hedge: hedge,
            allowsHints: allowsHints, storesFallbackUnderRoute: storesFallback, dialects: dialects,
            cacheBy: section.choice("cache_by", RouteDefinition.CacheBy.self) ?? selection.strategy.cacheBy,
            cache: RouteDefinition.Cache(
                isEnabled: cache.optionalFlag("enabled"), ttlSeconds: cache.optionalInteger("ttl"),
                storesToolCalls: cache.optionalFlag("store_tool_calls"), maxTemperature: cache.optionalNumber("max_temperature"),
                staleIfErrorSeconds: cache.optionalInteger("stale_if_error"),
                staleWhileRevalidateSeconds: cache.optionalInteger("stale_while_revalidate")),
            semantic: RouteDefinition.Semantic(section.section("semantic"), standard: semantic),
            events: RouteDefinition.Events(
                collects: events.optionalFlag("collect"), collectsPayloads: events.optionalFlag("payloads")),
            timeouts: timeouts, limits: section.limits("limits", PolicyNames(providers), allowsMetadata: false),
            pricePerRequest: section.optionalNanoUSD("price_per_request"), revision: revision.value)
    }

    /// The lists for refusals. They are fallbacks unless their entries have strategies of their own.
    private func refusals(_ draft: Draft, _ trees: RouteTreeReader) -> [UpstreamRefusal: CompiledRoute] {
        var found: [UpstreamRefusal: CompiledRoute] = [:]
        for refusal in UpstreamRefusal.allCases {
            guard let list = RouteTreeReader.List("on_" + refusal.rawValue, of: draft.section) else { continue }
            if let node = list.nodes.first(where: { $0.text == draft.name }) {
                root.context.report(node.line, list.path, "names the route itself, whose targets were asked already")
                continue
            }
            guard let part = trees.part(list) else { continue }
            found[refusal] = compiled(part.node, draft.name, list.line, list.path)
        }
        return found
    }

    private func compiled(_ node: RouteNode, _ name: String, _ line: Int?, _ path: String) -> CompiledRoute? {
        do {
            return try CompiledRoute(node, name: name)
        } catch {
            root.context.report(line, path, error.message)
            return nil
        }
    }

    private static func unique(_ targets: [Target]) -> [Target] {
        var seen: Set<Target> = []
        return targets.filter { seen.insert($0).inserted }
    }

    // MARK: Dialects

    /// The dialects that every target speaks; `nil` after reporting that there is none, or not the ones asked for.
    private func dialects(of targets: [Target], _ draft: Draft) -> [Dialect]? {
        var common = Set(Dialect.allCases)
        for target in targets { common.formIntersection(dialects(of: target.provider)) }
        guard !common.isEmpty else {
            let each = targets.map { "\($0.provider) (\(names(dialects(of: $0.provider))))" }
            report(draft, "no dialect is spoken by all targets, and none is translated: \(each.joined(separator: ", "))")
            return nil
        }
        let wanted = draft.section.texts("dialects")
        for name in wanted {
            guard let dialect = Dialect(name: name) else {
                draft.section.report("dialects", "\"\(root.shown(name))\" is not one of openai, anthropic, gemini")
                return nil
            }
            guard common.contains(dialect) else {
                let lacking = targets.first { !dialects(of: $0.provider).contains(dialect) }?.provider ?? ""
                draft.section.report(
                    "dialects", "\(name) is not offered by \(lacking) (\(names(dialects(of: lacking)))), and nothing is translated")
                return nil
            }
        }
        return Dialect.allCases.filter { common.contains($0) && (wanted.isEmpty || wanted.contains($0.name)) }
    }

    private func dialects(of provider: String) -> Set<Dialect> {
        guard let index = providers.index(of: provider) else { return [] }
        let bases = providers[index].bases.filter { $0.operations.contains { $0.operation.isCacheable } }
        return Set(bases.map(\.dialect))
    }

    private func names(_ dialects: Set<Dialect>) -> String {
        Dialect.allCases.filter(dialects.contains).map(\.name).joined(separator: ", ")
    }

    private func report(_ draft: Draft, _ message: String) { root.context.report(draft.line, draft.path, message) }
}

extension RoutePlanError {
    /// What is wrong, for the operator.
    fileprivate var message: String {
        switch self {
        case .empty: "at least one provider/model is needed"
        case .tooManyTargets: "more than \(RoutePlan.targetsMax) targets"
        case .tooManyNodes: "more than \(RoutePlan.nodesMax) lists and targets, one in another"
        case .tooDeep: "targets, or conditions, stand in one another deeper than \(RoutePlan.depthMax) levels"
        case .noWeight: "all weights are 0, so nothing would ever be asked first"
        case .badShares: "the percentages sum up to more than 100"
        case .badPrice: "a price is no positive number"
        }
    }
}
