import Routing

/// Puts the entries of one list together as its strategy wants them.
struct RouteListShape {
    private let list: RouteTreeReader.List
    private let strategy: RouteStrategy
    private let context: SectionContext

    init(_ list: RouteTreeReader.List, _ strategy: RouteStrategy, _ context: SectionContext) {
        self.list = list
        self.strategy = strategy
        self.context = context
    }

    /// The node; `nil` after reporting what is wrong.
    func node(_ entries: [RouteEntry], key: RouteField) -> RouteNode? {
        let nodes = entries.map(\.part.node)
        switch strategy {
        case .fallback: return RouteListShape.fallback(nodes)
        case .lowestLatency: return .lowestLatency(nodes)
        case .cheapest: return .cheapest(nodes)
        case .weighted: return weighted(entries)
        case .percentage: return percentage(entries, key)
        case .conditional: return conditional(entries)
        }
    }

    /// A fallback in a fallback is one longer fallback, and what stands in it twice adds nothing the second time.
    static func fallback(_ nodes: [RouteNode]) -> RouteNode {
        var flat: [RouteNode] = []
        for node in nodes {
            let parts = if case .fallback(let children) = node { children } else { [node] }
            for part in parts where !flat.contains(part) { flat.append(part) }
        }
        return flat.count == 1 ? flat[0] : .fallback(flat)
    }

    private func weighted(_ entries: [RouteEntry]) -> RouteNode? {
        guard entries.contains(where: { $0.weight > 0 }) else {
            context.report(list.line, list.path, "all weights are 0, so nothing would ever be asked first")
            return nil
        }
        return .weighted(entries.map { WeightedChild(weight: $0.weight, node: $0.part.node) })
    }

    /// The last entry may leave its percentage out; then it takes the rest.
    private func percentage(_ entries: [RouteEntry], _ key: RouteField) -> RouteNode? {
        for entry in entries.dropLast() where entry.basisPoints == nil {
            context.report(entry.line, entry.path, "needs a percent; only the last target may leave it out and take the rest")
            return nil
        }
        let sum = entries.reduce(0) { $0 + ($1.basisPoints ?? 0) }
        let isRestTaken = entries.last?.basisPoints == nil
        guard sum <= 10_000, sum == 10_000 || isRestTaken else {
            let rule = sum > 10_000 ? "more than 100" : "not 100; leave out the last one to have it take the rest"
            context.report(list.line, list.path, "the percentages sum up to \(RouteListShape.percentText(sum)), \(rule)")
            return nil
        }
        return .percentage(
            key: key, entries.map { PercentageShare(basisPoints: $0.basisPoints ?? 10_000 - sum, node: $0.part.node) })
    }

    private static func percentText(_ basisPoints: Int) -> String {
        let (whole, rest) = basisPoints.quotientAndRemainder(dividingBy: 100)
        return rest == 0 ? "\(whole)" : "\(whole)." + (rest < 10 ? "0" : "") + "\(rest)"
    }

    private func conditional(_ entries: [RouteEntry]) -> RouteNode? {
        for entry in entries.dropLast() where entry.condition == nil {
            context.report(entry.line, entry.path, "needs when; only the last target may leave it out and is taken otherwise")
            return nil
        }
        let cases = entries.compactMap { entry in entry.condition.map { ConditionalCase(when: $0, node: entry.part.node) } }
        guard !cases.isEmpty else {
            context.report(list.line, list.path, "no target has when, so there is nothing to choose by")
            return nil
        }
        return .conditional(cases, otherwise: entries.last?.condition == nil ? entries.last?.part.node : nil)
    }
}
