import GatewayModel
import Testing

@testable import Routing

@Suite struct HealthTableTests {
    private let now = MonotonicTime(nanoseconds: 1_000_000_000)

    private func fail(_ health: TargetHealth, times: Int) {
        for _ in 0..<times {
            guard case .admitted(let permit) = health.admit(at: now, isLastResort: true) else { return }
            health.report(permit, .failure(retryAfterNanoseconds: nil), at: now, random: 0)
        }
    }

    private func isOpen(_ health: TargetHealth) -> Bool {
        if case .open = health.reading(at: now).keys[0].state { return true }
        return false
    }

    @Test func `changed settings hold for targets already known and for new ones`() {
        let table = HealthTable()
        let pool = table.pool(of: "p", keys: 1, revision: 1)
        let known = table.health(of: Target(provider: "p", model: "known"), pool: pool)
        fail(known, times: 1)
        var settings = BreakerSettings()
        settings.consecutiveFailuresMax = 2
        table.use(settings)
        #expect(!isOpen(known))
        fail(known, times: 1)
        #expect(isOpen(known), "the first failure was forgotten, or the old limit holds")
        let new = table.health(of: Target(provider: "p", model: "new"), pool: pool)
        fail(new, times: 2)
        #expect(isOpen(new))
    }
}
