// What a worker says about its requests: log lines, without payloads and without keys.

import EventLoop
import GatewayModel
import JSON
import Logging

extension LoopWorker {
    /// One line per finished request, at debug level; errors of the gateway's own and of upstreams at a level that is seen.
    func log(_ exchange: Exchange, status: Int, error: GatewayError?) {
        let logger = shared.logger
        let level: Logger.Level = status >= 500 ? .warning : .debug
        guard logger.logLevel <= level else { return }
        logger.log(
            level: level, status >= 500 ? "Request failed" : "Request finished", metadata: exchange.row(status: status, error: error))
    }

    /// Counts what limits in shadow mode would have refused, and says so, at most once a second: tuning is what they are for.
    func noteShadowRefusals(_ count: UInt64, tenant: String) {
        counters.add(.limitedInShadow, count)
        guard loop.now >= shadowNotedUntil else { return }
        shadowNotedUntil = loop.now.adding(milliseconds: 1000)
        shared.logger.info("A limit in shadow mode would have refused a request", metadata: ["tenant": "\(tenant)"])
    }

    /// Adds up what answers used.
    func count(_ reading: MeterReading) {
        if let usage = reading.usage {
            counters.add(.tokensIn, UInt64(clamping: usage.inputTokens))
            counters.add(.tokensOut, UInt64(clamping: usage.outputTokens))
            if usage.isSuspect { counters.add(.usageSuspect) }
        }
        if reading.isEstimated { counters.add(.usageEstimated) }
        if reading.isUnderestimated { counters.add(.usageUnderestimated) }
        if reading.isUnpriced, reading.use != MeteredUse() { counters.add(.unpriced) }
        counters.add(.costNanoUSD, UInt64(clamping: reading.use.cost))
    }

    /// A transfer failed: who, how, never with what.
    func noteUpstreamFailure(_ order: FetchOrder, _ error: GatewayError) {
        shared.logger.info("Upstream failed", metadata: ["provider": "\(order.provider)", "code": "\(error.code)"])
    }

    /// Someone presented a key that does not hold. Past the limit of one address, its further failures are told 429; good keys are not slowed.
    func noteFailedAuthentication(from address: IPAddress) -> GatewayError? {
        counters.add(.authenticationFailures)
        let limit = snapshot.limits.authFailuresPerMinuteMax
        guard limit > 0 else { return nil }
        failedAuthentications.failuresPerMinuteMax = limit
        guard failedAuthentications.recordFailure(from: address, now: loop.now) else { return nil }
        return GatewayError(
            status: 429, code: "too_many_failed_keys", message: "Too many requests with unknown keys came from this address.",
            retryAfterSeconds: 60)
    }

    /// `GET /weir/usage`: what a tenant may know about itself. Of limits those of the calling key and its tenant, without the buckets of
    /// metadata values, which can belong to other keys.
    func usageBody(for exchange: Exchange) -> [UInt8] {
        guard let tenant = exchange.tenant, let identity = exchange.identity else { return Array("{}".utf8) }
        let snapshot = exchange.snapshot
        let now = limitNow
        var limits: [JSONValue] = []
        if let own = snapshot.keyLimits[identity.key] {
            limits.append(.object(LimitListing.object(.key(snapshot.keys.keys[Int(identity.key)].id), own.bound.reports(now))))
        }
        if let all = tenant.limits { limits.append(.object(LimitListing.object(.tenant(tenant.tenant.id), all.bound.reports(now)))) }
        let usage: JSONValue = [
            "object": "usage", "tenant": .string(tenant.tenant.id), "in_flight": .number(tenant.load.inFlight),
            "in_flight_max": .number(tenant.inFlightMax), "limits": .array(limits),
        ]
        var body: [UInt8] = []
        usage.write(to: &body)
        body.append(0x0A)
        return body
    }
}
