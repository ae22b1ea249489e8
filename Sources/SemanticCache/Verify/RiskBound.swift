// The 95 % upper confidence bound of a share, where those that are counted stand for others.
//
// Clopper and Pearson (1934): with x events in n trials the upper bound is the 1 − α quantile of Beta(x + 1, n − x). Where event i counts
// w_i, the sum W = Σ w and V = Σ w² have the spread of x_eff = W²/V events of weight V/W each. As x + 1 stands for "one more event than was
// seen", one event of the mean weight is added to both sums first (Tiwari, Clegg, Zou 2006, of Fay and Feuer 1997). With weights of 1 it is
// Clopper and Pearson's own.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Counts of wrong answers as weights, and the bound they imply.
struct RiskBound: Equatable {
    /// Σ w over the wrong ones.
    var wrong: Double
    /// Σ w² over the wrong ones.
    var wrongSquares: Double
    /// The mean of w, and of w², over all that were looked at.
    var meanWeight: Double
    var meanSquare: Double
    /// Requests they stand for.
    var requests: Double

    /// One minus the confidence of the bound, one-sided.
    static let alpha = 0.05

    /// The share as counted.
    var estimate: Double { requests > 0 ? min(1, wrong / requests) : 1 }

    private var effective: (events: Double, trials: Double) {
        let sum = wrong + meanWeight
        let squares = wrongSquares + meanSquare
        return (sum * sum / squares, requests * sum / squares)
    }

    /// Whether the upper bound of the share is at most `share`.
    func isAtMost(_ share: Double, alpha: Double = Self.alpha) -> Bool {
        guard requests > 0, meanWeight > 0, share > 0 else { return false }
        let (events, trials) = effective
        guard trials - events + 1 > 0, share < 1 else { return share >= 1 }
        return incompleteBeta(share, events, trials - events + 1) >= 1 - alpha
    }

    /// The upper bound, in 0...1.
    func upper(alpha: Double = Self.alpha) -> Double {
        guard requests > 0, meanWeight > 0 else { return 1 }
        let (events, trials) = effective
        guard trials - events + 1 > 0 else { return 1 }
        return betaQuantile(1 - alpha, events, trials - events + 1)
    }

    /// The lower bound, in 0...1; 0 where nothing wrong was seen.
    func lower(alpha: Double = Self.alpha) -> Double {
        guard requests > 0, wrong > 0, wrongSquares > 0 else { return 0 }
        let events = wrong * wrong / wrongSquares
        let trials = max(events, requests * wrong / wrongSquares)
        return betaQuantile(alpha, events, trials - events + 1)
    }
}

/// The regularised incomplete beta function I_x(a, b), for a, b > 0 and x in 0...1: by its continued fraction (Lentz's method, as in
/// Numerical Recipes, section 6.4). Good to about 1e-12.
func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    let front = exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log1p(-x))
    // The fraction converges fast on one side of the mean only.
    if x < (a + 1) / (a + b + 2) { return min(1, front * betaFraction(x, a, b) / a) }
    return max(0, 1 - front * betaFraction(1 - x, b, a) / b)
}

private func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
    let tiny = 1e-300
    func lifted(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
    var c = 1.0
    var d = 1 / lifted(1 - (a + b) * x / (a + 1))
    var result = d
    for step in 1...1000 {
        let m = Double(step)
        let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / lifted(1 + even * d)
        c = lifted(1 + even / c)
        result *= d * c
        let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / lifted(1 + odd * d)
        c = lifted(1 + odd / c)
        result *= d * c
        if abs(d * c - 1) < 1e-14 { break }
    }
    return result
}

/// The x for which I_x(a, b) is `share`, by bisection: off the request path, so plain.
func betaQuantile(_ share: Double, _ a: Double, _ b: Double) -> Double {
    var low = 0.0
    var high = 1.0
    for _ in 0..<60 {
        let middle = (low + high) / 2
        if incompleteBeta(middle, a, b) < share { low = middle } else { high = middle }
    }
    return (low + high) / 2
}

/// ln Γ(x) for x > 0: Lanczos' approximation with g = 7 and nine terms. `lgamma` keeps the sign in a global, which threads would share.
func logGamma(_ x: Double) -> Double {
    let terms = [
        0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
        -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
    ]
    guard x >= 0.5 else { return log(.pi / abs(sin(.pi * x))) - logGamma(1 - x) }
    let shifted = x - 1
    var sum = terms[0]
    for index in 1..<terms.count { sum += terms[index] / (shifted + Double(index)) }
    let base = shifted + 7.5
    return 0.5 * log(2 * .pi) + (shifted + 0.5) * log(base) - base + log(sum)
}
