import GatewayModel
import Testing

@testable import Routing

@Suite struct `New breaker settings` {
    private static let second: UInt64 = 1_000_000_000
    private let start = MonotonicTime(nanoseconds: 1_000_000 * second)
    private let target = Target(provider: "p", model: "m")

    private func settings(failuresMax: Int, cooldownSeconds: UInt64 = 5) -> BreakerSettings {
        var settings = BreakerSettings()
        settings.consecutiveFailuresMax = failuresMax
        settings.cooldownNanosecondsMin = cooldownSeconds * Self.second
        settings.jitterPercent = 0
        return settings
    }

    private func fail(_ health: TargetHealth, _ count: Int, at now: MonotonicTime) {
        for _ in 0..<count {
            guard case .admitted(let permit) = health.admit(at: now, isLastResort: false) else { continue }
            health.report(permit, .failure(retryAfterNanoseconds: nil), at: now, random: 0)
        }
    }

    private func isOpen(_ health: TargetHealth, at now: MonotonicTime) -> Bool {
        if case .blocked = health.status(at: now, random: 0).availability { true } else { false }
    }

    @Test func `a target that is known takes them with its next outcome`() {
        let table = HealthTable(settings: settings(failuresMax: 5))
        let health = table.health(of: target, pool: table.pool(of: "p", keys: 2, revision: 1))
        fail(health, 2, at: start)
        #expect(!isOpen(health, at: start))
        table.use(settings(failuresMax: 3))
        #expect(!isOpen(health, at: start))
        // Two keys in turn: their third failures are the fifth and the sixth.
        fail(health, 3, at: start)
        #expect(!isOpen(health, at: start))
        fail(health, 1, at: start)
        #expect(isOpen(health, at: start))
        #expect(table.health(of: target, pool: health.pool) === health)
    }

    @Test func `a target that comes later has them`() {
        let table = HealthTable(settings: settings(failuresMax: 5))
        table.use(settings(failuresMax: 1))
        let health = table.health(of: target, pool: table.pool(of: "p", keys: 1, revision: 1))
        fail(health, 1, at: start)
        #expect(isOpen(health, at: start))
    }

    @Test func `an open breaker keeps its cooldown and the next opening takes the new one`() {
        let table = HealthTable(settings: settings(failuresMax: 1, cooldownSeconds: 20))
        let health = table.health(of: target, pool: table.pool(of: "p", keys: 1, revision: 1))
        fail(health, 1, at: start)
        table.use(settings(failuresMax: 1, cooldownSeconds: 5))
        #expect(health.status(at: start, random: 0).availability == .blocked(.breakerOpen(nanoseconds: 20 * Self.second)))
        let later = start.adding(nanoseconds: 20 * Self.second)
        fail(health, 1, at: later)
        // Doubled, since it opened without a calm between.
        #expect(health.status(at: later, random: 0).availability == .blocked(.breakerOpen(nanoseconds: 10 * Self.second)))
    }
}

@Suite struct `Ejections` {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    private let health = TargetHealth(pool: KeyPool(count: 1))

    private func after(_ nanoseconds: UInt64) -> MonotonicTime { start.adding(nanoseconds: nanoseconds) }

    @Test func `a good probe does not take back what latency ejected`() {
        health.eject(.latency, until: after(10))
        health.eject(.healthProbe, until: after(20))
        #expect(health.status(at: start, random: 0).availability == .lastResort(.healthProbe))
        health.endEjection(.healthProbe)
        #expect(health.status(at: start, random: 0).availability == .lastResort(.latency))
        #expect(health.status(at: after(9), random: 0).availability == .lastResort(.latency))
        #expect(health.status(at: after(10), random: 0).availability == .ready)
    }

    @Test func `a short ejection does not shorten one for another reason`() {
        health.eject(.healthProbe, until: after(20))
        health.eject(.latency, until: after(10))
        #expect(health.reading(at: after(19)).ejection == .healthProbe && health.reading(at: after(20)).ejection == nil)
    }

    @Test func `an ejection is renewed, not added up`() {
        health.eject(.latency, until: after(20))
        health.eject(.latency, until: after(10))
        #expect(health.reading(at: after(10)).ejection == nil)
        health.eject(.latency, until: after(30))
        health.endEjection()
        #expect(health.reading(at: start).ejection == nil)
    }
}
