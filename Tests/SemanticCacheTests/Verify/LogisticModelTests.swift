import Glibc
import TestSupport
import Testing

@testable import SemanticCache

/// Glibc's `log`, which a test of a type with a member of that name could not say.
func logarithm(_ value: Double) -> Double { log(value) }

extension SplitMix64 {
    /// Features as a cache might see them.
    mutating func features(entries: Int = 1000) -> MatchFeatures {
        MatchFeatures(
            cosine: Float(0.7 + 0.3 * share()), margin: Float(0.3 * share()), support: 1 + Int(next() % 6),
            gateCosine: Float(0.7 + 0.3 * share()), entries: Int(next() % UInt64(2 * entries)), blocked: Int(next() % 4))
    }
}

@Suite struct LogisticModelTests {
    private let none = LogisticModel(coefficients: [Double](repeating: 0, count: LogisticModel.size))

    private func examples(_ count: Int, seed: UInt64, _ isRight: (MatchFeatures, inout SplitMix64) -> Bool) -> [LogisticModel.Example] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in
            let features = random.features()
            return LogisticModel.Example(
                terms: LogisticModel.terms(of: features), isRight: isRight(features, &random), weight: 1)
        }
    }

    @Test func `a fit misses the coefficients that made the data`() {
        let truth = LogisticModel(coefficients: [-0.5, 1.2, 0.8, 0.7, 0.4, -0.3, 0.2, -0.6])
        let data = examples(4000, seed: 1) { $1.share() < truth.probability(of: $0) }
        let fitted = LogisticModel.fitted(to: data, prior: none)
        for index in 0..<LogisticModel.size { #expect(abs(fitted.coefficients[index] - truth.coefficients[index]) < 0.35) }
        var error = 0.0
        for example in data { error = max(error, abs(fitted.probability(example.terms) - truth.probability(example.terms))) }
        #expect(error < 0.12)
    }

    @Test func `separable data end at infinity`() {
        let data = examples(500, seed: 2) { features, _ in features.cosine > 0.85 }
        let fitted = LogisticModel.fitted(to: data, prior: .shipped)
        #expect(fitted.coefficients.allSatisfy { $0.isFinite && abs($0) < 1000 })
        #expect(data.allSatisfy { (fitted.probability($0.terms) > 0.5) == $0.isRight || abs($0.terms[1]) < 0.1 })
    }

    @Test(arguments: [true, false])
    func `data of one kind end at infinity`(isRight: Bool) {
        let data = examples(400, seed: 3) { _, _ in isRight }
        let fitted = LogisticModel.fitted(to: data, prior: .shipped)
        #expect(fitted.coefficients.allSatisfy { $0.isFinite })
        #expect(data.allSatisfy { (fitted.probability($0.terms) > 0.5) == isRight })
        let one = LogisticModel.Example(terms: data[0].terms, isRight: isRight, weight: 1)
        let constant = LogisticModel.fitted(to: [LogisticModel.Example](repeating: one, count: 300), prior: .shipped)
        #expect(constant.coefficients.allSatisfy { $0.isFinite })
        #expect((constant.probability(one.terms) > 0.9) == isRight)
    }

    @Test func `nothing learnt is not the prior`() {
        #expect(LogisticModel.fitted(to: [], prior: .shipped) == .shipped)
        let data = examples(20, seed: 4) { features, _ in features.margin > 0.1 }
        #expect(LogisticModel.fitted(to: data, prior: .shipped) == LogisticModel.fitted(to: data, prior: .shipped), "deterministic")
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, 1e300])
    func `numbers that give out end in a model`(value: Double) {
        var data = examples(50, seed: 5) { features, _ in features.margin > 0.1 }
        data[7].terms[2] = value
        #expect(LogisticModel.fitted(to: data, prior: .shipped).coefficients.allSatisfy { $0.isFinite })
        data = examples(50, seed: 5) { features, _ in features.margin > 0.1 }
        data[7].weight = value
        #expect(LogisticModel.fitted(to: data, prior: .shipped).coefficients.allSatisfy { $0.isFinite })
    }

    @Test func `a weight counts for less than as many examples`() {
        let data = examples(60, seed: 6) { $1.share() < Double($0.cosine) - 0.3 }
        let twice = data.map { LogisticModel.Example(terms: $0.terms, isRight: $0.isRight, weight: 2) }
        let (weighted, repeated) = (
            LogisticModel.fitted(to: twice, prior: .shipped), LogisticModel.fitted(to: data + data, prior: .shipped)
        )
        for index in 0..<LogisticModel.size { #expect(abs(weighted.coefficients[index] - repeated.coefficients[index]) < 1e-4) }
    }

    @Test func `a better match is less likely`() {
        let base = MatchFeatures(cosine: 0.85, margin: 0.1, support: 2, gateCosine: 0.8, entries: 1000)
        let p = LogisticModel.shipped.probability(of: base)
        for change in [0.05, 0.1] as [Float] {
            var better = base
            better.cosine += change
            #expect(LogisticModel.shipped.probability(of: better) > p)
            better = base
            better.margin += change
            #expect(LogisticModel.shipped.probability(of: better) > p)
        }
        var odd = base
        odd.support = -5
        odd.blocked = -5
        odd.entries = -5
        #expect(LogisticModel.terms(of: odd).allSatisfy { $0.isFinite })
        odd.entries = .max
        #expect(LogisticModel.terms(of: odd).allSatisfy { $0.isFinite })
    }
}
