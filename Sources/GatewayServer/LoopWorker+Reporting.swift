// What a worker says about its requests: log lines, without payloads and without keys.

import EventLog
import EventLoop
import GatewayModel
import JSON
import Logging

extension LoopWorker {
    /// One line per finished request, at debug level; errors of the gateway's own and of upstreams at a level that is seen.
    func log(_ exchange: Exchange, _ event: GatewayEvent) {
        let logger = shared.logger
        let level: Logger.Level = event.status >= 500 ? .warning : .debug
        guard logger.logLevel <= level else { return }
        logger.log(level: level, event.status >= 500 ? "Request failed" : "Request finished", metadata: exchange.row(event))
    }

    /// Measures a finished request and hands it to the event log, in batches: a batch is a lock and a wake-up, an event a copy.
    func record(_ event: GatewayEvent) {
        if event.tokensSaved > 0 { counters.add(.tokensSaved, event.tokensSaved) }
        counters.requests.record(event, labels: snapshot.metricLabels)
        events.append(event)
        if events.count == 1 { eventTimer?.start(afterMilliseconds: Self.eventDelayMilliseconds) }
        if events.bytes.count >= Self.eventBatchBytes { submitEvents() }
    }

    /// Hands over what was recorded.
    func submitEvents() {
        guard events.count > 0 else { return }
        let batch = events
        events = EventBatch(reserving: Self.eventBatchBytes + 4096)
        shared.events.submit(batch)
    }

    /// How old an event may become before it is handed over, and how large a batch.
    private static let eventDelayMilliseconds: UInt64 = 100
    private static let eventBatchBytes = 32 * 1024

    /// A path as text. Clients repeat themselves: the last few are kept.
    func text(ofPath path: Span<UInt8>) -> String { paths.text(of: path) }

    /// Counts what limits in shadow mode would have refused, and says so, at most once a second: tuning is what they are for.
    func noteShadowRefusals(_ count: UInt64, tenant: String) {
        counters.add(.limitedInShadow, count)
        guard loop.now >= shadowNotedUntil else { return }
        shadowNotedUntil = loop.now.adding(milliseconds: 1000)
        shared.logger.info("A limit in shadow mode would have refused a request", metadata: ["tenant": "\(tenant)"])
    }

    /// Adds up what answers used.
    func count(_ reading: MeterReading) {
        counters.add(.tokensIn, UInt64(clamping: reading.told.input))
        counters.add(.tokensOut, UInt64(clamping: reading.told.output))
        if reading.usage?.isSuspect == true { counters.add(.usageSuspect) }
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
