public import GatewayModel

/// The keys that the operator configured for one provider: which of them was refused lately. Safe to use from any thread.
///
/// Keys are known by number only. A 401 or 403 benches the key for all models of the provider; a 429 benches it for the model it was about, which
/// its breaker there keeps (`CircuitBreaker.limitedUntil`), since providers limit by model. Failures of clients' own keys never come here.
public final class KeyPool: Sendable {
    /// The most keys of one provider.
    public static let countMax = 64
    /// How long a refused key is left alone, in nanoseconds: somebody has to renew it.
    public static let benchNanoseconds: UInt64 = 300_000_000_000

    /// How many keys there are, at least 1.
    public let count: Int
    private let bench: Bench

    private final class Bench: @unchecked Sendable {  // @unchecked: its variables are touched under `lock` only
        let lock = Lock()
        var until: [MonotonicTime]
        var refusals: UInt64 = 0
        var cursor = 0
        init(_ count: Int) { until = Array(repeating: MonotonicTime(nanoseconds: 0), count: count) }
    }

    /// Makes a pool of so many keys, none benched. Out of bounds is brought within them.
    public init(count: Int) {
        self.count = count.clamped(to: 1...KeyPool.countMax)
        bench = Bench(self.count)
    }

    /// The provider refused a key; it is left alone until `now` + `nanoseconds`, if another is there.
    public func bench(_ key: Int, for nanoseconds: UInt64 = KeyPool.benchNanoseconds, at now: MonotonicTime) {
        let bench = self.bench
        bench.lock.withLock {
            guard bench.until.indices.contains(key) else { return }
            bench.until[key] = max(bench.until[key], now.adding(nanoseconds: nanoseconds))
            bench.refusals &+= 1
        }
    }

    /// The key works, or was renewed.
    public func unbench(_ key: Int) {
        let bench = self.bench
        bench.lock.withLock {
            guard bench.until.indices.contains(key) else { return }
            bench.until[key] = MonotonicTime(nanoseconds: 0)
        }
    }

    /// Nanoseconds that a key is still benched; 0 when it is not.
    public func benched(_ key: Int, at now: MonotonicTime) -> UInt64 {
        let bench = self.bench
        return bench.lock.withLock { bench.until.indices.contains(key) ? bench.until[key].nanoseconds(since: now) : 0 }
    }

    /// How often a key was refused.
    public var refusals: UInt64 {
        let bench = self.bench
        return bench.lock.withLock { bench.refusals }
    }

    /// The key to look at first, another with each call.
    func nextStart() -> Int {
        guard count > 1 else { return 0 }
        let bench = self.bench
        return bench.lock.withLock {
            bench.cursor = (bench.cursor + 1) % count
            return bench.cursor
        }
    }
}
