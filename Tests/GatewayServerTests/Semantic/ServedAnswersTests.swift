import GatewayModel
import Testing

@testable import GatewayServer
@testable import SemanticCache

@Suite struct `Served answers` {
    private func request(_ number: Int) -> RequestID {
        RequestID(at: WallTime(milliseconds: Int64(number)), random: (0, UInt64(number)))
    }

    private func served(
        _ number: Int, entry: UInt64 = 1, answer: UInt64 = 1, cosine: Float = 0.9, probability: Double? = nil, text: String? = nil,
        tenant: String = "acme"
    ) -> ServedAnswers.Served {
        ServedAnswers.Served(
            request: request(number), served: WallTime(milliseconds: 0), scope: tenant, text: Array((text ?? "text \(number)").utf8),
            match: SemanticMatch(
                entry: entry, answer: Digest256(words: (answer, 0, 0, 0)), cosine: cosine, tenant: tenant, keyID: "k",
                created: WallTime(milliseconds: 0), text: Array("stored".utf8)),
            features: MatchFeatures(cosine: cosine, margin: 0.1, support: 1, gateCosine: 0.8, entries: 3), probability: probability,
            ordinal: 1)
    }

    @Test func `the oldest makes room, and only it`() {
        let answers = ServedAnswers()
        for number in 0..<ServedAnswers.countMax { answers.add(served(number)) }
        #expect(answers.takeForLabel(request(0)) != nil, "as many as there may be are all there")
        answers.add(served(ServedAnswers.countMax))
        #expect(answers.takeForLabel(request(1)) != nil)
        answers.add(served(ServedAnswers.countMax + 1))
        #expect(answers.takeForLabel(request(1)) == nil && answers.takeForLabel(request(2)) != nil)
        #expect(answers.takeForLabel(request(ServedAnswers.countMax + 1)) != nil)
    }

    @Test func `after some are forgotten the oldest still goes first`() {
        let answers = ServedAnswers()
        let count = ServedAnswers.countMax
        // The ring has wrapped: number 10 is the oldest and stands in the middle.
        for number in 0..<(count + 10) { answers.add(served(number, tenant: number == count ? "gone" : "acme")) }
        answers.forget { $0.match.tenant == "gone" }
        #expect(answers.takeForLabel(request(count)) == nil)
        answers.add(served(count + 10))
        answers.add(served(count + 11))
        #expect(answers.takeForLabel(request(10)) == nil, "the oldest made room")
        for number in [11, count - 1, count + 1, count + 9, count + 11] {
            #expect(answers.takeForLabel(request(number)) != nil, "\(number)")
        }
    }

    @Test func `an answer is labelled once`() {
        let answers = ServedAnswers()
        answers.add(served(1))
        #expect(answers.takeForLabel(request(1))?.match.entry == 1)
        #expect(answers.takeForLabel(request(1)) == nil)
        #expect(answers.takeForLabel(request(2)) == nil, "a request that was never served")
    }

    @Test func `the riskiest come first, by probability where there is one and else by cosine`() {
        let answers = ServedAnswers()
        answers.add(served(1, cosine: 0.99, probability: 0.5))
        answers.add(served(2, entry: 2, cosine: 0.7))
        answers.add(served(3, entry: 3, cosine: 0.71, probability: 0.98))
        answers.add(served(4, entry: 4, cosine: 0.95, probability: 0.4))
        #expect(answers.riskiest(3).map(\.request) == [request(4), request(1), request(2)])
        #expect(answers.riskiest(10).count == 4 && answers.riskiest(0).isEmpty)
    }

    @Test func `the same question at the same entry is one pair however often it is asked`() {
        let answers = ServedAnswers()
        for number in 0..<20 { answers.add(served(number, cosine: 0.8, text: "again")) }
        answers.add(served(20, entry: 2, cosine: 0.85, text: "again"))
        answers.add(served(21, cosine: 0.9, text: "another"))
        #expect(answers.riskiest(10).map(\.match.cosine) == [0.8, 0.85, 0.9])
    }

    @Test func `what is forgotten is neither shown nor labelled`() {
        let answers = ServedAnswers()
        answers.add(served(1, tenant: "acme"))
        answers.add(served(2, tenant: "other"))
        answers.forget { $0.match.tenant == "acme" }
        #expect(answers.riskiest(10).map(\.match.tenant) == ["other"])
        #expect(answers.takeForLabel(request(1)) == nil && answers.takeForLabel(request(2)) != nil)
        answers.forget { _ in true }
        #expect(answers.riskiest(10).isEmpty)
        answers.add(served(3))
        #expect(answers.takeForLabel(request(3)) != nil)
    }

    @Test func `an entry leads to the answer that was served from it last, after the ring has wrapped too`() {
        let answers = ServedAnswers()
        answers.add(served(0, entry: 7, answer: 70))
        #expect(answers.answer(ofEntry: 7)?.words.0 == 70 && answers.answer(ofEntry: 8) == nil)
        for number in 1..<(ServedAnswers.countMax - 1) { answers.add(served(number)) }
        answers.add(served(5001, entry: 7, answer: 71))
        answers.add(served(5002, entry: 7, answer: 72))
        #expect(answers.answer(ofEntry: 7)?.words.0 == 72, "the older one stands at the ring's end")
    }
}
