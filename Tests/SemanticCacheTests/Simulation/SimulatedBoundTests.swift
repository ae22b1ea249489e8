import GatewayModel
import TestSupport
import Testing

@testable import SemanticCache

@Suite struct SimulatedBoundTests {
    /// Questions in pairs that lie near each other and have different answers, each asked in many ways.
    private func requests(_ count: Int, seed: UInt64) -> [SimulatedRequest] {
        var random = SplitMix64(seed: seed)
        let questions = 48
        var centers: [[Float]] = []
        for number in 0..<questions {
            centers.append(number % 2 == 0 ? random.direction(64) : random.direction(near: centers[number - 1], cosine: 0.8))
        }
        return (0..<count).map { _ in
            let question = Int(random.next() % UInt64(questions))
            // Some ways of asking lie nearer to the centre than others.
            let vector = random.direction(near: centers[question], cosine: Float(0.88 + 0.12 * random.share()))
            return SimulatedRequest(
                text: Array("question \(question)".utf8), gate: vector, vector: vector, label: UInt64(question),
                partition: named(UInt64(question % 24 / 2)))
        }
    }

    @Test(arguments: [(0.05, 1), (0.05, 2), (0.1, 3)])
    func `the bound is broken, or kept by serving nothing`(maxError: Double, seed: UInt64) throws {
        var simulation = SemanticSimulation(policy: SemanticPolicy(rule: .maxError(maxError)))
        simulation.dimensions = 64
        simulation.gateDimensions = 64
        simulation.seed = seed
        let result = try simulation.run(requests(1500, seed: seed))
        #expect(result.total.error <= maxError)
        #expect(result.total.hitRate > 0.1 && result.total.audits > 0)
        #expect(result.report?.errorBounds[maxError].map { $0 <= maxError } == true)
        #expect(try simulation.run(requests(1500, seed: seed)).total == result.total, "the same seed, the same run")
    }
}
