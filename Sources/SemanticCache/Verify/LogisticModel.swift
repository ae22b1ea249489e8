#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The probability that a match's answer fits, from its features: a logistic regression with few, fixed terms.
struct LogisticModel: Equatable, Sendable {
    /// One factor a term; see `terms(of:)`.
    var coefficients: [Double]

    /// Number of terms.
    static let size = 8

    /// What is believed before anything is learnt: likeness, distinctness and company count, in this order. Only a starting point and
    /// where the ridge pulls to.
    static let shipped = LogisticModel(coefficients: [1, 1.5, 1.5, 1, 0.5, 0, 0, 0])

    /// Features on scales of about one, centred where decisions are made.
    static func terms(of features: MatchFeatures) -> [Double] {
        let margin = (Double(features.margin) - 0.1) * 10
        // A margin over few rivals is worth less: without these two, what is learnt from a young cache misleads an older one.
        let size = log(Double(1 + min(max(0, features.entries), 1_000_000)) / 1000) / 2
        return [
            1, (Double(features.cosine) - 0.85) * 10, margin, log(Double(1 + max(0, features.support))) - 1,
            (Double(features.gateCosine) - 0.8) * 5, size, size * margin, log(Double(1 + max(0, features.blocked))),
        ]
    }

    /// The probability for terms.
    func probability(_ terms: [Double]) -> Double { Self.logistic(score(terms)) }

    /// The probability for features.
    func probability(of features: MatchFeatures) -> Double { probability(Self.terms(of: features)) }

    private func score(_ terms: [Double]) -> Double {
        var sum = 0.0
        for index in 0..<Self.size { sum += coefficients[index] * terms[index] }
        return sum
    }

    private static func logistic(_ score: Double) -> Double { 1 / (1 + exp(-max(-30, min(30, score)))) }

    /// An example to learn from.
    struct Example {
        var terms: [Double]
        var isRight: Bool
        var weight: Double
    }

    /// Strength of the pull towards the prior, per term: as much as one example's.
    private static let ridge = 1.0
    /// The intercept is nearly free.
    private static let interceptRidge = 0.01

    /// The coefficients that make `examples` most likely, pulled towards `prior`: Newton's method (iteratively reweighted least squares)
    /// with bounded steps, so that separable data end at large coefficients and not at infinity. Deterministic. Returns `prior` if the
    /// numbers give out.
    static func fitted(to examples: [Example], prior: LogisticModel) -> LogisticModel {
        var model = prior
        for _ in 0..<12 {
            guard let step = newtonStep(model, examples, prior) else { return prior }
            let largest = step.map(abs).max() ?? 0
            let scale = largest > 3 ? 3 / largest : 1
            for index in 0..<size { model.coefficients[index] += scale * step[index] }
            if largest < 1e-5 { break }
        }
        return model.coefficients.allSatisfy(\.isFinite) ? model : prior
    }

    private static func newtonStep(_ model: LogisticModel, _ examples: [Example], _ prior: LogisticModel) -> [Double]? {
        var gradient = [Double](repeating: 0, count: size)
        var curvature = [Double](repeating: 0, count: size * size)
        for example in examples {
            let p = model.probability(example.terms)
            let residual = example.weight * ((example.isRight ? 1 : 0) - p)
            let spread = example.weight * p * (1 - p) + 1e-9
            for row in 0..<size {
                gradient[row] += residual * example.terms[row]
                let product = spread * example.terms[row]
                for column in 0...row { curvature[row * size + column] += product * example.terms[column] }
            }
        }
        for index in 0..<size {
            let pull = index == 0 ? interceptRidge : ridge
            gradient[index] -= pull * (model.coefficients[index] - prior.coefficients[index])
            curvature[index * size + index] += pull
        }
        return solved(curvature, gradient)
    }

    /// Solves a symmetric positive definite system, given its lower half, by Cholesky's method; `nil` if it is not positive definite.
    private static func solved(_ lower: [Double], _ right: [Double]) -> [Double]? {
        var factor = lower
        for row in 0..<size {
            for column in 0...row {
                var sum = factor[row * size + column]
                for inner in 0..<column { sum -= factor[row * size + inner] * factor[column * size + inner] }
                guard row == column else {
                    factor[row * size + column] = sum / factor[column * size + column]
                    continue
                }
                guard sum > 0, sum.isFinite else { return nil }
                factor[row * size + row] = sum.squareRoot()
            }
        }
        var result = right
        for row in 0..<size {
            for column in 0..<row { result[row] -= factor[row * size + column] * result[column] }
            result[row] /= factor[row * size + row]
        }
        for row in stride(from: size - 1, through: 0, by: -1) {
            for column in stride(from: row + 1, to: size, by: 1) { result[row] -= factor[column * size + row] * result[column] }
            result[row] /= factor[row * size + row]
        }
        return result
    }
}
