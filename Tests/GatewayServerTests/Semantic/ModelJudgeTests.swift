import GatewayConfiguration
import GatewayModel
import SemanticCache
import Testing

@testable import GatewayServer

@Suite struct `Model judge` {
    private final class World: Sendable {
        let judge = ModelJudge()
        let calls = Locked<[ModelJudge.Call]>([])
        let verdicts = Locked<[AnswerEquality]>([])

        func adopt(perMinute: Int) {
            judge.adopt(
                SemanticSettings.Judge(model: "m", key: Secret("wk_1"), timeoutMilliseconds: 500, perMinuteMax: perMinute)
            ) { [calls] call in
                calls.withLock { $0.append(call) }
                return true
            }
        }

        func ask(at milliseconds: UInt64 = 0) -> Bool {
            judge.ask(
                ModelJudge.Question(asked: [0x71], stored: [0x61], fresh: [0x62]), now: MonotonicTime(nanoseconds: milliseconds * 1_000_000)
            ) { [verdicts] verdict in verdicts.withLock { $0.append(verdict) } }
        }

        func reply(_ reply: ModelJudge.Reply) { calls.withLock { $0.isEmpty ? nil : $0.removeFirst() }?.done(reply) }

        func reply(_ word: String) { reply(.answer(status: 200, body: JudgeWorld.body(word))) }
    }

    @Test func `nobody is asked without a model, and not any more once it is taken away`() {
        let world = World()
        #expect(!world.ask())
        world.adopt(perMinute: 10)
        #expect(world.ask())
        world.judge.adopt(nil, send: nil)
        #expect(!world.ask())
        #expect(world.judge.statistics.asked == 1 && world.judge.statistics.limited == 0)
        world.reply("same")
        #expect(world.verdicts.withLock { $0 } == [.equal], "what was under way still counts")
    }

    @Test func `every outcome is counted, and only the two words are verdicts`() {
        let world = World()
        world.adopt(perMinute: 100)
        for _ in 0..<9 { #expect(world.ask()) }
        for word in ["same", "different", "maybe"] { world.reply(word) }
        for status in [401, 402, 429, 499] { world.reply(.answer(status: status, body: JudgeWorld.body("same"))) }
        world.reply(.answer(status: 500, body: JudgeWorld.body("same")))
        world.reply(.failed)
        #expect(world.verdicts.withLock { $0 } == [.equal, .different] + [AnswerEquality](repeating: .unsure, count: 7))
        #expect(
            world.judge.statistics
                == ModelJudge.Statistics(asked: 9, same: 1, different: 1, unclear: 1, refused: 4, failed: 2, limited: 0))
    }

    @Test func `in any minute as many questions are put as may be, and no more`() {
        let world = World()
        world.adopt(perMinute: 3)
        for time in [0, 10_000, 20_000] as [UInt64] {
            #expect(world.ask(at: time))
            world.reply("same")
        }
        #expect(!world.ask(at: 20_001) && !world.ask(at: 59_999))
        #expect(world.ask(at: 60_000), "the first is a minute old")
        #expect(!world.ask(at: 60_000) && !world.ask(at: 69_999))
        #expect(world.ask(at: 70_000))
        #expect(world.judge.statistics.asked == 5 && world.judge.statistics.limited == 4)
    }

    @Test func `as many questions wait as may, and one more is not put`() {
        let world = World()
        world.adopt(perMinute: 1000)
        for _ in 0..<ModelJudge.waitingMax { #expect(world.ask()) }
        #expect(!world.ask() && world.judge.statistics.limited == 1)
        world.reply(.failed)
        #expect(world.ask() && !world.ask())
    }

    @Test func `a question that can't be sent waits for nothing`() {
        let judge = ModelJudge()
        judge.adopt(SemanticSettings.Judge(model: "m", key: Secret("k"), timeoutMilliseconds: 1, perMinuteMax: 1000)) { _ in false }
        for _ in 0..<(ModelJudge.waitingMax * 2) {
            let question = ModelJudge.Question(asked: [], stored: [], fresh: [])
            #expect(!judge.ask(question, now: MonotonicTime(nanoseconds: 0)) { _ in Issue.record("called") })
        }
        #expect(judge.statistics.failed == UInt64(ModelJudge.waitingMax * 2) && judge.statistics.limited == 0)
    }

    @Test func `the question goes with the key and the time it may take`() throws {
        let world = World()
        world.adopt(perMinute: 1)
        #expect(world.ask())
        let call = try #require(world.calls.withLock { $0.first })
        #expect(call.key == Secret("wk_1") && call.timeoutMilliseconds == 500)
        #expect(call.body == JudgePrompt.request(model: "m", question: [0x71], stored: [0x61], fresh: [0x62]))
    }
}
