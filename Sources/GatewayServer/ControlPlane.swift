// The control side: one object on one loop (the main thread's) that owns the configuration, the key store and the workers. The admin port, the
// signals and the commands act through it. Requests never come here.

import EventLog
import EventLoop
import ExactCache
import GatewayConfiguration
import GatewayModel
import Logging
import RateLimiting
import Routing
import SemanticCache
import Storage
import Tenants

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// See the file's header. Confined to the control loop.
public final class ControlPlane {
    /// What `start` needs besides the configuration.
    public struct Options {
        /// The folder of the stores.
        public var dataDirectory: String
        /// Reads and checks the configuration anew; called at start and at every reload.
        public var loadConfiguration: () throws(ConfigurationErrors) -> GatewayConfigurationSnapshot
        /// Looks at a suspect store in a child process before this one maps it.
        public var storeChecker: (@Sendable (_ path: String) -> StoreVerdict)?
        /// The gateway's version, for spans.
        public var version: String
        /// Where log lines go.
        public var logger: Logger
        /// Descriptors this process may have open.
        public var openFilesMax: Int
        /// Lines that were dropped on their way there.
        public var droppedLogLines: () -> UInt64
        /// Called with every configuration that a reload put into force.
        public var didReload: (GatewayConfigurationSnapshot) -> Void

        /// Makes options.
        public init(
            dataDirectory: String,
            loadConfiguration: @escaping () throws(ConfigurationErrors) -> GatewayConfigurationSnapshot,
            storeChecker: (@Sendable (_ path: String) -> StoreVerdict)? = nil, version: String = "", logger: Logger, openFilesMax: Int,
            droppedLogLines: @escaping () -> UInt64 = { 0 }, didReload: @escaping (GatewayConfigurationSnapshot) -> Void = { _ in }
        ) {
            self.dataDirectory = dataDirectory
            self.loadConfiguration = loadConfiguration
            self.storeChecker = storeChecker
            self.version = version
            self.logger = logger
            self.openFilesMax = openFilesMax
            self.droppedLogLines = droppedLogLines
            self.didReload = didReload
        }
    }

    /// The loop everything here is confined to.
    public let loop: EventLoop
    /// Tenants and keys.
    public let keyStore: KeyStore
    /// The configuration in force.
    public private(set) var configuration: GatewayConfigurationSnapshot
    /// The answers; `nil` when the store could not be opened.
    public let cache: ExactCache?
    /// Why there is no cache, when there is none.
    public let cacheProblem: String?
    /// What became of requests; without a store it counts and keeps no rows.
    public let eventLog: EventLog
    /// Why it has no store, when it has none.
    public let eventLogProblem: String?

    /// Answers to questions that mean the same; opened when the configuration first switches them on.
    var semantic: SemanticService?
    /// Why there is none although it is switched on.
    var semanticProblem: String?
    /// What was told of its scopes last, while there are many.
    var knownSemanticScopes: (scopes: [SemanticScopeReport], until: MonotonicTime)?

    let options: Options
    private let shared: SharedState
    private var snapshot: GatewaySnapshot
    private(set) var table: KeyTable
    private var workers: [WorkerHandle] = []
    private var isReloading = false
    private var reloadWaiters: [(Result<[String], ConfigurationErrors>) -> Void] = []
    private var wantsAnotherReload = false
    private let controlCounters = CounterBlock()
    /// Posts budget alerts to webhooks.
    private(set) lazy var alerts = AlertSender(loop: loop, logger: options.logger, counters: controlCounters) { [unowned self] url in
        let egress = configuration.egress
        return .make(alertURL: url, privateHosts: egress.privateHosts, privateRanges: egress.privateAddresses.ranges)
    }
    /// Records what was spent, once a second.
    private lazy var spending = SpendingRecorder(
        loop: loop, limiter: shared.limiter, keyStore: keyStore, metering: configuration.metering, alerts: alerts,
        counters: controlCounters, logger: options.logger)
    /// Asks providers now and then whether they are there.
    private lazy var prober = HealthProber(loop: loop, logger: options.logger, counters: controlCounters, health: shared.health)
    /// Ejects targets that are much slower than the others of their route.
    private lazy var latencyWatch = LatencyWatch(loop: loop, logger: options.logger) { [unowned self] in
        snapshot.routes.values.map { route in zip(route.plan.targets, route.health).map { ($0.target, $1) } }
    }
    /// Exports spans.
    private lazy var spanExporter = SpanExporter(
        loop: loop, collector: shared.spans, counters: controlCounters, version: options.version,
        sender: AlertSender(loop: loop, logger: options.logger, counters: controlCounters, purpose: .spans) { [unowned self] url in
            let egress = configuration.egress
            return .make(alertURL: url, privateHosts: egress.privateHosts, privateRanges: egress.privateAddresses.ranges)
        })
    /// Puts the questions of the semantic cache's judge to the gateway itself.
    private(set) lazy var judgeSender = JudgeSender(loop: loop, logger: options.logger) { [unowned self] in dataAddress }
    /// The address the data port is bound to.
    public private(set) var dataAddress = SocketAddress.anyLoopback

