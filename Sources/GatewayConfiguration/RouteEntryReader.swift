import GatewayModel
import Providers
import Routing

/// One entry of a list of targets as it was read.
struct RouteEntry {
    let part: RouteTreeReader.Part
    /// `when`, where it is a case of the list's strategy and not of the entry itself.
    let condition: RouteCondition?
    let weight: UInt32
    /// `percent` in hundredths; `nil`: what the others leave.
    let basisPoints: Int?
    let line: Int?
    let path: String
}

/// Reads one entry: `provider/model`, the name of a route, or a mapping with either, or with a list of its own.
struct RouteEntryReader {
    /// The fields that say something of one provider and model.
    private static let targetFields = ["timeouts", "ttl", "context", "tools", "images", "json"]

    private let tree: RouteTreeReader
    private let node: ConfigurationNode
    private let strategy: RouteStrategy
    private let listPath: String
    private let path: String
    private var context: SectionContext { tree.root.context }

    init(_ tree: RouteTreeReader, _ list: RouteTreeReader.List, _ strategy: RouteStrategy, _ index: Int) {
        self.tree = tree
        self.strategy = strategy
        node = list.nodes[index]
        listPath = list.path
        path = "\(list.path)[\(index)]"
    }

    /// The entry; `nil` after reporting what is wrong.
    func entry() -> RouteEntry? {
        switch node.content {
        case .scalar(let text):
            guard isOneLine(text) else { return refuseKind() }
            guard let part = part(named: text, section: nil, node.line, listPath) else { return nil }
            return RouteEntry(part: part, condition: nil, weight: 1, basisPoints: nil, line: node.line, path: listPath)
        case .mapping: return entry(Section(node: node, pattern: "routes.*.targets[]", path: path, context: context))
        case .list, .null: return refuseKind()
        }
    }

    private func refuseKind() -> RouteEntry? {
        context.report(node.line, listPath, "every entry must be provider/model, a route or a mapping on its own, not \(node.kindName)")
        return nil
    }

    private func isOneLine(_ text: String) -> Bool { !text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } }

    // MARK: A mapping

    private func entry(_ section: Section) -> RouteEntry? {
        let errorsBefore = context.errors.count
        let condition = section.node("when").flatMap { ConditionReader(context: context).condition($0, path: section.path(of: "when")) }
        let weight = weight(section)
        let basisPoints = basisPoints(section)
        guard var part = part(section), context.errors.count == errorsBefore else { return nil }
        if let condition, strategy != .conditional { part.node = part.node.only(when: condition) }
        return RouteEntry(
            part: part, condition: strategy == .conditional ? condition : nil, weight: weight, basisPoints: basisPoints,
            line: section.line, path: path)
    }

    private func part(_ section: Section) -> RouteTreeReader.Part? {
        guard section.has("targets") else {
            for name in ["strategy", "key"] where section.has(name) {
                section.report(name, "is for an entry with targets of its own")
                return nil
            }
            guard let text = section.optionalText("target") else {
                if !section.has("target") { context.report(section.line, path, "needs a target, or targets of its own") }
                return nil
            }
            return self.part(named: text, section: section, section.line(of: "target"), section.path(of: "target"))
        }
        if section.has("target") { section.report("target", "can't stand beside targets") }
        refuseTargetFields(section)
        guard var list = RouteTreeReader.List("targets", of: section) else { return nil }
        list.section = section
        return tree.part(list)
    }

    private func refuseTargetFields(_ section: Section) {
        for name in RouteEntryReader.targetFields where section.has(name) {
            section.report(name, "is for a provider/model, not for a route")
        }
    }

    private func weight(_ section: Section) -> UInt32 {
        guard section.has("weight") else { return 1 }
        guard strategy == .weighted else {
            section.report("weight", "is for the strategy weighted only")
            return 1
        }
        return UInt32(clamping: section.optionalInteger("weight") ?? 1)
    }

    private func basisPoints(_ section: Section) -> Int? {
        guard let text = section.scalar("percent") else { return nil }
        guard strategy == .percentage else {
            section.report("percent", "is for the strategy percentage only")
            return nil
        }
        do {
            return Int(try Quantity.decimal(text, decimals: 2, range: 0...100))
        } catch {
            switch error {
            case .malformed: section.report("percent", "\"\(section.shown(text))\" is not a percentage such as 5 or 0.25")
            case .negative: section.report("percent", "\(section.shown(text)) is below the minimum 0 (percent)")
            case .tooLarge: section.report("percent", "\(section.shown(text)) is above the maximum 100 (percent)")
            case .notWhole: section.report("percent", "\(section.shown(text)) has more than 2 decimals")
            }
            return nil
        }
    }

    // MARK: A name

    /// What a name stands for. `section`: the mapping it stands in, which may say more of a provider and model.
    private func part(named text: String, section: Section?, _ line: Int?, _ path: String) -> RouteTreeReader.Part? {
        guard let slash = text.firstIndex(of: "/") else {
            if let section { refuseTargetFields(section) }
            return tree.route(text, line, path)
        }
        let (name, model) = (String(text[..<slash]), String(text[text.index(after: slash)...]))
        guard let index = tree.providers.index(of: name) else {
            context.report(line, path, "\"\(context.shown(name))\" is not a provider" + tree.providers.hint(for: name))
            return nil
        }
        guard !model.isEmpty, model.utf8.count <= 256, model.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            context.report(line, path, "the model after \"\(name)/\" must be 1 to 256 characters of plain ASCII without spaces")
            return nil
        }
        let target = Target(provider: tree.providers[index].name, model: model)
        var leaf = RouteTarget(provider: index, target: target, price: price(of: target))
        if let section {
            leaf.capabilities = capabilities(section)
            leaf.overrides = overrides(section)
        }
        return RouteTreeReader.Part(node: .target(leaf), leafCount: 1, depth: 0)
    }

    private func price(of target: Target) -> TargetPrice? {
        // Pico-USD for a token are millionths of USD for a million tokens.
        tree.prices.price(provider: target.provider, model: target.model).map {
            TargetPrice(input: Double($0.input) / 1_000_000, output: Double($0.output) / 1_000_000)
        }
    }

    private func capabilities(_ section: Section) -> TargetCapabilities {
        TargetCapabilities(
            contextTokens: section.optionalInteger("context"), tools: section.optionalFlag("tools") ?? true,
            images: section.optionalFlag("images") ?? true, jsonMode: section.optionalFlag("json") ?? true)
    }

    private func overrides(_ section: Section) -> TargetOverrides {
        let timeouts = section.section("timeouts")
        func milliseconds(_ name: String) -> UInt64? { timeouts.optionalInteger(name).map { UInt64(max($0, 0)) } }
        return TargetOverrides(
            connectMilliseconds: milliseconds("connect"), firstByteMilliseconds: milliseconds("first_byte"),
            idleMilliseconds: milliseconds("idle"), ttlSeconds: section.optionalInteger("ttl"))
    }
}

extension RouteNode {
    /// The node, asked only for requests for which a condition holds.
    fileprivate func only(when condition: RouteCondition) -> RouteNode {
        guard case .target(var leaf) = self else { return .conditional([ConditionalCase(when: condition, node: self)], otherwise: nil) }
        leaf.condition = leaf.condition.map { .all([condition, $0]) } ?? condition
        return .target(leaf)
    }
}
