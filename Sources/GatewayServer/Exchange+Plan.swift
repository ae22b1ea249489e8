// Phases 5 and 6: what the body says, which target would be asked now, and what may be kept of its answer.

import ExactCache
import GatewayModel
import HTTP1
import Providers
import RateLimiting
import RequestScan
import Routing
import Tenants

extension Exchange {
    // MARK: Answers that need no upstream

    /// `GET /v1/models` and the tenant's own endpoints. Returns whether the request was answered.
    func answerLocally() throws(GatewayError) -> Bool {
        switch routed {
        case .unified(let request) where request.operation == .models:
            let list = ModelCatalog(snapshot: snapshot, identity: identity)
            answer(json: try list.body(dialect: request.dialect, model: request.model))
            return true
        case .tenant(.usage):
            answer(json: worker.usageBody(for: self))
            return true
        case .tenant(.feedback(let id)):
            try beginFeedback(on: client.head.bytes.span.extracting(client.head.path).extracting(id))
            return true
        default: return false
        }
    }

    func answer(json body: [UInt8]) {
        facts.keepsAlive = keepsConnection
        facts.overheadNanoseconds = overhead(at: .now())
        _ = frameAnswer(knownLength: body.count)
        worker.composer.whole(
            status: 200, contentType: "application/json", body: body, facts: facts, now: worker.wallNow, isHead: isHead)
        client.sendComposed()
        machine.answered()
        finish(status: 200, keepsAlive: keepsConnection)
    }

    // MARK: 5 scan

    func scanBody() throws(GatewayError) {
        guard operation.hasJSONBody else { return }
        let body = self.body
        do throws(ScanError) {
            let found = try worker.scanner.scan(body.span, operation: operation)
            if found.isStream { wantsStream = true }
            if operation == .chatCompletions || operation == .completions { wantsUsage = !wantsStream || found.includeUsage }
            scan = found
        } catch {
            throw error.gatewayError
        }
    }

    // MARK: 6 plan

    func makePlan() throws(GatewayError) {
        guard let identity else { throw AuthenticationFailure.storeUnavailable.error }
        if universal == nil { attemptFields = try AttemptFields(client.head) }
        let plan: UpstreamPlan
        switch routed {
        case .unified(let request): plan = try unifiedPlan(request)
        case .native(let request): plan = nativePlan(request)
        default: throw GatewayError(status: 404, code: "unknown_path", message: "Nothing is served at this path.")
        }
        let provider = snapshot.provider(plan.provider)
        try checkPermission(provider, plan, identity)
        try checkAccountObjects(provider, identity)
        try checkCredential(provider, plan)
        facts.provider = provider.definition.name
        facts.model = plan.model
        findLimits(of: plan, identity)
        self.plan = plan
    }

    private func unifiedPlan(_ request: UnifiedRequest) throws(GatewayError) -> UpstreamPlan {
        let body = self.body
        guard let name = request.model ?? scan?.model(in: body.span), !name.isEmpty else {
            throw GatewayError(
                status: 400, code: "model_required", message: "Name a model as provider/model, or a route.", param: "model")
        }
        if let route = snapshot.routes[name] {
            let planned = try planRoute(route, route.plan, route.health)
            plannedRoute = planned
            guard let first = planned.first else { throw planned.order.refusal }
            let target = planned.plan.targets[first.target]
            facts.step = first.position
            return try upstreamPlan(RouteTarget(provider: target.provider, model: target.target.model), route)
        }
        guard let target = snapshot.target(named: name) else {
            throw GatewayError(
                status: 404, code: "model_not_found",
                message: "No route and no provider/model of that name is configured here. GET /v1/models lists what this key may use.",
                param: "model")
        }
        return try upstreamPlan(target, nil)
    }

    /// How a target is asked on the unified surface.
    func upstreamPlan(_ target: RouteTarget, _ route: RouteState?) throws(GatewayError) -> UpstreamPlan {
        let provider = snapshot.provider(target.provider)
        guard let base = provider.base(offering: operation) else {
            throw GatewayError(
                status: 501, code: "dialect_not_supported",
                message: "\(provider.definition.name) offers no \(operation.name) of its own and the gateway does not translate. "
                    + "Its own API is under /\(provider.definition.name)/.",
                param: "model", source: .gateway)
        }
        return UpstreamPlan(
            provider: target.provider, model: target.model, route: route, base: base,
            form: base.credential ?? provider.definition.credential,
            injectsUsage: wantsStream && scan?.includeUsage == false && base.supportsIncludeUsage)
    }

    // MARK: Routes

