// One request as a pure machine: past events in, imperatives out. No I/O, no clock, no buffers; the exchange runs the actions.
//
//   idle ─ receivedHead ─▶ readingBody ─ receivedBody ─▶ deciding ─┬─ answered ─────────────────────────────▶ finished
//                                                                  ├─ queued ─▶ queued ─ admitted ─┐
//                                                                  ├─ matches ▶ matching ─ no match ─┐
//                                                                  ├─ joined ─▶ following ─ asked to lead ─┐
//                                                                  └─ led ────▶ fetching ◀─────────┴───────┘
//   following/fetching ─ answerHead ─▶ relaying (head sent) or holding (head kept until the whole body is there) ─ answerEnded ─▶ finished
//
// What can't happen is a programmer error and traps in debug; whatever clients and upstreams do is an event with an answer in every state.

import GatewayModel

/// The life of one request from its head to its last byte.
struct RequestMachine {
    /// Where the request stands.
    enum State: Equatable, Sendable {
        case idle, readingBody, deciding, queued, following, matching, fetching, finished
    }

    /// How much of the answer has gone to the client.
    enum Progress: Equatable, Sendable {
        /// Nothing; anything can still be answered.
        case nothing
        /// The head is known and kept back until the whole body is there, so that a broken answer can still become an error.
        case holding
        /// Head and some bytes are out: only more bytes, an end or a cut can follow.
        case sent
    }

    /// What the exchange must do next.
    enum Action: Equatable, Sendable {
        case none
        /// Run phases 5 to 11.
        case decide
        /// Start the upstream transfer.
        case startFetch
        /// Send the head now and pass bytes on as they come.
        case sendHead
        /// Keep head and bytes until the end.
        case hold
        /// Pass these bytes on.
        case sendBytes
        /// Keep these bytes with the held head.
        case keepBytes
        /// Send the held answer whole and finish.
        case sendHeld
        /// End the body properly and finish.
        case sendEnd
        /// Serve a stale entry if the route allows one, else this error. The request is to be answered as if freshly decided.
        case serveStaleOrError(GatewayError)
        /// The head is out: tell the client in the stream if the surface does that, then cut the connection.
        case breakAnswer(GatewayError)
        /// The client is gone: leave the flight or hand over or cancel the fetch; then finish.
        case abandon
        /// Stop the upstream until the client has taken what is queued.
        case pauseSource
        /// The client has taken it.
        case resumeSource
    }

    private(set) var state: State = .idle
    private(set) var progress: Progress = .nothing
    private(set) var isPaused = false

    /// Whether an upstream transfer or a flight feeds this request.
    var hasSource: Bool { state == .following || state == .fetching }

    /// The head of a request was parsed; `expectsBody` when a body must be read before anything can be decided.
    mutating func receivedHead(expectsBody: Bool) -> Action {
        assert(state == .idle)
        state = expectsBody ? .readingBody : .deciding
        progress = .nothing
        isPaused = false
        return expectsBody ? .none : .decide
    }

    /// The whole body is there.
    mutating func receivedBody() -> Action {
        assert(state == .readingBody)
        state = .deciding
        return .decide
    }

    /// The body is not read here but goes upstream as it comes.
    mutating func bodyStreams() {
        assert(state == .readingBody || state == .deciding)
        state = .deciding
    }

    /// The answer was sent whole: a hit, a refusal, one of the gateway's own.
    mutating func answered() {
        assert(state != .idle && state != .finished)
        state = .finished
        progress = .sent
    }

    /// No slot is free; the request waits its turn.
    mutating func queued() {
        assert(state == .deciding || state == .following)
        state = .queued
    }

    /// The request waits for its vector.
    mutating func matches() {
        assert(state == .deciding || state == .queued || state == .following)
        state = .matching
    }

    /// The request fetches its own answer: at once, from the queue, or as the new leader of a flight.
    mutating func leads() -> Action {
        assert(state == .deciding || state == .queued || state == .following || state == .matching)
        assert(progress == .nothing)
        state = .fetching
        return .startFetch
    }

    /// Another attempt is made: what was held of the last one's answer is forgotten.
    mutating func retries() {
        assert(state == .fetching && progress != .sent)
        progress = .nothing
    }

    /// The request follows another's answer.
    mutating func follows() {
        assert(state == .deciding || state == .queued || state == .following)
        state = .following
    }

    /// The answer's head is known. `holds`: a plain answer on the unified surface is kept until it is whole.
    mutating func answerHead(holds: Bool) -> Action {
        guard hasSource, progress == .nothing else { return .none }
        progress = holds ? .holding : .sent
        return holds ? .hold : .sendHead
    }

    /// Bytes of the answer arrived. `exceedsHold`: they no longer fit what may be held back.
    mutating func answerBytes(exceedsHold: Bool) -> [Action] {
        guard hasSource else { return [] }
        switch progress {
        case .nothing: return []
        case .sent: return [.sendBytes]
        case .holding:
            guard exceedsHold else { return [.keepBytes] }
            progress = .sent
            return [.sendHead, .sendBytes]
        }
    }

    /// The answer ended cleanly.
    mutating func answerEnded() -> Action {
        guard hasSource else { return .none }
        let action: Action = progress == .holding ? .sendHeld : .sendEnd
        state = .finished
        progress = .sent
        return action
    }

    /// The answer can't be had, or broke off.
    mutating func answerFailed(_ error: GatewayError) -> Action {
        guard hasSource else { return .none }
        if progress == .sent {
            state = .finished
            return .breakAnswer(error)
        }
        state = .deciding
        progress = .nothing
        return .serveStaleOrError(error)
    }

    /// The client closed, reset, or was cut for being slow.
    mutating func clientLeft() -> Action {
        defer { state = .finished }
        switch state {
        case .queued, .following, .matching, .fetching: return .abandon
        case .idle, .readingBody, .deciding, .finished: return .none
        }
    }

    /// More output is queued for the client than it may lag behind.
    mutating func clientFellBehind() -> Action {
        guard hasSource, !isPaused else { return .none }
        isPaused = true
        return .pauseSource
    }

    /// The client has taken everything queued for it.
    mutating func clientCaughtUp() -> Action {
        guard isPaused else { return .none }
        isPaused = false
        return hasSource ? .resumeSource : .none
    }

    /// A held answer turned out to be none; nothing of it was sent, so the request is to be answered otherwise.
    mutating func reopen() {
        assert(state == .finished)
        state = .deciding
        progress = .nothing
    }

    /// The next request of the connection may begin.
    mutating func reset() { self = RequestMachine() }
}
