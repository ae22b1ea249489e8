import GatewayModel
import SemanticCache
import TestSupport
import Testing

@Suite struct SemanticSimulationTests {
    /// Two questions, asked in turns: vectors equal within one, far apart between both.
    private func requests(_ count: Int, partitions: Int = 1) -> [SimulatedRequest] {
        var random = SplitMix64(seed: 7)
        func vector(_ dimensions: Int) -> [Float] {
            let values = (0..<dimensions).map { _ in Float(Double(random.next() >> 11) / 9_007_199_254_740_992 - 0.5) }
            let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return values.map { $0 / length }
        }
        let questions = [(vector(128), vector(384)), (vector(128), vector(384))]
        return (0..<count).map { number in
            let question = number % 2
            let partition = UInt64(number / 2 % partitions) + 1
            return SimulatedRequest(
                text: Array("question \(question)".utf8), gate: questions[question].0, vector: questions[question].1,
                label: UInt64(question), cost: 2, partition: Digest256(words: (partition, 0, 0, 0)))
        }
    }

    private let simulation = SemanticSimulation(policy: SemanticPolicy(rule: .threshold(0.9)))

    @Test func `a threshold serves all but the first of each question`() throws {
        let total = try simulation.run(requests(40)).total
        #expect(total.requests == 40 && total.hits == 38 && total.wrong == 0 && total.saved == 76)
    }

    @Test func `an answer crosses partitions`() throws {
        let total = try simulation.run(requests(40, partitions: 5)).total
        #expect(total.hits == 30 && total.wrong == 0)
    }

    @Test func `the judge is not asked about the two requests in question`() throws {
        var asked: Set<[Int]> = []
        let judging = { (request: Int, answered: Int) -> Bool in
            asked.insert([request, answered])
            return request < 5
        }
        let total = try simulation.run(requests(6), judging: judging).total
        #expect(asked == [[2, 0], [3, 1], [4, 0], [5, 1]])
        #expect(total.hits == 4 && total.wrong == 1)
    }
}
