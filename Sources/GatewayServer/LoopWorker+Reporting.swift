// What a worker says about its requests: log lines, without payloads and without keys.

import EventLoop
import GatewayModel
import Logging

extension LoopWorker {
    /// One line per finished request, at debug level; errors of the gateway's own and of upstreams at a level that is seen.
    func log(_ exchange: Exchange, status: Int, error: GatewayError?) {
        let logger = shared.logger
        let level: Logger.Level = status >= 500 ? .warning : .debug
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = [
            "request": "\(exchange.requestID.text)", "status": "\(status)", "operation": "\(exchange.operation.name)",
            "duration_us": "\(MonotonicTime.now().nanoseconds(since: exchange.started) / 1000)",
        ]
        if let tenant = exchange.tenant { metadata["tenant"] = "\(tenant.tenant.id)" }
        if !exchange.facts.provider.isEmpty { metadata["provider"] = "\(exchange.facts.provider)" }
        if exchange.facts.cache != .none {
            var text: [UInt8] = []
            exchange.facts.cache.append(to: &text)
            metadata["cache"] = "\(String(decoding: text, as: UTF8.self))"
        }
        if let error { metadata["code"] = "\(error.code)" }
        logger.log(level: level, status >= 500 ? "Request failed" : "Request finished", metadata: metadata)
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

    /// `GET /weir/usage`: what a tenant may know about itself.
    func usageBody(for exchange: Exchange) -> [UInt8] {
        guard let tenant = exchange.tenant else { return Array("{}".utf8) }
        var body: [UInt8] = []
        body.append(literal: "{\"object\":\"usage\",\"tenant\":\"")
        body.append(contentsOf: tenant.tenant.id.utf8)
        body.append(literal: "\",\"in_flight\":")
        body.append(decimal: Int64(tenant.load.inFlight))
        body.append(literal: ",\"in_flight_max\":")
        body.append(decimal: Int64(tenant.inFlightMax))
        body.append(literal: "}\n")
        return body
    }
}
