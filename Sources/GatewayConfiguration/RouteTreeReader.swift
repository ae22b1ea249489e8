import GatewayModel
import Providers
import RateLimiting
import Routing
import Tenants

// A route's targets become a tree. Routes may name other routes: each is read once, the first time it is named, and put in where it is named,
// which is also where a loop shows. Sizes are checked while the tree grows, so that a lattice of routes costs no exponential time.

/// Reads the targets of all routes of one file. Confined to the loading thread.
final class RouteTreeReader {
    /// How deep routes may stand in routes.
    static let depthMax = 10

    /// A route as it is written, before its targets are looked at.
    struct Draft {
        let name: String
        let line: Int
        /// Where its targets stand, for messages.
        let path: String
        let targets: [ConfigurationNode]
        /// The section, or an empty one for the short form.
        let section: Section
    }

    /// A part of a tree and its size.
    struct Part {
        var node: RouteNode
        var leafCount: Int
        /// Routes in routes below it.
        var depth: Int
    }

    /// A list of targets: where it stands, and how to choose in it.
    struct List {
        let nodes: [ConfigurationNode]
        let line: Int?
        let path: String
        /// Where `strategy` and `key` are read; `nil`: it is a fallback.
        var section: Section?
    }

    let root: Section
    let providers: ProviderTable
    let prices: PriceTable
    private let drafts: [String: Draft]
    /// What routes that were read came to; `nil` within for those with errors.
    private var read: [String: Part?] = [:]
    /// The routes from the first to the one being read.
    private var trail: [String] = []
    private var context: SectionContext { root.context }

    init(root: Section, providers: ProviderTable, prices: PriceTable, drafts: [String: Draft]) {
        self.root = root
        self.providers = providers
        self.prices = prices
        self.drafts = drafts
    }

    // MARK: Routes

    /// The tree of a route; `nil` after reporting what is wrong with it, or with a route it names.
    func tree(of draft: Draft) -> Part? {
        if let known = read[draft.name] { return known }
        trail.append(draft.name)
        var part = self.part(List(nodes: draft.targets, line: draft.line, path: draft.path, section: draft.section))
        trail.removeLast()
        if let found = part {
            part?.depth = found.depth + 1
            if found.depth >= RouteTreeReader.depthMax { part = refuseDepth(draft) }
        }
        read[draft.name] = .some(part)
        return part
    }

    private func refuseDepth(_ draft: Draft) -> Part? {
        context.report(draft.line, draft.path, "routes stand in routes deeper than \(RouteTreeReader.depthMax) levels")
        return nil
    }

    /// Another route in its place. `line` and `path`: where it is named.
    func route(_ name: String, _ line: Int?, _ path: String) -> Part? {
        guard let draft = drafts[name] else {
            let hint = NearestName.of(name, among: drafts.keys.sorted()).map { "; did you mean \($0)?" } ?? ""
            context.report(line, path, "\"\(context.shown(name))\" is neither provider/model nor another route" + hint)
            return nil
        }
        if let start = trail.firstIndex(of: name) {
            refuseLoop(Array(trail[start...]))
            return nil
        }
        if let known = read[name] { return known }
        guard trail.count < RouteTreeReader.depthMax else { return trail.first.flatMap { drafts[$0] }.flatMap(refuseDepth) }
        return tree(of: draft)
    }

    /// Tells a loop at the first of its routes in the file.
    private func refuseLoop(_ members: [String]) {
        let lines = members.map { drafts[$0]?.line ?? .max }
        guard let least = lines.min(), let first = lines.firstIndex(of: least), let draft = drafts[members[first]] else { return }
        let turned = members[first...] + members[..<first] + [members[first]]
        context.report(draft.line, draft.path, "routes form a loop: \(turned.joined(separator: " -> "))")
    }

    // MARK: Lists

    /// What a list of targets comes to; `nil` after reporting what is wrong.
    func part(_ list: List) -> Part? {
        let strategy = list.section?.choice("strategy", RouteStrategy.self) ?? .fallback
        let key = stickyKey(list, strategy)
        guard !list.nodes.isEmpty else {
            context.report(list.line, list.path, "at least one provider/model is needed")
            return nil
        }
        guard list.nodes.count <= RoutePlan.targetsMax else {
            context.report(list.line, list.path, "\(list.nodes.count) entries where at most \(RoutePlan.targetsMax) are allowed")
            return nil
        }
        let errorsBefore = context.errors.count
        reportRepeated(list)
        let entries = list.nodes.indices.compactMap { RouteEntryReader(self, list, strategy, $0).entry() }
        guard entries.count == list.nodes.count, context.errors.count == errorsBefore else { return nil }
        guard let node = RouteListShape(list, strategy, context).node(entries, key: key) else { return nil }
        let part = Part(node: node, leafCount: RouteTreeReader.leafCount(node), depth: entries.map(\.part.depth).max() ?? 0)
        guard part.leafCount <= RoutePlan.targetsMax else {
            context.report(list.line, list.path, "more than \(RoutePlan.targetsMax) targets")
            return nil
        }
        return part
    }

    private func stickyKey(_ list: List, _ strategy: RouteStrategy) -> RouteField {
        guard let section = list.section, section.has("key") else { return .key }
        guard strategy == .percentage else {
            section.report("key", "is for the strategy percentage only")
            return .key
        }
        guard let name = section.optionalText("key") else { return .key }
        if let field = RouteField(name: name) { return field }
        let known = ["tenant", "key", "model", "operation", "size"]
        let hint =
            NearestName.of(name, among: known).map { "; did you mean \($0)?" } ?? "; one of metadata.NAME, \(known.joined(separator: ", "))"
        section.report("key", "\"\(section.shown(name))\" is not a field of a request" + hint)
        return .key
    }

    private func reportRepeated(_ list: List) {
        var seen: Set<String> = []
        for node in list.nodes {
            guard let text = node.text, !seen.insert(text).inserted else { continue }
            context.report(node.line, list.path, "\"\(context.shown(text))\" is listed twice")
        }
    }

    /// Targets below a node. Each child was counted before and has at most `RoutePlan.targetsMax`.
    static func leafCount(_ node: RouteNode) -> Int {
        switch node {
        case .target: 1
        case .fallback(let children), .lowestLatency(let children), .cheapest(let children): children.reduce(0) { $0 + leafCount($1) }
        case .weighted(let children): children.reduce(0) { $0 + leafCount($1.node) }
        case .percentage(_, let shares): shares.reduce(0) { $0 + leafCount($1.node) }
        case .conditional(let cases, let otherwise): cases.reduce(otherwise.map(leafCount) ?? 0) { $0 + leafCount($1.node) }
        }
    }
}

extension RouteTreeReader.List {
    /// The list of a field; `nil` where it is missing, or after reporting that it is no list.
    init?(_ name: String, of section: Section) {
        guard let node = section.node(name) else { return nil }
        guard let nodes = Self.nodes(node) else {
            section.report(name, "must be a list of targets, not \(node.kindName)")
            return nil
        }
        self.init(nodes: nodes, line: section.line(of: name), path: section.path(of: name), section: nil)
    }

    /// The entries of a list; a single text is a list of one.
    static func nodes(_ node: ConfigurationNode) -> [ConfigurationNode]? {
        switch node.content {
        case .scalar: [node]
        case .list(let items): items
        case .mapping, .null: nil
        }
    }
}
