// Phases 8 and 11 as far as limits go: which ones apply, requests and places, tokens and money, and how a refusal reads.

import GatewayModel
import HTTP1
import Providers
import RateLimiting
import RequestScan
import Tenants

extension Exchange {
    // MARK: Which limits apply

    /// Those of the key and its tenant, known as soon as the caller is.
    func findLimits(of identity: KeyIdentity) {
        limits.add(snapshot.keyLimits[identity.key]?.bound)
        limits.add(tenant?.limits?.bound)
        scopeLimitsCount = limits.count
        if !limits.isEmpty { facts.limits = limits }
    }

    /// Those that depend on what is asked: the route's, the model's, and one bucket for each declared metadata name.
    func findLimits(of plan: UpstreamPlan, _ identity: KeyIdentity) {
        let key = snapshot.keyLimits[identity.key]
        let own = tenant?.limits
        addModelLimits(of: key, plan)
        addModelLimits(of: own, plan)
        addModelLimits(of: plan.route?.limits, plan)
        if key?.families.isEmpty == false || own?.families.isEmpty == false { addMetadataLimits(key, own, identity) }
        limits.add(plan.route?.limits?.bound)
        if !limits.isEmpty { facts.limits = limits }
    }

    private func addModelLimits(of scope: ScopeLimits?, _ plan: UpstreamPlan) {
        guard let scope, !scope.models.isEmpty else { return }
        scope.addMatching(model: plan.model, provider: snapshot.providers.providerNames[plan.provider], to: limits)
    }

    /// What is known about the request besides its content.
    func requestMetadata(_ identity: KeyIdentity) -> RequestMetadata? {
        guard let tenant else { return nil }
        let head = client.head
        let operators = snapshot.keys.keys[Int(identity.key)].metadata
        if let field = step?.controls.first(where: { $0.field == .cfAigMetadata }) {
            let bytes = Array(field.value.utf8)
            return RequestMetadata(key: operators, tenant: tenant.tenant.metadata, field: bytes.span)
        }
        guard let field = head.first(.cfAigMetadata) else {
            return RequestMetadata(key: operators, tenant: tenant.tenant.metadata, field: nil)
        }
        return RequestMetadata(key: operators, tenant: tenant.tenant.metadata, field: head.bytes.span.extracting(field))
    }

    private func addMetadataLimits(_ key: ScopeLimits?, _ own: ScopeLimits?, _ identity: KeyIdentity) {
        guard let metadata = requestMetadata(identity) else { return }
        for scope in [key, own] {
            for family in scope?.families ?? [] { limits.add(family.limits(forText: metadata[family.name], worker.limitNow)) }
        }
    }

    // MARK: 8 admit

    private func decide(_ ask: (LimitTime) -> LimitVerdict) -> LimitVerdict {
        .deciding(at: worker.limitNow, exactly: { worker.exactLimitNow }, ask)
    }

    /// Charges the hits limits. A hit that they refuse is not served.
    func chargeHit() throws(GatewayError) {
        guard !limits.isEmpty, case .refused(let refusal) = decide({ limits.chargeHit(now: $0) }) else { return }
        throw limited(refusal)
    }

    /// Charges one request and takes its places.
    func chargeRequest() throws(GatewayError) {
        guard !isCharged else { return }
        if !limits.isEmpty, case .refused(let refusal) = decide({ limits.chargeRequest(now: $0) }) { throw limited(refusal) }
        isCharged = true
    }

    /// Charges what the limits of a further target want of a request that was charged for its first.
    func chargeTarget() throws(GatewayError) {
        guard !limits.isEmpty, isCharged else { return }
        if case .refused(let refusal) = decide({ limits.chargeRequest(now: $0) }) { throw limited(refusal) }
    }

    /// Takes the places that it gave up to follow another's answer.
    func takePlacesAgain() throws(GatewayError) {
        guard !limits.isEmpty, case .refused(let refusal) = decide({ limits.takePlacesAgain(now: $0) }) else { return }
        throw limited(refusal)
    }

    // MARK: 11 reserve

    /// Sets aside what the request is expected to use. `nil` for operations that use neither tokens nor money.
    func reserve() throws(GatewayError) -> Meter? {
        guard let plan, let meter = expectedMeter() else { return nil }
        guard limits.isMetered else { return meter }
        if meter.tariff.price == nil, meter.fixedPrice == nil, limits.limitsCost { throw unpriced(plan) }
        if case .refused(let refusal) = decide({ limits.reserve(meter.expected, into: meter, now: $0) }) { throw limited(refusal) }
        return meter
    }

    /// A meter with what the request is expected to use. `nil` for operations that use neither tokens nor money.
    func expectedMeter() -> Meter? {
        guard let plan, let tenant, operation.kind != .models, operation.kind != .count else { return nil }
        return makeMeter(plan, tenant)
    }