    /// Puts a route's targets in order: what fits the request, what the key may use, what is up.
    func planRoute(_ route: RouteState, _ plan: RoutePlan, _ health: [TargetHealth]) throws(GatewayError) -> PlannedRoute {
        let now = worker.loop.now
        let seed = worker.nextRandom()
        let order = RoutePlanner.order(plan, for: routeFacts(route), hints: try routingHints(route), seed: seed) { index in
            if let reason = whyNotAsked(plan.targets[index]) { return TargetStatus(.blocked(reason)) }
            return health[index].status(at: now, random: seed)
        }
        return PlannedRoute(route: route, plan: plan, health: health, order: order)
    }

    /// Why this caller can't have a target at all; `nil` when it can.
    private func whyNotAsked(_ target: Routing.RouteTarget) -> SkipReason? {
        guard let identity else { return .notPermitted }
        let provider = snapshot.provider(target.provider)
        guard provider.base(offering: operation) != nil else { return .notOffered }
        if clientCredential == nil, !provider.definition.isLocal, snapshot.credentials(of: target.provider).isEmpty { return .noCredential }
        if let clientCredential {
            guard snapshot.providers.forwardsClientCredential(provider: target.provider, field: clientCredential.field) else {
                return .noCredential
            }
        }
        guard
            snapshot.isUnrestricted(identity)
                || snapshot.permits(identity, target: RouteTarget(provider: target.provider, model: target.target.model))
        else { return .notPermitted }
        do throws(GatewayError) { try checkAccountObjects(provider, identity) } catch { return .notPermitted }
        return nil
    }

    private func routeFacts(_ route: RouteState) -> RequestFacts {
        guard let scan, let tenant, let identity else { return RequestFacts(operation: operation) }
        let key = snapshot.keys.keys[Int(identity.key)]
        return RequestFacts(
            operation: operation, model: route.name, isStream: wantsStream, hasTools: scan.hasTools, hasImages: scan.hasImages,
            wantsJSON: scan.wantsJSON, inputTokens: Int(TokenEstimator.tokens(characters: scan.inputCharacters)),
            outputTokens: scan.maxTokens ?? 0, tenant: tenant.tenant.id, key: key.id, metadata: requestMetadata(identity)?.entries ?? [])
    }

    /// The wishes of OpenRouter's fields, within what the route allows.
    private func routingHints(_ route: RouteState) throws(GatewayError) -> RoutingHints {
        guard route.definition.allowsHints, let scan, scan.hasHints else { return .none }
        let wishes: RoutingWishes?
        let body = self.body
        do throws(ScanError) { wishes = try scan.hints(in: body.span) } catch { throw error.gatewayError }
        guard let wishes else { return .none }
        return RoutingHints(wishes) { snapshot.providers.index(of: $0) }
    }

    func nativePlan(_ request: NativeRequest) -> UpstreamPlan {
        let provider = snapshot.provider(request.provider)
        let body = self.body
        return UpstreamPlan(
            provider: request.provider, model: request.model ?? scan?.model(in: body.span) ?? "", route: nil, base: nil,
            form: provider.nativeForm(request.dialect, request.operation))
    }

    /// Provider, path and model, for the key and its tenant.
    private func checkPermission(_ provider: ProviderState, _ plan: UpstreamPlan, _ identity: KeyIdentity) throws(GatewayError) {
        let isGranted = clientCredential != nil || provider.definition.allows(operation)
        if isGranted, snapshot.isUnrestricted(identity) { return }
        let path = try upstreamPath(plan)
        let name = provider.name
        let refusal = snapshot.keys.permits(
            identity, model: Array(plan.model.utf8).span, provider: name.span, path: path.span,
            isPathGranted: isGranted)
        if let refusal { throw refusal }
    }

    /// Objects of the operator's account are not opened to tenants: whoever may not call an object's own path may not name the object.
    func checkAccountObjects(_ provider: ProviderState, _ identity: KeyIdentity) throws(GatewayError) {
        guard let scan, clientCredential == nil, !scan.statefulFields.isEmpty else { return }
        let name = provider.name
        for (field, path) in Self.accountObjectPaths where scan.statefulFields.contains(field) {
            let isAllowed = snapshot.keys.allowsPath(
                Array(path.utf8).span, at: name.span, isGranted: false, for: identity)
            if isAllowed { continue }
            let member = field.names.first ?? "a field"
            throw GatewayError(
                status: 403, code: "account_object_not_allowed",
                message:
                    "\(member) refers to an object of the provider account behind this gateway. The operator can grant the path \(path).",
                param: member)
        }
    }

