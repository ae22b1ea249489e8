import GatewayModel
import Synchronization
import Testing

@testable import GatewayServer

private func key(_ number: UInt64) -> Digest256 { Digest256(words: (number, number, 0, 0)) }
private let failure = GatewayError(status: 503, code: "upstream_error", message: "It failed.", source: .upstream)
private let head = FlightHead(status: 200, fields: [], contentType: [], isEventStream: true, provider: "demo", model: "demo-chat")

private func join(_ flight: Flight, _ wake: @escaping @Sendable () -> Void = {}) throws -> UInt64 {
    let id = flight.join(wake: wake)
    return try #require(id)
}

/// Counts wake-ups.
private final class Wakes: Sendable {
    let count = Atomic<Int>(0)
    var wake: @Sendable () -> Void { { self.count.add(1, ordering: .relaxed) } }
    var value: Int { count.load(ordering: .relaxed) }
}

private func append(_ text: String, to flight: Flight) -> Bool { flight.append(Array(text.utf8).span) }

@Suite struct `Flights` {
    @Test func `a late follower gets the answer from its beginning`() throws {
        let flight = Flight(key: key(1), isStream: true, limits: .init())
        flight.publish(head)
        _ = append("abc", to: flight)
        let wakes = Wakes()
        let id = try join(flight, wakes.wake)
        _ = append("def", to: flight)
        let update = flight.take(id, wantsBytes: true)
        #expect(update.head?.status == 200)
        #expect(String(decoding: update.bytes, as: UTF8.self) == "abcdef")
        _ = append("g", to: flight)
        flight.end(.complete(nil))
        let rest = flight.take(id, wantsBytes: true)
        #expect(String(decoding: rest.bytes, as: UTF8.self) == "g")
        if case .complete? = rest.end {} else { Issue.record("the end is missing") }
        #expect(wakes.value == 2)
    }

    @Test func `a follower is woken once until it looks`() throws {
        let flight = Flight(key: key(1), isStream: true, limits: .init())
        let wakes = Wakes()
        let id = try join(flight, wakes.wake)
        for _ in 0..<100 { _ = append("x", to: flight) }
        #expect(wakes.value == 1)
        _ = flight.take(id, wantsBytes: true)
        _ = append("x", to: flight)
        #expect(wakes.value == 2)
    }

    @Test func `when the leader fails exactly one follower takes over and the others wait on`() throws {
        let flight = Flight(key: key(1), isStream: false, limits: .init())
        let ids = try (0..<5).map { _ in try join(flight) }
        #expect(flight.end(.failed(failure)))
        let updates = ids.map { flight.take($0, wantsBytes: false) }
        #expect(updates.filter(\.leads).count == 1)
        #expect(updates.allSatisfy { $0.end == nil })
        flight.publish(head)
        _ = append("answer", to: flight)
        flight.end(.complete(nil))
        let waiting = zip(ids, updates).filter { !$0.1.leads }.map(\.0)
        for id in waiting { #expect(String(decoding: flight.take(id, wantsBytes: false).bytes, as: UTF8.self) == "answer") }
    }

    @Test func `a heir that leaves before it hears passes the role on`() throws {
        let flight = Flight(key: key(1), isStream: false, limits: .init())
        let first = try join(flight)
        let second = try join(flight)
        #expect(flight.end(.failed(failure)))
        flight.leave(first)
        #expect(flight.take(second, wantsBytes: false).leads)
    }

    @Test func `after the allowed number of failed leaders the rest get the failure`() throws {
        var limits = Flight.Limits()
        limits.handoversMax = 3
        let flight = Flight(key: key(1), isStream: false, limits: limits)
        let ids = try (0..<5).map { _ in try join(flight) }
        #expect(flight.end(.failed(failure)))
        #expect(flight.take(ids[0], wantsBytes: false).leads)
        #expect(flight.end(.failed(failure)))
        #expect(flight.take(ids[1], wantsBytes: false).leads)
        #expect(!flight.end(.failed(failure)))
        for id in ids[2...] {
            if case .failed(let error)? = flight.take(id, wantsBytes: false).end {
                #expect(error == failure)
            } else {
                Issue.record("no end")
            }
        }
    }

    @Test func `a follower that has sent bytes of a broken stream is lost, one that has not takes over`() throws {
        let flight = Flight(key: key(1), isStream: true, limits: .init())
        let streaming = try join(flight)
        let plain = try join(flight)
        flight.publish(head)
        _ = append("partial", to: flight)
        _ = flight.take(streaming, wantsBytes: true)
        #expect(flight.end(.failed(failure)))
        #expect(flight.take(streaming, wantsBytes: true).lost)
        #expect(flight.take(plain, wantsBytes: false).leads)
    }

    @Test func `over the capture limit nobody joins and nothing is kept for the store`() throws {
        var limits = Flight.Limits()
        limits.captureBytesMax = 4
        let flight = Flight(key: key(1), isStream: true, limits: limits)
        #expect(append("abcd", to: flight))
        #expect(flight.captured() == Array("abcd".utf8))
        #expect(!append("e", to: flight))
        #expect(flight.captured() == nil)
        #expect(flight.join(wake: {}) == nil)
    }

    @Test func `a follower that lags beyond the limit is lost and memory stays bounded`() throws {
        var limits = Flight.Limits()
        limits.captureBytesMax = 64 * 1024
        limits.lagBytesMax = 256 * 1024
        let flight = Flight(key: key(1), isStream: true, limits: limits)
        let id = try join(flight)
        let block = [UInt8](repeating: 1, count: 64 * 1024)
        for _ in 0..<16 { flight.append(block.span) }
        #expect(flight.take(id, wantsBytes: true).lost)
    }
}

extension `Flights` {
    @Test func `a slow follower of an answer that turns out unshared still gets the rest of it`() throws {
        let flight = Flight(key: key(1), isStream: true, limits: .init())
        let id = try join(flight)
        flight.publish(head)
        _ = append("first", to: flight)
        _ = flight.take(id, wantsBytes: true)
        _ = append("rest", to: flight)
        flight.end(.notShared(.toolCalls))
        let update = flight.take(id, wantsBytes: false)
        #expect(String(decoding: update.bytes, as: UTF8.self) == "rest")
        if case .notShared? = update.end {} else { Issue.record("the end is missing") }
    }

