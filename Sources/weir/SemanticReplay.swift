import SemanticCache

/// Replays traffic through the semantic cache's own code, one tenant after the other: tenants share nothing.
final class SemanticReplay {
    /// The cosine of two answers from which on they may say the same in other words.
    private static let answerCosineMin = 0.90
    /// Pieces of an answer that are embedded, as the gateway's judge does.
    private static let (piecesMax, pieceBytes) = (6, 480)

    private let models: SemanticModels
    private let words: GuardWords
    private let rules: GuardRules
    /// Requests by tenant, and their answers.
    private var tenants: [(name: String, requests: [SimulatedRequest], answers: [[UInt8]])] = []
    private var texts: [[UInt8]: GuardText] = [:]
    private var meanings: [[UInt8]: [Float]] = [:]
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

    /// Whether a stored answer says what the recorded one says: by their texts, then by their meaning, as the gateway's own judge decides.
    /// What stays open counts as wrong.
    private func isRight(_ pair: Pair) -> Bool {
        if let known = judged[pair] { return known }
        let (fresh, stored) = (tenants[pair.tenant].answers[pair.request], tenants[pair.tenant].answers[pair.answered])
        let isRight =
            switch AnswerEquality.compare(fresh.span, stored.span, words: words) {
            case .equal: true
            case .different: false
            case .unsure: meanTheSame(fresh, stored)
            }
        judged[pair] = isRight
        return isRight
    }

    private func meanTheSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        let verdict = SemanticGuard.verdict(GuardText(left.span, words: words), GuardText(right.span, words: words))
        guard verdict == .pass, let one = meaning(left), let other = meaning(right) else { return false }
        return SemanticModels.cosine(one, other) >= Self.answerCosineMin
    }

    /// The mean of the vectors of an answer's pieces; `nil` for one too long to be read whole, or empty.
    private func meaning(_ answer: [UInt8]) -> [Float]? {
        if let known = meanings[answer] { return known }
        guard !answer.isEmpty, answer.count <= Self.piecesMax * Self.pieceBytes else { return nil }
        var sum = [Float](repeating: 0, count: models.sentence.info.dimensions)
        for start in stride(from: 0, to: answer.count, by: Self.pieceBytes) {
            let vector = models.sentenceVector(Array(answer[start..<min(answer.count, start + Self.pieceBytes)]))
            for index in sum.indices { sum[index] += vector[index] }
        }
        let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard length > 0, length.isFinite else { return nil }
        let new = sum.map { $0 / length }
        meanings[answer] = new
        return new
    }
}
