import GatewayModel
public import JSON
public import Routing
import Tenants

/// A dry run of a route: which targets a request would be sent to, in which order, and why not to the others. Nothing is sent.
///
/// The same planner as for real requests, asked with what the configuration knows and with the health that the caller looks up.
public struct RouteRehearsal: Sendable {
    /// The route.
    public let route: RouteDefinition
    /// The request.
    public let request: RehearsedRequest
    /// The order of the route's targets.
    public let order: PlannedOrder
    /// The orders of its lists for refusals.
    public let refusalOrders: [UpstreamRefusal: PlannedOrder]
    /// Whether `health` knew the targets' real health.
    public let isLive: Bool

    /// Plans a request.
    /// - Parameters:
    ///   - isLive: whether `health` looks at a running gateway; only told, in the result.
    ///   - health: what is known of a target; by default nothing, which means that it is ready. Asked only of targets that the configuration
    ///     lets the request use.
    public init(
        of route: RouteDefinition, request: RehearsedRequest, in configuration: GatewayConfigurationSnapshot, isLive: Bool = false,
        health: (RouteTarget) -> TargetStatus = { _ in TargetStatus() }
    ) {
        self.route = route
        self.request = request
        self.isLive = isLive
        let rules = RehearsalRules(request.facts, configuration)
        func order(_ plan: RoutePlan) -> PlannedOrder {
            RoutePlanner.order(
                plan, for: request.facts, hints: route.allowsHints ? request.hints : .none, seed: request.seed,
                status: { index in
                    let target = plan.targets[index]
                    return rules.refusal(of: target).map { TargetStatus(.blocked($0)) } ?? health(target)
                })
        }
        self.order = order(route.plan)
        refusalOrders = route.refusals.mapValues { order($0.plan) }
    }

    // MARK: As JSON

    /// The plan: `targets` in the order of trying, `skipped` with reasons, timeouts in milliseconds, the retry policy.
    public var json: JSONValue {
        var object = JSONObject()
        object["route"] = .string(route.name)
        object["strategy"] = .string(route.selection.strategy.rawValue)
        object["health_known"] = .bool(isLive)
        object["request"] = requestJSON
        add(order, of: route.plan, to: &object)
        for refusal in UpstreamRefusal.allCases {
            guard let list = refusalOrders[refusal], let plan = route.refusals[refusal]?.plan else { continue }
            var part = JSONObject()
            add(list, of: plan, to: &part)
            object["on_" + refusal.rawValue] = .object(part)
        }
        object["retry"] = route.retry.json
        object["hedge"] = route.hedge.map(\.json) ?? .null
        object["cache_by"] = .string(route.cacheBy.rawValue)
        return .object(object)
    }

    private var requestJSON: JSONValue {
        let facts = request.facts
        var object = JSONObject()
        object["operation"] = .string(facts.operation.name)
        object["stream"] = .bool(facts.isStream)
        object["tools"] = .bool(facts.hasTools)
        object["images"] = .bool(facts.hasImages)
        object["json_mode"] = .bool(facts.wantsJSON)
        object["input_tokens"] = .number(facts.inputTokens)
        object["output_tokens"] = .number(facts.outputTokens)
        object["tenant"] = facts.tenant.isEmpty ? .null : .string(facts.tenant)
        object["key"] = facts.key.isEmpty ? .null : .string(facts.key)
        var metadata = JSONObject()
        for entry in facts.metadata where metadata[entry.name] == nil { metadata[entry.name] = .string(entry.value) }
        object["metadata"] = .object(metadata)
        object["seed"] = .number(Int(Int64(bitPattern: request.seed)))
        return .object(object)
    }

    private func add(_ order: PlannedOrder, of plan: RoutePlan, to object: inout JSONObject) {
        let candidates = order.candidates.prefix(route.retry.stepsMax)
        object["targets"] = .array(
            candidates.enumerated().map { step, entry in
                var row = shared(plan.targets[entry.target])
                row["step"] = .number(step)
                row["last_resort"] = entry.lastResort.map { .string($0.rawValue) } ?? .null
                return .object(row)
            })
        let beyond = order.candidates.dropFirst(candidates.count).map { entry in
            skipped(plan.targets[entry.target], "steps", "a request tries at most \(route.retry.stepsMax) targets")
        }
        object["skipped"] = .array(
            beyond
                + order.skipped.map { entry in
                    let target = plan.targets[entry.target]
                    return skipped(target, entry.skip?.name ?? "", entry.skip.map { $0.sentence(target, request.facts) } ?? "")
                })
    }

