// Everything one event loop owns: its listener, connections, upstream driver, cache reader, scanner and scratch. One per core; nothing in it is
// ever touched by another thread, except the counters, which others read.

import EventLog
import EventLoop
import ExactCache
import GatewayModel
import Logging
import RateLimiting
import RequestScan
import Routing
import Tenants
import Upstream

/// See the file's header. Confined to its loop.
final class LoopWorker {
    let loop: EventLoop
    let index: Int
    let shared: SharedState
    let counters: CounterBlock
    private(set) var snapshot: GatewaySnapshot
    let upstream: UpstreamDriver
    let reader: CacheReader?
    /// This loop's access to the semantic cache; `nil` where there is none.
    private(set) var semanticLane: SemanticLane?
    var scanner: RequestScanner
    var composer: ResponseComposer
    var admission: AdmissionQueue<Exchange>
    /// Fetches under way; also what keeps them alive.
    var fetches = FetchSet()

    private var listener: Listener?
    private var connections: [ClientConnection] = []
    private var sweepTimer: LoopTimer?
    private var queueTimer: LoopTimer?
    private var probeTimer: LoopTimer?
    private var cutTimer: LoopTimer?
    private var wakeTimer: LoopTimer?
    /// Exchanges that wait to repeat an attempt.
    private var sleepers: [Exchange] = []
    /// Until when refusals in shadow mode are counted without a line in the log.
    var shadowNotedUntil = MonotonicTime(nanoseconds: 0)
    /// Finished requests on their way to the event log.
    var events = EventBatch()
    private(set) var eventTimer: LoopTimer?
    var paths = PathTexts()
    private var halfClosed: [ClientConnection] = []
    private var random: FastRandom
    var keyBuilder = CacheKeyBuilder()
    var failedAuthentications = AuthenticationThrottle()
    private(set) var isDraining = false
    private var whenIdle: (() -> Void)?
    private var wall = WallTime(milliseconds: 0)
    private var wallReadAt = MonotonicTime(nanoseconds: 0)

    init(index: Int, loop: EventLoop, shared: SharedState, snapshot: GatewaySnapshot, counters: CounterBlock) throws(LoopError) {
        self.index = index
        self.loop = loop
        self.shared = shared
        self.snapshot = snapshot
        self.counters = counters
        do throws(UpstreamFailure) {
            upstream = try UpstreamDriver(loop: loop, options: snapshot.upstreamOptions)
        } catch {
            throw LoopError(operation: "upstream", code: -12)
        }
        reader = shared.cache?.makeReader()
        semanticLane = snapshot.semantic.map { SemanticLane($0) }
        composer = ResponseComposer(limiter: shared.limiter)
        scanner = RequestScanner(limits: snapshot.scanLimits)
        random = FastRandom(seed: UInt64.random(in: .min ... .max))
        admission = AdmissionQueue(
            process: shared.loads.process, processLimit: snapshot.limits.inFlightMax, waitersMax: snapshot.limits.queuedMax,
            tenantWaitersMax: snapshot.limits.queuedPerTenantMax, queueMilliseconds: snapshot.limits.queueMilliseconds)
        sweepTimer = try loop.makeTimer { [unowned self] in self.sweep() }
        queueTimer = try loop.makeTimer { [unowned self] in self.pollQueue() }
        wakeTimer = try loop.makeTimer { [unowned self] in self.wakeSleepers() }
        eventTimer = try loop.makeTimer { [unowned self] in self.submitEvents() }
        probeTimer = try loop.makeTimer { [unowned self] in self.probeHalfClosed() }
        scheduleSweep()
    }

    // MARK: Listening

    /// Opens this loop's own listener on the shared port.
    func listen(_ address: SocketAddress) throws(LoopError) -> SocketAddress {
        let listener = try loop.listen(address, reusePort: true, backlog: 4096) { [unowned self] connection in self.accept(connection) }
        self.listener = listener
        return listener.boundAddress
    }

    private func accept(_ connection: Connection) {
        counters.add(.connectionsAccepted)
        guard shared.connections.enter(limit: snapshot.limits.connectionsMax) else { return refuse(connection, leaves: false) }
        let address = connection.peer.ip
        let isTrusted = address.isLoopback || snapshot.configuration.trustedNetworks.contains(address)
        if !isTrusted, !enter(address) { return refuse(connection, leaves: true) }
        let client = ClientConnection(worker: self, connection: connection)
        client.countsForAddress = !isTrusted
        client.slot = connections.count
        connections.append(client)
        connection.start(delegate: client)
    }

