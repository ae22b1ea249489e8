// One upstream answer in the making, and those who wait for it.
//
// The leader's loop writes (head, bytes, end); followers on any loop read at their own pace. The buffer is both: what late followers catch up
// from and what the store keeps, so a miss copies its answer once. All state sits behind one short lock that nobody but the parties to this
// very answer ever touches. Wake-ups are coalesced: a follower that has not yet taken its last update is not woken again.

import GatewayModel
import Synchronization

/// How a flight ended.
enum FlightEnd: Sendable {
    /// The whole answer is in the buffer, ended cleanly, and every waiting follower may have it. With what the provider says it used.
    case complete(Usage?)
    /// The answer belongs to the leader alone; followers that have sent nothing go their own ways, in parallel.
    case notShared(CacheReason)
    /// The answer is a refusal by the upstream that a repeat would not change (4xx); followers get it too.
    case refusedUpstream
    /// A stored answer to another question was found to do for this one, and does for all who asked the same.
    case similar(SimilarAnswer)
    /// No answer, or a broken one. Of those who have sent nothing yet, one takes over and the others wait on; the rest end with the error.
    case failed(GatewayError)
}

/// The head of the answer that flies: what a follower needs to compose its own.
struct FlightHead: Sendable {
    var status: Int
    /// Pass-through fields, ready to append: `name: value\r\n` each.
    var fields: [UInt8]
    var contentType: [UInt8]
    var isEventStream: Bool
    var provider: String
    var model: String
    /// Why the answer won't be kept, where its head already tells.
    var refusal: CacheReason?
}

/// What a follower finds when it looks.
struct FlightUpdate {
    var head: FlightHead?
    var bytes: [UInt8] = []
    var end: FlightEnd?
    /// The former leader failed before its head: this follower must fetch now.
    var leads = false
    /// The follower lagged behind further than the buffer reaches.
    var lost = false
}

/// Memory for answers being recorded, over all flights. Thread-safe.
final class CaptureBudget: Sendable {
    private let taken = Atomic<Int>(0)
    private let limit: Atomic<Int>

    init(bytesMax: Int) { limit = Atomic(bytesMax) }

    /// Changes the limit; what is taken stays.
    func setLimit(_ bytesMax: Int) { limit.store(bytesMax, ordering: .relaxed) }

    /// Takes room for `count` bytes if there is any.
    func take(_ count: Int) -> Bool {
        if taken.add(count, ordering: .relaxed).newValue <= limit.load(ordering: .relaxed) { return true }
        taken.subtract(count, ordering: .relaxed)
        return false
    }

    /// Gives room back.
    func give(_ count: Int) { if count > 0 { taken.subtract(count, ordering: .relaxed) } }

    /// Bytes taken now.
    var bytes: Int { taken.load(ordering: .relaxed) }
}

/// See the file's header. Thread-safe.
final class Flight: Sendable {
    /// Limits of one flight.
    struct Limits: Sendable {
        /// Bytes kept for late followers and for the store; past them nobody new may join.
        var captureBytesMax = 256 * 1024
        /// Bytes a slow follower may lag behind before it is cut.
        var lagBytesMax = 1024 * 1024
        /// Waiting followers; more go their own way.
        var followersMax = 10_000
        /// Failed leaders in a row before the remaining followers get the failure.
        var handoversMax = 3
        /// The process's memory for recording; `nil` for no bound beyond this flight's own.
        var budget: CaptureBudget?
    }

    let key: Digest256
    let isStream: Bool
    private let limits: Limits

    private struct Follower {
        var id: UInt64
        var offset = 0
        var seenHead = false
        var isNotified = false
        var mustLead = false
        var isLost = false
        var wake: @Sendable () -> Void
    }

    private struct State {
        var head: FlightHead?
        var buffer: [UInt8] = []
        /// Offset of `buffer[0]` in the answer; above 0 once the capture limit was passed.
        var base = 0
        var isOverCapture = false
        /// Bytes taken from the budget.
        var reserved = 0
        var end: FlightEnd?
        var followers: [Follower] = []
        var nextID: UInt64 = 1
        var failures = 0
        var isClosedToNew = false
        /// Set once the leader's client is gone: whom to tell when the last follower leaves too.
        var whenAbandoned: (@Sendable () -> Void)?
        /// Set while the leader holds the upstream back for its own client: whom to tell when somebody follows.
        var whenJoined: (@Sendable () -> Void)?
    }
    private let state: Locked<State>

