import GatewayModel
import JSON
import Routing

extension ControlPlane {
    /// What is known of every target that was asked, as JSON: breakers by key, benched keys, latency, retry budget. Never a key.
    public func targetReadings() -> JSONValue {
        let now = MonotonicTime.now()
        return .array(health.all().map { target, health in Self.describe(target, health.reading(at: now), now) })
    }

    /// What a dry run is told of a target.
    public func status(of target: Target) -> TargetStatus {
        health.all().first { $0.target == target }?.health.status(at: .now(), random: 0) ?? TargetStatus()
    }

    private static func describe(_ target: Target, _ reading: TargetHealth.Reading, _ now: MonotonicTime) -> JSONValue {
        let keys = reading.keys.enumerated().map { number, key -> JSONValue in
            var pairs: [(String, JSONValue)] = [
                ("key", .number(number)), ("breaker", .string(name(of: key.state))), ("openings", .number(Int(clamping: key.openings))),
                ("benched_seconds", .number(seconds(key.benchedNanoseconds))),
                ("limited_seconds", .number(seconds(key.limitedNanoseconds))),
            ]
            if case .open(let cause, let until) = key.state {
                pairs.append(("cause", .string(cause.rawValue)))
                pairs.append(("open_seconds", .number(seconds(until.nanoseconds(since: now)))))
            }
            return .object(JSONObject(members: pairs.map { JSONObject.Member(key: $0.0, value: $0.1) }))
        }
        return [
            "provider": .string(target.provider), "model": .string(target.model), "keys": .array(keys),
            "ejected": reading.ejection.map { .string($0.rawValue) } ?? .null,
            "latency_ms": .number(Int(clamping: UInt64(max(0, reading.latencyCost) / 1_000_000))), "pending": .number(reading.pending),
            "repeats_left": .number(reading.repeatsLeft),
        ]
    }

    private static func seconds(_ nanoseconds: UInt64) -> Int { Int(clamping: (nanoseconds + 999_999_999) / 1_000_000_000) }

    private static func name(of state: CircuitBreaker.State) -> String {
        switch state {
        case .closed: "closed"
        case .open: "open"
        case .halfOpen: "half_open"
        case .ramping: "ramping"
        }
    }

    /// How many targets' breakers stand open for every key, for a gauge.
    public var openBreakers: Int {
        let now = MonotonicTime.now()
        return health.all().filter { _, health in
            health.reading(at: now).keys.allSatisfy { if case .open = $0.state { true } else { false } }
        }.count
    }
}
