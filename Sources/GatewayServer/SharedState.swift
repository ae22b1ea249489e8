import EventLog
import ExactCache
import GatewayModel
import Logging
import Routing
import Synchronization

/// What all loops share. Everything in it is thread-safe.
final class SharedState: Sendable {
    let flights: FlightTable
    /// `nil` when the store could not be opened: requests are then served uncached, by name.
    let cache: ExactCache?
    let loads: LoadRegistry
    let limiter: LimiterState
    /// What is known of each target: breakers, latency, retry budgets. Kept across reloads.
    let health: HealthTable
    /// Where finished requests go.
    let events: EventLog
    /// What is to be exported as spans.
    let spans = SpanCollector()
    let lifecycle = Lifecycle()
    let logger: Logger
    let connections = LoadCell()
    /// Connections per address, trusted ones left out.
    let perAddress = Locked<[IPAddress: Int]>([:])

    init(
        flights: FlightTable, cache: ExactCache?, loads: LoadRegistry, limiter: LimiterState, health: HealthTable, events: EventLog,
        logger: Logger
    ) {
        self.events = events
        self.flights = flights
        self.cache = cache
        self.loads = loads
        self.limiter = limiter
        self.health = health
        self.logger = logger
    }
}

/// Where the process is in its life. Thread-safe.
public final class Lifecycle: Sendable {
    private let state = Atomic<Int>(0)

    /// Whether traffic should come: true from start-up's end until draining begins.
    public var isReady: Bool { state.load(ordering: .acquiring) == 1 }

    /// Whether the process is on its way out.
    public var isDraining: Bool { state.load(ordering: .acquiring) == 2 }

    func becomeReady() { _ = state.compareExchange(expected: 0, desired: 1, ordering: .acquiringAndReleasing) }

    func beginDraining() { state.store(2, ordering: .releasing) }
}
