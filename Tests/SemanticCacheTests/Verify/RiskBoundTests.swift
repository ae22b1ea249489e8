import TestSupport
import Testing

@testable import SemanticCache

@Suite struct RiskBoundTests {
    private func bound(_ wrong: Int, of requests: Int, weight: Double = 1) -> RiskBound {
        RiskBound(
            wrong: Double(wrong) * weight, wrongSquares: Double(wrong) * weight * weight, meanWeight: weight, meanSquare: weight * weight,
            requests: Double(requests))
    }

    /// One-sided 95 % bounds by Clopper and Pearson: 1 − 0.05^(1/n) where none was wrong, otherwise from published tables.
    @Test(arguments: [
        (0, 100, 0.029513, 0.0), (1, 100, 0.046558, 0.000513), (5, 1000, 0.010485, 0.001972), (10, 100, 0.163718, 0.055263),
        (0, 10, 0.258866, 0.0), (0, 1, 0.95, 0.0), (1, 1, 1.0, 0.05), (3, 10, 0.606624, 0.087264), (50, 100, 0.586378, 0.413622),
    ])
    func `a bound is not Clopper's and Pearson's`(wrong: Int, requests: Int, upper: Double, lower: Double) {
        let bound = bound(wrong, of: requests)
        #expect(abs(bound.upper() - upper) < 2e-5)
        #expect(abs(bound.lower() - lower) < 2e-5)
        #expect(bound.estimate == Double(wrong) / Double(requests))
        if upper < 1 { #expect(bound.isAtMost(upper + 3e-5) && !bound.isAtMost(upper - 3e-5)) }
    }

    @Test func `heavier events are trusted as if they were more`() {
        for weight in [1.5, 2, 10, 50] {
            // The same share from fewer looks: the estimate stays, the bound is wider.
            let light = bound(20, of: 1000)
            let heavy = RiskBound(
                wrong: 20, wrongSquares: 20 * weight, meanWeight: weight, meanSquare: weight * weight, requests: 1000)
            #expect(heavy.estimate == light.estimate)
            #expect(heavy.upper() > light.upper() && heavy.lower() < light.lower())
        }
    }

    @Test func `where nothing was seen something is promised`() {
        let nothing = RiskBound(wrong: 0, wrongSquares: 0, meanWeight: 0, meanSquare: 0, requests: 0)
        #expect(nothing.upper() == 1 && nothing.lower() == 0 && nothing.estimate == 1 && !nothing.isAtMost(0.5))
        let unweighted = RiskBound(wrong: 0, wrongSquares: 0, meanWeight: 0, meanSquare: 0, requests: 100)
        #expect(unweighted.upper() == 1 && !unweighted.isAtMost(0.5))
        #expect(!bound(0, of: 1_000_000).isAtMost(0), "no bound of zero can be kept")
        // One event stands for more than all requests.
        let absurd = RiskBound(wrong: 1000, wrongSquares: 1_000_000, meanWeight: 1000, meanSquare: 1_000_000, requests: 10)
        #expect(absurd.upper() == 1 && absurd.estimate == 1 && !absurd.isAtMost(0.99))
        #expect(absurd.lower().isFinite)
    }

    @Test func `a bound is broken more often than it says`() {
        // 5 % of runs may break a 95 % bound; Clopper and Pearson's is broken in fewer. Two standard deviations of leeway.
        var random = SplitMix64(seed: 21)
        for share in [0.01, 0.03] {
            var broken = 0
            for _ in 0..<300 {
                let wrong = (0..<400).count { _ in random.share() < share }
                if !bound(wrong, of: 400).isAtMost(share), bound(wrong, of: 400).upper() >= share { continue }
                broken += 1
            }
            #expect(broken <= 22)
        }
    }

    /// I_x(a, b) with integers is a binomial sum.
    @Test func `the beta function is off`() {
        func binomial(_ n: Int, _ k: Int) -> Double { (0..<k).reduce(1.0) { $0 * Double(n - $1) / Double($1 + 1) } }
        func power(_ x: Double, _ n: Int) -> Double { (0..<n).reduce(1.0) { product, _ in product * x } }
        for (a, b) in [(1, 1), (2, 5), (7, 3), (12, 20), (1, 40)] {
            let n = a + b - 1
            for x in [0.001, 0.1, 0.3, 0.5, 0.9, 0.999] {
                let exact = (a...n).reduce(0.0) { $0 + binomial(n, $1) * power(x, $1) * power(1 - x, n - $1) }
                let found = incompleteBeta(x, Double(a), Double(b))
                #expect(abs(found - exact) < 1e-10)
                #expect(abs(incompleteBeta(betaQuantile(found, Double(a), Double(b)), Double(a), Double(b)) - found) < 1e-9)
            }
        }
        #expect(incompleteBeta(0, 2, 3) == 0 && incompleteBeta(1, 2, 3) == 1)
        #expect(incompleteBeta(-1, 2, 3) == 0 && incompleteBeta(2, 2, 3) == 1)
    }

    @Test func `the logarithm of a factorial is off`() {
        var factorial = 1.0
        for n in 1...20 {
            #expect(abs(logGamma(Double(n)) - logarithm(factorial)) < 1e-9)
            factorial *= Double(n)
        }
        // Γ(1/2) = √π, Γ(1/4) by its table.
        #expect(abs(logGamma(0.5) - logarithm(Double.pi) / 2) < 1e-12)
        #expect(abs(logGamma(0.25) - 1.288022524698077) < 1e-12)
    }
}
