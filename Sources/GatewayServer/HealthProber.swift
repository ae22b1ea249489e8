// Active probes: a GET without a key, now and then, for every provider that has a `health` section, so that traffic leaves a dead provider before
// a client meets it. They run on the control loop, with a driver of their own. A probe only ever ejects softly; breakers are left to real
// requests, which ask what clients ask.

import EventLoop
import GatewayConfiguration
import GatewayModel
import Logging
import Routing
import Upstream

/// See the file's header. Confined to its loop; `close()` before the loop ends.
final class HealthProber {
    /// What is asked of one provider, and how often.
    struct Probe: Equatable {
        var provider: String
        /// Absolute.
        var url: String
        var intervalMilliseconds: Int
        var timeoutMilliseconds: Int
        var egress: EgressPolicy

        /// The probes of a configuration, in the order of its providers.
        static func all(in configuration: GatewayConfigurationSnapshot) -> [Probe] {
            configuration.providers.definitions.enumerated().compactMap { index, definition in
                guard let probe = configuration.healthProbes[index], let url = configuration.healthProbeURL(providerAt: index) else {
                    return nil
                }
                return Probe(
                    provider: definition.name, url: url, intervalMilliseconds: probe.intervalMilliseconds,
                    timeoutMilliseconds: probe.timeoutMilliseconds, egress: .make(definition, configuration.egress))
            }
        }
    }

    /// The most probes under way at a time; one that finds no room is left out.
    static let underWayMax = 256

    private let loop: EventLoop
    private let logger: Logger
    private let counters: CounterBlock
    private let health: HealthTable
    private let driver: DriverOnDemand
    private var probes: [String: RunningProbe] = [:]
    private var isClosed = false

    /// Makes a prober that asks nobody; nothing is opened until there is a probe.
    init(loop: EventLoop, logger: Logger, counters: CounterBlock, health: HealthTable) {
        self.loop = loop
        self.logger = logger
        self.counters = counters
        self.health = health
        driver = DriverOnDemand(loop: loop, transfersMax: Self.underWayMax, idleHandlesMax: 8)
    }

    /// Probes under way, for tests.
    var underWay: Int { driver.inFlight }

    /// Replaces what is asked. A probe that stays as it is goes on undisturbed; a new one is sent at once; what one that is gone, or is now
    /// another, said against its provider is taken back.
    func adopt(_ wanted: [Probe]) {
        if isClosed { return }
        var next: [String: RunningProbe] = [:]
        for probe in wanted {
            if let running = probes[probe.provider], running.probe == probe {
                next[probe.provider] = running
            } else if let started = try? RunningProbe(probe, prober: self, loop: loop) {
                next[probe.provider] = started
            } else {
                logger.error("A provider's health probe can't be started", metadata: ["provider": "\(probe.provider)"])
            }
        }
        let gone = probes.filter { next[$0.key] !== $0.value }
        probes = next
        for (provider, probe) in gone {
            probe.close()
            restore(provider)
        }
        for probe in next.values where !probe.isStarted { probe.start() }
    }

    /// Ends everything without a word. Idempotent.
    func close() {
        isClosed = true
        for probe in probes.values { probe.close() }
        probes = [:]
        driver.close()
    }

    fileprivate func send(_ probe: Probe, _ delegate: any TransferDelegate) throws(UpstreamFailure) -> Transfer {
        let timeout = UInt64(clamping: probe.timeoutMilliseconds)
        var request = UpstreamRequest(
            method: "GET", url: probe.url, timeouts: UpstreamTimeouts(total: timeout),
            egress: probe.egress)
        request.allowsHTTP2 = false
        return try driver.start(request, delegate: delegate)
    }

    /// Does what a probe's end asks for.
    fileprivate func ended(_ probe: Probe, _ outcome: ProbeHistory.Outcome, _ action: ProbeHistory.Action, cause: String) {
        if outcome != .alive {
            counters.add(.healthProbesFailed)
            logger.debug("A health probe failed", metadata: ["provider": "\(probe.provider)", "cause": "\(cause)"])
        }
        switch action {
        case .nothing: break
        case .eject(let end, let isNew):
            for health in targets(of: probe.provider) { health.eject(.healthProbe, until: end) }
            guard isNew else { return }
            logger.warning(
                "A provider's health probe fails; it is a last resort until it succeeds",
                metadata: ["provider": "\(probe.provider)", "cause": "\(cause)"])
        case .restore:
            restore(probe.provider)
            logger.notice("A provider's health probe succeeds again", metadata: ["provider": "\(probe.provider)"])
        }
    }

    private func restore(_ provider: String) { for health in targets(of: provider) { health.endEjection(.healthProbe) } }

    private func targets(of provider: String) -> [TargetHealth] { health.all().filter { $0.target.provider == provider }.map(\.health) }
}

@available(*, unavailable)
extension HealthProber: Sendable {}

/// The probe of one provider, sent again and again. The answer's body is not wanted.
private final class RunningProbe: TransferDelegate {
    let probe: HealthProber.Probe
    private unowned let prober: HealthProber
    private let loop: EventLoop
    private var timer: LoopTimer?
    private var history: ProbeHistory
    private var transfer: Transfer?
    private var began = MonotonicTime(nanoseconds: 0)
    private(set) var isStarted = false

    init(_ probe: HealthProber.Probe, prober: HealthProber, loop: EventLoop) throws(LoopError) {
        self.probe = probe
        self.prober = prober
        self.loop = loop
        history = ProbeHistory(intervalMilliseconds: probe.intervalMilliseconds)
        timer = try loop.makeTimer { [weak self] in self?.send() }
    }

    func start() {
        isStarted = true
        send()
    }

    func close() {
        timer?.close()
        timer = nil
        transfer?.cancel()
        transfer = nil
    }

    private func send() {
        began = loop.now
        do throws(UpstreamFailure) {
            transfer = try prober.send(probe, self)
        } catch {
            end(error)
        }
    }

    /// The status says all; the body may be long.
    func transfer(_ transfer: Transfer, receivedHead head: UpstreamHead) {
        transfer.cancel()
        end(ProbeHistory.outcome(ofStatus: head.status), cause: "status \(head.status)")
    }

    func transfer(_ transfer: Transfer, receivedBody bytes: Span<UInt8>) {}
    func transferReadyForBody(_ transfer: Transfer) {}
    func transferCompleted(_ transfer: Transfer) {}
    func transferFailed(_ transfer: Transfer, _ failure: UpstreamFailure) { end(failure) }

    private func end(_ failure: UpstreamFailure) {
        let isOurs = failure.kind == .local || failure.kind == .egressRefused
        end(isOurs ? .unsent : .failed, cause: failure.description)
    }

    private func end(_ outcome: ProbeHistory.Outcome, cause: String) {
        guard let timer else { return }
        transfer = nil
        let taken = loop.now.nanoseconds(since: began) / 1_000_000
        timer.start(afterMilliseconds: max(UInt64(clamping: probe.intervalMilliseconds), taken + 1) - taken)
        prober.ended(probe, outcome, history.ended(outcome, at: loop.now), cause: cause)
    }
}
