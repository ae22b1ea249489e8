import GatewayModel
import Routing
import Testing

@testable import GatewayServer

@Suite struct `Latency watch` {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    /// Targets that answered once, so many milliseconds after `start`; 0: never asked.
    private func members(_ milliseconds: UInt64...) -> [LatencyWatch.Member] {
        milliseconds.enumerated().map { index, milliseconds in
            let health = TargetHealth(pool: KeyPool(count: 1))
            if milliseconds > 0 { answer(health, milliseconds, from: start) }
            return (Target(provider: "p\(index)", model: "m"), health)
        }
    }

    private func answer(_ health: TargetHealth, _ milliseconds: UInt64, from begin: MonotonicTime) {
        guard case .admitted(let permit) = health.admit(at: begin, isLastResort: false) else { return }
        health.report(permit, .success, at: begin.adding(milliseconds: milliseconds), random: 0)
    }

    private func after(_ milliseconds: UInt64) -> MonotonicTime { start.adding(milliseconds: milliseconds) }

    private func availability(_ member: LatencyWatch.Member, at now: MonotonicTime) -> TargetStatus.Availability {
        member.health.status(at: now, random: 0).availability
    }

    @Test func `a target much slower than its peers is a last resort for half a minute`() {
        let route = members(100, 100, 3000)
        let now = after(4000)
        #expect(LatencyWatch.look([route], at: now) == [route[2].target])
        #expect(availability(route[0], at: now) == .ready && availability(route[1], at: now) == .ready)
        #expect(availability(route[2], at: now.adding(milliseconds: 29_999)) == .lastResort(.latency))
        #expect(availability(route[2], at: now.adding(milliseconds: 30_000)) == .ready)
    }

    @Test func `the only target left is asked although it was ejected for its latency`() {
        let route = members(100, 100, 3000)
        let now = after(4000)
        _ = LatencyWatch.look([route], at: now)
        // The others break down.
        for member in route.prefix(2) {
            for _ in 0..<5 {
                guard case .admitted(let permit) = member.health.admit(at: now, isLastResort: false) else { continue }
                member.health.report(permit, .failure(retryAfterNanoseconds: nil), at: now, random: 0)
            }
        }
        let leaves = route.enumerated().map { RouteNode.target(Routing.RouteTarget(provider: $0, target: $1.target)) }
        guard let plan = try? RoutePlan(.fallback(leaves)) else {
            Issue.record("the plan is refused")
            return
        }
        let order = RoutePlanner.order(plan, for: RequestFacts(operation: .chatCompletions), seed: 1) {
            route[$0].health.status(at: now, random: 0)
        }
        let tried = order.entries.filter { $0.skip == nil }
        #expect(tried.map(\.target) == [2] && tried.first?.lastResort == .latency)
        guard case .admitted = route[2].health.admit(at: now, isLastResort: true) else {
            Issue.record("the last target was refused")
            return
        }
    }

    @Test func `two targets are too few to say which is slow, and a route of one is not looked at`() {
        #expect(LatencyWatch.look([members(100, 9000), members(9000)], at: after(9500)).isEmpty)
    }

    @Test func `a target that stands in a route twice is not its own peer`() {
        let route = members(100, 9000)
        #expect(LatencyWatch.look([route + route], at: after(9500)).isEmpty)
    }

    @Test func `an idle stand-in does not make the one in use look slow`() {
        let route = members(900, 100, 100)
        // A minute later only the first is still asked.
        answer(route[0].health, 900, from: after(60_000))
        #expect(LatencyWatch.look([route], at: after(61_000)).isEmpty)
    }

    @Test func `a target with many requests under way is not slow for that`() {
        let route = members(900, 900, 900)
        for _ in 0..<50 { _ = route[0].health.admit(at: after(1000), isLastResort: false) }
        #expect(LatencyWatch.look([route], at: after(1000)).isEmpty)
    }

    @Test func `what is older than one look does not renew an ejection`() {
        let route = members(100, 100, 3000)
        #expect(LatencyWatch.look([route], at: after(4000)).count == 1)
        for member in route.prefix(2) { answer(member.health, 100, from: after(13_000)) }
        #expect(LatencyWatch.look([route], at: after(14_000)).isEmpty)
        #expect(availability(route[2], at: after(34_000)) == .ready)
    }
}
