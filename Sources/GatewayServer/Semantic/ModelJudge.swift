// The last resort of the judge: a model is asked whether two answers say the same, through the gateway itself, so that keys, limits, prices, logs
// and fallback apply to it as to anybody. The key's limits are its budget. Whatever says no, or is not understood, leaves the answers unsure.

import GatewayConfiguration
import GatewayModel
import SemanticCache

/// Decides whether a question is put, and counts what comes of it. Any thread.
final class ModelJudge: Sendable {
    /// A question on its way to the gateway's data port.
    struct Call: Sendable {
        var body: [UInt8]
        var key: Secret
        var timeoutMilliseconds: Int
        /// Called once on any thread, unless the gateway ends before.
        var done: @Sendable (Reply) -> Void
    }

    /// What came of it.
    enum Reply: Sendable {
        case answer(status: Int, body: [UInt8])
        /// No whole answer in time.
        case failed
    }

    /// The three texts.
    struct Question: Sendable {
        var asked: [UInt8]
        var stored: [UInt8]
        var fresh: [UInt8]
    }

    /// Questions by outcome.
    struct Statistics: Sendable, Equatable {
        /// Those that were put.
        var asked: UInt64 = 0
        var same: UInt64 = 0
        var different: UInt64 = 0
        /// Answered with something else than the one word.
        var unclear: UInt64 = 0
        /// Refused by the gateway: the budget, a limit, the key, the model's name.
        var refused: UInt64 = 0
        /// Without an answer in time, or with a server's error.
        var failed: UInt64 = 0
        /// Not put: too many in a minute, or too many that wait.
        var limited: UInt64 = 0
    }

    /// Questions without an answer yet, at most.
    static let waitingMax = 32
    private static let minuteNanoseconds: UInt64 = 60_000_000_000

    private struct State {
        var settings: SemanticSettings.Judge?
        var send: (@Sendable (Call) -> Bool)?
        var waiting = 0
        /// When those of the last minute were put.
        var times: [MonotonicTime] = []
        var counted = Statistics()
    }
    private let state = Locked(State())

    /// From now on asks that model that way; without settings or a way nobody is asked. Questions under way are answered as they were put.
    func adopt(_ settings: SemanticSettings.Judge?, send: (@Sendable (Call) -> Bool)?) {
        state.withLock { state in
            state.settings = settings
            state.send = send
        }
    }

    /// Counters now.
    var statistics: Statistics { state.withLock { $0.counted } }

    /// Puts a question and returns at once. `then` gets the verdict, on any thread.
    /// - Returns: `false` if it can't be put: nothing is called then, and the answers stay unsure.
    func ask(_ question: Question, now: MonotonicTime, then: @escaping @Sendable (AnswerEquality) -> Void) -> Bool {
        guard let (settings, send) = admit(now) else { return false }
        let body = JudgePrompt.request(
            model: settings.model, question: question.asked, stored: question.stored, fresh: question.fresh)
        let call = Call(body: body, key: settings.key, timeoutMilliseconds: settings.timeoutMilliseconds) { [weak self] reply in
            then(self?.conclude(reply) ?? .unsure)
        }
        if send(call) { return true }
        _ = conclude(.failed)
        return false
    }

    private func admit(_ now: MonotonicTime) -> (SemanticSettings.Judge, @Sendable (Call) -> Bool)? {
        state.withLock { state in
            guard let settings = state.settings, let send = state.send else { return nil }
            state.times.removeAll { now.nanoseconds(since: $0) >= Self.minuteNanoseconds }
            guard state.waiting < Self.waitingMax, state.times.count < settings.perMinuteMax else {
                state.counted.limited += 1
                return nil
            }
            state.times.append(now)
            state.waiting += 1
            state.counted.asked += 1
            return (settings, send)
        }
    }

    private func conclude(_ reply: Reply) -> AnswerEquality {
        let verdict: JudgePrompt.AnswerVerdict? = if case .answer(200, let body) = reply { JudgePrompt.verdict(ofBody: body) } else { nil }
        return state.withLock { state in
            state.waiting -= 1
            switch (verdict, reply) {
            case (.same, _):
                state.counted.same += 1
                return .equal
            case (.different, _):
                state.counted.different += 1
                return .different
            case (.unclear, _): state.counted.unclear += 1
            case (nil, .answer(400...499, _)): state.counted.refused += 1
            case (nil, _): state.counted.failed += 1
            }
            return .unsure
        }
    }
}
