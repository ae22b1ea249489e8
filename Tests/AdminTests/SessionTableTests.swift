import GatewayModel
import Testing

@testable import Admin

@Suite struct SessionTableTests {
    private let start = MonotonicTime(nanoseconds: 5_000_000_000)

    private func secret(_ number: Int) -> [UInt8] { Array("secret-\(number)".utf8) }

    private func after(_ milliseconds: UInt64) -> MonotonicTime { start.adding(milliseconds: milliseconds) }

    @Test func `a secret that was never given out opens nothing`() {
        var table = SessionTable()
        _ = table.open(.admin, secret: secret(1).span, now: start)
        #expect(table.use(secret(2).span, now: start) == nil)
        let none: [UInt8] = []
        #expect(table.use(none.span, now: start) == nil)
        #expect(table.use(secret(1).span, now: start)?.role == .admin)
    }

    @Test func `an idle session ends after an hour and not a millisecond before`() {
        var table = SessionTable()
        _ = table.open(.read, secret: secret(1).span, now: start)
        let idle = SessionTable.idleMilliseconds
        #expect(table.use(secret(1).span, now: after(idle - 1))?.role == .read)
        #expect(table.use(secret(1).span, now: after(2 * idle - 2))?.role == .read)
        #expect(table.use(secret(1).span, now: after(3 * idle - 2)) == nil)
        #expect(table.use(secret(1).span, now: after(0)) == nil)
    }

    @Test func `a busy session ends after twelve hours and not a millisecond before`() {
        var table = SessionTable()
        _ = table.open(.read, secret: secret(1).span, now: start)
        let life = SessionTable.lifetimeMilliseconds
        for minute in stride(from: 0, to: life, by: 600_000) { #expect(table.use(secret(1).span, now: after(minute)) != nil) }
        #expect(table.use(secret(1).span, now: after(life - 1)) != nil)
        #expect(table.use(secret(1).span, now: after(life)) == nil)
    }

    @Test func `one session too many ends the one that was idle longest`() {
        var table = SessionTable(sessionsMax: 3)
        for number in 1...3 { _ = table.open(.read, secret: secret(number).span, now: after(UInt64(number))) }
        #expect(table.use(secret(1).span, now: after(10)) != nil)
        #expect(table.count == 3)
        _ = table.open(.read, secret: secret(4).span, now: after(11))
        #expect(table.count == 3)
        #expect(table.use(secret(2).span, now: after(12)) == nil)
        for number in [1, 3, 4] { #expect(table.use(secret(number).span, now: after(12)) != nil) }
    }

    @Test func `ended sessions make room before a living one goes`() {
        var table = SessionTable(sessionsMax: 2)
        _ = table.open(.read, secret: secret(1).span, now: start)
        _ = table.open(.read, secret: secret(2).span, now: after(SessionTable.idleMilliseconds - 1))
        _ = table.open(.read, secret: secret(3).span, now: after(SessionTable.idleMilliseconds))
        #expect(table.count == 2)
        #expect(table.use(secret(2).span, now: after(SessionTable.idleMilliseconds)) != nil)
    }

    @Test func `signing out ends one session and no other`() {
        var table = SessionTable()
        for number in 1...2 { _ = table.open(.admin, secret: secret(number).span, now: start) }
        table.close(secret(1).span)
        #expect(table.use(secret(1).span, now: start) == nil)
        #expect(table.use(secret(2).span, now: start) != nil)
    }
}
