/// The interval of a share that was counted.
public enum ShareInterval {
    /// The two-sided interval by Clopper and Pearson (1934): it holds the true share with at least the given confidence. Nothing is known of
    /// no trials: 0...1.
    /// - Parameters:
    ///   - events: how many were counted, 0...`trials`.
    ///   - confidence: in 0..<1.
    public static func clopperPearson(_ events: Int, of trials: Int, confidence: Double = 0.95) -> ClosedRange<Double> {
        guard trials > 0, events >= 0, events <= trials else { return 0...1 }
        let tail = (1 - confidence) / 2
        let (x, n) = (Double(events), Double(trials))
        let lower = events == 0 ? 0 : betaQuantile(tail, x, n - x + 1)
        let upper = events == trials ? 1 : betaQuantile(1 - tail, x + 1, n - x)
        return min(lower, upper)...upper
    }
}
