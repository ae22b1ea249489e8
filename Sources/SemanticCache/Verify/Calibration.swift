/// From which probability on answers may be served so that the bound holds.
struct Calibration: Equatable, Sendable {
    /// The smallest probability that is served (λ); `nil` if no threshold keeps the bound.
    var threshold: Double?
    /// Wrong answers ÷ all requests at that threshold, as estimated.
    var estimate = 0.0
    /// The upper end of its 95 % interval.
    var upper = 1.0
    /// The mean of √(p(1 − p)) over what is served: what an audit's chance is measured against.
    var meanSpread = 0.1

    /// Strata of equal size by probability, within which the judged stand for the unjudged.
    static let strata = 50

    /// A judged request under the models of both halves.
    private struct Scored {
        var probability: Double
        var isRight: Bool
        var weight = 1.0
    }

    /// Finds the threshold.
    ///
    /// Even and odd requests each have a model fitted without them: a request is scored by the other half's. Within each stratum of
    /// probability every judged request weighs what the stratum holds ÷ what of it was judged: inverse propensity with the propensity as it
    /// came out, which varies less than with the chances that were drawn (Hirano, Imbens, Ridder 2003).
    /// - Parameters:
    ///   - even: the model fitted to even requests.
    ///   - odd: the model fitted to odd requests.
    ///   - requests: all requests that the window speaks about, the hopeless ones included.
    init(_ window: LabelWindow, even: LogisticModel, odd: LogisticModel, requests: Double, maxError: Double) {
        var scored = window.labels.map { label in
            let model = label.ordinal % 2 == 0 ? odd : even
            return Scored(probability: model.probability(of: label.features), isRight: label.isRight)
        }
        let unjudged = window.unjudged.map { request in
            let model = request.ordinal % 2 == 0 ? odd : even
            return (probability: model.probability(of: request.features), count: Double(request.count))
        }
        scored.sort { $0.probability > $1.probability }
        Self.weigh(&scored, unjudged.sorted { $0.probability > $1.probability })
        choose(scored, requests: requests, maxError: maxError)
    }

    /// Walks both lists down the probabilities and gives each stratum's judged requests their weight.
    private static func weigh(_ scored: inout [Scored], _ unjudged: [(probability: Double, count: Double)]) {
        let total = Double(scored.count) + unjudged.reduce(0) { $0 + $1.count }
        let size = total / Double(strata)
        var (first, next, other) = (0, 0, 0)
        // Weight of unjudged requests that met no judged one in their stratum: it is carried down, where errors are no rarer.
        var held = 0.0
        var inStratum = 0.0
        while next < scored.count || other < unjudged.count {
            let isJudged = other >= unjudged.count || (next < scored.count && scored[next].probability >= unjudged[other].probability)
            if isJudged { next += 1 } else { other += 1 }
            let count = isJudged ? 1 : unjudged[other - 1].count
            held += count
            inStratum += count
            let isLast = next == scored.count && other == unjudged.count
            guard inStratum >= size || isLast, next > first else { continue }
            for index in first..<next { scored[index].weight = held / Double(next - first) }
            first = next
            held = 0
            inStratum = 0
        }
    }

    private mutating func choose(_ scored: [Scored], requests: Double, maxError: Double) {
        var bound = RiskBound(wrong: 0, wrongSquares: 0, meanWeight: 0, meanSquare: 0, requests: requests)
        var chosen = bound
        var (weights, squares, spreads) = (0.0, 0.0, 0.0)
        for (index, record) in scored.enumerated() {
            let square = record.weight * record.weight
            weights += record.weight
            squares += square
            spreads += record.weight * (record.probability * (1 - record.probability)).squareRoot()
            if !record.isRight {
                bound.wrong += record.weight
                bound.wrongSquares += square
            }
            // Equal probabilities are served together or not at all.
            if index + 1 < scored.count, scored[index + 1].probability == record.probability { continue }
            bound.meanWeight = weights / Double(index + 1)
            bound.meanSquare = squares / Double(index + 1)
            guard bound.isAtMost(maxError) else { continue }
            threshold = record.probability
            estimate = bound.estimate
            chosen = bound
            meanSpread = max(1e-4, spreads / weights)
        }
        if threshold != nil { upper = chosen.upper() }
    }
}