    init(key: Digest256, isStream: Bool, limits: Limits) {
        self.key = key
        self.isStream = isStream
        self.limits = limits
        state = Locked(State())
    }

    deinit { limits.budget?.give(state.withLock { $0.reserved }) }

    // MARK: The leader's side

    /// Announces the answer's head.
    func publish(_ head: FlightHead) {
        wake { $0.head = head }
    }

    /// Adds bytes of the answer. Returns false once nobody can use them any more: over the capture limit and no follower.
    @discardableResult
    func append(_ bytes: Span<UInt8>) -> Bool {
        wake { state in
            if !state.isOverCapture {
                let isWithin = state.base + state.buffer.count + bytes.count <= limits.captureBytesMax
                if isWithin, limits.budget?.take(bytes.count) != false {
                    if limits.budget != nil { state.reserved += bytes.count }
                } else {
                    state.isOverCapture = true
                    state.isClosedToNew = true
                }
            }
            if state.isOverCapture {
                dropConsumed(&state, incoming: bytes.count)
                guard !state.followers.isEmpty else {
                    state.base += state.buffer.count + bytes.count
                    state.buffer = []
                    limits.budget?.give(state.reserved)
                    state.reserved = 0
                    return false
                }
            }
            bytes.withUnsafeBufferPointer { state.buffer.append(contentsOf: $0) }
            return true
        }
    }

    /// The whole answer, if it stayed within the capture limit.
    func captured() -> [UInt8]? {
        state.withLock { $0.isOverCapture ? nil : $0.buffer }
    }