    /// The cap of an address holds over all loops.
    private func enter(_ address: IPAddress) -> Bool {
        let limit = snapshot.limits.connectionsPerAddressMax
        return shared.perAddress.withLock { counts in
            guard counts[address, default: 0] < limit else { return false }
            counts[address, default: 0] += 1
            return true
        }
    }

    /// Too many connections: the oldest idle one of this loop makes room for the next comer, this one is closed.
    private func refuse(_ connection: Connection, leaves: Bool) {
        counters.add(.connectionsRefused)
        if leaves { shared.connections.leave() }
        connections.first { $0.isIdle }?.close()
        connection.close()
    }

    /// A connection is gone.
    func forget(_ client: ClientConnection) {
        guard client.slot < connections.count, connections[client.slot] === client else { return }
        let last = connections.removeLast()
        if last !== client {
            connections[client.slot] = last
            last.slot = client.slot
        }
        shared.connections.leave()
        if client.countsForAddress {
            let address = client.connection.peer.ip
            shared.perAddress.withLock { counts in
                if let count = counts[address] { counts[address] = count > 1 ? count - 1 : nil }
            }
        }
        if isDraining { reportIfIdle() }
    }

    // MARK: Time and names

    /// Civil time, read once a turn.
    var wallNow: WallTime {
        let now = loop.now
        if now != wallReadAt {
            wallReadAt = now
            wall = .now()
        }
        return wall
    }

    /// The time by which entries are stamped and judged.
    var cacheNow: WallTime { shared.cache?.clock.time(at: loop.now) ?? wallNow }

    /// The moment by which limits are counted: the loop's monotonic time, and civil time that follows it.
    var limitNow: LimitTime { shared.limiter.time(at: loop.now) }
    /// The time as it is, for a request that would be refused by the loop's.
    var exactLimitNow: LimitTime { shared.limiter.time(at: .now()) }

    /// Randomness for jitter and draws; guards nothing.
    func nextRandom() -> UInt64 { random.next() }

    func makeRequestID() -> RequestID { RequestID(at: wallNow, random: (random.next(), random.next())) }

    // MARK: Timers

    private func scheduleSweep() {
        let shortest = min(snapshot.limits.headMilliseconds, snapshot.limits.bodyMilliseconds, snapshot.limits.writeStallMilliseconds)
        sweepTimer?.start(afterMilliseconds: max(20, min(500, shortest / 4)))
    }

    private func sweep() {
        let now = loop.now
        // Backwards: a connection that closes at once swaps the last one, already seen, into its place.
        for index in stride(from: connections.count - 1, through: 0, by: -1) where index < connections.count {
            connections[index].checkDeadlines(now: now)
        }
        scheduleSweep()
    }

    // MARK: Admission

    /// Gives a slot back and lets the oldest waiter have it.
    func releaseSlot(of tenant: TenantState?) {
        tenant?.load.leave()
        shared.loads.process.leave()
        if !admission.isEmpty { pollQueue() }
    }

    /// Looks after the queue until it is empty: slots freed by other loops are found within a few milliseconds.
    func watchQueue() { queueTimer?.start(afterMilliseconds: 5) }

    private func pollQueue() {
        let (admitted, expired) = admission.poll(now: loop.now)
        for exchange in admitted { exchange.admittedFromQueue() }
        for exchange in expired { exchange.expiredInQueue() }
        if !admission.isEmpty { watchQueue() }
    }

    // MARK: Waits between attempts

    /// Lets an exchange know when its wait is over, to within a few milliseconds.
    func wakeLater(_ exchange: Exchange) {
        if !sleepers.contains(where: { $0 === exchange }) { sleepers.append(exchange) }
        scheduleWake()
    }

    private func scheduleWake() {
        guard let first = sleepers.compactMap({ $0.attempts?.nextWake }).min() else { return }
        wakeTimer?.start(afterMilliseconds: first.nanoseconds(since: loop.now) / 1_000_000 + 1)
    }

    private func wakeSleepers() {
        let waiting = sleepers
        sleepers = []
        for exchange in waiting where exchange.wake(now: loop.now) { sleepers.append(exchange) }
        scheduleWake()
    }

    // MARK: Half-closed clients

    /// Looks a few times within a third of a second whether a client that sent FIN is gone.
    func watchHalfClosed(_ client: ClientConnection) {
        halfClosed.append(client)
        if halfClosed.count == 1 { probeTimer?.start(afterMilliseconds: 30) }
    }

