import GatewayModel
import Testing

@testable import GatewayServer

/// A queue that the expectation macros can change.
private final class Queue {
    private var queue: AlertQueue
    init(_ limits: AlertQueue.Limits) { queue = AlertQueue(limits: limits) }

    var count: Int { queue.count }
    var nextDue: MonotonicTime? { queue.nextDue }
    func add(_ alert: Alert, now: MonotonicTime) -> Bool { queue.add(alert, now: now) }
    func takeDue(now: MonotonicTime) -> (number: UInt64, alert: Alert)? { queue.takeDue(now: now) }
    func ended(_ number: UInt64, _ outcome: AlertQueue.Outcome, now: MonotonicTime) -> AlertQueue.Verdict {
        queue.ended(number, outcome, now: now)
    }
}

@Suite struct `Alert queue` {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)
    private func at(_ milliseconds: UInt64) -> MonotonicTime { start.adding(milliseconds: milliseconds) }
    private func alert(_ name: String) -> Alert { Alert(body: Array(name.utf8), url: "https://example.com/" + name, bearer: nil) }

    private func queue(_ count: Int, alertsMax: Int = 100, underWayMax: Int = 4) -> Queue {
        var limits = AlertQueue.Limits()
        limits.alertsMax = alertsMax
        limits.underWayMax = underWayMax
        let queue = Queue(limits)
        for index in 0..<count { #expect(!queue.add(alert("\(index)"), now: start)) }
        return queue
    }

    @Test func `an alert is tried three times, after one second and after five more`() throws {
        let queue = queue(1)
        var number = try #require(queue.takeDue(now: start)?.number)
        #expect(queue.nextDue == nil && queue.takeDue(now: at(60_000)) == nil, "under way, it is not due")
        #expect(queue.ended(number, .failed, now: at(10)) == .waits)
        #expect(queue.takeDue(now: at(1009)) == nil && queue.nextDue == at(1010))
        number = try #require(queue.takeDue(now: at(1010))?.number)
        #expect(queue.ended(number, .failed, now: at(2000)) == .waits)
        #expect(queue.takeDue(now: at(6999)) == nil)
        number = try #require(queue.takeDue(now: at(7000))?.number)
        #expect(queue.ended(number, .failed, now: at(7001)) == .givenUp)
        #expect(queue.count == 0 && queue.nextDue == nil)
    }

    @Test func `what another try would not change is given up at once`() throws {
        let queue = queue(1)
        let number = try #require(queue.takeDue(now: start)?.number)
        #expect(queue.ended(number, .refused, now: start) == .givenUp && queue.count == 0)
    }

    @Test func `an alert delivered at the second try is gone`() throws {
        let queue = queue(1)
        var number = try #require(queue.takeDue(now: start)?.number)
        #expect(queue.ended(number, .failed, now: start) == .waits)
        number = try #require(queue.takeDue(now: at(1000))?.number)
        #expect(queue.ended(number, .delivered, now: at(1001)) == .delivered && queue.count == 0)
    }

    @Test func `the queue holds its limit, and one more pushes out the oldest that waits`() throws {
        let queue = queue(3, alertsMax: 3, underWayMax: 1)
        let first = try #require(queue.takeDue(now: start))
        #expect(first.alert == alert("0"))
        #expect(queue.add(alert("3"), now: start), "the second is dropped: the first is under way")
        #expect(queue.count == 3 && queue.ended(first.number, .delivered, now: start) == .delivered)
        #expect(queue.takeDue(now: start)?.alert == alert("2"))
    }

    @Test func `a queue whose alerts are all under way drops the new one`() throws {
        let queue = queue(2, alertsMax: 2, underWayMax: 2)
        let numbers = [queue.takeDue(now: start), queue.takeDue(now: start)].compactMap { $0?.number }
        #expect(queue.add(alert("2"), now: start))
        for number in numbers { #expect(queue.ended(number, .delivered, now: start) == .delivered) }
        #expect(queue.count == 0)
    }

    @Test func `no more than the limit is under way, and an end makes room`() throws {
        let queue = queue(3, underWayMax: 2)
        let first = try #require(queue.takeDue(now: start)?.number)
        #expect(queue.takeDue(now: start) != nil)
        #expect(queue.takeDue(now: start) == nil && queue.nextDue == nil, "without room there is nothing to wake up for")
        #expect(queue.ended(first, .failed, now: start) == .waits)
        #expect(queue.takeDue(now: start)?.alert == alert("2"), "what waits for its retry holds up nobody")
    }

    @Test func `an end told twice or of nothing changes nothing`() throws {
        let queue = queue(1)
        #expect(queue.ended(99, .delivered, now: start) == .givenUp && queue.count == 1)
        let number = try #require(queue.takeDue(now: start)?.number)
        #expect(queue.ended(number, .failed, now: start) == .waits)
        #expect(queue.ended(number, .delivered, now: start) == .givenUp && queue.count == 1)
        #expect(queue.takeDue(now: at(1000)) != nil)
    }

    @Test func `any order of additions and ends keeps the limits`() {
        for seed in 1...50 as ClosedRange<UInt64> {
            var state = seed &* 0x9E37_79B9_7F4A_7C15
            func roll(_ sides: UInt64) -> UInt64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return (state >> 33) % sides
            }
            let queue = queue(0, alertsMax: 5, underWayMax: 2)
            var now = start
            var underWay: [UInt64] = []
            var (added, dropped, over) = (0, 0, 0)
            for _ in 0..<400 {
                switch roll(4) {
                case 0:
                    added += 1
                    if queue.add(alert("\(added)"), now: now) { dropped += 1 }
                case 1: if let taken = queue.takeDue(now: now) { underWay.append(taken.number) }
                case 2:
                    guard !underWay.isEmpty else { continue }
                    let outcome: AlertQueue.Outcome = [.delivered, .failed, .refused][Int(roll(3))]
                    if queue.ended(underWay.remove(at: Int(roll(UInt64(underWay.count)))), outcome, now: now) != .waits { over += 1 }
                default: now = now.adding(milliseconds: roll(3000))
                }
                #expect(queue.count <= 5 && underWay.count <= 2 && queue.count == added - dropped - over)
            }
        }
    }

    @Test(arguments: [
        (200, "delivered"), (204, "delivered"), (299, "delivered"), (301, "refused"), (400, "refused"), (428, "refused"),
        (429, "failed"), (430, "refused"), (499, "refused"), (500, "failed"), (503, "failed"), (599, "failed"), (199, "refused"),
    ])
    func `a status is delivery, worth another try, or final`(status: Int, outcome: String) {
        #expect("\(AlertQueue.outcome(ofStatus: status))" == outcome)
    }

    @Test(arguments: [
        ("https://user:pw@hooks.example.com:8443/T0/secret?token=x", "https://hooks.example.com:8443"),
        ("https://hooks.example.com?token=x", "https://hooks.example.com"), ("http://a@b@127.0.0.1:1/@x", "http://127.0.0.1:1"),
        ("https://[::1]:9/", "https://[::1]:9"), ("nonsense", "(no URL)"), ("secret:token", "(no URL)"), ("", "(no URL)"),
        ("https://hooks.example.com\\secret", "https://hooks.example.com"),
    ])
    func `a log line shows a webhook's host and none of its secrets`(url: String, shown: String) {
        #expect(AlertSender.shownTarget(of: url) == shown)
    }
}