    /// Nested limits charge all or none: a request for which nothing was begun, because tokens or money refuse it or the house is full, costs no
    /// request either.
    func refundRequest() {
        guard isCharged else { return }
        isCharged = false
        limits.refundRequest()
    }

    private func makeMeter(_ plan: UpstreamPlan, _ tenant: TenantState) -> Meter {
        var tariff = snapshot.prices.tariff(provider: snapshot.providers.providerNames[plan.provider], model: plan.model)
        if tenant.tenant.chargesCustomCost, let price = customPrice() {
            tariff = Tariff(price: price, countsCachedInput: tariff.countsCachedInput)
        }
        return Meter(tariff: tariff, estimate: estimate(tariff.price), fixedPrice: plan.route?.definition.pricePerRequest)
    }

    private func estimate(_ price: ModelPrice?) -> UseEstimate {
        guard let scan else { return UseEstimate(MeteredUse()) }
        let generates = operation.kind == .generate
        return TokenEstimator.estimate(
            inputCharacters: inputCharacters(scan), maxTokens: generates ? scan.maxTokens : 0, choices: scan.choices,
            defaultMaxTokens: snapshot.configuration.metering.defaultMaxTokens, price: price)
    }

    /// Of a batch of embeddings only what is fetched counts, apportioned by the items' length.
    private func inputCharacters(_ scan: RequestScan) -> Int {
        guard let embeddings, embeddings.cachedCount > 0 else { return scan.inputCharacters }
        let all = scan.embeddingItems.reduce(0) { $0 + $1.count }
        let missing = embeddings.missing.reduce(0) { $0 + scan.embeddingItems[$1].count }
        guard all > 0 else { return scan.inputCharacters }
        return Int(scan.inputCharacters.multipliedFullWidth(by: missing).low / UInt(all))
    }

    /// `cf-aig-custom-cost`: what the client says a token costs, in USD.
    func customPrice() -> ModelPrice? {
        if let field = step?.controls.first(where: { $0.field == .cfAigCustomCost }) {
            let bytes = Array(field.value.utf8)
            return CustomCost.price(bytes.span)
        }
        guard let range = client.head.first(.cfAigCustomCost) else { return nil }
        return CustomCost.price(client.head.bytes.span.extracting(range))
    }

    private func unpriced(_ plan: UpstreamPlan) -> GatewayError {
        let provider = snapshot.providers.providerNames[plan.provider]
        let what = plan.model.isEmpty ? "This operation at \(provider)" : "The model \(plan.model) at \(provider)"
        return GatewayError(
            status: 400, code: LimitCode.unpriced.rawValue,
            message: "\(what) has no price, and spending is limited here. The operator adds one to prices, or a price_per_request to a "
                + "route.",
            param: "model")
    }

    // MARK: How a refusal reads

    /// The refusal in the client's words: what was reached, how large it is, when to come back.
    func limited(_ refusal: LimitRefusal) -> GatewayError {
        let limit = refusal.limit
        let name = limit.isPublic ? limit.policyName : "of the route"
        if refusal.isPermanent {
            return GatewayError(
                status: 400, code: LimitCode.size.rawValue,
                message: "This request needs \(LimitText.amount(refusal.wanted, limit.measure)); the limit \(name) never holds more than "
                    + "\(LimitText.amount(limit.limit.burst, limit.measure)). Send less text or a smaller max_tokens.",
                param: limit.measure == .inputTokens ? nil : "max_tokens")
        }
        let seconds = Int(clamping: refusal.retryAfterSeconds())
        return GatewayError(
            status: 429, code: LimitCode(limit.limit).rawValue,
            message: "The limit \(name)\(limit.isPublic ? " (\(LimitText.describe(limit.limit)))" : "") is reached. Retry in \(seconds) s.",
            retryAfterSeconds: seconds)
    }
}

/// What a refusal by a limit is called.
private enum LimitCode: String {
    case rate = "rate_limit_exceeded"
    case concurrency = "concurrency_limit_exceeded"
    case budget = "budget_exceeded"
    case size = "request_exceeds_limit"
    case unpriced = "unpriced_model"

    init(_ limit: Limit) {
        let isBudget = limit.window.isBudget || limit.measure == .cost
        self = limit.measure == .concurrency ? .concurrency : isBudget ? .budget : .rate
    }
}

extension GatewayError {
    /// Whether it refuses in the name of a limit of use. Another target may have others.
    var isOfLimits: Bool { LimitCode(rawValue: code) != nil }
}

extension MetadataFamily {
    /// The limits of a value given as text; `nil` where the request has none.
    fileprivate func limits(forText text: String?, _ now: LimitTime) -> BoundLimits {
        guard let text else { return limits(for: nil, now) }
        let bytes = Array(text.utf8)
        return limits(for: bytes.span, now)
    }
}
