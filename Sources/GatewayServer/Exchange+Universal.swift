// Cloudflare's universal endpoint: the body lists native calls, and each is tried when the one before failed. The exchange takes the shape of one
// step at a time; everything behind it goes on as for a native call. A step's answer is looked up and kept where the native call's is.

import GatewayModel
import HTTP1
import Hashing
import Providers
import RequestScan
import Routing
import Tenants

/// A universal request, read: its steps and what each asks for.
struct UniversalPlan {
    let steps: [UniversalStep]
    let requests: [NativeRequest]
    /// The whole body, in which the steps' queries stand.
    let body: [UInt8]
    /// What the request's own head says of attempts.
    let fields: AttemptFields
    /// Tells requests with other steps apart; `nil` for a single step, which is as good as its native call.
    let flightDigest: Digest256?
    /// What each step asks, and what is known of its target.
    var targets: [(plan: UpstreamPlan, health: TargetHealth)] = []
    /// The steps in the order of trying.
    var order = PlannedOrder.single
    /// The step that the exchange has taken on; `nil` before the first.
    var current: Int?
    /// The first step for which a stale entry may stand in when all have failed.
    var staleStep: Int?
}

extension Exchange {
    /// The step that is being asked; `nil` for any other request.
    var step: UniversalStep? {
        guard let universal, let current = universal.current else { return nil }
        return universal.steps[current]
    }

    /// Reads the steps, checks every one of them, and takes on the first that may be asked.
    func beginUniversal() throws(GatewayError) {
        let whole = body
        let request = try UniversalRequest(parsing: whole.span)
        let fields = try AttemptFields(client.head)
        var requests: [NativeRequest] = []
        for (index, step) in request.steps.enumerated() { requests.append(try snapshot.router.route(step, index: index)) }
        universal = UniversalPlan(
            steps: request.steps, requests: requests, body: whole, fields: fields,
            flightDigest: requests.count > 1 ? SHA256.digest(of: whole.span) : nil)
        do throws(GatewayError) { try planSteps() } catch {
            // No step has been asked: what is wrong is wrong with the envelope, and told in its shape.
            dialect = .openAI
            throw error
        }
    }

    private func planSteps() throws(GatewayError) {
        guard let count = universal?.steps.count else { return }
        var statuses: [TargetStatus] = []
        let now = worker.loop.now
        let seed = worker.nextRandom()
        for index in 0..<count {
            do throws(GatewayError) { try take(step: index) } catch {
                var error = error
                error.param = "steps[\(index)]" + (error.param.map { "." + $0 } ?? "")
                throw error
            }
            guard let plan else { throw AuthenticationFailure.storeUnavailable.error }
            let health = snapshot.health(of: RouteTarget(provider: plan.provider, model: plan.model))
            universal?.targets.append((plan, health))
            statuses.append(health.status(at: now, random: seed))
        }
        let order = PlannedOrder(listed: statuses)
        universal?.order = order
        try take(step: order.candidates.first?.target ?? count - 1)
    }

    /// Takes on the shape of a step: its body, fields, credential and target. What belonged to the step before is forgotten.
    private func take(step index: Int) throws(GatewayError) {
        guard let universal, universal.current != index else { return }
        self.universal?.current = index
        let step = universal.steps[index]
        let request = universal.requests[index]
        facts.step = index
        routed = .native(request)
        operation = request.operation
        dialect = request.dialect
        isUnified = false
        wantsStream = request.isGeminiStream
        wantsUsage = true
        streamForm = request.isGeminiStream && !request.wantsServerSentEvents ? .geminiArray : .serverSentEvents
        scan = nil
        plan = nil
        digest = nil
        cacheReason = nil
        staleIsAllowed = false
        guard operation.hasJSONBody else {
            throw GatewayError(
                status: 400, code: "invalid_field", message: "A step calls an operation with a JSON body; this endpoint has none.",
                param: "endpoint")
        }
        body = Array(universal.body[step.query])
        clientCredential = try clientCredential(of: step, provider: request.provider)
        attemptFields = step.attempts.over(universal.fields)
        try scanBody()
        limits.keepFirst(scopeLimitsCount)
        try makePlan()
    }

    /// The key that the step brings, if the tenant's policy wants it: rather in a field that the provider takes it in.
    private func clientCredential(of step: UniversalStep, provider: Int) throws(GatewayError) -> ClientCredential? {
        guard let tenant, tenant.tenant.providerKeys != .configured else { return nil }
        var found: ClientCredential?
        for field in step.credentials {
            guard let known = field.field else { continue }
            let isAccepted = snapshot.providers.forwardsClientCredential(provider: provider, field: known)
            if found == nil || isAccepted { found = ClientCredential(field: known, value: Array(field.value.utf8)) }
            if isAccepted { break }
        }
        guard found != nil || tenant.tenant.providerKeys != .client else {
            throw GatewayError(
                status: 401, code: "provider_key_required",
                message: "This tenant brings its own provider keys: send one in the headers of each step.", param: "headers")
        }
        return found
    }

    // MARK: From step to step

    /// The steps that may be asked, in their order.
    func universalCandidates() throws(GatewayError) -> [Candidate]? {
        guard let universal else { return nil }
        if universal.order.candidates.isEmpty { throw universal.order.refusal }
        return universal.order.candidates.map { entry in
            let target = universal.targets[entry.target]
            return Candidate(
                plan: target.plan, health: target.health, overrides: TargetOverrides(), position: entry.target,
                isLastResort: entry.lastResort != nil)
        }
    }

    /// Leaves a step that failed for another. Returns whether the store had the other's answer, so that the request is over.
    func moveOn(to index: Int) throws(GatewayError) -> Bool {
        // Who follows this flight would get the answer to another call than its own.
        if let flight = attempts?.flight {
            attempts?.flight = nil
            worker.shared.flights.end(flight, .notShared(.upstreamFailed))
        }
        noteStale()
        try take(step: index)
        try settleCaching()
        try chargeTarget()
        let former = fetch
        fetch = nil
        do throws(GatewayError) {
            if try lookUp() {
                former?.makeWay()
                return true
            }
        } catch {
            fetch = former
            throw error
        }
        fetch = former
        return false
    }

    /// What the client gets is the answer of a step that is not the last that was considered, or a stale entry of one.
    func returnToStep(of result: AttemptResult) {
        guard let attempts else { return }
        noteStale()
        if let number = result.candidate, attempts.candidates.indices.contains(number) {
            restore(step: attempts.candidates[number].position)
        }
        guard let stale = universal?.staleStep, result.mayBeStale else { return }
        restore(step: stale)
        staleIsAllowed = digest != nil
    }

    private func noteStale() {
        guard staleIsAllowed, var noted = universal, noted.staleStep == nil else { return }
        noted.staleStep = noted.current
        universal = noted
    }

    /// Takes on a step that was taken on before, and so can be again.
    private func restore(step index: Int) {
        guard universal?.current != index else { return }
        let status = facts.cache
        do throws(GatewayError) {
            try take(step: index)
            try settleCaching()
        } catch {}
        facts.cache = status
    }
}

extension AttemptResult {
    /// Whether a stale entry goes before this result.
    fileprivate var mayBeStale: Bool {
        switch self {
        case .answer(_, let status): status >= 500
        case .providerCredentials, .noAnswer, .deadlinePassed, .unavailable: true
        case .brokenOff: false
        }
    }
}