    /// Opens the stores and makes the first snapshot. Throws what must stop a start: a damaged key store, a store in use.
    public init(loop: EventLoop, configuration: GatewayConfigurationSnapshot, options: Options) throws(KeyStoreError) {
        self.loop = loop
        self.configuration = configuration
        self.options = options
        keyStore = try KeyStore.open(dataDirectory: options.dataDirectory, checker: options.storeChecker)
        try keyStore.adopt(configuration.tenancy, revision: configuration.digest, now: .now())
        table = keyStore.makeTable()
        (cache, cacheProblem) = ControlPlane.openCache(configuration, options)
        let loads = LoadRegistry()
        let flights = FlightTable(flightsMax: configuration.overload.flightsMax, limits: Flight.Limits())
        (eventLog, eventLogProblem) = ControlPlane.openEventLog(configuration, options)
        let events = eventLog
        let limiter = LimiterState(restoring: keyStore.spending(), damaged: keyStore.damagedSpendingCount, logger: options.logger)
        shared = SharedState(
            flights: flights, cache: cache, loads: loads, limiter: limiter, health: HealthTable(settings: configuration.breaker),
            events: events, logger: options.logger)
        (semantic, semanticProblem) = ControlPlane.openSemantic(configuration, table, cache, options)
        snapshot = GatewaySnapshot(
            configuration: configuration, keys: table, loads: loads, limiter: limiter, health: shared.health, semantic: semantic,
            openFilesMax: options.openFilesMax)
        spending.start()
    }

    // MARK: Start

    /// Starts a worker per core, each with its own listener on the data port.
    public func start() throws(LoopError) {
        let count = configuration.loopCount > 0 ? configuration.loopCount : max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        guard var address = SocketAddress(configuration.listen.description) else { throw LoopError(operation: "address", code: -22) }
        for index in 0..<count {
            let handle = try WorkerHandle.start(
                index: index, count: count, address: address, shared: shared, snapshot: snapshot)
            // With port 0 the first worker learns the port and the others share it.
            address = handle.address
            workers.append(handle)
        }
        dataAddress = address
        adoptJudge()
        prober.adopt(HealthProber.Probe.all(in: configuration))
        latencyWatch.start()
        spanExporter.adopt(configuration.events)
    }

    /// Says that traffic may come.
    public func becomeReady() { shared.lifecycle.becomeReady() }

    /// Where the process is in its life.
    public var lifecycle: Lifecycle { shared.lifecycle }

    // MARK: Publishing

    /// Makes the key store's present contents known to every loop; `done` is called when the last of them uses it.
    public func publishKeys(_ done: @escaping () -> Void) {
        table = keyStore.makeTable()
        openSemantic(isAgain: false)
        publish(done)
    }

    private func publish(_ done: @escaping () -> Void) {
        snapshot = GatewaySnapshot(
            configuration: configuration, keys: table, loads: shared.loads, limiter: shared.limiter, health: shared.health,
            semantic: semantic, openFilesMax: options.openFilesMax)
        let snapshot = self.snapshot
        let pending = Countdown(workers.count, done)
        let bound = LoopBound(pending, loop: loop)
        let mailbox = loop.mailbox
        if workers.isEmpty { return done() }
        for worker in workers {
            let isPosted = worker.post { worker in
                worker.adopt(snapshot)
                _ = mailbox.post { bound.value.step() }
            }
            if !isPosted { pending.step() }
        }
    }

    /// Reads the configuration again and, if it is right, uses it from the next request on. Calls during a reload are folded into one more.
    /// The result names the fields whose change needs a restart.
    public func reload(_ done: @escaping (Result<[String], ConfigurationErrors>) -> Void) {
        reloadWaiters.append(done)
        guard !isReloading else {
            wantsAnotherReload = true
            return
        }
        isReloading = true
        do throws(ConfigurationErrors) {
            let next = try options.loadConfiguration()
            let difference = ConfigurationDifference(running: configuration, loaded: next)
            let needRestart = difference.pending.map { "\($0.field): \($0.wanted) takes a restart; \($0.running) stays in force" }
            do throws(KeyStoreError) {
                try keyStore.adopt(next.tenancy, revision: next.digest, now: .now())
            } catch {
                // Keys that the new configuration withdraws would go on holding: it is all of it or nothing.
                throw ConfigurationErrors("The configuration is right but can't be recorded: \(error.message)")
            }
            configuration = next
            spending.metering = next.metering
            eventLog.settings = EventLogSettings(next.events)
            spanExporter.adopt(next.events)
            prober.adopt(HealthProber.Probe.all(in: next))
            options.didReload(next)
            table = keyStore.makeTable()
            openSemantic(isAgain: true)
            adoptJudge()
            publish { [self] in
                controlCounters.add(.reloads)
                options.logger.notice("Configuration reloaded", metadata: ["revision": "\(next.digest.hex.prefix(12))"])
                finishReload(.success(needRestart))
            }
        } catch {
            controlCounters.add(.reloadsFailed)
            options.logger.error(
                "Configuration refused; the previous one keeps serving",
                metadata: ["errors": "\(error.errors.map(\.description).joined(separator: " | "))"])
            finishReload(.failure(error))
        }
    }

