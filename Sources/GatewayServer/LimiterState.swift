import GatewayConfiguration
import GatewayModel
import Logging
import RateLimiting
import Synchronization
import Tenants

/// What all loops share of the limiter. Thread-safe.
final class LimiterState: Sendable {
    /// Every bucket there is.
    let registry: LimitRegistry
    /// Civil time that jumps with nobody's clock.
    private let clock: SteadyClock
    private let recording = Atomic<Bool>(true)

    /// Takes up what the last run recorded.
    init(restoring records: [(name: [UInt8], state: [UInt8])], damaged: Int, logger: Logger, now: MonotonicTime = .now()) {
        clock = SteadyClock(wall: .now(), monotonic: now)
        registry = LimitRegistry()
        let restored = registry.restore(records, LimitTime(monotonic: now, civil: clock.time(at: now)))
        if restored.ignored + damaged > 0 {
            let names = restored.ignoredNames.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
            logger.warning(
                "Records of spending can't be read; these limits start afresh",
                metadata: ["records": "\(restored.ignored + damaged)", "names": "\(names)"])
        }
    }

    /// The moment by which limits are counted.
    func time(at point: MonotonicTime) -> LimitTime { LimitTime(monotonic: point, civil: clock.time(at: point)) }

    /// Whether the last attempt to record spending succeeded.
    var isRecording: Bool { recording.load(ordering: .relaxed) }

    /// Remembers whether spending can be recorded.
    func noteRecording(_ succeeded: Bool) { recording.store(succeeded, ordering: .relaxed) }
}

/// Binds the limits of one configuration to their buckets. Control thread only.
struct LimitBinding {
    private let registry: LimitRegistry
    private let now: LimitTime
    private var scopes: Set<LimitScope> = []

    init(_ limiter: LimiterState, _ metering: MeteringSettings) {
        registry = limiter.registry
        now = limiter.time(at: .now())
        registry.configure(hitsFactor: Int64(metering.hitsFactor), valuesMax: metering.metadataValuesMax)
    }

    /// The limits of one scope, `nil` where there are none. What was spent of limits taken away waits for them to come back: neither taking nor
    /// giving is a refill.
    mutating func bind(_ set: LimitSet, scope: LimitScope, tenant: String? = nil) -> ScopeLimits? {
        scopes.insert(scope)
        guard !set.isEmpty else {
            _ = registry.bind([], scope: scope, tenant: tenant, now)
            return nil
        }
        return ScopeLimits(set.limits, scope: scope, tenant: tenant, registry: registry, now: now)
    }

    /// Lets go of the buckets of scopes that are no more.
    func finish() { registry.retain(only: scopes, now) }
}
