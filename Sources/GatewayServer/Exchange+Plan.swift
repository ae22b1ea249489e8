// Phases 5 and 6: what the body says, which target would be asked now, and what may be kept of its answer.

//ZZ import ExactCache
import GatewayModel
import HTTP1
import Providers
import RequestScan
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
        case .tenant(.feedback):
            throw GatewayError(status: 404, code: "log_not_found", message: "There is no log row of that id.")
        default: return false
        }
    }

    private func answer(json body: [UInt8]) {
        facts.keepsAlive = keepsConnection
        facts.overheadNanoseconds = overhead(at: .now())
        _ = frameAnswer(knownLength: body.count)
        worker.composer.whole(
            status: 200, contentType: "application/json", body: body, facts: facts, now: worker.wallNow, isHead: isHead)
        client.send(worker.composer.bytes.span)
        machine.answered()
        finish(status: 200, keepsAlive: keepsConnection)
    }

    // MARK: 5 scan

    func scanBody() throws(GatewayError) {
        guard operation.hasJSONBody else { return }
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
        var plan: UpstreamPlan
        switch routed {
        case .unified(let request): plan = try unifiedPlan(request)
        case .native(let request): plan = nativePlan(request)
        default: throw GatewayError(status: 404, code: "unknown_path", message: "Nothing is served at this path.")
        }
        let definition = snapshot.providers[plan.provider]
        if let refusal = snapshot.keys.permits(provider: definition.name, for: identity) { throw refusal }
        if let refusal = snapshot.keys.permits(model: plan.model, ofProvider: definition.name, alias: plan.route?.name, for: identity) {
            throw refusal
        }
        try checkAccountObjects(definition)
        try checkCredential(definition)
        plan.injectsUsage = isUnified && wantsStream && scan?.includeUsage == false && plan.base?.supportsIncludeUsage == true
        facts.provider = definition.name
        facts.model = plan.model
        self.plan = plan
    }

    private func unifiedPlan(_ request: UnifiedRequest) throws(GatewayError) -> UpstreamPlan {
        guard let name = request.model ?? scan?.model(in: body.span), !name.isEmpty else {
            throw GatewayError(
                status: 400, code: "model_required", message: "Name a model as provider/model, or a route.", param: "model")
        }
        let route = snapshot.routes[name]
        guard let target = route?.targets.first ?? snapshot.target(named: name) else {
            throw GatewayError(
                status: 404, code: "model_not_found",
                message: "No route and no provider/model of that name is configured here. GET /v1/models lists what this key may use.",
                param: "model")
        }
        let definition = snapshot.providers[target.provider]
        guard let base = definition.base(offering: operation) else {
            throw GatewayError(
                status: 501, code: "dialect_not_supported",
                message: "\(definition.name) offers no \(operation.name) of its own and the gateway does not translate. "
                    + "Its own API is under /\(definition.name)/.",
                param: "model", source: .gateway)
        }
        return UpstreamPlan(
            provider: target.provider, model: target.model, route: route, base: base, form: base.credential ?? definition.credential)
    }

    private func nativePlan(_ request: NativeRequest) -> UpstreamPlan {
        let definition = snapshot.providers[request.provider]
        let base = definition.bases.first { $0.dialect == request.dialect && $0.offer(of: request.operation) != nil }
        return UpstreamPlan(
            provider: request.provider, model: request.model ?? scan?.model(in: body.span) ?? "", route: nil, base: nil,
            form: base?.credential ?? definition.credential)
    }

    /// Objects of the operator's account are not opened to tenants without a grant.
    private func checkAccountObjects(_ definition: ProviderDefinition) throws(GatewayError) {
        guard let scan, let identity, clientCredential == nil, !scan.statefulFields.isEmpty else { return }
        let names = scan.statefulFields.names
        for name in names {
            if snapshot.keys.permits(path: "#\(name)", ofProvider: definition.name, isListed: false, for: identity) != nil {
                throw GatewayError(
                    status: 403, code: "account_object_not_allowed",
                    message: "\(name) refers to an object of the provider account behind this gateway. Ask the operator to grant \"#\(name)\".",
                    param: name)
            }
        }
    }

    private func checkCredential(_ definition: ProviderDefinition) throws(GatewayError) {
        guard clientCredential == nil, !definition.isLocal, let plan = Optional(definition), snapshot.credentials[plan.name] == nil else {
            return
        }
        throw GatewayError(
            status: 502, code: "provider_credentials",
            message: "No key is configured for \(definition.name). The operator sets \(definition.credentialVariable ?? "provider_credentials").",
            source: .gateway)
    }

    // MARK: What may be kept

    /// Merges route, tenant and defaults with the client's wishes, and makes the digest.
    func settleCaching() throws(GatewayError) {
        guard let plan, let tenant else { return }
        policy = plan.route?.cache ?? snapshot.cachePolicy
        if let ttl = tenant.tenant.cacheTTLSeconds { policy.ttlSeconds = Int64(ttl) }
        if tenant.tenant.isCacheEnabled == false { policy.isEnabled = false }
        try readDirectives()
        cacheReason = whyNotCached(tenant)
        if let ttl = directives.ttlSeconds, ttl > 0 { policy.ttlSeconds = min(max(ttl, policy.ttlSecondsMin), policy.ttlSecondsMax) }
        if cacheReason == nil { digest = makeDigest(plan, tenant) }
        if let cacheReason { facts.cache = .bypass(cacheReason) }
        if !operation.isCacheable { facts.cache = operation.kind == .other || operation.kind == .models ? .none : facts.cache }
        if directives.onlyIfCached, digest == nil { throw notCached }
    }

    var notCached: GatewayError {
        GatewayError(status: 504, code: "not_cached", message: "only-if-cached was asked for, and this request is not in the cache.")
    }

    private func readDirectives() throws(GatewayError) {
        let head = client.head
        for field in head.fields {
            guard let known = field.known, known.isCacheControl else { continue }
            try directives.apply(known, value: String(decoding: head.bytes[field.value], as: UTF8.self))
        }
        if isUnified, let lite = scan?.liteLLMCache {
            try directives.applyLiteLLM(
                ttl: lite.ttlSeconds.map(Int64.init), sMaxAge: lite.maxAgeSeconds.map(Int64.init), noCache: lite.noCache, noStore: lite.noStore,
                namespace: scan?.liteLLMNamespace(in: body.span).map { Array($0.utf8) })
        }
        if directives.customKey != nil, tenant?.tenant.allowsCustomCacheKeys == false {
            throw GatewayError(
                status: 403, code: "custom_cache_key_not_allowed", message: "This tenant may not choose cache keys.", param: "cf-aig-cache-key")
        }
    }

    private func whyNotCached(_ tenant: TenantState) -> CacheReason? {
        guard operation.isCacheable else { return .operation }
        guard worker.reader != nil else { return .storeUnavailable }
        if case .native(let request) = routed {
            if !request.isCacheable { return .operation }
            if request.isGeminiStream, !request.wantsServerSentEvents { return .otherRepresentation }
        } else if let offer = plan?.base?.offer(of: operation), !offer.isCacheable {
            return .operation
        }
        guard policy.isEnabled else { return .off }
        if let reason = directives.bypass { return reason }
        guard let scan else { return .operation }
        if !scan.statefulFields.isEmpty { return .stateful }
        if scan.hasHostedTools { return .hostedTools }
        if scan.choices > 1 { return .multipleChoices }
        if let limit = policy.maxTemperature, (scan.temperature ?? 1) > limit { return .temperature }
        return nil
    }

    /// The cache key of wire-contract's "Key =" list.
    private func makeDigest(_ plan: UpstreamPlan, _ tenant: TenantState) -> Digest256? {
        guard let scan else { return nil }
        let isCustom = directives.customKey != nil
        let scope = isCustom ? tenant.ownScope : tenant.scope
        let definition = snapshot.providers[plan.provider]
        var builder = CacheKeyBuilder(scope: scope, operation: operation)
        builder.add(credential: clientCredential.map(\.value))
        if let route = plan.route, route.isKeyedByRoute {
            builder.add(route: route.name, revision: route.revision)
        } else {
            builder.add(target: Target(provider: definition.name, model: plan.model), revision: plan.route?.revision ?? snapshot.baseRevision)
        }
        let head = client.head
        for name in definition.answerChangingQuery {
            let query = head.bytes.span.extracting(head.queryRange)
            var fields = QueryFields()
            while let field = fields.next(in: query) {
                if head.bytes[head.queryRange][offset: field.name].elementsEqual(name.utf8) {
                    builder.add(queryField: name, value: query.extracting(field.value))
                }
            }
        }
        for name in definition.answerChangingHeaders {
            for range in head.values(named: name) { builder.add(headerField: name, value: head.bytes.span.extracting(range)) }
        }
        if directives.namespace.isEmpty, let own = tenant.tenant.cacheNamespace {
            builder.add(namespace: Array(own.utf8))
        } else {
            builder.add(namespace: directives.namespace)
        }
        if !isUnified, let range = scan.cacheMemberRange { builder.add(extra: body.span.extracting(range)) }
        if let key = directives.customKey { return builder.digest(customKey: key) }
        return builder.digest(body: scan.bodyDigest)
    }
}

extension FieldName {
    /// Whether the field is one of the cache controls.
    var isCacheControl: Bool {
        switch self {
        case .cacheControl, .cfAigCacheTTL, .cfAigSkipCache, .cfAigCacheKey, .cfCacheTTL, .cfSkipCache, .weirCacheNamespace, .weirCacheTags,
            .xPortkeyCacheForceRefresh, .xPortkeyCacheNamespace, .heliconeCacheEnabled, .heliconeCacheSeed:
            true
        default: false
        }
    }
}

extension ArraySlice {
    /// The part of the slice at positions counted from its own start.
    fileprivate subscript(offset range: Range<Int>) -> ArraySlice { self[(startIndex + range.lowerBound)..<(startIndex + range.upperBound)] }
}