    private func finishReload(_ result: Result<[String], ConfigurationErrors>) {
        isReloading = false
        let waiters = reloadWaiters
        reloadWaiters = []
        if wantsAnotherReload {
            wantsAnotherReload = false
            for (index, waiter) in waiters.enumerated() where index > 0 { reloadWaiters.append(waiter) }
            waiters.first?(result)
            reload { _ in }
        } else {
            for waiter in waiters { waiter(result) }
        }
    }

    // MARK: Reading

    /// The sum of a counter over all loops.
    public func value(of counter: Counter) -> UInt64 {
        if counter == .logLinesDropped { return options.droppedLogLines() }
        if counter == .eventsDropped { return eventLog.status().dropped }
        return workers.reduce(controlCounters.value(of: counter)) { $0 &+ $1.counters.value(of: counter) }
    }

    /// The sum of a reason's count over all loops.
    public func value(of reason: CacheReason) -> UInt64 { workers.reduce(0) { $0 &+ $1.counters.value(of: reason) } }

    /// What the loops measured of their requests.
    var requestMetrics: [RequestMetrics] { workers.map(\.counters.requests) }

    /// What is known of every target.
    var health: HealthTable { shared.health }

    /// Requests in flight towards providers.
    public var inFlight: Int { shared.loads.process.inFlight }

    /// Client connections open.
    public var connections: Int { shared.connections.inFlight }

    /// Flights under way.
    public var flights: Int { shared.flights.count }

    /// Purges, and calls back on the control loop once nothing selected is served any more.
    public func purge(_ cache: ExactCache, _ selector: PurgeSelector, _ done: @escaping (PurgeResult) -> Void) {
        let bound = LoopBound(Callback(done), loop: loop)
        let mailbox = loop.mailbox
        // Answers come from the exact cache alone: what is purged there is served no more. The semantic cache lets go of it as well, off this loop.
        let semantic = self.semantic
        cache.purge(selector) { result in
            semantic?.purge(selector)
            _ = mailbox.post { bound.value.call(result) }
        }
    }

    /// What limits stand at: those of a key or a tenant, `nil` where it has none.
    public func limitReports(_ scope: LimitScope) -> [LimitReport] {
        shared.limiter.registry.report(scope, shared.limiter.time(at: .now()))
    }

    // MARK: The end

    /// Stops taking traffic: readiness is false at once, accepting stops after the announced delay, what is under way may finish until the
    /// deadline. `done` is called when all is over.
    public func drain(_ done: @escaping () -> Void) {
        guard !shared.lifecycle.isDraining else { return cutEverything() }
        shared.lifecycle.beginDraining()
        options.logger.notice("Draining", metadata: ["in_flight": "\(inFlight)", "connections": "\(connections)"])
        after(milliseconds: UInt64(configuration.drain.announceDelayMilliseconds)) { [self] in
            let pending = Countdown(workers.count, done)
            let bound = LoopBound(pending, loop: loop)
            let mailbox = loop.mailbox
            for worker in workers {
                let isPosted = worker.post { worker in worker.drain { _ = mailbox.post { bound.value.step() } } }
                if !isPosted { pending.step() }
            }
            after(milliseconds: UInt64(configuration.drain.deadlineMilliseconds)) { [self] in cutEverything() }
        }
    }

    /// Ends every request that is still under way.
    public func cutEverything() {
        for worker in workers { worker.post { $0.cutEverything() } }
    }

    private var timers: [LoopTimer] = []

    private func after(milliseconds: UInt64, _ action: @escaping () -> Void) {
        guard milliseconds > 0, let timer = try? loop.makeTimer(action) else { return action() }
        timers.append(timer)
        timer.start(afterMilliseconds: milliseconds)
    }

    /// Stops the workers and closes the stores. The last call.
    public func close() {
        for worker in workers { worker.stop() }
        workers = []
        prober.close()
        latencyWatch.close()
        spending.close()
        alerts.close()
        spanExporter.flush()
        spanExporter.close()
        closeJudge()
        eventLog.close()
        semantic?.close()
        cache?.close()
        keyStore.close()
    }
}

@available(*, unavailable)
extension ControlPlane: Sendable {}

/// Calls `done` at the last of `count` steps. Loop-confined.
private final class Countdown {
    private var left: Int
    private let done: () -> Void

    init(_ count: Int, _ done: @escaping () -> Void) {
        left = count
        self.done = done
        if count == 0 { done() }
    }

    func step() {
        left -= 1
        if left == 0 { done() }
    }
}

/// A completion that may be called back from another thread's word.
private final class Callback<Value> {
    private let body: (Value) -> Void
    init(_ body: @escaping (Value) -> Void) { self.body = body }
    func call(_ value: Value) { body(value) }
}