    /// The leader's client is gone. False when nobody follows either; otherwise `abandoned` is called, from any thread, when the last one leaves.
    func leaderLeft(_ abandoned: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard !state.followers.isEmpty else { return false }
            state.whenAbandoned = abandoned
            return true
        }
    }

    /// The leader's client is behind. False when others follow, who are not to wait for it; otherwise the upstream may be held back until
    /// `joined` is called, from any thread.
    func leaderPauses(_ joined: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard state.followers.isEmpty else { return false }
            state.whenJoined = joined
            return true
        }
    }

    /// Whether anyone follows.
    var hasFollowers: Bool { state.withLock { !$0.followers.isEmpty } }

    /// Ends the flight for all. After `.failed`, a follower may be asked to lead: the flight then goes on and `true` is returned.
    @discardableResult
    func end(_ end: FlightEnd) -> Bool {
        wake { state in
            if case .failed = end {
                for index in state.followers.indices where state.followers[index].seenHead { state.followers[index].isLost = true }
                state.failures += 1
                if state.failures < limits.handoversMax, let next = state.followers.firstIndex(where: { !$0.seenHead }) {
                    state.followers[next].mustLead = true
                    state.head = nil
                    state.buffer = []
                    state.base = 0
                    limits.budget?.give(state.reserved)
                    state.reserved = 0
                    state.isOverCapture = false
                    state.isClosedToNew = false
                    state.whenAbandoned = nil
                    return true
                }
            }
            state.isClosedToNew = true
            state.end = end
            return false
        }
    }

    /// Another attempt begins: what the last one brought, and nobody has seen, is forgotten.
    func restart() {
        state.withLock { state in
            state.head = nil
            state.buffer = []
            state.base = 0
            limits.budget?.give(state.reserved)
            state.reserved = 0
            state.isOverCapture = false
        }
    }

    /// The leader may not fetch on its own account (its limits refuse): the next in line leads, whatever came of leaders before, and nobody
    /// else is woken. False when nobody can, and the flight is over.
    func handOver() -> Bool {
        let heir: (@Sendable () -> Void)? = state.withLock { state in
            guard let next = state.followers.firstIndex(where: { !$0.seenHead }) else {
                state.isClosedToNew = true
                state.end = .notShared(.hitForMiss)
                return nil
            }
            state.followers[next].mustLead = true
            state.followers[next].isNotified = true
            state.whenAbandoned = nil
            return state.followers[next].wake
        }
        heir?()
        return heir != nil
    }

    /// Runs `change`, then wakes, outside the lock, every follower that has not been woken since it last looked.
    private func wake<Result>(_ change: (inout State) -> Result) -> Result {
        var wakes: [@Sendable () -> Void] = []
        let result = state.withLock { state -> Result in
            let result = change(&state)
            for index in state.followers.indices where !state.followers[index].isNotified {
                state.followers[index].isNotified = true
                wakes.append(state.followers[index].wake)
            }
            return result
        }
        for wake in wakes { wake() }
        return result
    }

    /// Drops what every follower has taken, and followers that lag too far.
    private func dropConsumed(_ state: inout State, incoming: Int) {
        let newest = state.base + state.buffer.count + incoming
        for index in state.followers.indices where newest - state.followers[index].offset > limits.lagBytesMax + limits.captureBytesMax {
            state.followers[index].isLost = true
            state.followers[index].offset = newest
        }
        let oldest = state.followers.lazy.map(\.offset).min() ?? newest
        let consumed = min(oldest - state.base, state.buffer.count)
        if consumed >= 64 * 1024 {
            state.buffer.removeFirst(consumed)
            state.base += consumed
        }
    }

    // MARK: The followers' side

    /// Joins; `nil` when the flight takes nobody any more. `wake` is called, from any thread, whenever there is something to take.
    func join(wake: @escaping @Sendable () -> Void) -> UInt64? {
        let (id, joined) = state.withLock { state -> (UInt64?, (@Sendable () -> Void)?) in
            guard !state.isClosedToNew, state.followers.count < limits.followersMax else { return (nil, nil) }
            let id = state.nextID
            state.nextID += 1
            state.followers.append(Follower(id: id, wake: wake))
            defer { state.whenJoined = nil }
            return (id, state.whenJoined)
        }
        joined?()
        return id
    }

    /// Takes what is new for this follower. With `wantsBytes` false only head and end are looked at (a follower that answers when all is there).
    func take(_ id: UInt64, wantsBytes: Bool) -> FlightUpdate {
        state.withLock { state in
            guard let index = state.followers.firstIndex(where: { $0.id == id }) else { return FlightUpdate(lost: true) }
            var update = FlightUpdate()
            state.followers[index].isNotified = false
            if state.followers[index].isLost { return FlightUpdate(lost: true) }
            if state.followers[index].mustLead {
                state.followers.remove(at: index)
                return FlightUpdate(leads: true)
            }
            update.end = state.end
            if wantsBytes || isComplete(state.end) || (state.end != nil && state.followers[index].seenHead) {
                update.head = state.head
                if state.head != nil { state.followers[index].seenHead = true }
                let from = state.followers[index].offset - state.base
                if from == 0 {
                    update.bytes = state.buffer
                } else if from < state.buffer.count {
                    update.bytes = Array(state.buffer[from...])
                }
                state.followers[index].offset = state.base + state.buffer.count
            }
            if state.end != nil { state.followers.remove(at: index) }
            return update
        }
    }

    /// Leaves. If this follower had been asked to lead and had not heard yet, another is asked.
    func leave(_ id: UInt64) {
        let next: (@Sendable () -> Void)? = state.withLock { state in
            guard let index = state.followers.firstIndex(where: { $0.id == id }) else { return nil }
            let left = state.followers.remove(at: index)
            if state.followers.isEmpty, state.end == nil, let abandoned = state.whenAbandoned { return abandoned }
            guard left.mustLead else { return nil }
            guard let heir = state.followers.firstIndex(where: { !$0.seenHead }) else {
                state.isClosedToNew = true
                return nil
            }
            state.followers[heir].mustLead = true
            state.followers[heir].isNotified = true
            return state.followers[heir].wake
        }
        next?()
    }

    /// Whether leader and followers are all gone, so that the table must forget the flight.
    var isAbandoned: Bool { state.withLock { $0.isClosedToNew && $0.followers.isEmpty } }

    private func isComplete(_ end: FlightEnd?) -> Bool {
        switch end {
        case .complete, .refusedUpstream: true
        default: false
        }
    }
}
