import GatewayModel
import Providers
import Tenants

// Routes may name other routes, so they are put together in two steps: every name with its targets as written, then each expanded to
// provider targets, depth first, which is where a loop shows.

/// Reads the `routes:` section.
struct RouteReader {
    /// The most targets of one route once other routes are put in.
    static let targetsMax = 20
    /// How deep routes may stand in routes.
    static let depthMax = 10

    /// One walk from a route to its provider targets.
    private struct Expansion {
        /// The routes from the first to the one being expanded.
        var trail: [String]
        /// Routes that are done: another visit would add nothing, and a lattice of routes must not take exponential time.
        var done: Set<String> = []
        var targets: [Target] = []
    }

    private struct Draft {
        let name: String
        let line: Int
        let path: String
        let targets: [String]
        /// The section, or an empty one for the short form.
        let section: Section
    }

    private let root: Section
    private let providers: ProviderTable
    private let revisions: [UInt64]
    private let timeouts: TimeoutSettings

    init(root: Section, providers: ProviderTable, revisions: [UInt64], timeouts: TimeoutSettings) {
        self.root = root
        self.providers = providers
        self.revisions = revisions
        self.timeouts = timeouts
    }

    /// The routes in the order of the file.
    func routes() -> [RouteDefinition] {
        let drafts = root.namedNodes("routes").compactMap(draft(_:))
        let byName = Dictionary(drafts.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return drafts.compactMap { route($0, byName) }
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
            let errorsBefore = root.context.errors.count
            let targets = section.texts("targets")
            guard !targets.isEmpty else {
                if root.context.errors.count == errorsBefore { section.report("targets", "at least one provider/model is needed") }
                return nil
            }
            return Draft(
                name: field.name, line: section.line(of: "targets") ?? field.line, path: path + ".targets", targets: targets,
                section: section)
        }
        guard let targets = root.texts(in: field.value, countMax: RouteReader.targetsMax, field: path) else { return nil }
        let section = Section(node: nil, pattern: "routes.*", path: path, context: root.context)
        return Draft(name: field.name, line: field.line, path: path, targets: targets, section: section)
    }

    // MARK: Targets

    private func route(_ draft: Draft, _ drafts: [String: Draft]) -> RouteDefinition? {
        var expansion = Expansion(trail: [draft.name])
        guard expand(draft, drafts, &expansion, reportingAt: draft) else { return nil }
        let targets = expansion.targets
        guard (1...RouteReader.targetsMax).contains(targets.count) else {
            report(draft, "more than \(RouteReader.targetsMax) targets")
            return nil
        }
        guard let dialects = dialects(of: targets, draft) else { return nil }
        let section = draft.section
        let cache = section.section("cache")
        return RouteDefinition(
            name: draft.name, targets: targets, dialects: dialects,
            cacheBy: section.choice("cache_by", RouteDefinition.CacheBy.self) ?? .target,
            cache: RouteDefinition.Cache(
                isEnabled: cache.optionalFlag("enabled"), ttlSeconds: cache.optionalInteger("ttl"),
                storesToolCalls: cache.optionalFlag("store_tool_calls"), maxTemperature: cache.optionalNumber("max_temperature"),
                staleIfErrorSeconds: cache.optionalInteger("stale_if_error"),
                staleWhileRevalidateSeconds: cache.optionalInteger("stale_while_revalidate")),
            timeouts: TimeoutSettings(section.section("timeouts"), standard: timeouts),
            limits: section.limits("limits", PolicyNames(providers), allowsMetadata: false),
            pricePerRequest: section.optionalNanoUSD("price_per_request"),
            revision: revision(draft.name, targets))
    }

    /// Gathers the provider targets of a draft; `false` after reporting what is wrong.
    private func expand(
        _ draft: Draft, _ drafts: [String: Draft], _ expansion: inout Expansion, reportingAt origin: Draft
    ) -> Bool {
        for text in draft.targets where expansion.targets.count <= RouteReader.targetsMax {
            if let slash = text.firstIndex(of: "/") {
                let model = String(text[text.index(after: slash)...])
                guard let target = target(String(text[..<slash]), model, origin) else { return false }
                if !expansion.targets.contains(target) { expansion.targets.append(target) }
            } else {
                guard enter(text, drafts, &expansion, reportingAt: origin) else { return false }
            }
        }
        return true
    }

    /// Expands another route in its place.
    private func enter(_ name: String, _ drafts: [String: Draft], _ expansion: inout Expansion, reportingAt origin: Draft) -> Bool {
        guard let next = drafts[name] else {
            report(origin, "\"\(root.shown(name))\" is neither provider/model nor another route" + hint(name, drafts))
            return false
        }
        if let start = expansion.trail.firstIndex(of: name) {
            // Every member and every route that leads here finds the loop; the first member of the file tells it.
            let members = expansion.trail[start...]
            if members.compactMap({ drafts[$0]?.line }).min() == origin.line, members.contains(origin.name) {
                report(origin, "routes form a loop: \((members + [name]).joined(separator: " -> "))")
            }
            return false
        }
        guard expansion.trail.count < RouteReader.depthMax else {
            report(origin, "routes stand in routes deeper than \(RouteReader.depthMax) levels")
            return false
        }
        guard !expansion.done.contains(name) else { return true }
        expansion.trail.append(name)
        guard expand(next, drafts, &expansion, reportingAt: origin) else { return false }
        expansion.trail.removeLast()
        expansion.done.insert(name)
        return true
    }

    private func target(_ provider: String, _ model: String, _ draft: Draft) -> Target? {
        guard let index = providers.index(of: provider) else {
            report(draft, "\"\(root.shown(provider))\" is not a provider" + providers.hint(for: provider))
            return nil
        }
        guard !model.isEmpty, model.utf8.count <= 256, model.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            report(draft, "the model after \"\(provider)/\" must be 1 to 256 characters of plain ASCII without spaces")
            return nil
        }
        return Target(provider: providers[index].name, model: model)
    }

    private func hint(_ name: String, _ drafts: [String: Draft]) -> String {
        NearestName.of(name, among: Array(drafts.keys).sorted()).map { "; did you mean \($0)?" } ?? ""
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

    private func revision(_ name: String, _ targets: [Target]) -> UInt64 {
        var hash = RevisionHash()
        hash.add(name)
        for target in targets {
            hash.add(target.provider)
            hash.add(target.model)
            if let index = providers.index(of: target.provider) { hash.add(revisions[index]) }
        }
        return hash.value
    }

    private func report(_ draft: Draft, _ message: String) { root.context.report(draft.line, draft.path, message) }
}
