import GatewayModel
import TestSupport
import Testing

@testable import GatewayServer

private let failure = GatewayError(status: 502, code: "upstream_error", message: "It failed.", source: .upstream)

@Suite struct `Request machine` {
    private func fetching() -> RequestMachine {
        var machine = RequestMachine()
        #expect(machine.receivedHead(expectsBody: true) == .none)
        #expect(machine.receivedBody() == .decide)
        #expect(machine.leads() == .startFetch)
        return machine
    }

    @Test func `a miss goes head, bytes, end`() {
        var machine = fetching()
        #expect(machine.answerHead(holds: false) == .sendHead)
        #expect(machine.answerBytes(exceedsHold: false) == [.sendBytes])
        #expect(machine.answerEnded() == .sendEnd)
        #expect(machine.state == .finished)
    }

    @Test func `a held answer goes out whole`() {
        var machine = fetching()
        #expect(machine.answerHead(holds: true) == .hold)
        #expect(machine.answerBytes(exceedsHold: false) == [.keepBytes])
        #expect(machine.answerEnded() == .sendHeld)
    }

    @Test func `a held answer that grows too large starts to flow, head first`() {
        var machine = fetching()
        _ = machine.answerHead(holds: true)
        #expect(machine.answerBytes(exceedsHold: true) == [.sendHead, .sendBytes])
        #expect(machine.answerBytes(exceedsHold: true) == [.sendBytes])
        #expect(machine.answerEnded() == .sendEnd)
    }

    @Test func `a failure before the head may still be answered with a stale entry or an error`() {
        var machine = fetching()
        #expect(machine.answerFailed(failure) == .serveStaleOrError(failure))
        var held = fetching()
        _ = held.answerHead(holds: true)
        _ = held.answerBytes(exceedsHold: false)
        #expect(held.answerFailed(failure) == .serveStaleOrError(failure))
    }

    @Test func `a failure after the head can only break the answer`() {
        var machine = fetching()
        _ = machine.answerHead(holds: false)
        #expect(machine.answerFailed(failure) == .breakAnswer(failure))
    }

    @Test func `nothing follows the end, whatever the upstream does`() {
        var machine = fetching()
        _ = machine.answerHead(holds: false)
        _ = machine.answerEnded()
        #expect(machine.answerEnded() == .none)
        #expect(machine.answerFailed(failure) == .none)
        #expect(machine.answerBytes(exceedsHold: false) == [])
        #expect(machine.clientFellBehind() == .none)
    }

    @Test func `a client that leaves in any phase with a source abandons it, once`() {
        var machine = fetching()
        #expect(machine.clientLeft() == .abandon)
        #expect(machine.clientLeft() == .none)
        var following = RequestMachine()
        _ = following.receivedHead(expectsBody: false)
        following.follows()
        #expect(following.clientLeft() == .abandon)
        var queued = RequestMachine()
        _ = queued.receivedHead(expectsBody: false)
        queued.queued()
        #expect(queued.clientLeft() == .abandon)
        var reading = RequestMachine()
        _ = reading.receivedHead(expectsBody: true)
        #expect(reading.clientLeft() == .none)
    }

    @Test func `a slow client pauses the source once and resumes it once`() {
        var machine = fetching()
        _ = machine.answerHead(holds: false)
        #expect(machine.clientFellBehind() == .pauseSource)
        #expect(machine.clientFellBehind() == .none)
        #expect(machine.clientCaughtUp() == .resumeSource)
        #expect(machine.clientCaughtUp() == .none)
    }

    @Test func `a follower that is asked to lead fetches`() {
        var machine = RequestMachine()
        _ = machine.receivedHead(expectsBody: false)
        machine.follows()
        #expect(machine.leads() == .startFetch)
        #expect(machine.state == .fetching)
    }

    /// Every sequence of outside events from a seeded generator keeps the promises: at most one head, nothing after the end.
    @Test func `no order of events sends two heads or speaks after the end`() {
        var generator = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            var machine = fetching()
            var heads = 0
            var isOver = false
            for _ in 0..<12 {
                var actions: [RequestMachine.Action]
                switch generator.next() % 7 {
                case 0: actions = [machine.answerHead(holds: generator.next() & 1 == 0)]
                case 1: actions = machine.answerBytes(exceedsHold: generator.next() & 1 == 0)
                case 2: actions = [machine.answerEnded()]
                case 3: actions = [machine.answerFailed(failure)]
                case 4: actions = [machine.clientLeft()]
                case 5: actions = [machine.clientFellBehind()]
                default: actions = [machine.clientCaughtUp()]
                }
                actions.removeAll { $0 == .none }
                if isOver { #expect(actions.isEmpty) }
                for action in actions {
                    if action == .sendHead || action == .sendHeld { heads += 1 }
                    switch action {
                    case .sendEnd, .sendHeld, .serveStaleOrError, .breakAnswer, .abandon: isOver = true
                    default: break
                    }
                }
                #expect(heads <= 1)
            }
        }
    }
}
