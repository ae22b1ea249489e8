import GatewayModel
import Testing

@testable import Admin

@Suite struct SessionTableTests {
    private static let start = MonotonicTime(nanoseconds: 5_000_000_000)

    /// A table whose secrets are numbers and whose time is milliseconds after its start.
    private final class Trial {
        private var table: SessionTable

        init(sessionsMax: Int = 64) { table = SessionTable(sessionsMax: sessionsMax) }

        var count: Int { table.count }

        func open(_ number: Int, _ role: AdminRole = .read, at milliseconds: UInt64 = 0) {
            let secret = Array("secret-\(number)".utf8)
            _ = table.open(role, secret: secret.span, now: start.adding(milliseconds: milliseconds))
        }

        func role(_ number: Int, at milliseconds: UInt64 = 0) -> AdminRole? {
            let secret = Array("secret-\(number)".utf8)
            return table.use(secret.span, now: start.adding(milliseconds: milliseconds))?.role
        }

        func close(_ number: Int) {
            let secret = Array("secret-\(number)".utf8)
            table.close(secret.span)
        }
    }

    @Test func `a secret that was never given out opens nothing`() {
        let trial = Trial()
        trial.open(1, .admin)
        #expect(trial.role(2) == nil)
        #expect(trial.role(1) == .admin)
    }

    @Test func `an idle session ends after an hour and not a millisecond before`() {
        let trial = Trial()
        trial.open(1)
        let idle = SessionTable.idleMilliseconds
        #expect(trial.role(1, at: idle - 1) == .read)
        #expect(trial.role(1, at: 2 * idle - 2) == .read)
        #expect(trial.role(1, at: 3 * idle - 2) == nil)
        #expect(trial.role(1, at: 0) == nil)
    }

    @Test func `a busy session ends after twelve hours and not a millisecond before`() {
        let trial = Trial()
        trial.open(1)
        let life = SessionTable.lifetimeMilliseconds
        for moment in stride(from: 0, to: life, by: 600_000) { #expect(trial.role(1, at: moment) != nil) }
        #expect(trial.role(1, at: life - 1) != nil)
        #expect(trial.role(1, at: life) == nil)
    }

    @Test func `one session too many ends the one that was idle longest`() {
        let trial = Trial(sessionsMax: 3)
        for number in 1...3 { trial.open(number, at: UInt64(number)) }
        #expect(trial.role(1, at: 10) != nil)
        #expect(trial.count == 3)
        trial.open(4, at: 11)
        #expect(trial.count == 3)
        #expect(trial.role(2, at: 12) == nil)
        for number in [1, 3, 4] { #expect(trial.role(number, at: 12) != nil) }
    }

    @Test func `ended sessions make room before a living one goes`() {
        let trial = Trial(sessionsMax: 2)
        let idle = SessionTable.idleMilliseconds
        trial.open(1)
        trial.open(2, at: idle - 1)
        trial.open(3, at: idle)
        #expect(trial.count == 2)
        #expect(trial.role(2, at: idle) != nil)
    }

    @Test func `signing out ends one session and no other`() {
        let trial = Trial()
        trial.open(1)
        trial.open(2)
        trial.close(1)
        #expect(trial.role(1) == nil)
        #expect(trial.role(2) != nil)
    }
}