    /// Under which path of the provider's API the objects live that a field refers to.
    private static let accountObjectPaths: [(StatefulFields, String)] = [
        (.previousResponse, "/v1/responses/*"), (.background, "/v1/responses/*"), (.itemReference, "/v1/responses/*"),
        (.conversation, "/v1/conversations/*"), (.file, "/v1/files/*"), (.vectorStore, "/v1/vector_stores/*"),
        (.container, "/v1/containers/*"), (.storedPrompt, "/v1/prompts/*"), (.mcpServers, "/v1/mcp_servers/*"),
        (.cachedContent, "/v1beta/cachedContents/*"), (.fileURI, "/v1beta/files/*"),
    ]

    private func checkCredential(_ provider: ProviderState, _ plan: UpstreamPlan) throws(GatewayError) {
        let definition = provider.definition
        guard clientCredential == nil, !definition.isLocal, snapshot.credentials(of: plan.provider).isEmpty else { return }
        throw GatewayError(
            status: 502, code: "provider_credentials",
            message:
                "No key is configured for \(definition.name). The operator sets \(definition.credentialVariable ?? "provider_credentials").",
            source: .gateway)
    }

    // MARK: What may be kept

    /// Merges route, tenant and defaults with the client's wishes, and makes the digest.
    func settleCaching() throws(GatewayError) {
        guard let plan, let tenant else { return }
        policy = snapshot.configuration.cachePolicy(route: plan.route?.definition, tenant: tenant.tenant)
        try readDirectives()
        cacheReason = whyNotCached(tenant)
        if let ttl = directives.ttlSeconds, ttl > 0 {
            let bounds = snapshot.configuration.cache.ttlSeconds
            policy.ttlSeconds = min(max(Int(clamping: ttl), bounds.lowerBound), bounds.upperBound)
        }
        if cacheReason == nil, let scan { digest = makeDigest(plan, tenant, body: keyedBody(scan)) }
        if let cacheReason { facts.cache = .bypass(cacheReason) }
        if !operation.isCacheable { facts.cache = operation.kind == .other || operation.kind == .models ? .none : facts.cache }
        if directives.onlyIfCached, digest == nil { throw notCached }
    }

    /// What stands for the body in the key: without the members that routing has acted on.
    func keyedBody(_ scan: RequestScan) -> Digest256 { actsOnHints ? scan.bodyDigestWithoutHints ?? scan.bodyDigest : scan.bodyDigest }

    /// Whether OpenRouter's members of the body are the gateway's to act on, and so never go upstream.
    var actsOnHints: Bool { isUnified && scan?.hasHints == true && plan?.route?.definition.allowsHints == true }

    var notCached: GatewayError {
        GatewayError(status: 504, code: "not_cached", message: "only-if-cached was asked for, and this request is not in the cache.")
    }

    private func readDirectives() throws(GatewayError) {
        if !directives.areDefault { directives = CacheDirectives() }
        if !present.isDisjoint(with: .cacheControls) { try readFieldDirectives() }
        for field in step?.controls ?? [] {
            guard let known = field.field, FieldNameSet.cacheControls.contains(known) else { continue }
            directives.areDefault = false
            try directives.apply(known, value: field.value)
        }
        if isUnified, let lite = scan?.liteLLMCache {
            let body = self.body
            directives.areDefault = false
            try directives.applyLiteLLM(
                ttl: lite.ttlSeconds.map(Int64.init), sMaxAge: lite.maxAgeSeconds.map(Int64.init), noCache: lite.noCache,
                noStore: lite.noStore,
                namespace: scan?.liteLLMNamespace(in: body.span).map { Array($0.utf8) })
        }
        if directives.customKey != nil, tenant?.tenant.allowsCustomCacheKeys == false {
            throw GatewayError(
                status: 403, code: "custom_cache_key_not_allowed", message: "This tenant may not choose cache keys.",
                param: "cf-aig-cache-key")
        }
    }

    private func readFieldDirectives() throws(GatewayError) {
        let head = client.head
        let own = step?.controls.compactMap(\.field) ?? []
        for field in head.fields {
            guard let known = field.known, FieldNameSet.cacheControls.contains(known) else { continue }
            directives.areDefault = false
            // A step's own fields win over the request's.
            if own.contains(where: { $0.isSameCacheControl(as: known) }) { continue }
            try directives.apply(known, value: String(decoding: head.bytes[field.value], as: UTF8.self))
        }
    }