    @Test func `a follower that comes while the leader holds the upstream back sets it going again`() throws {
        let flight = Flight(key: key(1), isStream: true, limits: .init())
        let resumed = Wakes()
        #expect(flight.leaderPauses(resumed.wake))
        let id = try join(flight)
        #expect(resumed.value == 1)
        #expect(!flight.leaderPauses(resumed.wake))
        _ = try join(flight)
        #expect(resumed.value == 1)
        flight.leave(id)
    }

    @Test func `recording stays within the memory of the process and gives it back`() throws {
        let budget = CaptureBudget(bytesMax: 10)
        var limits = Flight.Limits()
        limits.budget = budget
        var first: Flight? = Flight(key: key(1), isStream: false, limits: limits)
        let second = Flight(key: key(2), isStream: false, limits: limits)
        if let first { #expect(append("123456", to: first)) }
        #expect(append("1234", to: second))
        #expect(!append("5", to: second))
        #expect(second.captured() == nil && budget.bytes == 6)
        #expect(first?.captured()?.count == 6)
        first = nil
        #expect(budget.bytes == 0)
    }
}

@Suite struct `Flight table` {
    @Test func `a flight whose heir leaves alone is forgotten`() {
        let table = FlightTable(flightsMax: 1000, limits: .init())
        let now = MonotonicTime(nanoseconds: 0)
        guard case .lead(let flight) = table.place(key(1), wantsStream: false, now: now, wake: {}),
            case .follow(_, let heir) = table.place(key(1), wantsStream: false, now: now, wake: {})
        else {
            Issue.record("wrong place")
            return
        }
        table.end(flight, .failed(failure))
        #expect(table.count == 1)
        table.leave(flight, heir)
        #expect(table.count == 0)
        guard case .lead = table.place(key(1), wantsStream: false, now: now, wake: {}) else {
            Issue.record("nobody may lead")
            return
        }
    }

    @Test func `the first leads, the rest follow, and a removed flight is forgotten`() {
        let table = FlightTable(flightsMax: 1000, limits: .init())
        guard case .lead(let flight) = table.place(key(1), wantsStream: false, now: .init(nanoseconds: 0), wake: {}) else {
            Issue.record("nobody leads")
            return
        }
        for _ in 0..<999 {
            guard case .follow(let followed, _) = table.place(key(1), wantsStream: false, now: .init(nanoseconds: 0), wake: {}) else {
                Issue.record("not a follower")
                return
            }
            #expect(followed === flight)
        }
        flight.end(.complete(nil))
        table.remove(flight)
        #expect(table.count == 0)
        guard case .lead = table.place(key(1), wantsStream: false, now: .init(nanoseconds: 0), wake: {}) else {
            Issue.record("a forgotten flight still holds its place")
            return
        }
    }

    @Test func `a streaming request never follows a plain flight, the reverse may`() {
        let table = FlightTable(flightsMax: 1000, limits: .init())
        let now = MonotonicTime(nanoseconds: 0)
        guard case .lead = table.place(key(1), wantsStream: false, now: now, wake: {}),
            case .lead = table.place(key(1), wantsStream: true, now: now, wake: {}),
            case .lead = table.place(key(2), wantsStream: true, now: now, wake: {}),
            case .follow = table.place(key(2), wantsStream: false, now: now, wake: {})
        else {
            Issue.record("wrong place")
            return
        }
    }

    @Test func `an answer that cannot be shared lets its repeats fly in parallel for a while`() {
        let table = FlightTable(flightsMax: 1000, limits: .init())
        let start = MonotonicTime(nanoseconds: 0)
        table.markUnshared(key(1), now: start)
        guard case .alone = table.place(key(1), wantsStream: false, now: start.adding(milliseconds: 9_999), wake: {}),
            case .lead = table.place(key(1), wantsStream: false, now: start.adding(milliseconds: 10_000), wake: {})
        else {
            Issue.record("wrong place")
            return
        }
    }

    @Test func `past its bound the table lets requests fly alone`() {
        let table = FlightTable(flightsMax: 64, limits: .init())
        let now = MonotonicTime(nanoseconds: 0)
        var leads = 0
        for number in 0..<1000 as Range<UInt64> {
            if case .lead = table.place(Digest256(words: (number, number, 0, 0)), wantsStream: false, now: now, wake: {}) { leads += 1 }
        }
        #expect(leads == 64)
        #expect(table.count == 64)
    }
}
