import GatewayServer
import SemanticCache

/// Replays traffic through the semantic cache's own code, one tenant after the other: tenants share nothing.
final class SemanticReplay {
    private let models: SemanticModels
    private let words: GuardWords
    private let rules: GuardRules
    /// Requests by tenant, and their answers.
    private var tenants: [(name: String, requests: [SimulatedRequest], answers: [[UInt8]])] = []
    private var texts: [[UInt8]: GuardText] = [:]
    private let comparison: AnswerComparison
    private var judged: [Pair: Bool] = [:]

    private struct Pair: Hashable {
        var tenant: Int
        var request: Int
        var answered: Int
    }

    /// What a policy led to, all tenants together.
    struct Outcome {
        var requests = 0
        var hits = 0
        var wrong = 0
        var audits = 0
        var gated = 0
        var saved = 0.0
        var thresholds: [(tenant: String, threshold: Double)] = []
    }

    /// Makes the vectors of all texts: the slow part.
    init(_ traffic: SemanticTraffic, _ models: SemanticModels, _ words: GuardWords, _ rules: GuardRules, _ progress: inout ProgressLine) {
        (self.models, self.words, self.rules) = (models, words, rules)
        // Room for six pieces of some thousand answers.
        comparison = AnswerComparison(words: words, model: models.sentence, memo: VectorMemo(entriesMax: 20_000))
        var places: [String: Int] = [:]
        var known: [[UInt8]: (gate: [Float], sentence: [Float])] = [:]
        for (number, row) in traffic.rows.enumerated() {
            progress.note("embedding: \(number) of \(traffic.rows.count) requests")
            let vectors = known[row.text] ?? (models.gateVector(row.text), models.sentenceVector(row.text))
            known[row.text] = vectors
            let place = places[row.tenant] ?? tenants.count
            if place == tenants.count {
                places[row.tenant] = place
                tenants.append((row.tenant, [], []))
            }
            tenants[place].requests.append(
                SimulatedRequest(
                    text: row.text, gate: vectors.gate, vector: vectors.sentence, label: UInt64(number), cost: row.cost,
                    partition: row.partition))
            tenants[place].answers.append(row.answer)
        }
        progress.end()
    }

    /// Replays with a policy.
    func run(_ policy: SemanticPolicy, seed: UInt64) throws -> Outcome {
        var outcome = Outcome()
        for tenant in tenants.indices {
            var simulation = SemanticSimulation(policy: policy)
            simulation.seed = seed
            simulation.dimensions = models.sentence.info.dimensions
            simulation.gateDimensions = models.gate.info.dimensions
            let result: SemanticSimulation.Result
            do {
                result = try simulation.run(tenants[tenant].requests, guarding: { self.verdict($0, $1) }) {
                    self.isRight(Pair(tenant: tenant, request: $0, answered: $1))
                }
            } catch {
                throw CommandError("The simulation failed: \(error).")
            }
            outcome.requests += result.total.requests
            outcome.hits += result.total.hits
            outcome.wrong += result.total.wrong
            outcome.audits += result.total.audits
            outcome.gated += result.total.gated
            outcome.saved += result.total.saved
            if let threshold = result.total.threshold { outcome.thresholds.append((tenants[tenant].name, threshold)) }
        }
        return outcome
    }

    private func verdict(_ request: Span<UInt8>, _ stored: Span<UInt8>) -> GuardVerdict {
        SemanticGuard.verdict(prepared(request), prepared(stored), rules: rules)
    }

    private func prepared(_ text: Span<UInt8>) -> GuardText {
        let key = text.withUnsafeBufferPointer { Array($0) }
        if let known = texts[key] { return known }
        let new = GuardText(text, words: words)
        texts[key] = new
        return new
    }

    // MARK: The judge

    /// Whether a stored answer says what the recorded one says, as the gateway's own judge decides. What stays open counts as wrong.
    private func isRight(_ pair: Pair) -> Bool {
        if let known = judged[pair] { return known }
        let answers = tenants[pair.tenant].answers
        let isRight = comparison.compare(answers[pair.request], answers[pair.answered]) == .equal
        judged[pair] = isRight
        return isRight
    }
}