    private func skipped(_ target: RouteTarget, _ reason: String, _ detail: String) -> JSONValue {
        ["target": .string(target.name), "reason": .string(reason), "detail": .string(detail)]
    }

    private func shared(_ target: RouteTarget) -> JSONObject {
        let general = route.timeouts
        let usual = request.facts.isStream ? general.firstByteStreamMilliseconds : general.firstByteMilliseconds
        func milliseconds(_ own: UInt64?, _ usual: Int) -> JSONValue { .number(own.map { Int(clamping: $0) } ?? usual) }
        let first = target.overrides.firstByteMilliseconds.map { Int(clamping: $0) } ?? usual
        var row = JSONObject()
        row["target"] = .string(target.name)
        row["connect_ms"] = milliseconds(target.overrides.connectMilliseconds, general.connectMilliseconds)
        row["first_byte_ms"] = .number(min(first, general.deadlineMilliseconds))
        row["idle_ms"] = milliseconds(target.overrides.idleMilliseconds, general.idleMilliseconds)
        row["ttl_s"] = (target.overrides.ttlSeconds ?? route.cache.ttlSeconds).map { .number($0) } ?? .null
        row["price"] = target.price.map { ["input": .number($0.input), "output": .number($0.output)] } ?? .null
        return row
    }
}

/// What the configuration alone says against a target.
private struct RehearsalRules {
    let facts: RequestFacts
    let configuration: GatewayConfigurationSnapshot
    let tenant: Tenant?
    let key: VirtualKey?

    init(_ facts: RequestFacts, _ configuration: GatewayConfigurationSnapshot) {
        self.facts = facts
        self.configuration = configuration
        key = configuration.tenancy.keys.first { $0.id == facts.key }
        tenant = configuration.tenancy.tenants.first { $0.id == facts.tenant }
    }

    func refusal(of target: RouteTarget) -> SkipReason? {
        if !permits(target.target) { return .notPermitted }
        if configuration.providers.unifiedOffer(provider: target.provider, operation: facts.operation) == nil { return .notOffered }
        let needsOwnKey = (tenant?.providerKeys ?? .configured) == .configured
        return needsOwnKey && !configuration.isReady(providerAt: target.provider) ? .noCredential : nil
    }

    private func permits(_ target: Target) -> Bool {
        let (provider, model) = (Array(target.provider.utf8), Array(target.model.utf8))
        func allows(_ providers: PatternList, _ models: ScopedPatternList) -> Bool {
            (providers.isEmpty || providers.matches(provider.span))
                && (models.isEmpty || models.matches(model.span, at: provider.span))
        }
        if let tenant, !allows(tenant.providers, tenant.models) { return false }
        if let key, !allows(key.providers, key.models) { return false }
        return true
    }
}

extension SkipReason {
    /// The reason for a person.
    fileprivate func sentence(_ target: RouteTarget, _ facts: RequestFacts) -> String {
        switch self {
        case .conditionNotMet: "its when does not hold, or another case was taken"
        case .contextTooSmall(let needed, let available): "needs about \(needed) tokens, its context has \(available)"
        case .lacks(.tools): "takes no tools"
        case .lacks(.images): "takes no images"
        case .lacks(.jsonMode): "can't be held to JSON"
        case .hint(let hint): "the request's \(hint == .models ? "models" : "provider." + hint.rawValue) leaves it out"
        case .duplicate: "stands earlier in the order"
        case .notPermitted: "the tenant or key may not use it"
        case .notOffered: "\(target.target.provider) offers no \(facts.operation.name)"
        case .noCredential: "no key for \(target.target.provider) is configured"
        case .limited: "a limit of its own is used up"
        case .breakerOpen(let nanoseconds): "its breaker is open for another \(nanoseconds / 1_000_000) ms"
        case .probeUnderWay: "its breaker waits for the outcome of a probe"
        }
    }
}