    private func whyNotCached(_ tenant: TenantState) -> CacheReason? {
        guard operation.isCacheable else { return .operation }
        guard worker.reader != nil else { return .storeUnavailable }
        if case .native(let request) = routed {
            if !request.isCacheable { return .operation }
        } else if let offer = plan?.base?.offer(of: operation), !offer.isCacheable {
            return .operation
        }
        guard policy.isEnabled else { return .off }
        if let reason = directives.bypass { return reason }
        guard let scan else { return .operation }
        if !scan.statefulFields.isEmpty { return .stateful }
        if scan.hasHostedTools { return .hostedTools }
        if scan.choices > 1 { return .multipleChoices }
        if (scan.temperature ?? 1) > policy.maxTemperature { return .temperature }
        if body.count > snapshot.configuration.cache.bodyBytesMax { return .bodyTooLarge }
        if policy.ttlSeconds <= 0 { return .ttlZero }
        return nil
    }

    /// The cache key of the wire contract. `body`: what stands for the body in it, an embeddings item or the whole canonical body.
    func makeDigest(_ plan: UpstreamPlan, _ tenant: TenantState, body digest: Digest256) -> Digest256 {
        let provider = snapshot.provider(plan.provider)
        let isByRoute = plan.route?.isKeyedByRoute == true
        worker.keyBuilder.begin(
            scope: directives.customKey == nil ? tenant.scope : tenant.ownScope,
            credential: clientCredential.map { .client(snapshot.credentialHash($0.value)) } ?? .configured,
            subject: isByRoute ? .route(plan.route?.name ?? "") : .target(Target(provider: provider.definition.name, model: plan.model)),
            routeRevision: plan.route?.revision ?? snapshot.revision(of: plan.provider), operation: operation)
        addAnswerChangingFields(provider)
        if !isUnified, let range = scan?.cacheMemberRange {
            // On native paths LiteLLM's field is not ours to act on: it goes upstream, and so belongs to the key.
            let body = self.body
            worker.keyBuilder.addQuery(name: Array("body.cache".utf8).span, value: body.span.extracting(range))
        }
        let namespace = directives.namespace.isEmpty ? tenant.namespace : directives.namespace
        if let key = directives.customKey { return worker.keyBuilder.finish(namespace: namespace.span, customKey: key.span) }
        return worker.keyBuilder.finish(namespace: namespace.span, body: digest)
    }

    private func addAnswerChangingFields(_ provider: ProviderState) {
        if !provider.definition.answerChangingQuery.isEmpty, step != nil || hasQuery {
            let query = step?.pathQuery ?? Array(client.head.bytes[client.head.queryRange])
            var fields = QueryFields()
            while let field = fields.next(in: query.span) {
                let name = query[field.name]
                // A name spelt with escapes may be any name to the provider: it belongs to the key.
                guard name.contains(0x25) || provider.definition.answerChangingQuery.contains(where: { name.elementsEqual($0.utf8) }) else {
                    continue
                }
                worker.keyBuilder.addQuery(name: query.span.extracting(field.name), value: query.span.extracting(field.value))
            }
        }
        if provider.hasUnknownKeyHeaders || step != nil || !present.isDisjoint(with: provider.knownKeyHeaders) {
            for header in provider.keyHeaders { add(header) }
        }
    }

    /// A field of the call that the provider gets: the step's, where there are steps.
    private func add(_ header: ProviderState.KeyHeader) {
        let name = header.name
        if let step {
            for field in step.headers where field.name.utf8.elementsEqual(header.name) {
                let value = Array(field.value.utf8)
                worker.keyBuilder.addQuery(name: name.span, value: value.span)
            }
            return
        }
        if let known = header.known, !present.contains(known) { return }
        let head = client.head
        for range in head.values(named: header.name) {
            worker.keyBuilder.addQuery(name: name.span, value: head.bytes.span.extracting(range))
        }
    }
}

extension FieldNameSet {
    /// The cache controls.
    static let cacheControls = FieldNameSet([
        .cacheControl, .cfAigCacheTTL, .cfAigSkipCache, .cfAigCacheKey, .cfCacheTTL, .cfSkipCache, .weirCacheNamespace, .weirCacheTags,
        .weirSemantic, .xPortkeyCacheForceRefresh, .xPortkeyCacheNamespace, .heliconeCacheEnabled, .heliconeCacheSeed,
    ])
}

extension FieldName {
    /// Whether two cache controls say the same thing, one perhaps by its older name.
    func isSameCacheControl(as other: FieldName) -> Bool {
        switch (self, other) {
        case (.cfAigCacheTTL, .cfCacheTTL), (.cfCacheTTL, .cfAigCacheTTL), (.cfAigSkipCache, .cfSkipCache), (.cfSkipCache, .cfAigSkipCache):
            true
        default: self == other
        }
    }
}