    private func probeHalfClosed() {
        let clients = halfClosed
        halfClosed = []
        for client in clients where client.probe() { halfClosed.append(client) }
        if !halfClosed.isEmpty { probeTimer?.start(afterMilliseconds: 100) }
    }

    // MARK: Background refreshes

    /// Fetches a stale entry's successor, unless somebody does already or no slot is free.
    func revalidate(_ order: FetchOrder, _ meter: Meter, _ digest: Digest256) {
        let slots = shared.loads.process
        guard slots.enter(limit: snapshot.limits.inFlightMax) else { return meter.release(now: limitNow) }
        let place = shared.flights.place(digest, wantsStream: order.wantsStream, limits: snapshot.flightLimits, now: loop.now, wake: {})
        switch place {
        case .alone:
            slots.leave()
            meter.release(now: limitNow)
        case .follow(let flight, let id):
            flight.leave(id)
            slots.leave()
            meter.release(now: limitNow)
        case .lead(let flight):
            Fetch(
                order, meter: meter, ticket: nil, traits: RequestTraits(kind: order.operation.kind), flight: flight, worker: self,
                slot: slots
            )
            .start()
        }
    }

    // MARK: Snapshots and the end

    /// Uses another configuration from the next request on.
    func adopt(_ snapshot: GatewaySnapshot) {
        if snapshot.scanLimits != self.snapshot.scanLimits { scanner = RequestScanner(limits: snapshot.scanLimits) }
        self.snapshot = snapshot
        if snapshot.semantic !== semanticLane?.service { semanticLane = snapshot.semantic.map { SemanticLane($0) } }
        admission.processLimit = snapshot.limits.inFlightMax
        admission.waitersMax = snapshot.limits.queuedMax
        admission.tenantWaitersMax = snapshot.limits.queuedPerTenantMax
        admission.queueMilliseconds = snapshot.limits.queueMilliseconds
        for client in connections { client.exchange?.adopt(snapshot) }
    }

    /// Stops accepting, closes idle connections, and calls `done` when the last one has gone.
    func drain(_ done: @escaping () -> Void) {
        isDraining = true
        whenIdle = done
        listener?.close()
        listener = nil
        for client in connections.reversed() { client.drain() }
        reportIfIdle()
    }

    /// Ends what is still under way: streams with an error event where the surface has one.
    func cutEverything() {
        for client in connections.reversed() {
            client.exchange?.gatewayStops()
            client.close()
        }
        // What a client that does not read has still not taken half a second later is lost.
        sweepTimer?.stop()
        probeTimer?.stop()
        cutTimer = try? loop.makeTimer { [unowned self] in for client in connections.reversed() { client.cut() } }
        cutTimer?.start(afterMilliseconds: 500)
    }

    private func reportIfIdle() {
        guard connections.isEmpty, let done = whenIdle else { return }
        whenIdle = nil
        done()
    }

    /// Ends everything the loop owns. The loop itself is closed by its thread.
    func close() {
        listener?.close()
        sweepTimer?.close()
        queueTimer?.close()
        probeTimer?.close()
        wakeTimer?.close()
        eventTimer?.close()
        cutTimer?.close()
        for fetch in fetches.all { fetch.cancel(.clientLeft) }
        submitEvents()
        upstream.close()
    }

    /// Connections open now.
    var connectionCount: Int { connections.count }
}

@available(*, unavailable)
extension LoopWorker: Sendable {}

/// The fetches of a loop. A set by identity that never hashes a fetch's contents.
struct FetchSet {
    private var members: [ObjectIdentifier: Fetch] = [:]
    var all: [Fetch] { Array(members.values) }
    var count: Int { members.count }
    mutating func insert(_ fetch: Fetch) { members[ObjectIdentifier(fetch)] = fetch }
    mutating func remove(_ fetch: Fetch) { members[ObjectIdentifier(fetch)] = nil }
}

/// xoshiro256** (Blackman, Vigna): for request ids, which name things and guard nothing.
struct FastRandom {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init(seed: UInt64) {
        var mixer = seed
        func next() -> UInt64 {
            mixer &+= 0x9E37_79B9_7F4A_7C15
            var mixed = mixer
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
        state = (next(), next(), next(), next())
    }

    mutating func next() -> UInt64 {
        func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { (value << count) | (value >> (64 - count)) }
        let result = rotate(state.1 &* 5, 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = rotate(state.3, 45)
        return result
    }
}
