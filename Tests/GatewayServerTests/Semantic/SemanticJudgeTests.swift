import GatewayModel
import Testing

@testable import GatewayServer
@testable import SemanticCache

@Suite struct `Semantic judge` {
    // Answers of which words alone can't tell whether they say the same.
    private let unlike = ("Open the settings and choose another one there.", "Never do that, unless support has told you so before.")

    @Test func `an answer without a ticket only adds its question`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        #expect(world.judge.submit(world.job(1, "Some answer.", question: "a b c")))
        world.settle()
        #expect(world.entries == 1 && world.answer(to: "a b c") == JudgeWorld.digest(1))
        #expect(world.judge.statistics.judged == 0 && world.labels("s") == nil)
    }

    @Test func `an equal answer makes the question an alias, and the label is right`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        world.keep(1, "It costs five euros.", question: "a b c")
        #expect(world.judge.submit(world.job(2, "it costs 5 euros", question: "x y z", world.ticket("s", 1))))
        world.settle()
        #expect(world.judge.statistics.equal == 1 && world.judge.statistics.judged == 1)
        #expect(world.labels("s") == 1 && world.answer(to: "x y z") == JudgeWorld.digest(1))
    }

    @Test func `a different answer founds a group of its own, and the label is wrong`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        world.keep(1, "It costs five euros.", question: "a b c")
        #expect(world.judge.submit(world.job(2, "It costs 6 euros.", question: "x y z", world.ticket("s", 1))))
        world.settle()
        #expect(world.judge.statistics.different == 1 && world.labels("s") == 1)
        #expect(world.answer(to: "x y z") == JudgeWorld.digest(2))
        #expect(world.cache.learners.snapshot("s")?.window.labels.map(\.isRight) == [false])
    }

    @Test func `an answer that nobody can tell counts as wrong and founds a group`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        world.keep(1, unlike.0, question: "a b c")
        #expect(world.judge.submit(world.job(2, unlike.1, question: "x y z", world.ticket("s", 1))))
        world.settle()
        #expect(world.judge.statistics.unsure == 1 && world.answer(to: "x y z") == JudgeWorld.digest(2))
        #expect(world.cache.learners.snapshot("s")?.window.labels.map(\.isRight) == [false])
        #expect(world.inquiry.statistics == ModelJudge.Statistics(), "nobody is asked where nobody is configured")
    }

    @Test func `the second candidate's answer is joined where it is the equal one, and the label stays wrong`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        world.keep(1, "It costs five euros.", question: "a b c")
        world.keep(2, "It costs 6 euros.", question: "m n o")
        #expect(world.judge.submit(world.job(3, "It costs six euros.", question: "x y z", world.ticket("s", 1, 2))))
        world.settle()
        #expect(world.judge.statistics.different == 1 && world.judge.statistics.equal == 1)
        #expect(world.answer(to: "x y z") == JudgeWorld.digest(2))
        #expect(world.cache.learners.snapshot("s")?.window.labels.map(\.isRight) == [false])
    }

    @Test func `its own former answer teaches nothing`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        world.keep(1, "It costs five euros.", question: "a b c")
        world.keep(2, "It costs five euros.", question: "m n o")
        #expect(world.judge.submit(world.job(1, "It costs five euros.", question: "a b c", world.ticket("s", 2, 1))))
        world.settle()
        #expect(world.labels("s") == 0 && world.judge.statistics.judged == 0 && world.entries == 2)
    }

    @Test func `a stored answer that is gone gives no label, and its entry no longer stands before new questions`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        world.keep(1, "It costs five euros.", question: "a b c")
        world.answers.purge(.key(JudgeWorld.digest(1))) { _ in }
        world.answers.flush()
        #expect(world.judge.submit(world.job(2, "It costs five euros.", question: "a b d", world.ticket("s", 1))))
        world.settle()
        #expect(world.labels("s") == 0 && world.judge.statistics.judged == 0)
        #expect(world.entries == 1 && world.answer(to: "a b d") == JudgeWorld.digest(2))
    }

    @Test func `a second candidate that is gone does not spoil the label`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        world.keep(1, "It costs five euros.", question: "a b c")
        #expect(world.judge.submit(world.job(3, "It costs 5 euros.", question: "x y z", world.ticket("s", 1, 2))))
        world.settle()
        #expect(world.labels("s") == 1 && world.judge.statistics.judged == 1 && world.judge.statistics.equal == 1)
    }

    @Test(arguments: [true, false]) func `an answer without a text gives no label`(_ isFresh: Bool) throws {
        let world = try JudgeWorld()
        defer { world.close() }
        let tools = Array(#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"1"}]}}]}"#.utf8)
        world.keep(1, "Text.", question: "a b c", body: isFresh ? nil : tools)
        #expect(world.judge.submit(world.job(2, "Text.", question: "x y z", world.ticket("s", 1), body: isFresh ? tools : nil)))
        world.settle()
        #expect(world.labels("s") == 0 && world.judge.statistics.judged == 0)
        #expect(world.entries == (isFresh ? 1 : 2), "what can be compared later is added")
    }

    @Test func `answers that differ only in words the model does not know are not equal`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        // To the tiny model both are eight unknown words: the cosine is 1.
        let texts = ("tall old trees grow fast near wide rivers", "small young birds sing loudly above green meadows")
        try #require(world.vector(texts.0) == world.vector(texts.1))
        world.keep(1, texts.0, question: "a b c")
        #expect(world.judge.submit(world.job(2, texts.1, question: "x y z", world.ticket("s", 1))))
        world.settle()
        #expect(world.judge.statistics.unsure == 1 && world.judge.statistics.equal == 0)
    }

    @Test func `a person's word is a label`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        world.judge.learn(world.ticket("s", 1), isRight: true)
        world.judge.learn(world.ticket("s", 1), isRight: false)
        world.settle()
        #expect(world.cache.learners.snapshot("s")?.window.labels.map(\.isRight) == [true, false])
    }

    // MARK: - Limits and the end

    /// Holds the judge's thread at a first answer, so that others wait.
    private func heldWorld(pendingMax: Int) throws -> (JudgeWorld, Barrier) {
        let world = try JudgeWorld(pendingMax: pendingMax)
        let barrier = Barrier()
        world.ask { _ in
            barrier.enter()
            return true
        }
        world.keep(1, unlike.0, question: "a b c")
        #expect(world.judge.submit(world.job(2, unlike.1, question: "d e f", world.ticket("held", 1))))
        barrier.waitForSomebody()
        return (world, barrier)
    }

    @Test func `as many answers wait as may, and one more is dropped and counted`() throws {
        let (world, barrier) = try heldWorld(pendingMax: 3)
        defer { world.close() }
        defer { barrier.open() }
        for number in 0..<3 { #expect(world.judge.submit(world.job(UInt64(10 + number), "Text.", question: "x y z"))) }
        #expect(!world.judge.submit(world.job(20, "Text.", question: "x y z")))
        world.judge.learn(world.ticket("dropped", 1), isRight: true)
        #expect(world.judge.statistics.dropped == 2)
        barrier.open()
        waitUntil { world.judge.statistics.waiting == 1 }
        #expect(world.entries == 4 && world.labels("dropped") == nil, "three were added, the held one still waits for the model")
    }

    @Test func `at the end every ticket that waits is given back untold`() throws {
        let (world, barrier) = try heldWorld(pendingMax: 8)
        for number in 0..<3 {
            #expect(world.judge.submit(world.job(UInt64(10 + number), "Text.", question: "x y z", world.ticket("waits \(number)", 1))))
        }
        let closing = PosixThread.start(name: "close") { world.judge.close() }
        waitUntil { !world.judge.submit(world.job(30, "Text.", question: "x y z")) }
        barrier.open()
        closing?.join()
        // Given back: the scope is known and has no label.
        for scope in ["held", "waits 0", "waits 1", "waits 2"] { #expect(world.labels(scope) == 0, "\(scope)") }
        #expect(world.entries == 1 && world.judge.statistics.waiting == 0)
        #expect(!world.judge.submit(world.job(31, "Text.", question: "x y z")), "a closed judge takes nothing")
        world.close()
    }

    // MARK: - The model's word

    @Test(arguments: [("same", 1, true), ("different", 2, false), ("Well, same", 2, false)] as [(String, UInt64, Bool)])
    func `where nothing here can tell, the model's word decides`(_ word: String, _ group: UInt64, _ isRight: Bool) throws {
        let world = try JudgeWorld()
        defer { world.close() }
        let calls = Locked<[ModelJudge.Call]>([])
        world.ask { call in
            calls.withLock { $0.append(call) }
            return true
        }
        world.keep(1, unlike.0, question: "a b c")
        #expect(world.judge.submit(world.job(2, unlike.1, question: "x y z", world.ticket("s", 1))))
        waitUntil { calls.withLock { $0.count } == 1 }
        let call = try #require(calls.withLock { $0.first })
        // Meanwhile others are judged, and this one counts as waiting.
        #expect(world.judge.submit(world.job(3, "Other.", question: "p q r")))
        waitUntil { world.judge.statistics.waiting == 1 }
        #expect(world.answer(to: "p q r") == JudgeWorld.digest(3) && world.labels("s") == nil)
        call.done(.answer(status: 200, body: JudgeWorld.body(word)))
        world.settle()
        #expect(world.answer(to: "x y z") == JudgeWorld.digest(group))
        #expect(world.cache.learners.snapshot("s")?.window.labels.map(\.isRight) == [isRight])
        #expect(world.judge.statistics.judged == 1)
    }

    @Test func `an answer that something here can tell is not asked about`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        world.ask { _ in
            Issue.record("asked")
            return false
        }
        world.keep(1, "It costs five euros.", question: "a b c")
        #expect(world.judge.submit(world.job(2, "it costs 5 euros", question: "x y z", world.ticket("s", 1))))
        #expect(world.judge.submit(world.job(3, "It costs 7 euros.", question: "u v w", world.ticket("s", 1))))
        world.settle()
        #expect(world.inquiry.statistics == ModelJudge.Statistics() && world.labels("s") == 2)
    }

    @Test func `a model that can't be asked leaves the answer unsure at once`() throws {
        let world = try JudgeWorld()
        defer { world.close() }
        world.ask { _ in false }
        world.keep(1, unlike.0, question: "a b c")
        #expect(world.judge.submit(world.job(2, unlike.1, question: "x y z", world.ticket("s", 1))))
        world.settle()
        #expect(world.judge.statistics.unsure == 1 && world.labels("s") == 1 && world.answer(to: "x y z") == JudgeWorld.digest(2))
        #expect(world.inquiry.statistics.failed == 1)
    }

    @Test func `a word that comes after the end harms nobody`() throws {
        let world = try JudgeWorld()
        let calls = Locked<[ModelJudge.Call]>([])
        world.ask { call in
            calls.withLock { $0.append(call) }
            return true
        }
        world.keep(1, unlike.0, question: "a b c")
        #expect(world.judge.submit(world.job(2, unlike.1, question: "x y z", world.ticket("s", 1))))
        waitUntil { calls.withLock { $0.count } == 1 }
        world.judge.close()
        calls.withLock { $0.first }?.done(.answer(status: 200, body: JudgeWorld.body("same")))
        #expect(world.labels("s") == 0 && world.entries == 1 && world.judge.statistics.waiting == 0)
        world.close()
    }
}
