import EventLog
import GatewayModel
import Synchronization

/// Which of the sets of names that come from outside are told apart on `/metrics`. Providers always are: the configuration names them.
public struct MetricLabels: OptionSet, Sendable, Hashable {
    /// The bits.
    public var rawValue: UInt8
    /// Makes labels from bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// By model.
    public static let model = MetricLabels(rawValue: 1)
    /// By tenant.
    public static let tenant = MetricLabels(rawValue: 2)
}

/// What one loop counts of its finished requests for `/metrics`, beside its `CounterBlock`. Written by that loop alone, read by anyone.
public final class RequestMetrics: @unchecked Sendable {  // @unchecked: the cells are atomics in memory that lives as long as this
    /// Series by a name at most, per loop.
    public static let namesMax = 200
    /// Series by provider at most: as many as a configuration may have.
    public static let providersMax = 100

    /// Latencies and sizes.
    public let histograms = HistogramBlock()
    /// By provider.
    public let providers = LabelledCounters(namesMax: providersMax)
    /// By `provider/model`.
    public let models = LabelledCounters(namesMax: namesMax)
    /// By tenant.
    public let tenants = LabelledCounters(namesMax: namesMax)
    private let kinds: UnsafeMutablePointer<Atomic<UInt64>>
    private static let kindCount = GatewayEvent.ErrorKind.allCases.count

    /// Makes zeros.
    public init() {
        kinds = .allocate(capacity: Self.kindCount)
        for index in 0..<Self.kindCount { (kinds + index).initialize(to: Atomic(0)) }
    }

    deinit {
        kinds.deinitialize(count: Self.kindCount)
        kinds.deallocate()
    }

    /// Counts a finished request. Owner loop only. An operator's action is none.
    public func record(_ event: GatewayEvent, labels: MetricLabels) {
        guard event.flags.isDisjoint(with: [.audit, .background]) else { return }
        histograms.record(event)
        if event.errorKind != .none {
            let kind = Int(event.errorKind.rawValue)
            kinds[kind].store(kinds[kind].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        }
        if !event.provider.isEmpty, event.attemptCount > 0 { providers.record(event, under: event.provider) }
        if labels.contains(.model), !event.model.isEmpty { models.record(event, under: "\(event.provider)/\(event.model)") }
        if labels.contains(.tenant), !event.tenant.isEmpty { tenants.record(event, under: event.tenant) }
    }

    /// How many requests ended with an error of a kind. Any thread.
    public func count(of kind: GatewayEvent.ErrorKind) -> UInt64 { kinds[Int(kind.rawValue)].load(ordering: .relaxed) }
}
